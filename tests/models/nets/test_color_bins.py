"""Colour bins: how many sRGB reaches, and that encoding and decoding undo each other."""

import pytest
import torch

from vidcolor.color.lab_torch import rgb_to_lab
from vidcolor.models.nets import color_bins


def test_bins_of_srgb():
    q = color_bins.gamut()
    assert len(q) == 313  # as in Zhang et al.
    lab = rgb_to_lab(torch.rand(1, 3, 5000, 1, generator=torch.Generator().manual_seed(0)))
    assert torch.cdist(lab[0, 1:, :, 0].T, q).amin(1).max() < 7.2  # no colour of sRGB is far from all
    assert ((q / color_bins.STEP).frac() == 0).all()
    assert color_bins.square().shape == (529, 2)
    assert len({tuple(x) for x in torch.cat([q, color_bins.square()]).tolist()}) == 529


@pytest.mark.parametrize("table", [color_bins.gamut, color_bins.square])
def test_weights_sum_to_one_and_decode_near(table):
    ab = torch.rand(200, 2, generator=torch.Generator().manual_seed(1)) * 60 - 30
    weights = color_bins.encode(ab, table())
    torch.testing.assert_close(weights.sum(1), torch.ones(200))
    assert ((weights > 0).sum(1) <= color_bins.NEAREST).all()
    assert (color_bins.decode(weights, table()) - ab).norm(dim=1).mean() < 2.5


def test_a_colour_far_outside_is_the_nearest_bin():
    weights = color_bins.encode(torch.tensor([[500.0, 500.0]]), color_bins.gamut())
    assert weights.isfinite().all() and weights.sum() == pytest.approx(1)
