"""Chroma of a luma and an ab: the luma never moves, and colours stay in gamut."""

import itertools

import numpy as np
import pytest

from vidcolor.color import gamut
from vidcolor.color.coding import MATRICES
from vidcolor.color.gamut import ab_to_cbcr, into_gamut
from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.ycbcr import (
    rgb_to_ycbcr,
    ycbcr_to_rgb,
)


def lattice(steps: int = 17) -> np.ndarray:
    """Every colour of a coarse cube, and of one near black and one near white: (1, n, 3)."""
    axis = np.linspace(0, 1, steps)
    cube = np.array(list(itertools.product(axis, axis, axis)), np.float32)
    return np.concatenate([cube, cube * 0.1, 1 - cube * 0.1])[None]


@pytest.mark.parametrize("matrix", sorted(MATRICES))
def test_a_colour_comes_back_from_its_luma_and_ab(matrix):
    rgb = lattice()
    y, _, _ = rgb_to_ycbcr(rgb, matrix)
    cb, cr = ab_to_cbcr(y, rgb_to_lab(rgb)[..., 1:], matrix)
    back = ycbcr_to_rgb(y, cb, cr, matrix)
    assert np.abs(back - rgb).max() < 0.5 / 255


@pytest.mark.parametrize("matrix", sorted(MATRICES))
def test_any_ab_keeps_the_luma_and_stays_in_gamut_at_its_hue(matrix):
    rng = np.random.default_rng(0)
    y = rng.random((64, 64)).astype(np.float32)
    ab = rng.uniform(-110, 110, (64, 64, 2)).astype(np.float32)
    back = ycbcr_to_rgb(y, *ab_to_cbcr(y, ab, matrix), matrix)
    assert back.min() > -1e-5 and back.max() < 1 + 1e-5
    assert np.abs(rgb_to_ycbcr(back, matrix)[0] - y).max() < 1e-5
    lab = rgb_to_lab(back)
    turned = np.arctan2(lab[..., 2], lab[..., 1]) - np.arctan2(ab[..., 1], ab[..., 0])
    turned = np.degrees(np.abs((turned + np.pi) % (2 * np.pi) - np.pi))
    assert turned[np.hypot(lab[..., 1], lab[..., 2]) > 5].max() < 3


@pytest.mark.parametrize("matrix", sorted(MATRICES))
def test_colours_out_of_gamut_go_to_its_edge_and_no_further(matrix):
    rng = np.random.default_rng(1)
    y = rng.uniform(0.05, 0.95, (64, 64)).astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi, (64, 64))
    ab = (150 * np.dstack([np.cos(angle), np.sin(angle)])).astype(np.float32)
    back = ycbcr_to_rgb(y, *ab_to_cbcr(y, ab, matrix), matrix)
    to_edge = np.minimum(back.min(-1), 1 - back.max(-1))
    assert to_edge.max() < 0.01


def test_no_ab_is_no_chroma():
    y = np.linspace(0, 1, 300, dtype=np.float32)[None]
    cb, cr = ab_to_cbcr(y, np.zeros((1, 300, 2), np.float32), "bt709")
    assert max(np.abs(cb).max(), np.abs(cr).max()) < 1e-4


def test_black_and_white_have_no_chroma_whatever_the_ab():
    y = np.repeat(np.array([[0, 1, 0.5]], np.float32), 40, 0)
    cb, cr = ab_to_cbcr(y, np.full((40, 3, 2), 50, np.float32), "bt709")
    assert (cb[:, :2] == 0).all() and (cr[:, :2] == 0).all() and (cr[:, 2] > 0.05).all()


def test_blocks_of_work_do_not_show(monkeypatch):
    rng = np.random.default_rng(2)
    y, ab = rng.random((40, 50)).astype(np.float32), rng.normal(0, 30, (40, 50, 2)).astype(np.float16)
    whole = ab_to_cbcr(y, ab, "bt709")
    monkeypatch.setattr(gamut, "_BLOCK", 333)
    for a, b in zip(whole, ab_to_cbcr(y, ab, "bt709")):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_colours_are_drawn_into_the_gamut_at_their_hue_and_luma():
    rng = np.random.default_rng(0)
    y = rng.random((30, 40)).astype(np.float32)
    cb, cr = (rng.uniform(-0.5, 0.5, (30, 40)).astype(np.float32) for _ in range(2))
    b, r = into_gamut(y, cb, cr, "bt709")
    rgb = ycbcr_to_rgb(y, b, r, "bt709")
    assert rgb.min() > -1e-4 and rgb.max() < 1 + 1e-4
    np.testing.assert_allclose(b * cr, r * cb, atol=1e-5)
    inside = (np.abs(cb) < 0.02) & (np.abs(cr) < 0.02) & (y > 0.2) & (y < 0.8)
    assert inside.any() and np.array_equal(b[inside], cb[inside])
