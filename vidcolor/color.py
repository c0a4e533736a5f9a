"""CIE Lab, film R'G'B' and Y'CbCr: everything between a luma code value and a chroma code value.

Lab is CIE 1976 L*a*b* of the D65 white with the sRGB transfer curve. A film's R'G'B' is taken as sRGB-coded
whatever its primaries and transfer tags say (they are carried to the result, not computed with); only matrix,
range and depth of the film differ. BT.2020 means its non-constant-luminance form. Floats are float32; coded
R'G'B' and luma are 0..1, L 0..100, a and b in Lab units, Cb and Cr -0.5..0.5.

OpenCV's float Lab is not used: its RGB to Lab goes through an interpolated table, off by up to 0.6 in ab.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from .film import Film

LUMA_WEIGHTS = {  # Kr, Kb of ISO/IEC 23091-2, table of MatrixCoefficients
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
    "fcc": (0.30, 0.11),
}

_XYZ = np.array(  # linear sRGB to XYZ (IEC 61966-2-1), rows scaled so that white is (1, 1, 1)
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_XYZ /= _XYZ.sum(1, keepdims=True)
_TO_XYZ = _XYZ.astype(np.float32)
_TO_LINEAR = np.linalg.inv(_XYZ).astype(np.float32)
_F = np.float32
_KINK = 6 / 29  # of Lab's cube root: below it the curve is a line
_NEAR = 4e-4  # how near the search comes to the luma; R'G'B' is then off by less than 1e-3
_NEARER = 1e-5
_MOST_STEPS = 16
_BLOCK = 1 << 14  # pixels worked on at once, so that the intermediates stay in the processor's cache


def luma_weights(matrix: str) -> np.ndarray:
    """Kr, Kg, Kb of a film's matrix, (3,) float32."""
    kr, kb = LUMA_WEIGHTS[matrix]
    return np.array([kr, 1 - kr - kb, kb], np.float32)


MOST_ASPECT = 8
"""Of a working frame: long side over short. Films have up to 4 (Polyvision)."""


def working_size(film: Film, short: int) -> tuple[int, int]:
    """(h, w) of the working frame: multiples of 32, the display's aspect (within 8:1, so that a strip of a picture
    fits into memory), short side nearest to `short`."""
    aspect = film.display_aspect
    side = max(32, round(short / 32) * 32)
    other = max(32, round(side * min(max(aspect, 1 / aspect), MOST_ASPECT) / 32) * 32)
    return (side, other) if aspect >= 1 else (other, side)


# --- curves (written with minimum and maximum: numpy's `where` would be slower than the power itself) ---


def _power(x: np.ndarray, exponent: float, factor: float = 1) -> np.ndarray:
    """factor * x ** exponent of positive x, within 1e-6 of it. OpenCV's logarithm and exponential are vectorised on
    every machine, unlike numpy's, and both together are quicker than its power."""
    out: Any = cv2.log(x).reshape(x.shape)
    out *= _F(exponent)
    out += _F(np.log(factor))
    return np.asarray(cv2.exp(out)).reshape(x.shape)


def _to_linear(coded: np.ndarray) -> np.ndarray:
    """sRGB-coded to linear light; the line near black goes on below zero."""
    high = np.maximum(coded, _F(0.04045))
    high += _F(0.055)
    high = _power(high, 2.4, 1.055**-2.4)
    low = coded - _F(0.04045)
    np.minimum(low, 0, out=low)
    low *= _F(1 / 12.92)
    high += low
    return high


def _to_coded(linear: np.ndarray) -> np.ndarray:
    """Linear light to sRGB-coded; the line near black goes on below zero."""
    high = _power(np.maximum(linear, _F(0.0031308)), 1 / 2.4, 1.055)
    low = np.minimum(linear, _F(0.0031308))
    low *= _F(12.92)
    high += low
    high -= _F(0.055 + 0.0031308 * 12.92)
    return high


def _lab_f(t: np.ndarray) -> np.ndarray:
    high = _power(np.maximum(t, _F(_KINK**3)), 1 / 3)
    low = t - _F(_KINK**3)
    np.minimum(low, 0, out=low)
    low *= _F(1 / (3 * _KINK**2))
    high += low
    return high


def _lab_f_inverse(f: np.ndarray) -> np.ndarray:
    high = np.maximum(f, _F(_KINK))
    cube = high * high
    cube *= high
    low = np.minimum(f, _F(_KINK))
    low -= _F(_KINK)
    low *= _F(3 * _KINK**2)
    cube += low
    return cube


# --- Lab and R'G'B' ---


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB-coded (..., 3), 0..1, to Lab (..., 3) float32."""
    flat = np.ascontiguousarray(np.asarray(rgb, np.float32).reshape(-1, 3).T)
    f = _lab_f(_TO_XYZ @ _to_linear(flat))
    lab = np.stack([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])], -1)
    return lab.reshape(np.shape(rgb)).astype(np.float32, copy=False)


def lab_to_rgb(lab: np.ndarray, clip: bool = True) -> np.ndarray:
    """Lab (..., 3) to sRGB-coded (..., 3) float32; values outside 0..1 are cut off unless `clip` is False."""
    flat = np.ascontiguousarray(np.asarray(lab, np.float32).reshape(-1, 3).T)
    rgb = _coded((flat[0] + _F(16)) / _F(116), _offsets(flat[1], flat[2])).T.reshape(np.shape(lab))
    return np.clip(rgb, 0, 1) if clip else np.ascontiguousarray(rgb)


def _offsets(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What ab adds to f(Y) to give f(X), f(Y), f(Z): (3, n)."""
    out = np.zeros((3, a.size), np.float32)
    np.divide(a, 500, out=out[0])
    np.divide(b, -200, out=out[2])
    return out


def _coded(fy: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """R'G'B' (3, n), not limited to 0..1, of f(Y) (n,) and ab's offsets (3, n)."""
    return _to_coded(_TO_LINEAR @ _lab_f_inverse(fy + offsets))


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
    grey = (_F(116) * _lab_f(_to_linear(y01)) - _F(16)).clip(0, 100)
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
        return np.clip(np.rint(c * _F(scale) + _F(middle)), 0, top).astype(kind)

    return code(cb), code(cr)


def codes_to_cbcr(cb: np.ndarray, cr: np.ndarray, depth: int, full_range: bool) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `cbcr_to_codes`: float32 planes about -0.5..0.5."""
    scale = (1 << depth) - 1 if full_range else 224 << (depth - 8)
    cb, cr = ((c.astype(np.float32) - (1 << (depth - 1))) / _F(scale) for c in (cb, cr))
    return cb, cr


def ab_to_cbcr(y01: np.ndarray, ab: np.ndarray, film: Film) -> tuple[np.ndarray, np.ndarray]:
    """Chroma of the colour that has luma exactly `y01` and these ab.

    Luma Y' is a weighted sum of coded R'G'B' and not a function of L alone, so L is searched for. Colours outside
    0..1 are drawn in towards grey at constant Lab hue, as far as needed.

    y01 (H, W) 0..1; ab (H, W, 2) Lab units, any float type. Returns Cb, Cr (H, W) float32 in -0.5..0.5.
    """
    weights, guess = luma_weights(film.matrix), _guess_of(film.matrix)
    y = np.ascontiguousarray(y01, dtype=np.float32).reshape(-1)
    flat_ab = np.asarray(ab, np.float32).reshape(-1, 2)
    cb, cr, fy = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    colored = (y > 0) & (y < 1)
    rest = []
    for i in range(0, y.size, _BLOCK):
        s = slice(i, i + _BLOCK)
        offsets = _offsets(*flat_ab[s].T)
        fy[s] = _first_guess(y[s], offsets, guess)
        away = _coded(fy[s], offsets)
        luma = weights @ away
        away -= luma
        cb[s], cr[s] = _cbcr(away, weights)
        wrong = (np.abs(luma - y[s]) > _NEAR) | (away.min(0) < -y[s]) | (away.max(0) > 1 - y[s])
        rest.append(np.flatnonzero(wrong & colored[s]) + i)
    cb[~colored] = cr[~colored] = 0  # black and white
    todo = np.concatenate(rest)
    if todo.size:
        offsets = _offsets(*flat_ab[todo].T)
        cb[todo], cr[todo] = _cbcr(_inside(y[todo], fy[todo], offsets, weights, _edge_of(film.matrix)), weights)
    return cb.reshape(np.shape(y01)), cr.reshape(np.shape(y01))


def _cbcr(away: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cb and Cr (n,) of R'G'B' minus Y' (3, n)."""
    return away[2] / (2 * (1 - weights[2])), away[0] / (2 * (1 - weights[0]))


def _inside(y: np.ndarray, fy: np.ndarray, offsets: np.ndarray, weights: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """R'G'B' minus Y' (3, n) drawn in to 0..1, for colours of luma `y`, about f(Y) `fy`, and ab `offsets`.

    Those that looked outside are often inside, or on the edge: a nearer look says which.
    """
    away, fy = _search(y, fy, offsets, weights, _NEARER)
    room = _room(y, away)
    far = np.flatnonzero(room < 0.999)
    if far.size:
        guess = _first_factor(y[far], offsets[:, far], edge)
        away[:, far], room[far], _ = _pull_in(y[far], away[:, far], fy[far], room[far], offsets[:, far], weights, guess)
    return away * np.minimum(room, 1)


_GREYS, _COLORS, _REACH = 48, 37, 108.0  # nodes of the table of first guesses: over f(Y), over a and b, largest ab
_GREY_F = _lab_f(_to_linear(np.linspace(0, 1, (1 << 14) + 1, dtype=np.float32)))  # f(Y) of greys, by luma


def _first_guess(y: np.ndarray, offsets: np.ndarray, table: np.ndarray) -> np.ndarray:
    """f(Y) of the colours of luma `y` (n,) and ab `offsets` (3, n), from the table's nearest node and slopes there."""
    grey = np.take(_GREY_F, (y * _F(_GREY_F.size - 1) + _F(0.5)).astype(np.int32), mode="clip")
    step = _F(2 * _REACH / (_COLORS - 1))
    g = (grey - _F(16 / 116)) * _F((_GREYS - 1) / (1 - 16 / 116))
    a = np.clip(offsets[0] * (500 / step), -(_COLORS // 2), _COLORS // 2)
    b = np.clip(offsets[2] * (-200 / step), -(_COLORS // 2), _COLORS // 2)
    at_g, at_a, at_b = np.rint(g), np.rint(a), np.rint(b)
    node = (at_g * _COLORS + at_a) * _COLORS + (at_b + _F(_COLORS // 2 * (_COLORS + 1)))
    found = np.take(table, node.astype(np.int32), axis=0, mode="clip").T
    guess = grey + found[0] + found[1] * (g - at_g) + found[2] * (a - at_a) + found[3] * (b - at_b)
    return np.clip(guess, _F(16 / 116), _F(1), out=guess)


@lru_cache(maxsize=8)
def _guess_of(matrix: str) -> np.ndarray:
    """The table of `_first_guess`: f(Y) of a colour minus that of the grey of its luma, and its slope by node."""
    grey = np.linspace(16 / 116, 1, _GREYS, dtype=np.float32)
    ab = np.linspace(-_REACH, _REACH, _COLORS, dtype=np.float32)
    nodes = [np.ascontiguousarray(n.ravel()) for n in np.meshgrid(grey, ab, ab, indexing="ij")]
    luma = _to_coded(_lab_f_inverse(nodes[0]))
    _, fy = _search(luma, nodes[0].copy(), _offsets(nodes[1], nodes[2]), luma_weights(matrix), _NEARER)
    more = (fy - nodes[0]).reshape(_GREYS, _COLORS, _COLORS)
    return np.stack([more, *np.gradient(more)], -1).reshape(-1, 4)


_LUMAS, _HUES = 128, 256  # nodes of the table of the gamut's edge


def _first_factor(y: np.ndarray, offsets: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """About the factor of ab (n,) that brings the colours of luma `y` (n,) and ab `offsets` (3, n) to the edge."""
    a, b = 500 * offsets[0], -200 * offsets[2]
    row, column = y * _F(_LUMAS - 1), (np.arctan2(b, a) + _F(np.pi)) * _F(_HUES / (2 * np.pi))
    i, j = (np.clip(x.astype(np.int32), 0, top) for x, top in ((row, _LUMAS - 2), (column, _HUES - 1)))
    down, right = row - i, column - j
    above, below = (edge[i + k, j] * (1 - right) + edge[i + k, j + 1] * right for k in (0, 1))
    return np.clip((above * (1 - down) + below * down) / np.hypot(a, b), _F(1e-3), _F(0.999))


@lru_cache(maxsize=8)
def _edge_of(matrix: str) -> np.ndarray:
    """The table of `_first_factor`: the largest ab that is inside, by luma 0..1 and by hue -pi..pi."""
    luma, hue = np.linspace(0, 1, _LUMAS, dtype=np.float32), np.linspace(-np.pi, np.pi, _HUES + 1, dtype=np.float32)
    y, h = (np.ascontiguousarray(n.ravel()) for n in np.meshgrid(luma[1:-1], hue, indexing="ij"))
    weights, offsets, far = luma_weights(matrix), _offsets(150 * np.cos(h), 150 * np.sin(h)), np.full_like(y, 0.5)
    away, fy = _search(y, _first_guess(y, offsets, _guess_of(matrix)), offsets, weights, _NEAR)
    _, _, factor = _pull_in(y, away, fy, np.minimum(_room(y, away), 0.999), offsets, weights, far)
    return np.pad(150 * factor.reshape(_LUMAS - 2, -1), ((1, 1), (0, 0)))


def _search(
    y: np.ndarray, fy: np.ndarray, offsets: np.ndarray, weights: np.ndarray, near: float
) -> tuple[np.ndarray, np.ndarray]:
    """R'G'B' minus Y' (3, n) of the colours of luma `y` (n,) and ab `offsets`, and their f(Y).

    Starts at `fy`, overwritten; the luma is met within `near`. Secant steps inside a bracket that only narrows.
    """
    away = _coded(fy, offsets)
    luma = weights @ away
    away -= luma
    todo = np.flatnonzero(np.abs(y - luma) > near)
    if not todo.size:
        return away, fy
    y, offsets, luma, now = y[todo], offsets[:, todo], luma[todo], fy[todo]
    low, high = np.full_like(now, 16 / 116), np.ones_like(now)  # L 0 and 100
    step = now + _lab_f(_to_linear(y)) - _lab_f(_to_linear(luma))  # the slope of the greys, to begin with
    for _ in range(_MOST_STEPS):
        error = y - luma
        low = np.where(error > 0, np.maximum(low, now), low)
        high = np.where(error < 0, np.minimum(high, now), high)
        before, luma_before = now, luma
        now = np.where((step > low) & (step < high), step, (low + high) * _F(0.5))
        rgb = _coded(now, offsets)
        luma = weights @ rgb
        fy[todo], away[:, todo] = now, rgb - luma
        left = np.flatnonzero(np.abs(y - luma) > near)
        if not left.size:
            break
        todo, y, offsets, low, high = todo[left], y[left], offsets[:, left], low[left], high[left]
        now, luma, before, luma_before = now[left], luma[left], before[left], luma_before[left]
        rise = luma - luma_before
        rise[np.abs(rise) < 1e-6] = np.inf
        step = now + (y - luma) * (now - before) / rise
    return away, fy


def _pull_in(
    y: np.ndarray,
    away: np.ndarray,
    fy: np.ndarray,
    room: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    factor: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same colours with ab multiplied by the largest factor that keeps R'G'B' in 0..1, the room left, and the
    factor. `factor`: a guess of it, between 0 and 1."""
    away, fy, room, used = away.copy(), fy.copy(), room.copy(), np.empty_like(y)
    # false position (Illinois) on 1/room - 1, which is about linear in the factor and -1 at factor 0
    inside, outside = np.zeros_like(y), np.ones_like(y)
    below, above = -np.ones_like(y), 1 / np.maximum(room, _F(1e-3)) - 1
    side = np.zeros(y.size, np.int8)
    todo = np.arange(y.size)
    for _ in range(_MOST_STEPS):
        used[todo] = factor
        away[:, todo], fy[todo] = _search(y[todo], fy[todo], offsets[:, todo] * factor, weights, _NEAR / 4)
        room[todo] = _room(y[todo], away[:, todo])
        excess = 1 / np.maximum(room[todo], _F(1e-3)) - 1
        within = excess <= 0
        above = np.where(within, np.where(side < 0, above / 2, above), excess)
        below = np.where(within, excess, np.where(side > 0, below / 2, below))
        inside, outside = np.where(within, factor, inside), np.where(within, outside, factor)
        side = np.where(within, -1, 1).astype(np.int8)
        left = np.abs(excess) > 0.003
        if not left.any():
            break
        todo, side = todo[left], side[left]
        inside, outside, below, above = inside[left], outside[left], below[left], above[left]
        factor = inside - below * (outside - inside) / (above - below)
    return away, room, used


def _room(y: np.ndarray, away: np.ndarray) -> np.ndarray:
    """By how much R'G'B' minus Y' (3, n) can be multiplied until a channel leaves 0..1 (at most 4)."""
    limit = np.where(away > 0, 1 - y, -y)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = limit / away
    return np.where(np.abs(away) < 1e-7, _F(4), np.clip(ratio, 0, 4)).min(0)
