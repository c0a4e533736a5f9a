"""Which codec a result gets, and which container."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vidcolor.encode.codecs import CODECS, CONTAINERS, Codec, names_with
from vidcolor.errors import VidcolorError
from vidcolor.text import listed

if TYPE_CHECKING:
    from vidcolor.film.film import Film

_INTERMEDIATES = frozenset(("prores", "prores_raw", "dnxhd", "cfhd", "jpeg2000", "hqx", "hq_hqa", "aic", "hap"))
"""libav's decoders of lossy codecs that are made for editing."""
_NEAREST = {
    "lossless": (("lossless",), ("intermediate",), ("delivery",)),
    "intermediate": (("intermediate", "lossless"), ("delivery",)),
    "delivery": (("delivery", "lossless"), ("intermediate",)),
}
"""Classes of codecs for a film of each class, the nearest first. Those of one group are tried together: a film whose
depth or range the first class does not hold goes on to the second."""


class Choices(Protocol):
    """The settings that decide how the result is coded."""

    @property
    def codec(self) -> str: ...
    @property
    def crf(self) -> int | None: ...
    @property
    def preset(self) -> str | None: ...
    @property
    def lossless(self) -> bool: ...
    @property
    def chroma(self) -> str | None: ...
    @property
    def allow_interlaced(self) -> bool: ...


def choose_codec(film: Film, choices: Choices, out: str | Path | None) -> Codec:
    """The codec that was chosen, or for `auto` one of the film's own class that keeps its luma's depth and range.

    A lossless film and numbered images become FFV1; an intermediate codec ProRes, or FFV1 where ProRes cannot hold it;
    all others x264, x265 above 10 bits, FFV1 above 12. `--crf` or a preset say which codecs are meant. If `out`
    is given, the codec fits its ending.
    Raises VidcolorError where none does."""
    if choices.lossless:
        return next(codec for codec in CODECS.values() if codec.kind == "lossless")
    if choices.codec != "auto":
        return CODECS[choices.codec]
    suffix = None if out is None else Path(out).suffix.lower()
    groups = _meant(choices) or [
        [codec for kind in kinds for codec in CODECS.values() if codec.kind == kind] for kinds in _NEAREST[_kind(film)]
    ]
    for group in groups:
        # An unknown ending is an error later, with any codec.
        if held := [codec for codec in group if suffix not in CONTAINERS or suffix in codec.suffixes]:
            largest = max(held, key=lambda codec: codec.depths[-1])
            return next((codec for codec in held if codec.keeps(film)), largest)
    option = f"`crf` {choices.crf}" if choices.preset is None else f"`preset` {choices.preset}"
    names = listed([codec.name for codec in groups[0]])
    raise VidcolorError(f"{option} is for {names}, not for {suffix}: name the result {groups[0][0].suffixes[0]}")


def _meant(choices: Choices) -> list[list[Codec]]:
    """The codecs that `--preset` or `--crf` refer to; none if neither is given."""
    if named := [codec for codec in CODECS.values() if codec.has_preset(choices.preset)]:
        return [named]
    if choices.crf is not None or choices.preset is not None:
        return [[codec for codec in CODECS.values() if codec.crf is not None]]
    return []


def _kind(film: Film) -> str:
    if film.kind == "images" or _is_lossless(film.codec):
        return "lossless"
    return "intermediate" if film.codec in _INTERMEDIATES else "delivery"


def _is_lossless(decoder: str) -> bool:
    import av

    try:
        codec = av.Codec(decoder, "r")
    except ValueError:
        return False
    return bool(codec.lossless and not codec.lossy)


def container_of(codec: Codec, out: Path, *, lossless: bool) -> str:
    """Muxer of `out`. Raises VidcolorError if its ending is of no container, or of one that cannot hold the codec."""
    suffix = out.suffix.lower()
    if suffix not in CONTAINERS:
        only = "" if len(codec.suffixes) == len(CONTAINERS) else f" ({codec.name}: {listed(codec.suffixes, 'or')})"
        raise VidcolorError(
            f"{out}: results are written as {', '.join(CONTAINERS)}{only}, not {suffix or 'without an ending'}; "
            "name it so with `out`"
        )
    if suffix not in codec.suffixes:
        others = names_with(lambda other: suffix in other.suffixes)
        remedy = "leave out `lossless`" if lossless else f"use `codec` {listed(others, 'or')}"
        raise VidcolorError(
            f"{out}: {codec.name} does not fit into {suffix}: "
            f"name the result {listed(codec.suffixes, 'or')}, or {remedy}"
        )
    return CONTAINERS[suffix]
