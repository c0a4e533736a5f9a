"""The whitening-colouring transform with statistics kept apart from features, so that a shot's are measured
once (Li et al., NeurIPS 2017; as a variant in Xu et al., CVPR 2020).
"""

from __future__ import annotations

from typing import NamedTuple

import torch

RIDGE = 1e-2
"""Added to a covariance's diagonal, as a fraction of the mean variance. The paper adds 1 to features of VGG19, whose
variances are in the hundreds; the real-time net's are around 0.1, of which an added 1 would leave nothing."""
SMALLEST = 1e-5
"""Directions whose variance is below this fraction of the largest are left out."""


class Covariance(NamedTuple):
    """Mean, root of the covariance and range of a feature map of c channels."""

    mu: torch.Tensor
    """(b, c) float32."""
    root: torch.Tensor
    """(b, c, c) float32: the symmetric root of covariance + ridge, which colours."""
    inverse: torch.Tensor
    """(b, c, c) float32: its inverse on the directions that are kept, which whitens."""
    low: torch.Tensor
    """(b, 1) float32: the smallest value of any channel."""
    high: torch.Tensor
    """(b, 1) float32: the largest."""


def covariance(x: torch.Tensor, together: bool = False) -> Covariance:
    """Of (b, c, h, w) features, each picture's own or all b taken as one (b is then 1)."""
    flat = x.float().flatten(2)
    if together:
        flat = flat.transpose(0, 1).flatten(1)[None]
    mu = flat.mean(2)
    centred = flat - mu[..., None]
    sigma = centred @ centred.mT / max(flat.shape[2] - 1, 1)
    ridge = RIDGE * sigma.diagonal(dim1=1, dim2=2).mean(1) + 1e-12
    sigma = sigma + ridge[:, None, None] * torch.eye(x.shape[1], device=x.device)
    # on the CPU whatever the device: the matrix is small, needed once per picture or shot, and mps has no eigh
    values, vectors = (part.to(x.device) for part in torch.linalg.eigh(sigma.cpu()))
    kept = values > SMALLEST * values[:, -1:]
    roots = torch.where(kept, values, 1.0).sqrt()
    root = (vectors * (roots * kept)[:, None]) @ vectors.mT
    inverse = (vectors * (kept / roots)[:, None]) @ vectors.mT
    return Covariance(mu, root, inverse, flat.amin((1, 2))[:, None], flat.amax((1, 2))[:, None])


def whiten_and_color(x: torch.Tensor, style: Covariance, own: Covariance) -> torch.Tensor:
    """x (b, c, h, w) with the style's mean and covariance in place of its own (both of 1 or b pictures),
    clamped to its own range; in x's dtype."""
    matrix = style.root @ own.inverse
    shift = style.mu - (matrix @ own.mu[..., None])[..., 0]
    colored = torch.einsum("bij,bjhw->bihw", matrix.expand(len(x), -1, -1), x.float()) + shift[..., None, None]
    low, high = (bound[..., None, None] for bound in (own.low, own.high))
    return torch.minimum(torch.maximum(colored, low), high).to(x.dtype)
