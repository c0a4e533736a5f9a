"""The codecs that a result may have, a row each.

Everything that treats codecs differently reads this table: the encoder, the muxer, the estimate of the time left, the
command line's choices and help, and the table in `docs/formats.md`. Importing it needs neither PyAV nor torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from vidcolor.encode.trial import opens
from vidcolor.errors import VidcolorError
from vidcolor.text import listed

if TYPE_CHECKING:
    from vidcolor.film.film import Film

Grid = Literal["420", "422", "444"]
GRIDS: tuple[Grid, ...] = ("420", "422", "444")
"""Chroma grids, coarse to fine."""
CONTAINERS = {".mkv": "matroska", ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mxf": "mxf"}
"""Endings of results, and the muxer of each."""


class Crf(NamedTuple):
    """A constant rate factor; 0 is best."""

    default: int
    worst: int
    option: tuple[str, str] = ("crf", "{}")
    """The encoder's option for it, and its value: `{}` stands for the number."""


@dataclass(frozen=True)
class Preset:
    """A value of `--preset`: an encoder's speed, or a codec's profile."""

    name: str
    """As `--preset` takes it."""
    grid: Grid | None = None
    """The only chroma grid that it holds; None for all of the codec's."""
    depth: int | None = None
    """The only depth that it holds; None for all of the codec's."""
    tag: str = ""
    """Four-letter code in MOV, where it is not the codec's usual one."""
    source: str = ""
    """Profile of a film, as libav names it, for which this is the default."""


@dataclass(frozen=True)
class Codec:
    """What a codec can hold, where it fits, and the options of its encoder."""

    name: str
    """As `--codec` takes it."""
    encoder: str
    """libav's encoder."""
    summary: str
    """What it is, in the help and the docs."""
    kind: Literal["delivery", "intermediate", "lossless"]
    """Its class: `--codec auto` stays in the film's own."""
    depths: tuple[int, ...]
    """Bits of a sample, rising."""
    grids: tuple[Grid, ...]
    """Chroma grids, coarse to fine."""
    suffixes: tuple[str, ...]
    """Endings of the containers that it fits into, the default's first."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Four-letter code by container, where ffmpeg's own choice is not the one that players expect."""
    crf: Crf | None = None
    """Of `--crf`; None where the codec has none."""
    presets: tuple[Preset, ...] = ()
    """Of `--preset`."""
    preset: str = ""
    """The default preset; for a grid or depth that it does not hold, the first that does."""
    preset_option: tuple[str, str] = ("preset", "{}")
    """The encoder's option for it, and its value: `{}` stands for the preset's name."""
    options: Callable[[Film, Grid, int], Mapping[str, str]] = lambda film, grid, depth: {}
    """Further options of the encoder for a film, a chroma grid and a depth; the same for every unit of the film, since
    units are put end to end under one header."""
    params: str = ""
    """The encoder's option that takes parameters of its own as `name=value:name=value`."""
    hdr: tuple[str, str] | None = None
    """Parameters for the HDR mastering display and content light level; None where they are left to the container."""
    fields: Literal["none", "constant", "order", "frame"] = "none"
    """Which field flags it keeps: none (interlaced films are refused), one order for all frames, each frame's order
    (but no progressive frame among them), or each frame's own flags."""
    field_order: str = ""
    """Parameter that sets the order of a `constant` one: `{}` stands for `tff` or `bff`."""
    limited_range: bool = False
    """Whether it holds limited range only."""
    captions: bool = False
    """Whether its encoder writes closed captions (A53) into the picture."""
    tagged: bool = False
    """Whether every colour tag is written, the usual one where the film has none: readers take BT.709 for granted."""
    mend: Callable[[bytes], bytes] | None = None
    """Puts right what libav's encoder writes wrongly into a packet."""
    smallest: tuple[int, int] = (1, 1)
    """Width and height below which the encoder must not be tried; whether it takes a size above is found by trying."""
    threads: Literal["AUTO", "SLICE"] = "AUTO"
    """libav's way of threading."""
    decoded: Mapping[str, str] = field(default_factory=dict)
    """Pixel formats that libav's decoder returns in place of those that were encoded."""
    decoder: str = ""
    """libav's decoder of films that `--codec auto` gives this codec even where it cannot hold their depth."""
    cost: float = 5.0
    """About how long encoding a frame takes against reading it."""
    held: int = 0
    """Frames that the encoder holds back until the end of a unit."""

    @property
    def containers(self) -> tuple[str, ...]:
        """The muxers of its endings."""
        return tuple(CONTAINERS[suffix] for suffix in self.suffixes)

    @property
    def unit_suffix(self) -> str:
        """Ending of a unit's file: Matroska where it holds the codec."""
        return ".mkv" if ".mkv" in self.suffixes else self.suffixes[0]

    def keeps(self, film: Film) -> bool:
        """Whether it holds the film's luma in its depth and range, or the film is of this codec already."""
        return film.codec == self.decoder or (
            film.depth <= self.depths[-1] and not (film.full_range and self.limited_range)
        )

    def check(self, crf: int | None, preset: str | None) -> None:
        """Raise VidcolorError where `--crf` or `--preset` mean nothing to this codec."""
        if crf is not None:
            if self.crf is None:
                raise VidcolorError(f"`crf` is for {listed(names_with(lambda codec: codec.crf))}, not for {self.name}")
            if crf > self.crf.worst:
                raise VidcolorError(f"`crf` {crf}: for {self.name} from 0 (best) to {self.crf.worst}")
        if preset is not None:
            if not self.presets:
                raise VidcolorError(
                    f"`preset` is for {listed(names_with(lambda codec: codec.presets))}, not for {self.name}"
                )
            if not self.has_preset(preset):
                names = ", ".join(preset.name for preset in self.presets)
                raise VidcolorError(f"`preset` {preset}: for {self.name} one of {names}")

    def has_preset(self, name: str | None) -> bool:
        return any(preset.name == name for preset in self.presets)

    def options_for(
        self, film: Film, grid: Grid, depth: int, *, preset: str | None, crf: int | None
    ) -> dict[str, str] | None:
        """The encoder's options for a film on a chroma grid at a depth; None if the codec, or the preset that was
        chosen, does not hold them."""
        if grid not in self.grids or depth not in self.depths:
            return None
        options = {}
        if self.presets:
            fitting = [one for one in self.presets if one.grid in (None, grid) and one.depth in (None, depth)]
            chosen = [one for one in fitting if one.name == preset]
            if preset is None:
                source = [one for one in fitting if one.source and one.source == film.profile]
                chosen = [*source, *(one for one in fitting if one.name == self.preset), *fitting]
            if not chosen:
                return None
            name, value = self.preset_option
            options[name] = value.format(chosen[0].name)
        if self.crf is not None:
            name, value = self.crf.option
            options[name] = value.format(self.crf.default if crf is None else crf)
        return {**options, **self.options(film, grid, depth)}

    def tag(self, container: str, options: Mapping[str, str]) -> str:
        """Four-letter code in a container, empty for ffmpeg's own choice. options: the encoder's."""
        name, value = self.preset_option
        profile = next((one for one in self.presets if value.format(one.name) == options.get(name)), None)
        return profile.tag if profile and profile.tag and container == "mov" else self.tags.get(container, "")

    def takes(self, width: int, height: int, pix_fmt: str, options: Mapping[str, str]) -> bool:
        """Whether the encoder opens for pictures of this size and format with these options."""
        large = width >= self.smallest[0] and height >= self.smallest[1]
        return large and opens(self.encoder, width, height, pix_fmt, tuple(sorted(options.items())))


def pix_fmt(grid: Grid, depth: int) -> str:
    """FFmpeg's name of planar Y'CbCr."""
    return f"yuv{grid}p" + (f"{depth}le" if depth > 8 else "")


_SPEEDS = tuple(
    Preset(name)
    for name in (
        *("ultrafast", "superfast", "veryfast", "faster", "fast"),
        *("medium", "slow", "slower", "veryslow", "placebo"),
    )
)
_MOST_SLICES = 256


def _ffv1(film: Film, grid: Grid, depth: int) -> dict[str, str]:
    """FFV1 level 3, every frame a keyframe, CRCs. The slices: near 16 (small films: 4), as many as can be laid over
    this size: those of version 3 may not cut through a chroma sample's own area."""
    coder = "1" if film.depth > 8 else "0"  # Golomb-Rice is for 8 bits: as small, and half as fast again
    options = {"level": "3", "g": "1", "coder": coder, "context": "0", "slicecrc": "1"}
    usual = 16 if film.short_side >= 128 else 4
    for slices in sorted(range(1, _MOST_SLICES + 1), key=lambda number: abs(number - usual)):
        sliced = options | {"slices": str(slices)}
        if opens("ffv1", film.width, film.height, pix_fmt(grid, depth), tuple(sorted(sliced.items()))):
            return sliced
    return options


_ROWS = (
    Codec(
        name="x264",
        encoder="libx264",
        summary="libx264",
        kind="delivery",
        depths=(8, 10),
        grids=GRIDS,
        suffixes=(".mkv", ".mp4", ".m4v", ".mov"),
        crf=Crf(16, 51),
        presets=_SPEEDS,
        preset="medium",
        params="x264-params",
        hdr=("mastering-display", "cll"),
        fields="constant",
        field_order="{}=1",
        captions=True,
        cost=5.0,
        held=50,
    ),
    Codec(
        name="x265",
        encoder="libx265",
        summary="libx265",
        kind="delivery",
        depths=(8, 10, 12),
        grids=GRIDS,
        suffixes=(".mkv", ".mp4", ".m4v", ".mov"),
        tags={"mp4": "hvc1", "mov": "hvc1"},
        crf=Crf(18, 51),
        presets=_SPEEDS,
        preset="medium",
        # No text of encoder settings in the headers: it differs between machines of a farm.
        options=lambda film, grid, depth: {"x265-params": "log-level=none:info=0:open-gop=0", "a53cc": "1"},
        params="x265-params",
        hdr=("master-display", "max-cll"),
        captions=True,
        smallest=(1, 32),  # it opens for less, but writes outside its memory at some widths (34x22): the process aborts
        cost=17.0,
        held=30,
    ),
    Codec(
        name="av1",
        encoder="libsvtav1",
        summary="SVT-AV1",
        kind="delivery",
        depths=(8, 10),
        grids=("420",),
        suffixes=(".mkv", ".mp4", ".m4v"),
        crf=Crf(16, 63, ("svtav1-params", "crf={}")),  # libav's own "crf" takes 0 as not given: SVT-AV1's 35
        presets=tuple(Preset(str(speed)) for speed in range(10)),
        preset="6",
        smallest=(4, 4),
        cost=4.0,
        held=60,
    ),
    Codec(
        name="ffv1",
        encoder="ffv1",
        summary="FFV1 level 3, every frame a keyframe, slices with CRCs",
        kind="lossless",
        depths=(8, 9, 10, 12, 14, 16),
        grids=GRIDS,
        suffixes=(".mkv",),
        options=_ffv1,
        fields="frame",
        threads="SLICE",
        cost=3.0,
    ),
    Codec(
        name="prores",
        encoder="prores_ks",
        summary="prores_ks",
        kind="intermediate",
        depths=(10,),
        grids=("422", "444"),
        suffixes=(".mov", ".mkv"),
        presets=(
            Preset("proxy", "422", tag="apco"),
            Preset("lt", "422", tag="apcs"),
            Preset("standard", "422", tag="apcn"),
            Preset("hq", "422", tag="apch"),
            Preset("4444", "444", tag="ap4h"),
            Preset("4444xq", "444", tag="ap4x", source="XQ"),
        ),
        preset="hq",
        preset_option=("profile", "{}"),
        options=lambda film, grid, depth: {"vendor": "apl0"},
        fields="order",
        limited_range=True,
        decoded={"yuv444p10le": "yuv444p12le"},
        decoder="prores",
        cost=4.0,
    ),
    Codec(
        name="dnxhr",
        encoder="dnxhd",
        summary="DNxHR",
        kind="intermediate",
        depths=(8, 10),
        grids=("422", "444"),
        suffixes=(".mov", ".mxf"),
        presets=(
            Preset("lb", "422", 8),
            Preset("sq", "422", 8),
            Preset("hq", "422", 8),
            Preset("hqx", "422", 10),
            Preset("444", "444", 10),
        ),
        preset="hq",
        preset_option=("profile", "dnxhr_{}"),
        limited_range=True,
        tagged=True,
        # libav's encoder says BT.709 of every film; 3 is "as the container says" (SMPTE ST 2019-1, colour volume).
        mend=lambda packet: packet[:0x2C] + bytes([packet[0x2C] | 6]) + packet[0x2D:],
        smallest=(256, 120),
        cost=2.0,
    ),
)
CODECS: Mapping[str, Codec] = {codec.name: codec for codec in _ROWS}
"""Every codec by its name."""


def names_with(has: Callable[[Codec], object]) -> list[str]:
    """Names of the codecs for which `has` is true."""
    return [codec.name for codec in CODECS.values() if has(codec)]
