"""Attention of one picture's places over another's: the block that SSCN and SCFT share.

Dense (over every place of the reference) or sparse (over a few chosen ones), with cosines over a temperature (Bai et
al., ECCV 2022) or with scaled dot products (Lee et al., CVPR 2020; the scaling comes before the softmax).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

ROWS = 2048
"""Places asked at once where nothing is trained: bounds the memory of the scores, the result is the same."""


def scores(query: torch.Tensor, key: torch.Tensor, temperature: float | None = None) -> torch.Tensor:
    """(b, n, d) and (b, m, d) -> (b, n, m), what the softmax over m is taken of.

    temperature: cosines over it; None: dot products over the square root of d.
    """
    if temperature is None:
        return query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])
    return F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(1, 2) / temperature


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, temperature: float | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (b, m, c) gathered for every query: (b, n, c), and (b, n) the best score (a cosine, with a temperature).

    Sparse attention is the same with fewer keys and values: choose them with `take`.
    """
    blocks = query.split(ROWS, 1) if not torch.is_grad_enabled() else [query]
    gathered, best = [], []
    for block in blocks:
        s = scores(block, key, temperature)
        gathered.append(s.softmax(-1) @ value)
        best.append(s.amax(-1) * (1.0 if temperature is None else temperature))
    return torch.cat(gathered, 1), torch.cat(best, 1)


def tokens(maps: torch.Tensor) -> torch.Tensor:
    """(b, c, h, w) -> (b, h * w, c)."""
    return maps.flatten(2).transpose(1, 2)


def take(x: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Tokens (b, m, c) at places (b, k) -> (b, k, c)."""
    return x.gather(1, where[..., None].expand(-1, -1, x.shape[-1]))
