"""What a film is: its picture, its clock and its colour tags, read from the file (`probe`)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np


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
    matrix: Literal["bt601", "bt709", "bt2020", "smpte240m", "fcc"]
    """YCbCr matrix in force: tagged, chosen by the user, or the rule for untagged film."""
    full_range: bool
    """True where luma 0 is black and the largest code white (pc); False for 16-235 scaled to depth."""
    color_tags: dict[str, int]
    """The stream's own numbers (ISO 23091-2): `space`, `primaries`, `transfer`, `range`, `chroma_location`;
    2 (0 for range and location) where unspecified. They are written to the result as they are, but for `space`
    and `range` that the user chose."""
    untagged: tuple[str, ...]
    """Names of what was decided by rule and not by a tag: `matrix`, `range`."""
    frames_hint: int
    """The container's own count of frames, 0 where it has none; never trusted, only for a progress bar."""

    @property
    def display_aspect(self) -> float:
        """Width over height as shown, before rotation."""
        return self.width * float(self.sample_aspect_ratio) / self.height


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its place and its luma, untouched."""

    index: int
    """0-based number in presentation order."""
    pts: int
    """Presentation time stamp in ticks of `Film.time_base`."""
    luma: np.ndarray
    """(height, width) uint8 or uint16, the Y plane's code values as decoded (computed from RGB where there is none)."""
    interlaced: bool = False
    """The frame's own flag."""
    top_field_first: bool = False
    """The frame's own flag; meaningful where `interlaced`."""
