"""The colour with a given luma and ab, within the gamut of R'G'B' 0..1."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vidcolor.color.lab import ab_offsets, f32, lab_f, lab_f_inverse, rgb_of, to_coded, to_linear
from vidcolor.color.ycbcr import luma_weights

_NEAR = 4e-4  # how close the search comes to the luma: R'G'B' is then off by less than 1e-3
_NEARER = 1e-5
_MOST_STEPS = 16
_BLOCK = 1 << 14  # pixels at a time, so that intermediate results stay in the processor's cache


def ab_to_cbcr(y01: np.ndarray, ab: np.ndarray, matrix: str) -> tuple[np.ndarray, np.ndarray]:
    """Chroma of the colour that has exactly the luma `y01` and this ab.

    Luma Y' is a weighted sum of coded R'G'B' and not a function of L alone, so L is searched for. Colours outside 0..1
    are pulled in towards grey at constant Lab hue, as far as needed.

    y01 (H, W) 0..1; ab (H, W, 2) Lab units, any float type. Returns Cb, Cr (H, W) float32 in -0.5..0.5.
    """
    weights, guess = luma_weights(matrix), _guess_of(matrix)
    y = np.ascontiguousarray(y01, dtype=np.float32).reshape(-1)
    flat_ab = np.asarray(ab, np.float32).reshape(-1, 2)
    cb, cr, fy = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    colored = (y > 0) & (y < 1)
    rest = []
    for i in range(0, y.size, _BLOCK):
        s = slice(i, i + _BLOCK)
        offsets = ab_offsets(*flat_ab[s].T)
        fy[s] = _first_guess(y[s], offsets, guess)
        away = rgb_of(fy[s], offsets)
        luma = weights @ away
        away -= luma
        cb[s], cr[s] = _cbcr(away, weights)
        wrong = (np.abs(luma - y[s]) > _NEAR) | (away.min(0) < -y[s]) | (away.max(0) > 1 - y[s])
        rest.append(np.flatnonzero(wrong & colored[s]) + i)
    cb[~colored] = cr[~colored] = 0  # black and white
    todo = np.concatenate(rest)
    if todo.size:
        offsets = ab_offsets(*flat_ab[todo].T)
        cb[todo], cr[todo] = _cbcr(_inside(y[todo], fy[todo], offsets, weights, _edge_of(matrix)), weights)
    return cb.reshape(np.shape(y01)), cr.reshape(np.shape(y01))


def _cbcr(away: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cb and Cr (n,) of R'G'B' minus Y' (3, n)."""
    return away[2] / (2 * (1 - weights[2])), away[0] / (2 * (1 - weights[0]))


def _inside(y: np.ndarray, fy: np.ndarray, offsets: np.ndarray, weights: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """R'G'B' minus Y' (3, n) pulled in to 0..1, for colours of luma `y`, f(Y) near `fy`, and ab `offsets`.

    Colours that seemed outside are often inside or on the edge, as a closer search shows.
    """
    away, fy = _search(y, fy, offsets, weights, _NEARER)
    room = _room(y, away)
    far = np.flatnonzero(room < 0.999)
    if far.size:
        guess = _first_factor(y[far], offsets[:, far], edge)
        away[:, far], room[far], _ = _pull_in(y[far], away[:, far], fy[far], room[far], offsets[:, far], weights, guess)
    return away * np.minimum(room, 1)


_GREYS, _COLORS, _REACH = 48, 37, 108.0  # nodes of the table of first guesses over f(Y), over a and b; its largest ab
_GREY_F = lab_f(to_linear(np.linspace(0, 1, (1 << 14) + 1, dtype=np.float32)))  # f(Y) of greys, by luma


def _first_guess(y: np.ndarray, offsets: np.ndarray, table: np.ndarray) -> np.ndarray:
    """f(Y) of the colours of luma `y` (n,) and ab `offsets` (3, n), from the table's nearest node and slopes there."""
    grey = np.take(_GREY_F, (y * f32(_GREY_F.size - 1) + f32(0.5)).astype(np.int32), mode="clip")
    step = f32(2 * _REACH / (_COLORS - 1))
    g = (grey - f32(16 / 116)) * f32((_GREYS - 1) / (1 - 16 / 116))
    a = np.clip(offsets[0] * (500 / step), -(_COLORS // 2), _COLORS // 2)
    b = np.clip(offsets[2] * (-200 / step), -(_COLORS // 2), _COLORS // 2)
    at_g, at_a, at_b = np.rint(g), np.rint(a), np.rint(b)
    node = (at_g * _COLORS + at_a) * _COLORS + (at_b + f32(_COLORS // 2 * (_COLORS + 1)))
    found = np.take(table, node.astype(np.int32), axis=0, mode="clip").T
    guess = grey + found[0] + found[1] * (g - at_g) + found[2] * (a - at_a) + found[3] * (b - at_b)
    return np.clip(guess, f32(16 / 116), f32(1), out=guess)


@lru_cache(maxsize=8)
def _guess_of(matrix: str) -> np.ndarray:
    """The table of `_first_guess`: f(Y) of a colour minus that of the grey of its luma, and its slopes at the node."""
    grey = np.linspace(16 / 116, 1, _GREYS, dtype=np.float32)
    ab = np.linspace(-_REACH, _REACH, _COLORS, dtype=np.float32)
    nodes = [np.ascontiguousarray(n.ravel()) for n in np.meshgrid(grey, ab, ab, indexing="ij")]
    luma = to_coded(lab_f_inverse(nodes[0]))
    _, fy = _search(luma, nodes[0].copy(), ab_offsets(nodes[1], nodes[2]), luma_weights(matrix), _NEARER)
    more = (fy - nodes[0]).reshape(_GREYS, _COLORS, _COLORS)
    return np.stack([more, *np.gradient(more)], -1).reshape(-1, 4)


_LUMAS, _HUES = 128, 256  # nodes of the table of the gamut's edge


def _first_factor(y: np.ndarray, offsets: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """The approximate factor of ab (n,) that brings colours of luma `y` (n,) and ab `offsets` (3, n) to the edge."""
    a, b = 500 * offsets[0], -200 * offsets[2]
    row, column = y * f32(_LUMAS - 1), (np.arctan2(b, a) + f32(np.pi)) * f32(_HUES / (2 * np.pi))
    i, j = (np.clip(x.astype(np.int32), 0, top) for x, top in ((row, _LUMAS - 2), (column, _HUES - 1)))
    down, right = row - i, column - j
    above, below = (edge[i + k, j] * (1 - right) + edge[i + k, j + 1] * right for k in (0, 1))
    return np.clip((above * (1 - down) + below * down) / np.hypot(a, b), f32(1e-3), f32(0.999))


@lru_cache(maxsize=8)
def _edge_of(matrix: str) -> np.ndarray:
    """The table of `_first_factor`: the largest ab inside the gamut, by luma 0..1 and hue -pi..pi."""
    luma, hue = np.linspace(0, 1, _LUMAS, dtype=np.float32), np.linspace(-np.pi, np.pi, _HUES + 1, dtype=np.float32)
    y, h = (np.ascontiguousarray(n.ravel()) for n in np.meshgrid(luma[1:-1], hue, indexing="ij"))
    weights, offsets, far = luma_weights(matrix), ab_offsets(150 * np.cos(h), 150 * np.sin(h)), np.full_like(y, 0.5)
    away, fy = _search(y, _first_guess(y, offsets, _guess_of(matrix)), offsets, weights, _NEAR)
    _, _, factor = _pull_in(y, away, fy, np.minimum(_room(y, away), 0.999), offsets, weights, far)
    return np.pad(150 * factor.reshape(_LUMAS - 2, -1), ((1, 1), (0, 0)))


def _search(
    y: np.ndarray, fy: np.ndarray, offsets: np.ndarray, weights: np.ndarray, near: float
) -> tuple[np.ndarray, np.ndarray]:
    """R'G'B' minus Y' (3, n) of the colours of luma `y` (n,) and ab `offsets`, and their f(Y).

    Starts at `fy`, which is overwritten, and ends within `near` of the luma. Secant steps in a shrinking bracket.
    """
    away = rgb_of(fy, offsets)
    luma = weights @ away
    away -= luma
    todo = np.flatnonzero(np.abs(y - luma) > near)
    if not todo.size:
        return away, fy
    y, offsets, luma, now = y[todo], offsets[:, todo], luma[todo], fy[todo]
    low, high = np.full_like(now, 16 / 116), np.ones_like(now)  # L 0 and 100
    step = now + lab_f(to_linear(y)) - lab_f(to_linear(luma))  # the slope of the greys, to begin with
    for _ in range(_MOST_STEPS):
        error = y - luma
        low = np.where(error > 0, np.maximum(low, now), low)
        high = np.where(error < 0, np.minimum(high, now), high)
        before, luma_before = now, luma
        now = np.where((step > low) & (step < high), step, (low + high) * f32(0.5))
        rgb = rgb_of(now, offsets)
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
    """These colours with ab multiplied by the largest factor that keeps R'G'B' in 0..1, the room left, and the
    factor. `factor`: a guess of it, between 0 and 1."""
    away, fy, room, used = away.copy(), fy.copy(), room.copy(), np.empty_like(y)
    # false position (Illinois) on 1/room - 1, which is about linear in the factor and -1 at factor 0
    inside, outside = np.zeros_like(y), np.ones_like(y)
    below, above = -np.ones_like(y), 1 / np.maximum(room, f32(1e-3)) - 1
    side = np.zeros(y.size, np.int8)
    todo = np.arange(y.size)
    for _ in range(_MOST_STEPS):
        used[todo] = factor
        away[:, todo], fy[todo] = _search(y[todo], fy[todo], offsets[:, todo] * factor, weights, _NEAR / 4)
        room[todo] = _room(y[todo], away[:, todo])
        excess = 1 / np.maximum(room[todo], f32(1e-3)) - 1
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
    """The factor by which R'G'B' minus Y' (3, n) can grow until a channel leaves 0..1 (at most 4)."""
    limit = np.where(away > 0, 1 - y, -y)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = limit / away
    return np.where(np.abs(away) < 1e-7, f32(4), np.clip(ratio, 0, 4)).min(0)


def into_gamut(y: np.ndarray, cb: np.ndarray, cr: np.ndarray, matrix: str) -> tuple[np.ndarray, np.ndarray]:
    """Chroma pulled in towards grey, at constant hue, until R'G'B' of this luma is inside 0..1."""
    kr, kg, kb = (float(weight) for weight in luma_weights(matrix))
    red, blue = 2 * (1 - kr) * cr, 2 * (1 - kb) * cb
    room = np.ones_like(y)
    for away in (red, -(kr * red + kb * blue) / kg, blue):
        limit = np.where(away > 0, 1 - y, y).clip(min=0)
        np.minimum(room, limit / np.maximum(np.abs(away), 1e-6), out=room)
    return cb * room, cr * room
