"""Frames between those that are looked at: which they are, and what colours they get."""

import numpy as np
import pytest
from moving import error, moving, truth_of

from vidcolor.motion.interpolate import inferred_frames, interpolated
from vidcolor.shot import Shot


def test_two_frames_of_three_are_inferred():
    assert inferred_frames(Shot(moving(9), 0)) == [0, 2, 3, 5, 6, 8]
    assert inferred_frames(Shot(moving(8), 0)) == [0, 2, 3, 5, 6, 7], "and the last"
    assert inferred_frames(Shot(moving(9), 0), needed={4}) == [0, 2, 3, 4, 5, 6, 8]


@pytest.mark.parametrize("n", [1, 2])
def test_shortest_shots_have_nothing_between(n):
    assert inferred_frames(Shot(moving(n), 0)) == list(range(n))


def test_a_frame_that_cannot_be_followed_is_inferred():
    film = moving(9)
    film[4] = np.random.default_rng(0).integers(0, 256, film.shape[1:], np.uint8)
    assert inferred_frames(Shot(film, 0)) == [0, 2, 3, 4, 5, 6, 8]


def test_colours_come_to_where_things_have_moved():
    truth = truth_of(3).astype(np.float32)
    shot = Shot(moving(3), 0)
    found = interpolated(shot, 1, truth[0], truth[2])
    assert found.shape == truth[1].shape and found.dtype == np.float32
    assert error(found, truth[1]) < 0.4 * min(error(truth[0], truth[1]), error(truth[2], truth[1]))


def test_what_one_neighbour_does_not_show_comes_from_the_other():
    film = moving(3, 0)
    film[0, :, :80] = np.random.default_rng(1).integers(0, 256, (96, 80), np.uint8)  # something stood in front
    before, after = np.full((96, 160, 2), -50, np.float32), np.full((96, 160, 2), 20, np.float32)
    before[:, 80:] = 20
    found = interpolated(Shot(film, 0), 1, before, after)
    assert np.abs(found[:, :70] - 20).mean() < 0.2 * 70 and np.abs(found[:, 90:] - 20).max() < 1
