"""Colours as classes: ab in bins of ten units, 313 at and around what sRGB reaches (Zhang et al.,
ECCV 2016) or the whole square of 23 x 23 (Bai et al., ECCV 2022)."""

from __future__ import annotations

from functools import cache

import torch

from vidcolor.color.lab_torch import rgb_to_lab

STEP = 10.0
"""Side of a bin in ab units."""
SIGMA = 5.0
"""Of the Gaussian by which a colour counts for the bins around it, ab units."""
BINS = 313
"""Of the gamut."""
NEAREST = 5
"""Bins among which a colour is shared."""


@cache
def square() -> torch.Tensor:
    """(529, 2) float32: ab of all bins' middles, -110..110."""
    side = torch.arange(-110, 111, STEP)
    return torch.cartesian_prod(side, side)


@cache
def gamut() -> torch.Tensor:
    """(313, 2) float32: the middles of the bins nearest to a colour of sRGB; those that hold one come to 261."""
    side = torch.linspace(0, 1, 52)
    surface = torch.cartesian_prod(side, side, side)
    surface = surface[((surface == 0) | (surface == 1)).any(1)]  # ab reaches farthest there
    ab = rgb_to_lab(surface.T[None, :, :, None])[0, 1:, :, 0].T
    distance = torch.cdist(square(), ab).amin(1)
    inside = square().square().sum(1) < 30**2  # near grey, and so inside the gamut, if not near its surface
    distance[inside] = 0
    return square()[distance.argsort(stable=True)[:BINS].sort().values]


def encode(ab: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
    """ab (n, 2) -> (n, q): weights of the `NEAREST` bins, Gaussian in distance, each row sums to one."""
    bins = bins.to(ab.device)
    distance, where = torch.cdist(ab.float(), bins).topk(NEAREST, largest=False)
    # against the nearest one's, so that colours far outside the bins do not come to 0 / 0
    weight = torch.exp((distance[:, :1].square() - distance.square()) / (2 * SIGMA**2))
    out = ab.new_zeros(len(ab), len(bins), dtype=torch.float32)
    return out.scatter_(1, where, weight / weight.sum(1, keepdim=True))


def decode(weights: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
    """(n, q) weights that sum to one -> (n, 2) ab, their mean; of a one-hot row its bin's middle."""
    return weights @ bins.to(weights.device, weights.dtype)
