"""Keys that paint a frame but are cropped or shifted against it."""

import cv2
import numpy as np
import pytest
from media import grey_frames

from vidcolor.keys.picture import aligned
from vidcolor.keys.recognise import PAINTED
from vidcolor.keys.registration import FINE, registered
from vidcolor.motion import key_colors
from vidcolor.shot import Reference, Shot


@pytest.fixture(scope="module")
def frames():
    """Two unlike textures as FINE luma 0..1, and a colour picture of the first at 320x240."""
    a, b = (grey_frames(1, FINE[1], FINE[0], seed=seed)[0].astype(np.float32) / 255 for seed in (1, 2))
    return a, b


def cropped(picture, left, top, right, bottom):
    h, w = picture.shape[:2]
    return cv2.resize(picture[top : h - bottom, left : w - right], (w, h), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("crop", [(0, 0, 0, 0), (6, 4, 2, 8), (12, 0, 0, 10), (0, 9, 14, 0)])
def test_a_crop_is_undone(frames, crop):
    score, align = registered(cropped(frames[0], *crop), frames[0])
    assert score >= PAINTED
    key = cropped(np.dstack([frames[0]] * 3), *crop)
    back, covered = aligned(key, align, FINE)
    assert covered.all() == (max(crop) == 0) and covered.mean() > 0.85
    inner = np.s_[20:-20, 20:-20]
    assert (
        np.abs(back[inner][..., 0] - frames[0][inner]).mean()
        < 0.25 * np.abs(key[inner][..., 0] - frames[0][inner]).mean() + 0.01
    )


def test_a_key_at_another_size_comes_to_the_films(frames):
    _, align = registered(cropped(frames[0], 6, 4, 2, 8), frames[0])
    big = cv2.resize(cropped(np.dstack([frames[0]] * 3), 6, 4, 2, 8), (800, 600), interpolation=cv2.INTER_CUBIC)
    back, _ = aligned(big, align, (480, 640))
    assert back.shape == (480, 640, 3) and back.min() >= 0 and back.max() <= 1
    truth = cv2.resize(frames[0], (640, 480), interpolation=cv2.INTER_CUBIC)
    assert np.corrcoef(back[40:-40, 40:-40, 0].ravel(), truth[40:-40, 40:-40].ravel())[0, 1] > 0.97


def test_another_picture_is_not_taken_for_the_frame(frames):
    assert registered(frames[1], frames[0])[0] < PAINTED


def test_a_crop_of_half_the_picture_is_refused(frames):
    assert registered(cropped(frames[0], 90, 60, 90, 60), frames[0])[0] < PAINTED


def test_a_thing_that_moved_since_a_cropped_key_was_painted_is_left_to_the_model(frames):
    grey = frames[0][:128, :160]
    lab = np.dstack([grey * 100, np.full_like(grey, 20), np.full_like(grey, -10)])
    lab[40:70, 50:80, 0] = frames[1][40:70, 50:80] * 100  # something else stands there in the key
    shot = Shot(np.rint(grey * 255).astype(np.uint8)[None], first=7)
    whole = np.ones(grey.shape, bool)
    whole[:, :10] = False
    pin = key_colors.find_key_colors(shot, [Reference(lab, 7, painted=True, covered=whole)])[0]
    silent = np.isnan(pin[..., 0])
    assert silent[48:62, 58:72].mean() > 0.9
    assert silent[:, :10].all()
    assert silent[:, 95:].mean() < 0.02 and silent[85:, 12:].mean() < 0.05
    assert np.allclose(pin[~silent], (20, -10))
    exact = key_colors.find_key_colors(shot, [Reference(lab, 7, painted=True)])[0]
    assert not np.isnan(exact).any()  # a key that fits as it is holds everywhere
