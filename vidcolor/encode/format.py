"""How the result is coded: depth, chroma grid, range, tags and the encoder's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from vidcolor.color.coding import MATRICES, SITINGS, siting_of
from vidcolor.encode.choose import Choices, choose_codec, container_of
from vidcolor.encode.codecs import CODECS, GRIDS, Codec, Grid, names_with, pix_fmt
from vidcolor.errors import VidcolorError, warn
from vidcolor.film.film import Film
from vidcolor.text import listed

_UNSPECIFIED = 2
_USUAL = {
    "bt601": {"primaries": 6, "transfer": 6},
    "bt709": {"primaries": 1, "transfer": 1},
    "bt2020": {"primaries": 9, "transfer": 14},
    "smpte240m": {"primaries": 7, "transfer": 7},
    "fcc": {"primaries": 4, "transfer": 4},
}
"""Primaries and transfer that go with a matrix."""


@dataclass(frozen=True)
class OutputFormat:
    """How the result is coded; the same for every unit of a film."""

    codec: str
    """Name of the codec, a row of `CODECS`."""
    container: str
    """Muxer of the result: one of `CONTAINERS`."""
    pix_fmt: str
    """Pixel format that is encoded."""
    depth: int
    """Bits of a sample."""
    chroma: Grid
    """The chroma grid that the encoder is given."""
    full_range: bool
    """The film's own range, or limited where the codec holds no other."""
    rate: Fraction
    """The frame rate that the encoder gets."""
    field_order: str
    """`tff` or `bff` where fields are kept, else `progressive`."""
    color_tags: dict[str, int]
    """As in Film, with the range that is written."""
    options: dict[str, str] = field(default_factory=dict)
    """The encoder's own options."""

    @property
    def row(self) -> Codec:
        """The codec's row of the table."""
        return CODECS[self.codec]

    def __str__(self) -> str:
        named = [f"{key} {self.options[key]}" for key in ("crf", "preset", "profile") if key in self.options]
        return " ".join([self.codec, self.pix_fmt, *named, f"in {self.container}"])


def output_format(film: Film, choices: Choices, out: str | Path) -> OutputFormat:
    """The format of `film` in the file `out`: the film's own depth, chroma grid, range and tags if the codec can hold
    them, else the nearest, with a warning.

    Raises VidcolorError, with a remedy, if the codec does not fit the container or cannot hold the film."""
    codec = choose_codec(film, choices, out)
    container = container_of(codec, Path(out), lossless=choices.lossless)
    codec.check(choices.crf, choices.preset)
    chroma, depth, options = _pixels(codec, film, choices, container)
    full_range = film.full_range and not codec.limited_range
    _warn_of_luma(codec, film, depth, full_range)
    field_order = film.field_order if choices.allow_interlaced and film.field_order in ("tff", "bff") else "progressive"
    if field_order != "progressive" and codec.fields == "none":
        others = listed(names_with(lambda codec: codec.fields != "none"), "or")
        raise VidcolorError(f"{codec.name} cannot keep the fields of an interlaced film: use `codec` {others}")
    options |= _params(codec, film, field_order, options)
    tags = film.color_tags | ({"range": 1} if full_range != film.full_range else {})
    if codec.tagged:
        usual = {"space": MATRICES[film.matrix].numbers[0], **_USUAL[film.matrix]}
        tags |= {name: number for name, number in usual.items() if tags[name] == _UNSPECIFIED}
    siting = siting_of(tags["chroma_location"])
    if siting is not SITINGS[0]:
        options["chroma_sample_location"] = siting.name
    # Absurd rates come from broken headers. The encoder needs some rate; frames keep their own times.
    rate = film.frame_rate.limit_denominator(100_000)
    rate = rate if Fraction(1, 100) <= rate <= 480 else Fraction(24)
    name = pix_fmt(chroma, depth)
    return OutputFormat(codec.name, container, name, depth, chroma, full_range, rate, field_order, tags, options)


def _warn_of_luma(codec: Codec, film: Film, depth: int, full_range: bool) -> None:
    changes = []
    if depth != film.depth:
        kept = "its values scaled up exactly" if depth > film.depth and not film.full_range else "its values rounded"
        changes.append(f"{film.depth} to {depth} bits, {kept}")
    if full_range != film.full_range:
        changes.append("full to limited range")
    if changes:
        warn(f"{codec.name} cannot hold this film's luma as it is: {' and '.join(changes)} (`codec=ffv1` keeps it)")


def _params(codec: Codec, film: Film, field_order: str, options: Mapping[str, str]) -> dict[str, str]:
    """The encoder's own parameters, with field order and HDR mastering data if it takes them."""
    given = [options.get(codec.params, "")]
    if field_order != "progressive":
        given.append(codec.field_order.format(field_order))
    if codec.hdr is not None:
        values = film.mastering_display, film.content_light
        given += [f"{name}={value}" for name, value in zip(codec.hdr, values, strict=True) if value]
    return {codec.params: ":".join(filter(None, given))} if any(given) else {}


def _pixels(codec: Codec, film: Film, choices: Choices, container: str) -> tuple[Grid, int, dict[str, str]]:
    """Chroma grid, depth and the encoder's options. The grid is the chosen one, else the film's own (4:2:0 if it has
    none). If the encoder does not take that, it is the next finer one, or else the next coarser, with a warning."""
    own: Grid = film.chroma if film.chroma in GRIDS else "420"  # type: ignore[assignment]
    if choices.chroma is not None:
        wanted = [grid for grid in GRIDS if grid == choices.chroma]
    else:
        wanted = [grid for grid in codec.grids if grid >= own] + [grid for grid in codec.grids[::-1] if grid < own]
    for grid in wanted:
        if (found := _possible(codec, film, choices, grid)) is not None:
            if grid != own and choices.chroma is None:
                _warn_of_chroma(codec, film, choices, own, grid)
            return grid, *found
    raise _not_held(codec, film, choices, wanted, container)


def _possible(codec: Codec, film: Film, choices: Choices, grid: Grid) -> tuple[int, dict[str, str]] | None:
    """Depth and options with which the codec's encoder takes the film on a chroma grid."""
    for depth, options in _held(codec, film, choices, grid):
        if codec.takes(film.width, film.height, pix_fmt(grid, depth), options):
            return depth, options
    return None


def _held(codec: Codec, film: Film, choices: Choices, grid: Grid) -> list[tuple[int, dict[str, str]]]:
    """Depths and options that the codec has for a chroma grid, whatever the film's size: the film's own depth first,
    then the next deeper ones, then the next shallower."""
    deeper = [depth for depth in codec.depths if depth >= film.depth]
    depths = deeper + [depth for depth in reversed(codec.depths) if depth < film.depth]
    given = ((depth, codec.options_for(film, grid, depth, preset=choices.preset, crf=choices.crf)) for depth in depths)
    return [(depth, options) for depth, options in given if options is not None]


def _warn_of_chroma(codec: Codec, film: Film, choices: Choices, own: Grid, grid: Grid) -> None:
    by_size = bool(_held(codec, film, choices, own))
    if by_size or film.chroma in GRIDS:
        held = f"{film.width}x{film.height}" if by_size else "this film"
        warn(f"{codec.name} cannot hold {held} in {_colons(own)}: the result is {_colons(grid)}")


def _not_held(codec: Codec, film: Film, choices: Choices, wanted: list[Grid], container: str) -> VidcolorError:
    """Why the codec cannot hold the film under these choices, and what can."""
    remedies = [f"`chroma={grid}`" for grid in GRIDS if grid not in wanted and _possible(codec, film, choices, grid)]
    what = listed([_colons(grid) for grid in wanted], "or")
    by_size = any(_held(codec, film, choices, grid) for grid in wanted)
    if by_size:
        what = f"{film.width}x{film.height} in {what}"
    elif choices.preset:
        what += f" with `preset={choices.preset}`"
    if by_size or not remedies:
        alike = [other for other in CODECS.values() if other.kind == codec.kind and container in other.containers]
        remedies += [
            f"`codec={other.name}`" for other in alike if any(_possible(other, film, choices, grid) for grid in wanted)
        ][:1]
        remedies.append("`codec=ffv1`" + ("" if container == "matroska" else " with a name ending in .mkv"))
    return VidcolorError(f"{codec.name} cannot hold {what}: use {' or '.join(remedies)}")


def _colons(grid: str) -> str:
    return ":".join(grid)
