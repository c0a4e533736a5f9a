"""Film R'G'B', Y'CbCr and code values.

A film's R'G'B' is taken for sRGB whatever its primaries and transfer tags say (the tags are copied to the result, not
computed with); films differ in matrix, range and depth only. Luma is 0..1, Cb and Cr are -0.5..0.5, float32.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vidcolor.color.coding import MATRICES, Coding, code_type
from vidcolor.color.lab import f32, lab_f, to_linear


def luma_weights(matrix: str) -> np.ndarray:
    """Kr, Kg, Kb of a film's matrix, (3,) float32."""
    kr, kb = MATRICES[matrix][:2]
    return np.array([kr, 1 - kr - kb, kb], np.float32)


# --- luma ---


@lru_cache(maxsize=16)
def _luma_tables(coding: Coding) -> tuple[np.ndarray, np.ndarray]:
    """Luma 0..1 and lightness of every code value."""
    codes = np.arange(coding.top + 1, dtype=np.float64)
    y01 = np.clip((codes - coding.black) / (coding.white - coding.black), 0, 1).astype(np.float32)
    grey = (f32(116) * lab_f(to_linear(y01)) - f32(16)).clip(0, 100)
    return y01, grey.astype(np.float32)


def luma01(luma: np.ndarray, coding: Coding) -> np.ndarray:
    """Code values (H, W) to luma 0..1, float32; foot and head room of limited range are clipped."""
    return np.take(_luma_tables(coding)[0], luma, mode="clip")


def lightness(luma: np.ndarray, coding: Coding) -> np.ndarray:
    """Luma code values (H, W) to the lightness L of that neutral grey, 0..100 float32."""
    return np.take(_luma_tables(coding)[1], luma, mode="clip")


def luma_codes(y01: np.ndarray, coding: Coding) -> np.ndarray:
    """Luma 0..1 to code values, rounded to nearest: uint8 at depth 8, uint16 above."""
    codes = np.rint(np.clip(y01, 0, 1) * f32(coding.white - coding.black) + f32(coding.black))
    return codes.astype(code_type(coding.depth))


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


def cbcr_to_codes(cb: np.ndarray, cr: np.ndarray, coding: Coding) -> tuple[np.ndarray, np.ndarray]:
    """Cb, Cr -0.5..0.5 to code values: uint8 at depth 8, uint16 above, rounded to nearest."""

    def code(c: np.ndarray) -> np.ndarray:
        codes = np.rint(c * f32(coding.chroma_span) + f32(coding.neutral))
        return np.clip(codes, 0, coding.top).astype(code_type(coding.depth))

    return code(cb), code(cr)


def codes_to_cbcr(cb: np.ndarray, cr: np.ndarray, coding: Coding) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `cbcr_to_codes`: float32 planes about -0.5..0.5."""
    cb, cr = ((c.astype(np.float32) - coding.neutral) / f32(coding.chroma_span) for c in (cb, cr))
    return cb, cr


# --- from one depth and range to another ---


@lru_cache(maxsize=4)
def recoding(old: Coding, new: Coding) -> tuple[np.ndarray, np.ndarray]:
    """Tables from code values of one depth and range to those of another, for luma and for chroma (ITU-T H.273,
    equations 20 to 34)."""
    codes = np.arange(old.top + 1, dtype=np.float64)
    luma = (codes - old.black) * ((new.white - new.black) / (old.white - old.black)) + new.black
    chroma = (codes - old.neutral) * (new.chroma_span / old.chroma_span) + new.neutral
    fit = [np.clip(np.floor(values + 0.5), 0, new.top).astype(code_type(new.depth)) for values in (luma, chroma)]
    return fit[0], fit[1]
