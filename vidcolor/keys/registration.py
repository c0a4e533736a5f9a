"""Registration: where a cropped or shifted key lies over its frame, by structure."""

from __future__ import annotations

import cv2
import numpy as np

from vidcolor.shots.detector import correlation, detail

FINE = (240, 320)
"""Height and width at which neighbouring frames can be told apart."""


def registered(key: np.ndarray, y: np.ndarray) -> tuple[float, tuple[float, ...] | None]:
    """How well a key's FINE luma agrees with a frame's once its crop and shift are undone, and the affine map for it.

    The map takes positions in the film's frame, 0..1 to the right and down, to positions in the key: six numbers, row
    by row. Registration by enhanced correlation (Evangelidis and Psarakis 2008), from coarse to fine. Gives (-1, None)
    if it fails, or finds no mere crop: sides scaled or turned by more than a fifth, or shifted by more than that.
    """
    matrix = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    for scale, motion in ((0.25, cv2.MOTION_TRANSLATION), (0.5, cv2.MOTION_AFFINE), (1.0, cv2.MOTION_AFFINE)):
        small = (round(FINE[1] * scale), round(FINE[0] * scale))
        at, moving = (cv2.resize(detail(x, 1.0, 20.0), small, interpolation=cv2.INTER_AREA) for x in (y, key))
        matrix[:, 2] *= scale
        try:
            matrix = np.asarray(cv2.findTransformECC(at, moving, matrix, motion, stop)[1])
        except cv2.error:  # no convergence: another picture
            return -1.0, None
        matrix[:, 2] /= scale
    if np.abs(matrix[:, :2] - np.eye(2)).max() > 0.2 or np.abs(matrix[:, 2] / FINE[::-1]).max() > 0.2:
        return -1.0, None
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(key, matrix, FINE[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)
    side = np.diag(np.array(FINE[::-1], np.float64))
    whole = np.linalg.inv(side) @ np.c_[matrix[:, :2] @ side, matrix[:, 2] + 0.5 - matrix[:, :2] @ [0.5, 0.5]]
    return correlation(fine_structure(moved), fine_structure(y)), tuple(float(v) for v in whole.ravel())


def sized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture (H, W[, c]) as float32 at the size (h, w): averaged where both sides shrink, else bilinear."""
    shrinks = picture.shape[0] >= size[0] and picture.shape[1] >= size[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(picture, np.float32), size[::-1], interpolation=way)


def fine_structure(y: np.ndarray) -> np.ndarray:
    """The band of FINE luma that tells frames apart; without the edge, which is often cropped."""
    return detail(y, 1.0, 20.0)[FINE[0] // 16 : -FINE[0] // 16, FINE[1] // 16 : -FINE[1] // 16]
