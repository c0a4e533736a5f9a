"""Code values of every depth and range."""

import itertools

import numpy as np
import pytest
from media import film_of
from skimage.color import rgb2lab

from vidcolor.color.coding import Coding
from vidcolor.color.ycbcr import (
    cbcr_to_codes,
    codes_to_cbcr,
    lightness,
    luma01,
    recoding,
)


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
