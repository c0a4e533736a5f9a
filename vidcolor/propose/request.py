"""What the user wants proposed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import Label, Point

PROPOSALS = 3
"""Versions of a frame, at most."""
FEWEST, DEFAULT, MOST = 3, 8, 14
"""Anchors of a frame; the most are those of Xia et al. 2022."""


@dataclass(frozen=True)
class ProposalRequest:
    """What the user wants proposed. Of the settings, device, precision, seed, matrix, full_range, on_error and
    allow_interlaced apply too. Raises VidcolorError for numbers that are out of range."""

    movie: Path
    """A film's file, a folder of numbered images or a printf pattern of them."""
    out: Path | None = None
    """The folder of the proposals; None for `MOVIE-stem.proposed` beside the film."""
    proposals: int = PROPOSALS
    """Versions of each frame."""
    anchors_per_frame: int = DEFAULT
    """Places of a frame that are given a colour."""
    anchors: Path | None = None
    """Make the pictures that this file names again, and no others."""
    scenes: Path | None = None
    """PySceneDetect's scene list, to take the cuts from."""
    start: Point | Label | None = None
    """The first frame that may get proposals, or its time."""
    end: Point | Label | None = None
    """The frame after the last one, or its time."""
    fps: Fraction | None = None
    """Frame rate of numbered images."""
    overwrite: bool = False
    """Replace the proposals in an existing folder. The folder that holds `anchors` needs no such permission."""

    def __post_init__(self) -> None:
        if not 1 <= self.proposals <= PROPOSALS:
            raise VidcolorError(f"`proposals` {self.proposals}: from 1 to {PROPOSALS}")
        if not FEWEST <= self.anchors_per_frame <= MOST:
            raise VidcolorError(f"`anchors_per_frame` {self.anchors_per_frame}: from {FEWEST} to {MOST}")
