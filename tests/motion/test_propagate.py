"""Keys' colours followed along motion: kept on their own frame, stopped where pictures differ."""

import cv2
import numpy as np
import pytest
from moving import error, moving, texture, truth_of

from vidcolor.motion import propagate
from vidcolor.motion.key_colors import find_key_colors, key_reach
from vidcolor.shot import Reference, Shot


@pytest.mark.parametrize("key", [0, 11])
def test_a_key_reaches_every_frame(key):
    n = 12
    truth = truth_of(n)
    ab = np.zeros_like(truth)
    propagate.apply(Shot(moving(n), 0), ab, {key: truth[key].astype(np.float32)})
    assert np.array_equal(ab[key], truth[key])
    inside = np.abs(ab[11 - key].astype(np.float32) - truth[11 - key]).max(-1) < 12
    assert inside.mean() > 0.92, "all but a seam at the edges, eleven frames away"
    assert error(ab[11 - key], truth[11 - key]) < 0.6 * error(np.zeros_like(truth[0]), truth[0])


def test_two_keys_are_averaged_and_without_motion_only_keys_are_set():
    n = 9
    truth = truth_of(n).astype(np.float32)
    ab = np.zeros(truth.shape, np.float16)
    propagate.apply(Shot(moving(n), 0), ab, {0: truth[0], 8: truth[8] * 0.5})
    middle = ab[:, 40:56, 80:96].astype(np.float32)[4] / truth[4, 40:56, 80:96].clip(None, -1e-3)
    assert 0.55 < np.median(middle[..., 1]) < 0.9, "between both keys' colours"
    ab = np.zeros(truth.shape, np.float16)
    propagate.apply(Shot(moving(n), 0, motion=0.0), ab, {0: truth[0]})
    assert np.array_equal(ab[0], truth[0].astype(np.float16)) and not ab[1:].any()


def test_the_weightier_of_two_keys_reaches_farther():
    n, red = 9, np.full((96, 160, 2), 40, np.float32)
    found = []
    for weight in (0.1, 0.5, 1, 2, 10):
        keys = [
            Reference(np.dstack([red[..., :1], ab]), frame, w, True)
            for frame, w, ab in ((0, 1, -red), (8, weight, red))
        ]
        shot, ab = Shot(moving(n), 0), np.zeros((n, 96, 160, 2), np.float16)
        propagate.apply(shot, ab, find_key_colors(shot, keys), key_reach(shot, keys))
        assert np.array_equal(ab[0], -red) and np.array_equal(ab[8], red), "painted frames are as they were painted"
        found.append([float(ab[t, 40:56, 80:96].astype(np.float32).mean()) for t in (2, 4, 6)])
    assert (np.diff(found, axis=0) > 1).all(), "at every frame between"
    assert found[0][1] < -15 and found[-1][1] > 15, found


def test_nothing_is_traced_to_a_picture_that_differs():
    film = moving(4)
    film[2:] = np.random.default_rng(0).integers(0, 256, film.shape[1:], np.uint8)
    ab = np.zeros((4, 96, 160, 2), np.float16)
    propagate.apply(Shot(film, 0), ab, {0: np.full((96, 160, 2), 40, np.float32)})
    assert np.median(ab[1]) > 30
    assert np.abs(ab[2:]).mean() < 1


def test_what_a_partial_key_does_not_colour_stays_so_however_far_it_moves():
    n, step = 24, 0.7
    wide = texture(96, 200, 3)
    film = np.stack([cv2.warpAffine(wide, np.float32([[1, 0, step * t - 30], [0, 1, 0]]), (160, 96)) for t in range(n)])
    key = np.full((96, 160, 2), 50, np.float32)
    key[40:56, 44:68] = np.nan
    for own in (-30, 50):
        ab = np.full((n, 96, 160, 2), own, np.float16)
        propagate.apply(Shot(film, 0), ab, {0: key})
        for t in range(n):
            x = round(44 + step * t)
            assert np.abs(ab[t, 42:54, x + 2 : x + 22].astype(np.float32) - own).max() < 2, f"hole of frame {t}"
    assert np.abs(ab.astype(np.float32) - 50).max() < 2, "and nothing comes in at its edge"


def test_a_partial_key_leaves_the_rest_alone():
    truth = truth_of(3).astype(np.float32)
    key = np.full_like(truth[0], 50)
    key[:, :80] = np.nan
    ab = np.zeros(truth.shape, np.float16)
    propagate.apply(Shot(moving(3, 0), 0), ab, {0: key})
    assert not ab[:, :, :70].any()
    assert np.median(ab[2, :, 90:]) > 40


def test_positions_say_where_in_the_key_a_frame_lies():
    n, step = 6, 4
    wide = texture(96, 200, 3)
    film = np.stack([wide[:, 30 - step * t : 190 - step * t] for t in range(n)])
    traced = propagate.track(Shot(film, 0), {0: np.zeros((96, 160, 2), np.float32)})
    assert traced is not None and list(traced.positions) == [0] and np.isnan(traced.positions[0][0]).all()
    y, x = np.mgrid[:12, :20] * 8 + 4.0
    for t in range(1, n):
        found = traced.positions[0][t].astype(np.float32) * 96
        inside = np.s_[2:-2, 5:-2]  # what has come in at the left is not in the key
        assert np.abs(found[..., 0] - (x - step * t))[inside].max() < 1
        assert np.abs(found[..., 1] - y)[inside].max() < 1


def test_followed_colours_count_by_their_weight_and_as_far_as_motion_does():
    n = 4
    truth = truth_of(n).astype(np.float32)
    shot, keys = Shot(moving(n), 0), {0: truth[0]}
    traced = propagate.track(shot, keys)
    assert traced is not None and np.abs(traced.ab[1]).max() > 5
    whole, half = np.zeros(truth.shape, np.float16), np.zeros(truth.shape, np.float16)
    propagate.apply(shot, whole, keys)
    propagate.apply(Shot(moving(n), 0, motion=0.5), half, keys)
    assert np.array_equal(whole[0], truth[0].astype(np.float16)) and np.array_equal(half[0], whole[0])
    weight = traced.weight[2].astype(np.float32)
    share = cv2.resize(weight / (weight + propagate.OWN_WEIGHT), (160, 96), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(whole[2], traced.ab[2] * share[..., None], atol=0.1)
    np.testing.assert_allclose(half[2], whole[2] / 2, atol=0.1)
    ab = np.full(truth.shape, 3, np.float16)
    np.testing.assert_allclose(traced.blended(2, ab[2], np.ones((48, 80), np.float32)), traced.ab[2], atol=0.01)
    np.testing.assert_allclose(traced.blended(2, ab[2], np.zeros((48, 80), np.float32)), ab[2], atol=0.01)


def test_nothing_is_traced_without_painted_keys_or_where_motion_does_not_count():
    shot, keys = Shot(moving(3), 0), {0: truth_of(3)[0].astype(np.float32)}
    assert propagate.track(shot, {}) is None
    assert propagate.track(shot, keys) is not None
    assert propagate.track(Shot(moving(3), 0, motion=0.0), keys) is None
