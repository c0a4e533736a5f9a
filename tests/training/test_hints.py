"""Hints drawn from true colours: their number, sizes and positions."""

import pytest
import torch

from vidcolor.models.nets.hints import DEFAULT
from vidcolor.training import hints


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_counts_follow_the_geometric_law():
    g = generator()
    counts = torch.tensor([hints.training_count(g, tail=0) for _ in range(8000)]).float()
    assert counts.mean() == pytest.approx(7, abs=0.3)
    assert (counts == 0).float().mean() == pytest.approx(1 / 8, abs=0.012)
    assert (counts >= 14).float().mean() == pytest.approx((7 / 8) ** 14, abs=0.015)


def test_the_tail_reaches_the_count_used_on_films():
    g = generator()
    counts = torch.tensor([hints.training_count(g) for _ in range(4000)])
    assert counts.max() <= hints.MOST
    many = 0.2 * (128 - 63) / 129
    assert (counts >= DEFAULT).float().mean() == pytest.approx(many, abs=0.02)


def test_patches_have_sides_1_to_9_and_corners_around_the_middle():
    h, w = 64, 96
    patches = hints.training_patches((h, w), 8000, generator())
    y, x, side = patches.unbind(1)
    assert side.bincount().tolist()[0] == 0 and len(side.bincount()) == 10
    assert side.bincount()[1:].float().std() < 60
    assert y.min() >= 0 and x.min() >= 0 and (y + side).max() <= h and (x + side).max() <= w
    room = h - side + 1
    place = (y - room / 2) / (room / 4)
    assert place.mean() == pytest.approx(0, abs=0.05)
    inside = (place.abs() < 1).float().mean()
    assert inside == pytest.approx(0.683, abs=0.04)


def test_training_hints_come_from_the_truth():
    ab = torch.arange(4.0)[:, None, None, None].expand(4, 2, 32, 40) + 1
    hint, mask = hints.training_hints(ab, generator(3))
    torch.testing.assert_close(hint, ab * mask)
    assert mask.shape == (4, 1, 32, 40) and mask.sum() > 0


def test_the_same_seed_draws_the_same_hints():
    ab = torch.randn(1, 2, 64, 96, generator=generator())
    one, two = (hints.training_hints(ab, generator(9), tail=1.0)[0] for _ in range(2))
    assert torch.equal(one, two)


def test_patches_fit_into_a_small_picture():
    assert hints.training_patches((4, 5), 50, generator())[:, 2].max() <= 4
