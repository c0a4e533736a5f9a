"""The frame that represents a shot: sharp, near the middle, not in a fade."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vidcolor.film import reader
from vidcolor.film.film import Film, Frame
from vidcolor.film.working_frame import working, working_size

WINDOW = 24
"""Frames around the middle of a shot to choose from: a second, so one seek and little decoding."""
FADED = 0.6
"""Share of the window's highest contrast below which a frame counts as faded."""
PULL = 0.3
"""Share of its sharpness by which a frame at the window's edge is penalised against one in the middle."""


def representative_frame(film: Film, pts: np.ndarray, shot: tuple[int, int], on_error: str = "stop") -> Frame:
    """The frame that represents a shot [first, stop): of the `WINDOW` frames around its middle the one with the most
    fine detail, less a penalty for distance from the middle, and not faded."""
    first, stop = window(shot)
    frames = list(reader.read(film, first, stop, pts, on_error))
    return frames[best([_small(frame.luma, film) for frame in frames])]


def window(shot: tuple[int, int]) -> tuple[int, int]:
    """[first, stop) of the frames to choose from: the middle ones, within the inner half of the shot."""
    first, stop = shot
    count = max(1, min(WINDOW, (stop - first + 1) // 2))
    begin = (first + stop - count) // 2
    return begin, begin + count


def best(pictures: Sequence[np.ndarray]) -> int:
    """Index of the best of consecutive frames, given as lightness (h, w) float32."""
    contrast = np.array([picture.std() for picture in pictures])
    sharp = np.array([cv2.Laplacian(picture, cv2.CV_32F).std() for picture in pictures], np.float64)
    middle = (len(pictures) - 1) / 2
    distance = np.abs(np.arange(len(pictures)) - middle) / max(middle, 1)
    score = np.where(contrast >= FADED * contrast.max(), sharp * (1 - PULL * distance), -1)
    return int(score.argmax())


def _small(luma: np.ndarray, film: Film) -> np.ndarray:
    return working(luma, film, working_size(film, 256))
