"""The working frame: the small copy of a frame on which models find colours."""

from __future__ import annotations

import cv2
import numpy as np

from vidcolor.color.ycbcr import lightness
from vidcolor.film.film import Film

MOST_ASPECT = 8
"""Largest ratio of a working frame's long side to its short one. Films have up to 4 (Polyvision)."""


def working_size(film: Film, short: int) -> tuple[int, int]:
    """(h, w) of the working frame: multiples of 32 with the display's aspect ratio (at most 8:1, so that a strip of a
    picture fits into memory) and a short side near `short`."""
    aspect = film.display_aspect
    side = max(32, round(short / 32) * 32)
    other = max(32, round(side * min(max(aspect, 1 / aspect), MOST_ASPECT) / 32) * 32)
    return (side, other) if aspect >= 1 else (other, side)


def working(luma: np.ndarray, film: Film, size: tuple[int, int]) -> np.ndarray:
    """A frame's luma as lightness (h, w) float32, 0..100, at working size."""
    return lightness(resized(luma, size), film.coding)


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture (H, W[, c]) at the working size (h, w): averaged where it shrinks, else bilinear."""
    how = cv2.INTER_AREA if picture.shape[0] >= size[0] else cv2.INTER_LINEAR
    return cv2.resize(picture, size[::-1], interpolation=how)
