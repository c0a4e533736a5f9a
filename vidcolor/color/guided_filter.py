"""The guided filter (He et al. 2013): values fitted around every pixel as an affine function of a guide picture.

`fit_grey` has a grey guide (Eq. 5 and 6), `fit` a guide in colour (Eq. 14 and 15).

`fit` and `evaluate` are the fast guided filter (He and Sun 2015), for a change of colours that was found on a small
picture: the functions, which vary slowly, are interpolated to full size and evaluated on the full-size colours. So
edges and detail are those of the full picture, and what a network adds beside them (halos, blocks) is left behind. No
change stays no change, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

RADIUS = 8
"""Radius of the windows in which a change is affine, in pixels of the small picture."""
EPS = np.array([1e-3, 2e-4, 2e-4], np.float32)
"""Variance of luma, Cb and Cr below which a window counts as flat, so that grain is not amplified."""


def fit(guide: np.ndarray, change: np.ndarray, radius: int = RADIUS) -> np.ndarray:
    """Affine functions of a small picture's colours that give a change.

    guide: (h, w, 3) float32 Y' 0..1, Cb, Cr. change: (h, w, m) float32, found on it.
    Returns (m, h, w, 4) float32: for each of m values the factors of Y', Cb and Cr, and the constant.
    """
    mean = partial(window_mean, radius=radius)
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
    """The change (h, w) that a function of `fit`, interpolated to (h, w, 4), gives for the colours Y', Cb and Cr, each
    (h, w)."""
    out = function[..., 3].copy()
    for i, values in enumerate(guide):
        out += function[..., i] * values
    return out


def fit_grey(
    guide: np.ndarray, planes: Sequence[np.ndarray], radius: int, eps: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Slope and constant (h, w) of each plane over a grey guide, in the window around every pixel.

    guide, planes: (h, w) float32. eps: variance of the guide below which a window counts as flat. The filter's output
    is the `window_mean` of the slopes times the guide, plus that of the constants.
    """
    mean_guide = window_mean(guide, radius)
    variance = window_mean(guide * guide, radius) - mean_guide * mean_guide + np.float32(eps)
    fits = []
    for plane in planes:
        mean_plane = window_mean(plane, radius)
        slope = (window_mean(plane * guide, radius) - mean_plane * mean_guide) / variance
        fits.append((slope, mean_plane - slope * mean_guide))
    return fits


def window_mean(x: np.ndarray, radius: int) -> np.ndarray:
    """Mean over windows of side 2 radius + 1; the picture is mirrored at its borders."""
    side = 2 * radius + 1
    return np.asarray(cv2.blur(x, (side, side)))
