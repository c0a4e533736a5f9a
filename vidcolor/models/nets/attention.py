"""Attention of one picture's places over another's, which SSCN and SCFT share.

It is dense (over every place of the reference) or sparse (over a few chosen ones), with cosines over a temperature (Bai
et al., ECCV 2022) or with dot products scaled before the softmax (Lee et al., CVPR 2020).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

ROWS = 2048
"""Queries at once where no gradient is needed: bounds the memory of the scores, the result is the same."""


def scores(query: torch.Tensor, key: torch.Tensor, temperature: float | None = None) -> torch.Tensor:
    """(b, n, m) scores of queries (b, n, d) and keys (b, m, d), before the softmax over m.

    temperature: cosines over it; None: dot products over the square root of d.
    """
    if temperature is None:
        return query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])
    return F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(1, 2) / temperature


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    temperature: float | None = None,
    bias: torch.Tensor | float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (b, m, c) gathered for every query (b, n, d): (b, n, c) float32, and the best score of each, (b, n, 1)
    float32 (a cosine if there is a temperature).

    bias: (b, 1, m), added to the scores before the softmax; the best score is without it. Sparse attention is the same
    with fewer keys and values.
    """
    blocks = [query] if torch.is_grad_enabled() else query.split(ROWS, 1)
    gathered, best = [], []
    for block in blocks:
        s = scores(block, key, temperature)
        best.append(s.amax(-1, keepdim=True).float() * (1.0 if temperature is None else temperature))
        gathered.append(((s + bias).softmax(-1) @ value).float())
    return torch.cat(gathered, 1), torch.cat(best, 1)


def tokens(maps: torch.Tensor) -> torch.Tensor:
    """(b, c, h, w) -> (b, h * w, c)."""
    return maps.flatten(2).transpose(1, 2)
