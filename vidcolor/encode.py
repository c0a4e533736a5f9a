"""Encoding: what the film's luma and the new chroma are written as, and one unit's file, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.codec.context import Flags

from .codecs import (
    CRF,
    DEPTHS,
    ENCODERS,
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
from .errors import VidcolorError, warn
from .film import Film, Frame
from .reasons import reason
from .side_data import KEEP_CAPTIONS
from .whole import part_of

if TYPE_CHECKING:
    from .settings import Settings

_SITINGS = ("unspecified", "left", "center", "topleft", "top", "bottomleft", "bottom")


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
    siting = tags["chroma_location"]
    if 0 < siting < len(_SITINGS):
        options["chroma_sample_location"] = _SITINGS[siting]
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


class Encoder:
    """Writes one unit: Matroska, frame k of the unit k-th in presentation order, under its name only when whole.

    A context manager: leaving it closes, leaving it by an exception discards."""

    def __init__(self, film: Film, fmt: OutputFormat, path: str | Path) -> None:
        self.path = Path(path)
        self.frames = 0
        self._film, self._fmt = film, fmt
        self._part = part_of(self.path)
        self._fields: dict[str, Any] = {}
        self._container: Any = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Bit-exact headers: the same frames give the same file.
            self._container = av.open(
                str(self._part), "w", format="matroska", container_options={"fflags": "+bitexact"}
            )
            self._stream = self._add_stream()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.discard()
            raise _failed(self.path, error) from error

    def _add_stream(self) -> Any:
        film, fmt = self._film, self._fmt
        stream: Any = self._container.add_stream(ENCODERS[fmt.codec], rate=fmt.rate, options=dict(fmt.options))
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = film.width, film.height, fmt.pix_fmt
        context.time_base = stream.time_base = 1 / fmt.rate
        context.color_range = fmt.color_tags["range"]
        context.colorspace = fmt.color_tags["space"]
        context.color_primaries = fmt.color_tags["primaries"]
        context.color_trc = fmt.color_tags["transfer"]
        context.sample_aspect_ratio = film.sample_aspect_ratio
        context.thread_type = "SLICE" if fmt.codec == "ffv1" else "AUTO"
        if fmt.field_order != "progressive":
            context.flags |= Flags.interlaced_dct
            context.field_order = {"tff": 4, "bff": 5}[fmt.field_order]  # lines of both fields in turn
        elif film.field_order == "progressive":
            context.field_order = 1
        return stream

    def write(self, frame: Frame, cb: np.ndarray, cr: np.ndarray) -> None:
        """Add a frame. cb, cr: code values at the film's depth and range on the chroma grid of the format,
        uint8 or uint16. Luma goes in as it is; where the format cannot hold it, it is fitted (see
        `output_format`). Raises VidcolorError where the file cannot be written."""
        film, fmt = self._film, self._fmt
        try:
            picture = self._new_picture(frame)
        except (av.FFmpegError, OSError, ValueError) as error:
            self.discard()
            raise _failed(self.path, error) from error
        if (film.depth, film.full_range) == (fmt.depth, fmt.full_range):
            planes = (frame.luma, cb, cr)
        else:
            luma, chroma = _tables(film.depth, film.full_range, fmt.depth, fmt.full_range)
            planes = (luma[frame.luma], chroma[cb], chroma[cr])
        for plane, values in zip(picture.planes, planes, strict=True):
            if values.shape != (plane.height, plane.width):
                raise ValueError(f"plane of {values.shape}, the format has {(plane.height, plane.width)}")
            rows = np.frombuffer(plane, np.uint8 if fmt.depth == 8 else np.uint16)  # type: ignore[call-overload]
            rows.reshape(plane.height, -1)[:, : plane.width] = values
        picture.color_range = fmt.color_tags["range"]
        picture.colorspace = fmt.color_tags["space"]
        picture.color_primaries = fmt.color_tags["primaries"]
        picture.color_trc = fmt.color_tags["transfer"]
        picture.pts, picture.time_base = self.frames, 1 / fmt.rate
        try:
            if fmt.field_order != "progressive":
                picture = self._flagged(picture, frame)
            self._container.mux(self._stream.encode(picture))
        except (av.FFmpegError, OSError, ValueError) as error:
            self.discard()
            raise _failed(self.path, error) from error
        self.frames += 1

    def _new_picture(self, frame: Frame) -> av.VideoFrame:
        """A picture to be filled. What the film's own frame has beside its picture goes along by a copy of it, which
        is all that PyAV offers."""
        film, fmt = self._film, self._fmt
        if frame.source is None or fmt.codec not in KEEP_CAPTIONS:
            return av.VideoFrame(film.width, film.height, fmt.pix_fmt)
        picture: av.VideoFrame = frame.source.reformat(format=fmt.pix_fmt)
        picture.make_writable()
        picture.pict_type = 0  # not the kind of frame that it was
        return picture

    def _flagged(self, picture: av.VideoFrame, frame: Frame) -> Any:
        """The same picture with the field flags of `frame`: PyAV sets them through a filter only. ProRes has no
        frame without fields among others, x264 one order for all."""
        mode = "prog" if not frame.interlaced else "tff" if frame.top_field_first else "bff"
        if self._fmt.codec == "x264" or (mode == "prog" and self._fmt.codec == "prores"):
            mode = self._fmt.field_order
        if mode not in self._fields:
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=picture.width,
                height=picture.height,
                format=picture.format,
                time_base=picture.time_base,
            )
            graph.link_nodes(source, graph.add("setfield", mode), graph.add("buffersink")).configure()
            self._fields[mode] = graph
        graph = self._fields[mode]
        pts = picture.pts
        graph.push(picture)
        flagged = graph.pull()
        flagged.pts, flagged.time_base = pts, 1 / self._fmt.rate
        return flagged

    def close(self) -> None:
        """Finish the file and give it its name. Raises VidcolorError where it has no frame or cannot be written."""
        if self._container is None:
            return
        if not self.frames:
            self.discard()
            raise VidcolorError(f"{self.path}: not one frame to write")
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._container = None
            os.replace(self._part, self.path)
        except (av.FFmpegError, OSError, ValueError) as error:
            self.discard()
            raise _failed(self.path, error) from error

    def discard(self) -> None:
        """Leave nothing behind."""
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                container.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


@lru_cache(maxsize=4)
def _tables(depth: int, full: bool, new_depth: int, new_full: bool) -> tuple[np.ndarray, np.ndarray]:
    """Luma and chroma code values of one depth and range to those of another (ITU-T H.273, equations 20 to 34)."""
    codes = np.arange(1 << depth, dtype=np.float64)
    most = (1 << new_depth) - 1

    def spans(bits: int, is_full: bool) -> tuple[float, float, float]:
        unit = 1 << (bits - 8)
        return (0, 2**bits - 1, 2**bits - 1) if is_full else (16 * unit, 219 * unit, 224 * unit)

    black, luma_span, chroma_span = spans(depth, full)
    new_black, new_luma_span, new_chroma_span = spans(new_depth, new_full)
    luma = (codes - black) * (new_luma_span / luma_span) + new_black
    chroma = (codes - (1 << (depth - 1))) * (new_chroma_span / chroma_span) + (1 << (new_depth - 1))
    kind = np.uint8 if new_depth == 8 else np.uint16
    fit = [np.clip(np.floor(values + 0.5), 0, most).astype(kind) for values in (luma, chroma)]
    return fit[0], fit[1]


def _failed(path: Path, error: Exception) -> VidcolorError:
    if isinstance(error, FileNotFoundError):  # its folder was made: the end of another run has removed it
        why = "removed by another run for the same result; when that has ended, give the command again"
    else:
        why = reason(error)
    return VidcolorError(f"{path}: cannot be written: {why}")
