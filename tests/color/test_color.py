"""Lab, luma and chroma: round trips and the luma that never moves."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from media import film_of
from skimage.color import lab2rgb, rgb2lab

from vidcolor.color import gamut
from vidcolor.color.coding import MATRICES, Coding
from vidcolor.color.gamut import ab_to_cbcr
from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.color.ycbcr import (
    cbcr_to_codes,
    codes_to_cbcr,
    lightness,
    luma01,
    recoding,
    rgb_to_ycbcr,
    ycbcr_to_rgb,
)
from vidcolor.film.working_frame import working_size


def lattice(steps: int = 17) -> np.ndarray:
    """Every colour of a coarse cube, and of one near black and one near white: (1, n, 3)."""
    axis = np.linspace(0, 1, steps)
    cube = np.array(list(itertools.product(axis, axis, axis)), np.float32)
    return np.concatenate([cube, cube * 0.1, 1 - cube * 0.1])[None]


def test_lab_is_that_of_scikit_image():
    rgb = lattice()
    lab = rgb2lab(rgb.astype(np.float64))
    assert np.abs(rgb_to_lab(rgb) - lab).max() < 0.01
    assert np.abs(lab_to_rgb(lab) - lab2rgb(lab)).max() < 0.1 / 255


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


@pytest.mark.parametrize(("depth", "full_range"), list(itertools.product((8, 10, 12, 16), (False, True))))
def test_code_values_of_every_depth_and_range(depth, full_range):
    coding = Coding("bt709", depth, full_range)
    top = (1 << depth) - 1
    black, white = (0, top) if full_range else (16 << (depth - 8), 235 << (depth - 8))
    codes = np.array([[black, white, (black + white) // 2]], np.uint8 if depth == 8 else np.uint16)
    assert luma01(codes, coding)[0, :2].tolist() == [0, 1]
    grey = lightness(codes, coding)
    assert grey[0, :2] == pytest.approx([0, 100], abs=1e-3)
    middle = luma01(codes, coding)[0, 2]
    assert grey[0, 2] == pytest.approx(rgb2lab(np.full((1, 1, 3), middle, np.float64))[0, 0, 0], abs=0.01)

    cb, cr = (c.astype(np.float32) for c in np.meshgrid(np.linspace(-0.5, 0.5, 41), np.linspace(-0.5, 0.5, 41)))
    coded = cbcr_to_codes(cb, cr, coding)
    assert coded[0].dtype == (np.uint8 if depth == 8 else np.uint16)
    assert coded[0][20, 20] == 1 << (depth - 1)  # no colour is exactly the middle code
    assert coded[0].min() == (0 if full_range else 16 << (depth - 8))
    assert coded[0].max() == (top if full_range else 240 << (depth - 8))
    back = codes_to_cbcr(*coded, coding)
    step = 1 / (top if full_range else 224 << (depth - 8))
    assert max(np.abs(back[0] - cb).max(), np.abs(back[1] - cr).max()) < 0.51 * step + 1e-6


def test_head_and_foot_room_of_limited_range_is_black_and_white():
    codes = np.array([[0, 15, 236, 255]], np.uint8)
    assert luma01(codes, film_of().coding).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(("depth", "to"), [(8, 10), (12, 10)])
def test_limited_range_is_recoded_by_shifts(depth, to):
    luma, chroma = recoding(Coding("bt709", depth, False), Coding("bt709", to, False))
    codes = np.arange(1 << depth)
    expected = codes << (to - depth) if to > depth else np.minimum((codes + 2) >> 2, (1 << to) - 1)
    assert np.array_equal(luma, expected) and np.array_equal(chroma, expected)


def test_full_range_becomes_limited():
    luma, chroma = recoding(Coding("bt709", 8, True), Coding("bt709", 10, False))
    assert (luma[0], luma[255], chroma[128]) == (64, 940, 512)
    assert chroma[255] == 512 + round(127 / 255 * 896)


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


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [((854, 480), 1, (256, 448)), ((480, 854), 1, (448, 256)), ((720, 576), Fraction(16, 11), (256, 480)),
     ((64, 64), 1, (256, 256)), ((1, 100), 1, (2048, 256)), ((16, 1), 1, (256, 2048))],
)  # fmt: skip
def test_working_size(size, aspect, expected):
    film = film_of(width=size[0], height=size[1], sample_aspect_ratio=Fraction(aspect))
    assert working_size(film, 256) == expected
