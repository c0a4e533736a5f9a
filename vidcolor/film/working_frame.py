"""The small frame on which colours are found."""

from __future__ import annotations

import cv2
import numpy as np

from vidcolor.color.ycbcr import lightness
from vidcolor.film.film import Film

MOST_ASPECT = 8
"""Of a working frame: long side over short. Films have up to 4 (Polyvision)."""


def working_size(film: Film, short: int) -> tuple[int, int]:
    """(h, w) of the working frame: multiples of 32, the display's aspect (within 8:1, so that a strip of a picture
    fits into memory), short side nearest to `short`."""
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
