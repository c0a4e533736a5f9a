"""Which codecs the result may have: what each holds, the containers it fits, and what its encoder takes of a film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import av
from av.codec import CodecContext

from vidcolor.errors import VidcolorError

if TYPE_CHECKING:
    from vidcolor.film.film import Film
    from vidcolor.settings import Settings


Grid = Literal["420", "422", "444"]
GRIDS: tuple[Grid, ...] = ("420", "422", "444")
"""Chroma grids, coarse to fine."""

ENCODERS = {"x264": "libx264", "x265": "libx265", "ffv1": "ffv1", "prores": "prores_ks"}
DEPTHS = {"x264": (8, 10), "x265": (8, 10, 12), "ffv1": (8, 9, 10, 12, 14, 16), "prores": (10,)}
CRF = {"x264": 16, "x265": 18}
PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
PROFILES: dict[Grid, tuple[str, ...]] = {"422": ("hq", "proxy", "lt", "standard"), "444": ("4444", "4444xq")}
PRORES_TAGS = {
    "proxy": "apco",
    "lt": "apcs",
    "standard": "apcn",
    "hq": "apch",
    "4444": "ap4h",
    "4444xq": "ap4x",
}
"""What MOV calls each profile of ProRes."""
FITS = {
    ".mkv": ("matroska", ("x264", "x265", "ffv1", "prores")),
    ".mp4": ("mp4", ("x264", "x265")),
    ".m4v": ("mp4", ("x264", "x265")),
    ".mov": ("mov", ("x264", "x265", "prores")),
}
_INTERMEDIATES = frozenset(("prores", "prores_raw", "dnxhd", "cfhd", "jpeg2000", "hqx", "hq_hqa", "aic", "hap"))
"""Decoders of lossy codecs that are made for editing."""
_MOST_SLICES = 256


def resolved(film: Film, settings: Settings, out: str | Path | None) -> Settings:
    """The settings with a codec in place of `auto`: one of the film's own class that keeps its luma's depth and range.

    A lossless film or pictures become FFV1; an intermediate codec ProRes, or FFV1 where ProRes cannot hold it (ProRes
    always becomes ProRes); all others x264, or with more than 10 bits x265, then FFV1. `--crf` or a preset says which
    kind is meant. Of them one that fits the ending of `out`, where that is given.
    Raises VidcolorError where none does."""
    if settings.lossless:
        return replace(settings, codec="ffv1")
    if settings.codec != "auto":
        return settings
    suffix = None if out is None else Path(out).suffix.lower()
    # An ending of no container is said later on, as of every codec.
    fits = ENCODERS if suffix not in FITS else FITS[suffix][1]
    for kind in _kinds(film, settings):
        if held := [codec for codec in kind if codec in fits]:
            return replace(settings, codec=next((codec for codec in held if _keeps(codec, film)), held[-1]))
    raise VidcolorError(f"--preset {settings.preset}: ProRes, which does not fit into {suffix}: name the result .mov")


def _kinds(film: Film, settings: Settings) -> tuple[tuple[str, ...], ...]:
    """Codecs of one class each, the nearest class first; in it those that hold most last."""
    if settings.preset in sum(PROFILES.values(), ()):
        return (("prores",),)
    if settings.crf is not None or settings.preset is not None:
        return (("x264", "x265"),)
    if film.kind == "images" or _is_lossless(film.codec):
        return ("ffv1",), ("prores",), ("x264", "x265")
    if film.codec in _INTERMEDIATES:
        return ("prores", "ffv1"), ("x264", "x265")
    return (("x264", "x265", "ffv1"),)


def _is_lossless(decoder: str) -> bool:
    try:
        codec = av.Codec(decoder, "r")
    except ValueError:
        return False
    return bool(codec.lossless and not codec.lossy)


def _keeps(codec: str, film: Film) -> bool:
    if codec == "prores":
        return film.codec == "prores" or (film.depth <= DEPTHS["prores"][-1] and not film.full_range)
    return film.depth <= DEPTHS[codec][-1]


def suffix_of(codec: str) -> str:
    """Ending of a result that was not given a name."""
    return ".mov" if codec == "prores" else ".mkv"


def container_of(codec: str, out: Path, lossless: bool) -> str:
    """Muxer of `out`. Raises VidcolorError where its ending is of none, or of one that does not hold the codec."""
    suffix = out.suffix.lower()
    fitting = [ending for ending, (_, codecs) in FITS.items() if codec in codecs]
    if suffix not in FITS:
        own = "" if len(fitting) == len(FITS) else f" ({codec}: {' or '.join(fitting)})"
        raise VidcolorError(
            f"{out}: results are written as {', '.join(FITS)}{own}, not {suffix or 'without an ending'}; "
            "name it so with -o"
        )
    if suffix not in fitting:
        other = "leave out --lossless" if lossless else "use --codec " + " or ".join(FITS[suffix][1])
        raise VidcolorError(
            f"{out}: {codec} does not fit into {suffix}: name the result {' or '.join(fitting)}, or {other}"
        )
    return FITS[suffix][0]


_X265_LINES = 32
"""libx265 opens for less, but writes outside its memory at some widths (34x22: the process is aborted)."""


def takes(codec: str, width: int, height: int, pix_fmt: str, options: Mapping[str, str]) -> bool:
    """Whether the encoder opens for pictures of this size and format with these options."""
    return _takes(codec, width, height, pix_fmt, tuple(sorted(options.items())))


@lru_cache(maxsize=256)
def _takes(codec: str, width: int, height: int, pix_fmt: str, options: tuple[tuple[str, str], ...]) -> bool:
    if codec == "x265" and height < _X265_LINES:
        return False
    context = CodecContext.create(ENCODERS[codec], "w")
    context.width, context.height, context.pix_fmt = width, height, pix_fmt  # type: ignore[attr-defined]
    context.time_base = Fraction(1, 24)
    context.options = dict(options)
    try:
        context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True


def ffv1_options(film: Film, grid: Grid, depth: int) -> dict[str, str]:
    """FFV1 level 3, every frame a key frame, CRCs. The slices: near 16 (small films: 4), as many as can be laid over
    this size: those of version 3 may not cut through a chroma sample's own area."""
    coder = "1" if film.depth > 8 else "0"  # Golomb-Rice is for 8 bits: as small, and half as fast again
    options = {"level": "3", "g": "1", "coder": coder, "context": "0", "slicecrc": "1"}
    usual = 16 if film.short_side >= 128 else 4
    for slices in sorted(range(1, _MOST_SLICES + 1), key=lambda number: abs(number - usual)):
        if takes("ffv1", film.width, film.height, pix_fmt(grid, depth), options | {"slices": str(slices)}):
            return options | {"slices": str(slices)}
    return options


def pix_fmt(grid: Grid, depth: int) -> str:
    """FFmpeg's name of planar Y'CbCr."""
    return f"yuv{grid}p" + (f"{depth}le" if depth > 8 else "")
