"""Adaptive instance normalisation: one feature map takes on the statistics of another.

AdaIN (Huang and Belongie, ICCV 2017), the mix of several references (Xu et al., CVPR 2020, Eq. 5), and AdaIN inside
matching labels. Features are (b, c, h, w); statistics are kept in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

EPS = 1e-5
"""Added to the variance, inside the root."""
MIN_PIXELS, MAX_RATIO = 10, 100.0
"""Smallest area of a label, and largest ratio of its areas, for AdaIN inside it (`adain_labels`)."""


class Moments(NamedTuple):
    """Mean and standard deviation of each channel over a picture: the style that AdaIN transfers."""

    mu: torch.Tensor
    """(b, c, 1, 1) float32."""
    sigma: torch.Tensor
    """(b, c, 1, 1) float32, root of variance + EPS."""


class LabelMoments(NamedTuple):
    """Moments of each label's pixels."""

    mu: torch.Tensor
    """(b, k, c) float32; 0 where the label has no pixel."""
    sigma: torch.Tensor
    """(b, k, c) float32."""
    pixels: torch.Tensor
    """(b, k) float32, pixels of the label."""


def moments(x: torch.Tensor, together: bool = False) -> Moments:
    """Channel means and deviations of (b, c, h, w) over each picture, or over all b together (population
    variance).

    Two passes of means: torch.var_mean takes five times as long on a CPU where channels come last.
    """
    dims = (0, 2, 3) if together else (2, 3)
    values = x.float()
    mu = values.mean(dims, keepdim=True)
    return Moments(mu, ((values - mu).square().mean(dims, keepdim=True) + EPS).sqrt())


def mix(styles: Sequence[Moments], weights: Sequence[float]) -> Moments:
    """Statistics of several references as one (Eq. 5). Weights are normalised to a sum of 1.

    AdaIN is affine in the style's statistics, so AdaIN with this mix equals the weighted sum of the AdaINs
    with each reference: several references cost no more than one.
    """
    weight = normalized(weights)
    return Moments(
        sum((w * s.mu for w, s in zip(weight, styles, strict=True)), torch.zeros(())),
        sum((w * s.sigma for w, s in zip(weight, styles, strict=True)), torch.zeros(())),
    )


def normalized(weights: Sequence[float]) -> list[float]:
    """Weights of at least 0 scaled to a sum of 1; raises ValueError where none is above 0."""
    total = float(sum(weights))
    if min(weights, default=0.0) < 0 or not total > 0:
        raise ValueError(f"reference weights must be at least 0 with a sum above 0, not {list(weights)}")
    return [float(w) / total for w in weights]


def adain(x: torch.Tensor, style: Moments, content: Moments | None = None) -> torch.Tensor:
    """sigma(y) (x - mu(x)) / sigma(x) + mu(y), in x's own dtype.

    content: x's statistics where they are known from elsewhere (the whole shot, say); by default x's own.
    """
    own = moments(x) if content is None else content
    if len(own.mu) == len(style.mu) == 1 and not torch.is_grad_enabled():
        # The same affine map as one fused kernel, which takes a third of the time on a CPU.
        mu, variance = own.mu.flatten(), own.sigma.flatten().square()
        return F.batch_norm(x, mu, variance, style.sigma.flatten(), style.mu.flatten(), eps=0.0)
    scale = style.sigma / own.sigma
    return torch.addcmul(style.mu - scale * own.mu, x.float(), scale).to(x.dtype)


def label_moments(x: torch.Tensor, labels: torch.Tensor, k: int, together: bool = False) -> LabelMoments:
    """Moments inside each of k labels.

    labels: (b, h, w) integers 0..k-1 at any size; resized to x's grid by nearest neighbour.
    together: of all b pictures as one (then b is 1, and `pixels` a picture's on average).
    """
    onehot = _onehot(labels, k, x.shape[-2:])
    values = x.float().flatten(2)
    pictures = len(x) if together else 1
    if together:
        onehot, values = (part.transpose(0, 1).flatten(1)[None] for part in (onehot, values))
    count = onehot.sum(2)
    mu = torch.einsum("bkn,bcn->bkc", onehot, values) / count.clamp(min=1)[..., None]
    centred = (values - torch.einsum("bkn,bkc->bcn", onehot, mu)).square()
    variance = torch.einsum("bkn,bcn->bkc", onehot, centred) / count.clamp(min=1)[..., None]
    return LabelMoments(mu, (variance + EPS).sqrt(), count / pictures)


def adain_labels(
    x: torch.Tensor,
    labels: torch.Tensor,
    styles: Sequence[LabelMoments],
    weights: Sequence[float] = (1.0,),
    fallback: Sequence[Moments] | None = None,
    content: tuple[LabelMoments, Moments] | None = None,
) -> torch.Tensor:
    """AdaIN between the pixels of the same label only (Xu et al., CVPR 2020).

    A label counts in a reference with more than `MIN_PIXELS` pixels on both sides and areas (as fractions
    of their pictures) less than `MAX_RATIO` apart; references that lack it
    drop out of Eq. 5 there. Pixels of labels that no reference has take AdaIN with the mix of `fallback`,
    the references' whole-picture moments, or stay as they are where that is None.
    content: x's moments inside labels and over the whole picture where they are known from elsewhere (the
    whole shot: its frames then agree on which labels count, too).
    """
    k = styles[0].pixels.shape[1]
    own, whole = (label_moments(x, labels, k), None) if content is None else content
    weight = torch.tensor(normalized(weights), device=x.device)
    there = torch.stack([s.pixels for s in styles])
    here = own.pixels.expand(len(styles), -1, -1)
    ratio = (here / here.sum(-1, keepdim=True)) / (there / there.sum(-1, keepdim=True)).clamp(min=1e-12)
    usable = (here > MIN_PIXELS) & (there > MIN_PIXELS) & (ratio < MAX_RATIO) & (ratio > 1 / MAX_RATIO)
    w = usable * weight[:, None, None]
    total = w.sum(0)
    w = (w / total.clamp(min=1e-12))[..., None]
    mu = (w * torch.stack([s.mu for s in styles])).sum(0)
    sigma = (w * torch.stack([s.sigma for s in styles])).sum(0)
    scale = sigma / own.sigma
    shift = mu - scale * own.mu
    onehot = _onehot(labels, k, x.shape[-2:])
    rest = x if fallback is None else adain(x, mix(fallback, weights), whole)
    grid = (x.shape[0], x.shape[1], *x.shape[-2:])
    scale, shift, there_is = (part.expand(len(x), *part.shape[1:]) for part in (scale, shift, (total > 0).float()))
    result = x.float() * torch.einsum("bkn,bkc->bcn", onehot, scale).reshape(grid)
    result = result + torch.einsum("bkn,bkc->bcn", onehot, shift).reshape(grid)
    matched = torch.einsum("bkn,bk->bn", onehot, there_is).reshape(x.shape[0], 1, *x.shape[-2:])
    return torch.where(matched > 0.5, result, rest.float()).to(x.dtype)


def _onehot(labels: torch.Tensor, k: int, size: torch.Size) -> torch.Tensor:
    """(b, h, w) labels to (b, k, n) float on a grid of that size."""
    grid = F.interpolate(labels[:, None].float(), size=size, mode="nearest-exact")
    return F.one_hot(grid[:, 0].long().flatten(1), k).mT.float()
