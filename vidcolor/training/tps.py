"""Thin-plate splines (Bookstein 1989): a bent picture, and where in the original each of its pixels lies.

A picture and its bent copy are a pair of target and reference with every correspondence known: Lee et al. (CVPR 2020,
section 3.2) and Bai et al. (ECCV 2022) train with such pairs.
"""

from __future__ import annotations

import cv2
import numpy as np

CONTROL = 5
"""Control points along each side."""


def bend(h: int, w: int, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """(h, w, 2) float32: x, y in the picture of every pixel of the bent one.

    jitter: deviation of the control points' uniform shifts over the picture's half side: .1 mild, .4 violent.
    """
    side = np.linspace(-1, 1, CONTROL)
    points = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    moved = points + rng.uniform(-jitter, jitter, points.shape)
    n = len(points)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = _kernel(points, points)
    system[:n, n], system[:n, n + 1 :] = 1, points
    system[n:, :n] = system[:n, n:].T
    solved = np.linalg.solve(system, np.vstack([moved, np.zeros((3, 2))]))
    side_y, side_x = np.linspace(-1, 1, h), np.linspace(-1, 1, w)
    flat = np.stack(np.meshgrid(side_x, side_y), -1).reshape(-1, 2).astype(np.float32)
    at = _kernel(flat, points) @ solved[:n] + solved[n] + flat @ solved[n + 1 :]
    return ((at + 1) / 2 * (w - 1, h - 1)).astype(np.float32).reshape(h, w, 2)


def bent(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The picture (h, w, c) seen at the places of `bend`, mirrored at its borders."""
    return cv2.remap(picture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[call-overload]


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """r squared times log r of every pair of points."""
    squared = np.subtract.outer(a[:, 0], b[:, 0].astype(a.dtype)) ** 2
    squared += np.subtract.outer(a[:, 1], b[:, 1].astype(a.dtype)) ** 2
    return 0.5 * squared * np.log(np.maximum(squared, 1e-12))
