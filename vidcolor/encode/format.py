"""What the film's luma and the new chroma are written as."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.color.coding import SITINGS, siting_of
from vidcolor.encode.codecs import (
    CRF,
    DEPTHS,
    GRIDS,
    PRESETS,
    PROFILES,
    Grid,
    container_of,
    ffv1_options,
    pix_fmt,
    resolved,
    takes,
)
from vidcolor.errors import VidcolorError, warn
from vidcolor.film.film import Film

if TYPE_CHECKING:
    from vidcolor.settings import Settings


@dataclass(frozen=True)
class OutputFormat:
    """How the result is coded; the same for every unit of a film."""

    codec: str
    """`x264`, `x265`, `ffv1` or `prores`."""
    container: str
    """Muxer of the result: `matroska`, `mp4` or `mov`."""
    pix_fmt: str
    """Pixel format that is encoded."""
    depth: int
    """Bits of a sample."""
    chroma: Grid
    """The chroma grid that the encoder is given."""
    full_range: bool
    """The film's own range, but for ProRes, which is limited."""
    rate: Fraction
    """Frames a second that the encoder is told."""
    field_order: str
    """`tff` or `bff` where fields are kept, else `progressive`."""
    color_tags: dict[str, int]
    """As in Film, with the range that is written."""
    options: dict[str, str] = field(default_factory=dict)
    """The encoder's own options."""

    def __str__(self) -> str:
        named = [f"{key} {self.options[key]}" for key in ("crf", "preset", "profile") if key in self.options]
        return " ".join([self.codec, self.pix_fmt, *named, f"in {self.container}"])


def output_format(film: Film, settings: Settings, out: str | Path) -> OutputFormat:
    """What `film` becomes under `settings` in the file `out`: its own depth, chroma grid, range and tags where
    the codec can hold them, else the nearest, said once as a warning.

    Raises VidcolorError where codec and container, or codec and film, do not fit, naming what does."""
    settings = resolved(film, settings, out)
    codec = settings.codec
    container = container_of(codec, Path(out), settings.lossless)
    depth = next((depth for depth in DEPTHS[codec] if depth >= film.depth), DEPTHS[codec][-1])
    chroma, options = _chroma(film, settings, depth, container)
    full_range = film.full_range and codec != "prores"
    changes = []
    if depth != film.depth:
        kept = "its values scaled up exactly" if depth > film.depth and not film.full_range else "its values rounded"
        changes.append(f"{film.depth} to {depth} bits, {kept}")
    if full_range != film.full_range:
        changes.append("full to limited range")
    if changes:
        warn(f"{codec} cannot hold this film's luma as it is: {' and '.join(changes)} (--codec ffv1 keeps it)")
    field_order = (
        film.field_order if settings.allow_interlaced and film.field_order in ("tff", "bff") else "progressive"
    )
    if field_order != "progressive":
        if codec == "x265":
            raise VidcolorError("x265 cannot keep the fields of an interlaced film: use --codec x264, ffv1 or prores")
        if codec == "x264":
            options["x264-params"] = f"{field_order}=1"
    _add_hdr(codec, film, options)
    tags = film.color_tags | ({"range": 1} if full_range != film.full_range else {})
    siting = siting_of(tags["chroma_location"])
    if siting is not SITINGS[0]:
        options["chroma_sample_location"] = siting.name
    # Rates that no film has come from broken headers; an encoder needs some rate, frames keep their own times.
    rate = film.frame_rate.limit_denominator(100_000)
    rate = rate if Fraction(1, 100) <= rate <= 480 else Fraction(24)
    name = pix_fmt(chroma, depth)
    return OutputFormat(codec, container, name, depth, chroma, full_range, rate, field_order, tags, options)


def _add_hdr(codec: str, film: Film, options: dict[str, str]) -> None:
    """HDR mastering data as x264 and x265 write it into the stream; beside others it lies in the container (`mux`)."""
    names = {"x264": ("mastering-display", "cll"), "x265": ("master-display", "max-cll")}.get(codec)
    if names is None:
        return
    given = [f"{name}={value}" for name, value in zip(names, (film.mastering_display, film.content_light)) if value]
    if given:
        key = f"{codec}-params"
        options[key] = ":".join(filter(None, [options.get(key, ""), *given]))


def _chroma(film: Film, settings: Settings, depth: int, container: str) -> tuple[Grid, dict[str, str]]:
    """The chroma grid, and the encoder's options: the grid that was chosen, else the film's own (4:2:0 where it has
    none) or the next finer that the encoder takes, which is said."""
    codec = settings.codec
    own: Grid = film.chroma if film.chroma in GRIDS else "420"  # type: ignore[assignment]
    size = f"{film.width}x{film.height}"

    def possible(grid: Grid, settings: Settings = settings) -> dict[str, str] | None:
        options = _options(film, settings, grid, depth)
        fits = options is not None and takes(settings.codec, film.width, film.height, pix_fmt(grid, depth), options)
        return options if fits else None

    if settings.chroma is not None:
        wanted = [grid for grid in GRIDS if grid == settings.chroma]
    elif codec == "prores":
        wanted = ["444", "422"] if own == "444" else ["422", "444"]
    else:
        wanted = [grid for grid in GRIDS if grid >= own]
    for grid in wanted:
        if (options := possible(grid)) is not None:
            if grid != own and settings.chroma is None and (film.chroma in GRIDS or codec in CRF):
                held = size if codec in CRF else "this film"
                warn(f"{codec} cannot hold {held} in {_named(own)}: the result is {_named(grid)}")
            return grid, options
    remedies = [f"--chroma {grid}" for grid in GRIDS if grid not in wanted and possible(grid) is not None]
    if codec == "x265" and any(possible(grid, replace(settings, codec="x264")) is not None for grid in wanted):
        remedies.append("--codec x264")
    if codec in CRF:
        remedies.append("--codec ffv1" + ("" if container == "matroska" else " with a name ending in .mkv"))
    profile = f" with --preset {settings.preset}" if codec == "prores" and settings.preset else ""
    what = (f"{size} in " if codec in CRF else "") + " or ".join(map(_named, wanted))
    raise VidcolorError(f"{codec}{profile} cannot hold {what}: use {' or '.join(remedies)}")


def _named(grid: str) -> str:
    return ":".join(grid)


def _options(film: Film, settings: Settings, grid: Grid, depth: int) -> dict[str, str] | None:
    """The encoder's options for a chroma grid, the same in every unit, so that headers agree; None where the codec
    has not got the grid.

    Raises VidcolorError where `--crf` or `--preset` mean nothing to the codec."""
    codec, preset, crf = settings.codec, settings.preset, settings.crf
    if crf is not None and codec not in CRF:
        raise VidcolorError(f"--crf is for x264 and x265, not for {codec}")
    if codec in CRF:
        if preset is not None and preset not in PRESETS:
            raise VidcolorError(f"--preset {preset}: for {codec} one of {', '.join(PRESETS)}")
        options = {"preset": preset or "medium", "crf": str(CRF[codec] if crf is None else crf)}
        if codec == "x265":
            # No text of encoder settings in the headers: it differs between machines of a farm.
            options |= {"x265-params": "log-level=none:info=0:open-gop=0", "a53cc": "1"}
        return options
    if codec == "prores":
        every = PROFILES["422"] + PROFILES["444"]
        if preset is not None and preset not in every:
            raise VidcolorError(f"--preset {preset}: for prores one of {', '.join(every)}")
        of_grid = PROFILES.get(grid, ())
        usual = "4444xq" if film.profile == "XQ" and grid == "444" else next(iter(of_grid), None)
        profile = preset or usual
        return {"profile": profile, "vendor": "apl0"} if profile in of_grid else None
    if preset is not None:
        raise VidcolorError(f"--preset is for x264, x265 and prores, not for {codec}")
    return ffv1_options(film, grid, depth)
