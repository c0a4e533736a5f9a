"""The paper's hint sampling, and the patches of a shot."""

import pytest
import torch

from vidcolor.models.nets import hints


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_fill_writes_each_patchs_mean_and_nothing_else():
    ab = torch.randn(2, 2, 20, 30, generator=generator()) * 40
    hint, mask = hints.paint_patches(ab, torch.tensor([[2, 3, 4], [10, 25, 5], [3, 4, 2]]))
    for n in range(2):
        for channel in range(2):
            one = ab[n, channel]
            assert hint[n, channel, 2, 3] == pytest.approx(float(one[2:6, 3:7].mean()), abs=1e-4)
            assert hint[n, channel, 14, 29] == pytest.approx(float(one[10:15, 25:30].mean()), abs=1e-4)
            assert hint[n, channel, 4, 5] == pytest.approx(float(one[3:5, 4:6].mean()), abs=1e-4)
    assert mask.sum() == 2 * (16 + 25)
    assert (hint * (1 - mask)).abs().max() == 0


def test_fill_without_patches_is_an_empty_hint():
    hint, mask = hints.paint_patches(torch.randn(1, 2, 9, 9), torch.empty(0, 3, dtype=torch.long))
    assert hint.abs().sum() == mask.sum() == 0


def test_film_patches_are_spread_over_the_frame():
    ab = torch.randn(3, 2, 96, 160, generator=generator())
    patches = hints.film_patches(ab, generator())
    assert abs(len(patches) - hints.DEFAULT) <= 6
    y, x, side = patches.unbind(1)
    assert y.min() >= 0 and x.min() >= 0 and (y + side).max() <= 96 and (x + side).max() <= 160
    quarter = (y + side / 2 > 48).long() * 2 + (x + side / 2 > 80).long()
    assert quarter.bincount().min() >= 13


def test_film_patches_lie_where_colours_agree():
    """Left half of each stripe is noise, right half is even: hints should come from even places."""
    ab = torch.zeros(2, 2, 96, 160)
    noisy = (torch.arange(160) % 20 < 10).expand(96, 160)
    ab += noisy * torch.randn(2, 2, 96, 160, generator=generator()) * 20
    y, x, side = hints.film_patches(ab, generator()).unbind(1)
    share = torch.stack([noisy[b : b + s, a : a + s].float().mean() for b, a, s in zip(y, x, side)])
    assert share[side > 1].mean() < 0.1
    assert side.bincount(minlength=10)[1:].max() < 16  # the sides are drawn, not chosen


def test_the_same_seed_gives_the_same_patches():
    ab = torch.randn(1, 2, 64, 96, generator=generator())
    first, again, other = (hints.film_patches(ab, generator(s)) for s in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_frame_smaller_than_a_patch():
    ab = torch.randn(1, 2, 4, 5)
    y, x, side = hints.film_patches(ab, generator()).unbind(1)
    assert (y + side).max() <= 4 and (x + side).max() <= 5
