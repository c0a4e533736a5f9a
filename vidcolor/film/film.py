"""What a film is: its picture, its clock and its colour tags; and one of its frames."""

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
    """A film's video stream as it was found, before anything is decoded but its first frame."""

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
    """Average frames a second (for rate control and timecode; a frame's time is its PTS)."""
    sample_aspect_ratio: Fraction
    """Width of a pixel over its height; 1 where untagged."""
    rotation: int
    """Degrees clockwise by which a player turns the picture: 0, 90, 180 or 270."""
    matrix: str
    """YCbCr matrix in force, one of `coding.MATRICES`: tagged, chosen by the user, or the rule for untagged film."""
    full_range: bool
    """True where luma 0 is black and the largest code white (pc); False for 16-235 scaled to depth."""
    color_tags: dict[str, int]
    """The stream's own numbers (ISO 23091-2): `space`, `primaries`, `transfer`, `range`, `chroma_location`;
    2 (0 for range and location) where unspecified. They are the tags of the result: as the film has them, but
    for `space` and `range` that the user chose, the matrix of a film without chroma (its first chroma is
    ours) and the full range of pictures, which are declared."""
    untagged: tuple[str, ...]
    """Names of what was decided by rule and not by a tag: `matrix`, `range`."""
    frames_hint: int
    """The container's own count of frames, 0 where it has none; never trusted, only for a progress bar."""
    base_rate: Fraction = Fraction(0)
    """Rate on whose grid the time stamps lie, as libav guesses it (`r_frame_rate`); 0 where it does not."""
    display_matrix: tuple[int, ...] = ()
    """The nine numbers of the display matrix behind `rotation` (mirroring too), () where there is none."""
    clock: Literal["pts", "dts", "count"] = "pts"
    """Which time stamp of a decoded frame is its time: `dts` where the container stores the order of packets only
    (AVI), `count` where there is none (a raw stream): each frame then comes after the one before by the stream's own
    rate."""
    profile: str = ""
    """The codec's profile as libav names it, e.g. `HQ` or `XQ` of ProRes; empty where it has none."""
    field_order: str = ""
    """`progressive`, `tff` or `bff` as the stream says, empty where it does not; from the scan on as its frames say."""
    chosen: tuple[str, ...] = ()
    """Names of what the user decided, whatever the tags say: `matrix`, `range`."""
    mastering_display: str = ""
    """HDR mastering display of the first frame (`side_data.mastering_display`), empty where it has none."""
    content_light: str = ""
    """HDR content light level of the first frame: MaxCLL and MaxFALL, empty where it has none."""

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
    """(height, width) uint8 or uint16, the Y plane's code values as decoded (made from RGB if there is none)."""
    interlaced: bool = False
    """The frame's own flag."""
    top_field_first: bool = False
    """The frame's own flag; meaningful where `interlaced`."""
    chroma: tuple[np.ndarray, np.ndarray] | None = None
    """Cb and Cr code values on the film's chroma grid where they were asked for and there are any (`reader.read`)."""
    facts: Facts | None = None
    """What the frame says of itself."""
    source: Any = None
    """The decoded frame where an encoder can take something beside the picture from it (closed captions)."""


class Facts(NamedTuple):
    """What a frame says of itself, for films that change their ways."""

    space: int
    """Matrix number of ISO 23091-2, 2 where unsaid."""
    primaries: int
    """Likewise."""
    transfer: int
    """Likewise."""
    full_range: bool | None
    """None where unsaid."""
    rotation: int | None
    """Degrees clockwise by which a player turns it; None where unsaid (H.264 says it at keyframes only)."""
    chroma: str
    """Sampling, as in `Film.chroma`."""
    aspect: Fraction | None
    """Width of a pixel over its height as the decoder has it now; None where unsaid."""
    side_data: dict[str, bytes]
    """`side_data.of_the_source`."""
