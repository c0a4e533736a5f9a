"""A change of colours found on a small picture, brought to the full-size picture along its edges.

The fast guided filter (He and Sun 2015) with a colour guide (He et al. 2013, Eq. 14-15): around every pixel the
change is fitted as an affine function of the small picture's own colours; the functions, which vary slowly, are
interpolated and evaluated on the full-size colours. So edges and detail are those of the full picture, and what a
network adds beside them (halos, blocks) is left behind. No change stays no change, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

RADIUS = 8
"""Of the windows in which a change is affine, in pixels of the small picture."""
EPS = np.array([1e-3, 2e-4, 2e-4], np.float32)
"""Variance of luma, Cb and Cr below which a window counts as flat, so that grain is not amplified."""


def fit(guide: np.ndarray, change: np.ndarray, radius: int = RADIUS) -> np.ndarray:
    """Affine functions of a small picture's colours that give a change.

    guide: (h, w, 3) float32 Y' 0..1, Cb, Cr. change: (h, w, m) float32 that was found on it.
    Returns (m, h, w, 4) float32: for each of m values the factors of Y', Cb and Cr, and the constant.
    """
    mean = partial(_mean, radius=radius)
    g, p = (np.ascontiguousarray(np.moveaxis(x, 2, 0), np.float32) for x in (guide, change))
    mean_g, mean_p = [mean(x) for x in g], [mean(x) for x in p]
    a, b, c = (mean(g[0] * g[i]) - mean_g[0] * mean_g[i] for i in range(3))
    d, e, f = (mean(g[i] * g[j]) - mean_g[i] * mean_g[j] for i, j in ((1, 1), (1, 2), (2, 2)))
    a, d, f = a + EPS[0], d + EPS[1], f + EPS[2]
    # The inverse of the symmetric 3x3 covariance by its cofactors.
    inverse = (d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b)
    scale = 1 / (a * inverse[0] + b * inverse[1] + c * inverse[2])
    functions = np.empty((len(p), *guide.shape[:2], 4), np.float32)
    for n, out in enumerate(functions):
        with_g = [mean(g[i] * p[n]) - mean_g[i] * mean_p[n] for i in range(3)]
        constant = mean_p[n].copy()
        for i, row in enumerate(((0, 1, 2), (1, 3, 4), (2, 4, 5))):
            factor = scale * (inverse[row[0]] * with_g[0] + inverse[row[1]] * with_g[1] + inverse[row[2]] * with_g[2])
            constant -= factor * mean_g[i]
            out[..., i] = mean(factor)
        out[..., 3] = mean(constant)
    return functions


def evaluate(function: np.ndarray, guide: Sequence[np.ndarray]) -> np.ndarray:
    """The change (h, w) that one function (h, w, 4) of `fit`, brought to that size, gives for colours Y', Cb and Cr,
    each (h, w)."""
    out = function[..., 3].copy()
    for i, values in enumerate(guide):
        out += function[..., i] * values
    return out


def _mean(x: np.ndarray, radius: int) -> np.ndarray:
    """Over windows of 2 radius + 1; beyond the border the picture is mirrored."""
    side = 2 * radius + 1
    return np.asarray(cv2.blur(x, (side, side)))
