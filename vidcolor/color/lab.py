"""CIE 1976 L*a*b* (D65 white) and sRGB-coded R'G'B'.

Everything is float32; coded R'G'B' is 0..1, L 0..100, a and b in Lab units. OpenCV's float Lab is not used: it
interpolates in a table, with errors up to 0.6 in ab.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

RGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
"""Linear sRGB to XYZ (IEC 61966-2-1)."""
KINK = 6 / 29
"""Where Lab's f(t) turns from a line into a cube root, as a value of f."""
f32 = np.float32
_XYZ = np.array(RGB_TO_XYZ) / np.sum(RGB_TO_XYZ, 1, keepdims=True)  # so that white is (1, 1, 1)
_TO_XYZ = _XYZ.astype(np.float32)
_TO_LINEAR = np.linalg.inv(_XYZ).astype(np.float32)


# --- curves (with minimum and maximum, since numpy's `where` is slower than the power itself) ---


def _power(x: np.ndarray, exponent: float, factor: float = 1) -> np.ndarray:
    """factor * x ** exponent for positive x, within 1e-6. Unlike numpy's, OpenCV's logarithm and exponential are
    vectorised on every machine, and together they are faster than its power."""
    out: Any = cv2.log(x).reshape(x.shape)
    out *= f32(exponent)
    out += f32(np.log(factor))
    return np.asarray(cv2.exp(out)).reshape(x.shape)


def to_linear(coded: np.ndarray) -> np.ndarray:
    """sRGB-coded to linear light; the line near black continues below zero."""
    high = np.maximum(coded, f32(0.04045))
    high += f32(0.055)
    high = _power(high, 2.4, 1.055**-2.4)
    low = coded - f32(0.04045)
    np.minimum(low, 0, out=low)
    low *= f32(1 / 12.92)
    high += low
    return high


def to_coded(linear: np.ndarray) -> np.ndarray:
    """Linear light to sRGB-coded; the line near black continues below zero."""
    high = _power(np.maximum(linear, f32(0.0031308)), 1 / 2.4, 1.055)
    low = np.minimum(linear, f32(0.0031308))
    low *= f32(12.92)
    high += low
    high -= f32(0.055 + 0.0031308 * 12.92)
    return high


def lab_f(t: np.ndarray) -> np.ndarray:
    high = _power(np.maximum(t, f32(KINK**3)), 1 / 3)
    low = t - f32(KINK**3)
    np.minimum(low, 0, out=low)
    low *= f32(1 / (3 * KINK**2))
    high += low
    return high


def lab_f_inverse(f: np.ndarray) -> np.ndarray:
    high = np.maximum(f, f32(KINK))
    cube = high * high
    cube *= high
    low = np.minimum(f, f32(KINK))
    low -= f32(KINK)
    low *= f32(3 * KINK**2)
    cube += low
    return cube


# --- Lab and R'G'B' ---


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB-coded (..., 3), 0..1, to Lab (..., 3) float32."""
    flat = np.ascontiguousarray(np.asarray(rgb, np.float32).reshape(-1, 3).T)
    f = lab_f(_TO_XYZ @ to_linear(flat))
    lab = np.stack([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])], -1)
    return lab.reshape(np.shape(rgb)).astype(np.float32, copy=False)


def lab_to_rgb(lab: np.ndarray, clip: bool = True) -> np.ndarray:
    """Lab (..., 3) to sRGB-coded (..., 3) float32, clipped to 0..1 unless `clip` is False."""
    flat = np.ascontiguousarray(np.asarray(lab, np.float32).reshape(-1, 3).T)
    rgb = rgb_of((flat[0] + f32(16)) / f32(116), ab_offsets(flat[1], flat[2])).T.reshape(np.shape(lab))
    return np.clip(rgb, 0, 1) if clip else np.ascontiguousarray(rgb)


def ab_offsets(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What ab (n,) adds to f(Y) in f(X), f(Y) and f(Z): (3, n)."""
    out = np.zeros((3, a.size), np.float32)
    np.divide(a, 500, out=out[0])
    np.divide(b, -200, out=out[2])
    return out


def rgb_of(fy: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """R'G'B' (3, n), not clipped, of f(Y) (n,) and the `ab_offsets` (3, n)."""
    return to_coded(_TO_LINEAR @ lab_f_inverse(fy + offsets))
