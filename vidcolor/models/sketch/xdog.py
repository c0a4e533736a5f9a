"""Lines of a grey frame: the extended difference of Gaussians (Winnemoeller et al., Computers & Graphics 2012).

A frame is smoothed first where it is nearly flat, so that grain does not become lines. Everything here looks at a
neighbourhood of fixed size and at nothing of the whole frame, so that what stands still in a shot stays the same.
"""

from __future__ import annotations

import cv2
import numpy as np

SIGMA, K, P, EPS = 0.5, 4.5, 19.0, 0.01
"""Deviation in pixels of the narrower Gaussian, the wider one's factor, their sharpening, and the threshold, of
what is compared on a scale of 0..1."""
PHI = 10.0
"""Steepness of the threshold: soft, so that edges that move by less than a pixel do not jump. 1e9 gives two values,
as the paper has it."""
BLUR = 0.7
"""Deviation in pixels of the first blur."""
GRAIN = 0.06
"""Differences of luma up to about this are smoothed as grain."""


def sketch(lightness: np.ndarray, phi: float = PHI) -> np.ndarray:
    """(h, w) lightness, uint8 0..255 or float32 0..100, to its lines: (h, w) float32, 0 on a line, 1 on paper."""
    grey = lightness.astype(np.float32) / np.float32(255 if lightness.dtype == np.uint8 else 100)
    return xdog(denoised(grey), phi=phi)


def denoised(grey: np.ndarray) -> np.ndarray:
    """(h, w) float32 0..1, smoothed but for its edges; twice, as a bilateral filter leaves single grains behind."""
    for _ in range(2):
        grey = cv2.bilateralFilter(grey, 5, GRAIN, 1.5, borderType=cv2.BORDER_REPLICATE)
    return grey


def xdog(
    grey: np.ndarray, sigma: float = SIGMA, k: float = K, p: float = P, eps: float = EPS, phi: float = PHI
) -> np.ndarray:
    """(h, w) float32 0..1 to lines, 0 black to 1 white: 1 where S * I >= eps, else 1 + tanh(phi (S * I - eps)), of
    S = (1 + p) G_sigma - p G_k sigma. What is darker than a tenth is black however flat it is."""
    image = _gauss(grey, BLUR)
    sharp = (1 + p) * _gauss(image, sigma) - p * _gauss(image, k * sigma)
    over = sharp * image - np.float32(eps)
    return np.where(over >= 0, np.float32(1), np.maximum(1 + np.tanh(np.float32(phi) * np.minimum(over, 0)), 0))


def _gauss(x: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(x, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
