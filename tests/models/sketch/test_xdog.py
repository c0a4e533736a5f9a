"""Lines from grey frames: where edges are, not where grain is."""

import cv2
import numpy as np
import pytest

from vidcolor.models.sketch import xdog


def drawing(lines=(0, 230), width=2, size=(64, 96)):
    """A circle and a bar of the first tone on the second: (h, w) uint8, and where the lines' middles are."""
    grey, where = np.full(size, lines[1], np.uint8), np.zeros(size, np.uint8)
    cv2.circle(grey, (30, 30), 18, lines[0], width, cv2.LINE_AA)
    cv2.circle(where, (30, 30), 18, 1, 1)
    grey[:, 70 : 70 + width] = lines[0]
    where[:, 70] = 1
    return grey, where > 0


def test_black_on_lines_and_white_on_paper():
    grey, where = drawing()
    found = xdog.sketch(grey)
    assert found.shape == grey.shape and found.dtype == np.float32 and found.min() >= 0 and found.max() == 1
    assert np.quantile(found[where], 0.9) < 0.2 and found[where].max() < 0.7
    far = cv2.dilate(where.astype(np.uint8), np.ones((9, 9))) == 0
    assert (found[far] == 1).all()


def test_an_edge_between_tones_is_dark_on_its_dark_side_only():
    grey = np.full((40, 60), 90, np.uint8)
    grey[:, 30:] = 200
    found = xdog.sketch(grey)
    assert found[:, 28].max() < 0.3
    assert (found[:, 32:] == 1).all() and (found[:, :20] == 1).all()


def test_light_lines_on_dark_ground_are_not_drawn_as_dark_ones():
    dark, where = drawing((0, 230))
    light, _ = drawing((230, 90))
    assert xdog.sketch(dark)[where].mean() < 0.1
    assert xdog.sketch(light)[where].mean() > 0.9


@pytest.mark.parametrize("level", [0.3, 0.5, 0.9])
def test_mild_grain_is_no_line(level):
    grain = np.random.default_rng(0).normal(level, 0.03, (96, 96)).astype(np.float32)
    assert (xdog.sketch(grain.clip(0, 1) * 100) < 1).mean() < 0.01


def test_the_smoothing_before_is_needed():
    grain = np.random.default_rng(0).normal(0.3, 0.05, (96, 96)).astype(np.float32).clip(0, 1)
    bare, smoothed = (xdog.xdog(x) < 0.5 for x in (grain, xdog.denoised(grain)))
    assert smoothed.mean() < 0.2 * bare.mean() and bare.mean() > 0.01


def test_lines_survive_the_grain():
    grey, where = drawing()
    grain = np.random.default_rng(1).normal(0, 8, grey.shape)
    found = xdog.sketch(np.clip(grey + grain, 0, 255).astype(np.uint8))
    assert (found[where] < 0.5).mean() > 0.98


def test_bytes_and_lightness_are_the_same_picture():
    grey, _ = drawing()
    np.testing.assert_allclose(xdog.sketch(grey), xdog.sketch(grey.astype(np.float32) / 2.55), atol=1e-3)


def test_the_papers_threshold_gives_two_values_the_soft_one_more():
    grey = cv2.GaussianBlur(drawing((120, 230))[0], (0, 0), 1.5)
    assert set(np.unique(xdog.sketch(grey, phi=1e9))) == {0.0, 1.0}
    assert len(np.unique(xdog.sketch(grey))) > 10


def test_what_stands_still_stays_the_same_whatever_moves_elsewhere():
    still, moved = drawing()[0], drawing()[0]
    moved[:, 80:] = 20
    np.testing.assert_array_equal(xdog.sketch(still)[:, :55], xdog.sketch(moved)[:, :55])
