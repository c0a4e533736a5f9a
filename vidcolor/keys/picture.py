"""A key's picture over the film's frame: turned, and aligned if it is cropped or shifted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vidcolor.errors import warn
from vidcolor.film.chroma_grid import full_size
from vidcolor.film.film import Film
from vidcolor.pictures.file import Stored, read_picture
from vidcolor.pictures.orientation import of_key, turned

_GREY = 1.5 / 255
"""Mean difference of largest and smallest channel below which a picture has no colour (JPEG adds some)."""


def load_key(path: str | Path, film: Film | None = None, turn: int | None = None) -> np.ndarray:
    """The picture as (h, w, 3) float32 sRGB in 0..1, as shown, or with a film, turned like its coded frames.

    turn: the EXIF orientation that turns the stored picture so (`orientation.of_key` lists those to try); None for a
    key painted on the film as a player shows it. Warns of a picture without colour. Raises VidcolorError if the file is
    missing, not a picture, or broken.
    """
    path = Path(path)
    stored = read_key(path)
    if turn is None:
        turn = stored.orientation if film is None else of_key(stored.orientation, film.orientation)[0]
    return turned(stored.rgb, turn)


def read_key(path: Path) -> Stored:
    """A key as stored. Raises VidcolorError like `load_key`."""
    stored = read_picture(path)
    if float((stored.rgb.max(2) - stored.rgb.min(2)).mean()) < _GREY:
        warn(f"key {path} has no colour: its shots will stay nearly grey")
    return stored


def load_picture(path: Path, what: str = "reference") -> np.ndarray:
    """Any picture as (h, w, 3) float32 sRGB in 0..1, as shown. what: its name in messages."""
    stored = read_picture(path, what)
    return turned(stored.rgb, stored.orientation)


def aligned(rgb: np.ndarray, align: Sequence[float], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A cropped or shifted key (h, w, 3) laid over a film's frame of `size` (H, W), and where it covers the frame.

    align: six numbers, the affine map from positions in the frame (0..1 right and down) to positions in the key.
    Returns RGB (H, W, 3), with the key's edges repeated outside it, and the mask (H, W) bool of what it covers.
    """
    rgb = full_size(rgb, size)
    side, whole = np.diag(np.array(size[::-1], np.float64)), np.array(align).reshape(2, 3)
    turn = side @ whole[:, :2] @ np.linalg.inv(side)
    matrix = np.c_[turn, turn @ [0.5, 0.5] + side @ whole[:, 2] - 0.5]
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(rgb, matrix, size[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)
    x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    at_x, at_y = (row[0] * x + row[1] * y + row[2] for row in matrix)
    covered = (at_x >= 0) & (at_x <= size[1] - 1) & (at_y >= 0) & (at_y <= size[0] - 1)
    return np.clip(placed, 0, 1), covered
