"""One surface, one colour: matched colours are made consistent inside a frame before they follow motion.

Matching decides place by place, and on a surface without features (cloth, a wall, paper) some places take another
thing's colour, at low confidence. So neighbouring places are made to agree, doubtful ones giving way to confident ones,
unless luma or descriptors show a border between them (`wls`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from vidcolor.models.exemplar import wls

AGREEMENT = 2000.0
"""Affinity of two neighbours that do not differ; a colour of confidence 0.5 has precision 1."""
LUMA = 1.2
"""Difference of L, summed on the way from one place's centre to the next, at which affinity falls to 1/e."""
LIKENESS = 6.0
"""How steeply affinity falls with the cosine of the fine descriptors."""
STEEP = 1.5
"""Power of the odds that a colour is right, which gives its precision."""
LEAST, MOST = 0.01, 0.995
"""Range to which confidence is limited."""
FORGOTTEN = 0.28
"""Precision of "nothing is known here", against which colours from far away count: that of confidence 0.3."""
EXACT = 1e4
"""Precision of a painted key's own colours."""
OUTLIER = 15.0
"""ab units by which a colour may differ from what its surface agrees on until its precision is halved."""
SKETCH = 4
"""Iterations of the first pass, which only finds such outliers."""


def agreed(
    ab: torch.Tensor, confidence: torch.Tensor, l: torch.Tensor, fine: torch.Tensor, key_ab: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Colours and confidence of one frame's stride-4 places, made consistent.

    ab: (2, h/4, w/4), Lab units. confidence: (h/4, w/4) in 0..1. l: (h, w), 0..100. fine: (c, h/4, w/4), unit length.
    key_ab: (2, h/4, w/4), a painted key's own colours on its frame, NaN where it says nothing; they are kept. Returns
    ab and confidence; confidence is nowhere lower than before.
    """
    odds = confidence.clamp(LEAST, MOST)
    precision = (odds / (1 - odds)) ** STEEP
    given = confidence
    if key_ab is not None:
        known = ~key_ab.isnan().any(0)
        ab, given = torch.where(known, key_ab, ab), torch.where(known, 1.0, confidence)
        precision = torch.where(known, EXACT, precision)
    affinity = affinities(l, fine)
    sketch, _ = _spread(ab, given, precision, affinity, SKETCH)
    precision = precision / (1 + (sketch - ab).square().sum(0) / OUTLIER**2)
    colors, spread_confidence = _spread(ab, given, precision, affinity, wls.ITERATIONS)
    return colors, torch.maximum(given, spread_confidence)


def _spread(
    ab: torch.Tensor,
    confidence: torch.Tensor,
    precision: torch.Tensor,
    affinity: tuple[torch.Tensor, torch.Tensor],
    iterations: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted means of ab and of confidence around each place; confidence is 0 where nothing reaches."""
    total = precision + FORGOTTEN
    known = precision / total
    given = torch.cat([ab, confidence[None], torch.ones_like(known)[None]]) * known
    spread = wls.solve(given, total, *affinity, iterations)
    # a few iterations do not solve it exactly: keep the result within the given colours
    colors = spread[:2] / torch.maximum(spread[3:], known.amin())
    low, high = ab.amin((1, 2), keepdim=True), ab.amax((1, 2), keepdim=True)
    return torch.minimum(torch.maximum(colors, low), high), spread[2].clamp(0, 1)


def affinities(l: torch.Tensor, fine: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Affinity of stride-4 places and the ones right of them (h/4, w/4 - 1), and below them (h/4 - 1, w/4)."""
    half = F.avg_pool2d(l[None], 2)[0]
    right = _way(F.avg_pool2d(half[None], (2, 1))[0])
    below = _way(F.avg_pool2d(half[None], (1, 2))[0].T).T
    unlike_right = 1 - (fine[:, :, 1:] * fine[:, :, :-1]).sum(0)
    unlike_below = 1 - (fine[:, 1:] * fine[:, :-1]).sum(0)
    return (
        AGREEMENT * torch.exp(-right / LUMA - LIKENESS * unlike_right),
        AGREEMENT * torch.exp(-below / LUMA - LIKENESS * unlike_below),
    )


def _way(half: torch.Tensor) -> torch.Tensor:
    """(h, 2 w) -> (h, w - 1): differences summed from the middle of each pair of columns to that of the next."""
    steps = (half[:, 1:] - half[:, :-1]).abs()
    return steps[:, 1::2] + (steps[:, :-1:2] + steps[:, 2::2]) / 2
