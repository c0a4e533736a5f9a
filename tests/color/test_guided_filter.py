"""A change found on a small picture, at full size."""

import cv2
import numpy as np
import pytest

from vidcolor.color import guided_filter


def wide(function, size):
    return cv2.resize(function, size[::-1], interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def scene():
    """A full-size picture (Y', Cb, Cr) with a slanted edge and texture, and the same at a quarter."""
    y, x = np.mgrid[:128, :192].astype(np.float32)
    right = (x + 0.5 * y > 120).astype(np.float32)
    luma = 0.2 + 0.5 * right + 0.05 * np.sin(x * 1.9) * np.sin(y * 2.3)
    full = np.dstack([luma, 0.1 - 0.2 * right, 0.05 * right]).astype(np.float32)
    return full, cv2.resize(full, (48, 32), interpolation=cv2.INTER_AREA), right


def test_no_change_stays_none_exactly(scene):
    full, small, _ = scene
    functions = guided_filter.fit(small, np.zeros((*small.shape[:2], 2), np.float32))
    assert functions.shape == (2, 32, 48, 4)
    for function in functions:
        assert (guided_filter.evaluate(wide(function, full.shape[:2]), np.moveaxis(full, 2, 0)) == 0).all()


def test_an_affine_change_is_found_on_every_pixel_of_the_full_picture(scene):
    full, small, _ = scene

    def change(ycc):
        return (0.4 * ycc[..., 0] - 0.3 * ycc[..., 1] - 0.2)[..., None]

    function = guided_filter.fit(small, change(small).astype(np.float32), 4)[0]
    out = guided_filter.evaluate(wide(function, full.shape[:2]), np.moveaxis(full, 2, 0))
    assert np.abs(out - change(full)[..., 0])[8:-8, 8:-8].mean() < 0.01


def test_edges_of_a_change_are_the_full_pictures(scene):
    full, small, right = scene
    change = cv2.resize(right, (48, 32), interpolation=cv2.INTER_AREA)[..., None] * 0.3
    function = guided_filter.fit(small, change.astype(np.float32), 4)[0]
    out = guided_filter.evaluate(wide(function, full.shape[:2]), np.moveaxis(full, 2, 0))
    plain = wide(change[..., 0], full.shape[:2])
    near = cv2.dilate(right, np.ones((5, 5))) != cv2.erode(right, np.ones((5, 5)))
    assert np.abs(out - 0.3 * right)[near].mean() < 0.5 * np.abs(plain - 0.3 * right)[near].mean()


def test_what_has_no_cause_in_the_picture_is_left_behind():
    """A halo: a bright rim that the picture does not have."""
    flat = np.full((40, 40, 3), 0.5, np.float32)
    rim = np.zeros((40, 40, 1), np.float32)
    rim[:, 20] = 0.5
    out = guided_filter.evaluate(guided_filter.fit(flat, rim)[0], np.moveaxis(flat, 2, 0))
    assert out.max() < 0.1
