"""A film: its picture, clock and colour tags. And one of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from vidcolor.color.coding import Coding
from vidcolor.pictures.orientation import of_display


@dataclass(frozen=True)
class Film:
    """A film's video stream, as its header and its first frame describe it."""

    path: Path
    """A file that PyAV opens, a folder of numbered images, or a printf pattern of them."""
    kind: Literal["video", "images"]
    """Whether `path` is one file or numbered images."""
    stream: int
    """Index of the video stream inside the container; 0 for images."""
    codec: str
    """Decoder name, e.g. `h264`, `ffv1`, `png`."""
    width: int
    """Coded luma width in pixels, unrotated."""
    height: int
    """Coded luma height in pixels, unrotated."""
    pix_fmt: str
    """Decoded pixel format, e.g. `yuv420p10le`, `gray`, `rgb24`."""
    depth: int
    """Bits of one luma sample."""
    chroma: Literal["400", "420", "422", "444", "rgb"]
    """Chroma sampling of the source; `rgb` where there is no Y plane."""
    time_base: Fraction
    """Seconds of one PTS tick."""
    frame_rate: Fraction
    """Average frames a second, for rate control and timecodes only: a frame's time is its PTS."""
    sample_aspect_ratio: Fraction
    """Width of a pixel over its height; 1 where untagged."""
    rotation: int
    """Degrees clockwise by which a player turns the picture: 0, 90, 180 or 270."""
    matrix: str
    """YCbCr matrix in force, one of `coding.MATRICES`: from the tag, from the user, or by rule for untagged film."""
    full_range: bool
    """True where luma 0 is black and the largest code white (pc); False for 16-235 scaled to depth."""
    color_tags: dict[str, int]
    """Numbers of ISO/IEC 23091-2: `space`, `primaries`, `transfer`, `range` and `chroma_location`; 2 (range and
    location: 0) where unspecified. The result is tagged with them. They are the film's own, except for a `space` or
    `range` chosen by the user, the `space` of a film without chroma, and the full range of pictures."""
    untagged: tuple[str, ...]
    """What was decided by rule, for want of a tag: `matrix`, `range`."""
    frames_hint: int
    """The container's own count of frames, 0 if it has none. Only for progress bars: it may be wrong."""
    base_rate: Fraction = Fraction(0)
    """The rate of the grid on which the time stamps lie, as libav guesses it (`r_frame_rate`); 0 if it does not."""
    display_matrix: tuple[int, ...] = ()
    """The nine numbers of the display matrix (rotation and mirroring), () if there is none."""
    clock: Literal["pts", "dts", "count"] = "pts"
    """What gives a decoded frame its time: `dts` in containers that store the order of packets only (AVI), `count` in
    raw streams, which have no time stamps: frames then follow one another at the stream's own rate."""
    profile: str = ""
    """The codec's profile as libav names it, e.g. `HQ` or `XQ` of ProRes; empty if it has none."""
    field_order: str = ""
    """`progressive`, `tff` or `bff` by the stream's header (after a scan: by its frames), empty if it does not say."""
    chosen: tuple[str, ...] = ()
    """Tags that the user overrides: `matrix`, `range`."""
    mastering_display: str = ""
    """HDR mastering display of the first frame (`side_data.mastering_display`), empty if it has none."""
    content_light: str = ""
    """HDR content light level of the first frame: MaxCLL and MaxFALL, empty if it has none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "display_matrix", tuple(self.display_matrix))  # a list when it comes from JSON

    @property
    def display_aspect(self) -> float:
        """Width over height as shown, before rotation."""
        return self.width * float(self.sample_aspect_ratio) / self.height

    @property
    def coding(self) -> Coding:
        """What its code values mean."""
        return Coding(self.matrix, self.depth, self.full_range)

    @property
    def orientation(self) -> int:
        """The EXIF orientation in which a player shows the coded picture, 1 to 8."""
        return of_display(self.rotation, self.display_matrix)

    @property
    def short_side(self) -> int:
        """Lines of a wide picture, columns of a tall one."""
        return min(self.width, self.height)


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its place and its luma, untouched."""

    index: int
    """0-based number in presentation order."""
    pts: int
    """Presentation time stamp in ticks of `Film.time_base`."""
    luma: np.ndarray
    """(height, width) uint8 or uint16: code values of the Y plane, as decoded (computed for RGB, which has none)."""
    interlaced: bool = False
    """The frame's own flag."""
    top_field_first: bool = False
    """The frame's own flag; meaningful where `interlaced`."""
    chroma: tuple[np.ndarray, np.ndarray] | None = None
    """Cb and Cr code values on the film's chroma grid, if there are any and `reader.read` was to read them."""
    facts: Facts | None = None
    """What the frame says about itself."""
    source: Any = None
    """The decoded frame, if it carries something that an encoder can take over (closed captions)."""


class Facts(NamedTuple):
    """What a frame says about itself: it may differ from the film's first."""

    space: int
    """MatrixCoefficients of ISO/IEC 23091-2, 2 if unsaid."""
    primaries: int
    """Likewise."""
    transfer: int
    """Likewise."""
    full_range: bool | None
    """None if unsaid."""
    rotation: int | None
    """Degrees clockwise by which a player turns it; None if unsaid (H.264 says it at keyframes only)."""
    chroma: str
    """Sampling, as in `Film.chroma`."""
    aspect: Fraction | None
    """Width of a pixel over its height as the decoder has it at this frame; None if unsaid."""
    side_data: dict[str, bytes]
    """`side_data.of_the_source`."""
