"""Smoothing in time: painted frames stay, noise goes, edges do not smear."""

import numpy as np
import pytest
from moving import SQUARE, confident, error, moving, texture, truth_of

from vidcolor.motion import flow, smooth
from vidcolor.shot import Shot


def noisy(ab: np.ndarray, sigma: float = 8, seed: int = 0) -> np.ndarray:
    """Every frame's own error of colour: one offset per 16x16 cell, the kind that flickers."""
    n, h, w, _ = ab.shape
    cells = np.random.default_rng(seed).normal(0, sigma, (n, h // 16, w // 16, 2))
    return (ab + cells.repeat(16, 1).repeat(16, 2)).astype(np.float16)


def test_flickering_colour_becomes_steady():
    n = 9
    shot, truth = Shot(moving(n), 0), truth_of(n)
    given = noisy(truth)
    result, confidence = smooth.smooth(shot, given.copy(), confident(n), {})
    assert result.dtype == np.float16 and confidence.shape == (n, 96, 160)
    assert error(result, truth) < 0.6 * error(given, truth)

    def flicker(ab):
        steps = []
        for t in range(1, n):
            there, ok = flow.warp_map(shot, t, t - 1)
            steps.append(np.abs(ab[t] - flow.warp(ab[t - 1].astype(np.float32), there))[ok > 0.8].mean())
        return np.mean(steps)

    assert flicker(result) < 0.35 * flicker(given)


def test_amount_grades_it_and_0_changes_nothing():
    n = 6
    truth = truth_of(n)
    given, confidence = noisy(truth), confident(n)
    steady = []
    for amount in (0.0, 0.5, 1.0):
        result, out = smooth.smooth(Shot(moving(n), 0, motion=amount), given.copy(), confidence.copy(), {})
        steady.append(error(result, truth))
        if amount == 0:
            assert np.array_equal(result, given) and np.array_equal(out, confidence)
    assert steady[0] > steady[1] > steady[2]


@pytest.mark.parametrize("amount", [0.0, 0.4, 1.0])
def test_key_colors_are_exact(amount):
    n = 5
    truth = truth_of(n)
    keys = {0: truth[0].astype(np.float32), 3: truth[3].astype(np.float32) + np.float32(1.5)}
    result, confidence = smooth.smooth(Shot(moving(n), 0, motion=amount), noisy(truth), confident(n), keys)
    for t, colors in keys.items():
        assert np.array_equal(result[t], colors.astype(np.float16)) and (confidence[t] == 1).all()


def halved(ab: np.ndarray) -> np.ndarray:
    """Every other pixel each way of (n, h, w[, 2]): the square's edges lie on even pixels."""
    return ab[:, ::2, ::2].copy()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_half_size_does_as_full_size(dtype):
    n = 9
    shot, truth = Shot(moving(n), 0), truth_of(n)
    given = noisy(truth).astype(dtype)
    keys = {0: truth[0].astype(np.float32)}
    full, full_sure = smooth.smooth(shot, given.copy(), confident(n), keys)
    result, confidence = smooth.smooth(shot, halved(given), halved(confident(n)), {0: keys[0][::2, ::2]})
    assert result.shape == (n, 48, 80, 2) and confidence.shape == (n, 48, 80) and result.dtype == dtype
    assert error(result, halved(truth)) < 1.1 * error(full, truth) < 0.5 * error(given, truth)
    assert np.abs(confidence.astype(np.float32) - halved(full_sure)).mean() < 0.02
    assert np.array_equal(result[0], halved(truth)[0]) and (confidence[0] == 1).all()


def test_key_colors_spread_to_both_sides_and_two_do_better_than_one():
    n = 9
    truth = truth_of(n)
    first, last = ({t: truth[t].astype(np.float32)} for t in (0, n - 1))
    errors = []
    for keys in ({}, first, last, {**first, **last}):
        result, _ = smooth.smooth(Shot(moving(n), 0), noisy(truth, 12), confident(n), keys)
        errors.append(np.mean([error(result[t], truth[t]) for t in range(1, n - 1)]))
    none, one, other, both = errors
    assert max(one, other) < 0.75 * none and both < min(one, other)


def test_a_sure_frame_gives_and_a_doubtful_one_takes():
    n = 3
    shot = Shot(np.repeat(texture(96, 160, 9)[None], n, 0), 0)
    ab = np.zeros((n, 96, 160, 2), np.float16)
    ab[1] = 20
    confidence = confident(n)
    confidence[1, :, :80], confidence[1, :, 80:] = 1.0, 0.0
    confidence[[0, 2], :, :80], confidence[[0, 2], :, 80:] = 0.05, 0.9
    result, out = smooth.smooth(shot, ab, confidence, {})
    assert result[0, :, 8:72].min() > 15 and result[1, :, 8:72].min() > 15  # the sure middle frame won
    assert result[0, :, 88:152].max() < 2 and result[1, :, 88:152].max() < 2  # and here its neighbours
    assert out[0, 40, 40] > 0.5 and out[1, 40, 120] > 0.7  # who has been given sure colour is sure


def test_nothing_is_smeared_over_a_moving_edge():
    """True colours in: what comes out is as sharp, also where the ground is uncovered."""
    n, dx = 6, 8
    truth = truth_of(n, dx)
    result, _ = smooth.smooth(Shot(moving(n, dx), 0), truth.copy(), confident(n), {0: truth[0].astype(np.float32)})
    for t in range(1, n):
        left = 40 + dx * t
        trail = result[t, 34:62, left - dx : left - 1].astype(np.float32)  # was square, is ground
        square = result[t, 34:62, left + 2 : left + 38].astype(np.float32)
        assert np.abs(trail).mean() < 0.12 * np.abs(SQUARE).mean()
        assert np.abs(square - SQUARE).mean() < 0.02 * np.abs(SQUARE).mean()


def test_same_input_same_bits():
    n = 4
    results = [
        smooth.smooth(Shot(moving(n), 0, motion=0.7), noisy(truth_of(n)), confident(n), {1: np.zeros((96, 160, 2))})
        for _ in range(2)
    ]
    assert np.array_equal(results[0][0], results[1][0]) and np.array_equal(results[0][1], results[1][1])


def test_one_frame_and_wrong_shapes():
    shot = Shot(moving(1), 0)
    given = noisy(truth_of(1))
    assert np.array_equal(smooth.smooth(shot, given.copy(), confident(1), {})[0], given)
    with pytest.raises(ValueError, match="not those of"):
        smooth.smooth(shot, truth_of(2), confident(2), {})
    with pytest.raises(ValueError, match="or half of it"):
        smooth.smooth(shot, halved(given), confident(1), {})
    with pytest.raises(ValueError, match="not in 0"):
        smooth.smooth(Shot(moving(1), 0, motion=1.5), given, confident(1), {})
    with pytest.raises(ValueError, match="key 4"):
        smooth.smooth(shot, given, confident(1), {4: np.zeros((96, 160, 2))})
    with pytest.raises(ValueError, match="key 0"):
        smooth.smooth(shot, halved(given), halved(confident(1)), {0: np.zeros((96, 160, 2))})


def test_silent_frames_take_everything_from_the_others():
    n = 7
    truth = truth_of(n)
    given = truth.copy()
    given[1::3] = 100  # wrong, and not asked
    ab, confidence = smooth.smooth(Shot(moving(n), 0), given, confident(n), {}, silent={1, 4})
    assert error(ab[1::3], truth[1::3]) < 0.3 * error(0 * truth[1::3], truth[1::3])
    assert np.abs(confidence[4].astype(np.float32) - 0.6).max() < 0.01, "their confidence is that of what they took"
