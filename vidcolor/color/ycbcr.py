"""Film R'G'B', Y'CbCr and code values.

A film's R'G'B' is taken as sRGB-coded whatever its primaries and transfer tags say (they are carried to the result, not
computed with); only matrix, range and depth of the film differ. BT.2020 means its non-constant-luminance form. Luma is
0..1, Cb and Cr -0.5..0.5, float32.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vidcolor.color.lab import f32, lab_f, to_linear
from vidcolor.film.film import Film

LUMA_WEIGHTS = {  # Kr, Kb of ISO/IEC 23091-2, table of MatrixCoefficients
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
    "fcc": (0.30, 0.11),
}


def luma_weights(matrix: str) -> np.ndarray:
    """Kr, Kg, Kb of a film's matrix, (3,) float32."""
    kr, kb = LUMA_WEIGHTS[matrix]
    return np.array([kr, 1 - kr - kb, kb], np.float32)


# --- luma ---


@lru_cache(maxsize=16)
def _luma_tables(depth: int, full_range: bool) -> tuple[np.ndarray, np.ndarray]:
    codes = np.arange(1 << depth, dtype=np.float64)
    if full_range:
        y = codes / ((1 << depth) - 1)
    else:
        step = 1 << (depth - 8)
        y = np.clip((codes - 16 * step) / (219 * step), 0, 1)
    y01 = y.astype(np.float32)
    grey = (f32(116) * lab_f(to_linear(y01)) - f32(16)).clip(0, 100)
    return y01, grey.astype(np.float32)


def luma01(luma: np.ndarray, film: Film) -> np.ndarray:
    """Code values (H, W) to luma 0..1, float32; limited range's foot and head room is cut off."""
    return _take(luma, film, 0)


def lightness(luma: np.ndarray, film: Film) -> np.ndarray:
    """L, 0..100 float32 (H, W), of the neutral grey that has these luma code values."""
    return _take(luma, film, 1)


def _take(luma: np.ndarray, film: Film, which: int) -> np.ndarray:
    table = _luma_tables(film.depth, film.full_range)[which]
    return np.take(table, luma, mode="clip")


# --- Y'CbCr ---


def rgb_to_ycbcr(rgb: np.ndarray, matrix: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coded R'G'B' (..., 3) to Y' 0..1, Cb, Cr -0.5..0.5, each (...)."""
    kr, kg, kb = luma_weights(matrix)
    y = kr * rgb[..., 0] + kg * rgb[..., 1] + kb * rgb[..., 2]
    return y, (rgb[..., 2] - y) / (2 * (1 - kb)), (rgb[..., 0] - y) / (2 * (1 - kr))


def ycbcr_to_rgb(y01: np.ndarray, cb: np.ndarray, cr: np.ndarray, matrix: str) -> np.ndarray:
    """Y' 0..1, Cb, Cr -0.5..0.5 of one shape (...) to coded R'G'B' (..., 3), not limited to 0..1."""
    kr, kg, kb = luma_weights(matrix)
    red, blue = y01 + 2 * (1 - kr) * cr, y01 + 2 * (1 - kb) * cb
    return np.stack([red, (y01 - kr * red - kb * blue) / kg, blue], -1)


def cbcr_to_codes(cb: np.ndarray, cr: np.ndarray, depth: int, full_range: bool) -> tuple[np.ndarray, np.ndarray]:
    """Cb, Cr -0.5..0.5 to code values: uint8 at depth 8, uint16 above, rounded to nearest."""
    top, middle = (1 << depth) - 1, 1 << (depth - 1)
    scale = top if full_range else 224 << (depth - 8)
    kind = np.uint8 if depth == 8 else np.uint16

    def code(c: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(c * f32(scale) + f32(middle)), 0, top).astype(kind)

    return code(cb), code(cr)


def codes_to_cbcr(cb: np.ndarray, cr: np.ndarray, depth: int, full_range: bool) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `cbcr_to_codes`: float32 planes about -0.5..0.5."""
    scale = (1 << depth) - 1 if full_range else 224 << (depth - 8)
    cb, cr = ((c.astype(np.float32) - (1 << (depth - 1))) / f32(scale) for c in (cb, cr))
    return cb, cr


def luma_codes(y01: np.ndarray, film: Film) -> np.ndarray:
    """Luma 0..1 to code values of the film, rounded."""
    step = 1 << (film.depth - 8)
    low, span = (0, (1 << film.depth) - 1) if film.full_range else (16 * step, 219 * step)
    codes = np.rint(np.clip(y01, 0, 1) * np.float32(span) + np.float32(low))
    return codes.astype(np.uint8 if film.depth == 8 else np.uint16)
