"""The colours of painted keys on their own frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import cv2
import numpy as np

from vidcolor.shot import Reference, Shot

PLAIN = 4.0
"""Standard deviation of L below which a window has nothing to compare."""
SAME = 0.4
"""Least local correlation of two windows that show the same thing."""


def find_key_colors(
    shot: Shot, references: Sequence[Reference], size: tuple[int, int] | None = None
) -> dict[int, np.ndarray]:
    """The ab (h, w, 2) float32 of painted keys, by the positions in the shot of the frames that they paint.

    size: (h, w) of the result, that of `shot.lightness` where None. NaN where a key says nothing: outside a cropped
    one, and where something in a cropped one has moved, as it was painted on a neighbouring frame.
    """
    h, w = size = size or shot.lightness.shape[1:]
    found = {}
    for key in references:
        if key.painted and key.frame is not None and 0 <= key.frame - shot.first < len(shot):
            ab = shrunk(key.lab[..., 1:], size)
            if key.covered is not None:
                silent = _silent(key, shot.grey(key.frame - shot.first))
                ab[cv2.resize(silent.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA) > 0] = np.nan
            found[key.frame - shot.first] = ab
    return found


def key_reach(shot: Shot, references: Sequence[Reference]) -> dict[int, float]:
    """The user's weights of painted keys relative to the largest one, by the positions in the shot of the frames that
    they paint."""
    weights = {r.frame - shot.first: r.weight for r in references if r.painted and r.frame is not None}
    weights = {t: weight for t, weight in weights.items() if 0 <= t < len(shot)}
    return {t: weight / max(weights.values()) for t, weight in weights.items()}


def set_key_colors(ab: np.ndarray, key_colors: Mapping[int, np.ndarray]) -> None:
    """Give painted frames their keys' colours, in place, wherever the keys have any. ab: (n, h, w, 2); key_colors: as
    `find_key_colors` gives them at that size."""
    for t, colors in key_colors.items():
        known = ~np.isnan(colors[..., 0])
        ab[t][known] = colors[known]


def _silent(key: Reference, l: np.ndarray) -> np.ndarray:
    """(h, w) bool: where a cropped key says nothing about a frame of lightness l (h, w), 0..100."""
    size = l.shape
    covered = cv2.resize(np.asarray(key.covered, np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)
    return (covered == 0) | ~same_structure(l, shrunk(key.lab[..., 0], size))


def shrunk(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(np.ascontiguousarray(image), (size[1], size[0]), interpolation=cv2.INTER_AREA)


def same_structure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(h, w) bool: where two lightnesses (h, w) float32, 0..100, show the same thing.

    By local correlation (Gaussian windows of 4 pixels), whatever their brightness; where both are plain they
    count as the same.
    """
    blur = partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=4)
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    correlation = (blur(a * b) - mean_a * mean_b) / np.sqrt(np.maximum(var_a * var_b, 1e-6))
    differs = (np.maximum(var_a, var_b) > PLAIN**2) & (correlation < SAME)
    return cv2.dilate(differs.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
