"""Colours as classes: ab in bins of 10 units, the 313 in or near the gamut of sRGB (Zhang et al., ECCV 2016) or the
whole square of 23 x 23 (Bai et al., ECCV 2022)."""

from __future__ import annotations

from functools import cache

import torch

from vidcolor.color.lab_torch import rgb_to_lab

STEP = 10.0
"""Side of a bin in ab units."""
SIGMA = 5.0
"""Standard deviation, in ab units, of the Gaussian that spreads a colour over the bins around it."""
BINS = 313
"""Number of bins in the gamut."""
NEAREST = 5
"""Bins that a colour is spread over."""


@cache
def square() -> torch.Tensor:
    """(529, 2) float32: ab of the centres of all bins, -110..110."""
    side = torch.arange(-110, 111, STEP)
    return torch.cartesian_prod(side, side)


@cache
def gamut() -> torch.Tensor:
    """(313, 2) float32: ab of the centres of the bins nearest to colours of sRGB. (Only 261 bins contain one.)"""
    side = torch.linspace(0, 1, 52)
    surface = torch.cartesian_prod(side, side, side)
    surface = surface[((surface == 0) | (surface == 1)).any(1)]  # ab reaches farthest there
    ab = rgb_to_lab(surface.T[None, :, :, None])[0, 1:, :, 0].T
    distance = torch.cdist(square(), ab).amin(1)
    inside = square().square().sum(1) < 30**2  # near grey: inside the gamut, though not near its surface
    distance[inside] = 0
    return square()[distance.argsort(stable=True)[:BINS].sort().values]


def encode(ab: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
    """(n, q) weights of bins (q, 2) for ab (n, 2): the `NEAREST` ones, Gaussian in distance; each row sums to 1 (Zhang
    et al., ECCV 2016, section 2.1)."""
    bins = bins.to(ab.device)
    distance, where = torch.cdist(ab.float(), bins).topk(NEAREST, largest=False)
    # relative to the nearest bin, so that colours far outside all bins do not give 0 / 0
    weight = torch.exp((distance[:, :1].square() - distance.square()) / (2 * SIGMA**2))
    out = ab.new_zeros(len(ab), len(bins), dtype=torch.float32)
    return out.scatter_(1, where, weight / weight.sum(1, keepdim=True))


def decode(weights: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
    """(n, 2) mean ab of bins by weights (n, q) that sum to 1."""
    return weights @ bins.to(weights.device, weights.dtype)
