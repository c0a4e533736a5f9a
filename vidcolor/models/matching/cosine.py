"""Coarse-to-fine matching by cosines: a place of a grey frame takes the colours of the key's places that look like it.

Descriptors at stride 8 find candidates anywhere in the keys; descriptors at stride 4 choose among the places around
them. Colours are copied by a sharp softmax, not regressed. Subclasses provide the descriptors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models import weights
from vidcolor.models.matching.base import Expected, KeyTokens, Match, Tokens

CANDIDATES = 8
"""Stride-8 candidates of each place; 12 are no better (34.93 dB on ten held-out clips) and cost more."""
ROWS = 256
"""Stride-8 places matched at once, so that what they gather stays in a CPU's cache."""
GROUP = 16
"""Places of a key of which at most one becomes a candidate; they lie far apart. A power of two."""


class CosineMatcher(nn.Module, ABC):
    """Candidates by the cosine of coarse descriptors, weights of the places around them by that of fine ones."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor([40.0, 18.0]).log())
        """Logs of the inverse temperatures of the coarse and the fine cosine."""
        self.confidence_weight = nn.Parameter(torch.tensor([-2.0, 4.0, 2.0, 0.0, -0.15]))
        """Bias, and weights of the four evidences of `Match`, in the logistic model of 'this colour is right'."""

    @property
    def fingerprint(self) -> str:
        """As in `Matcher`."""
        return weights.digest(type(self).__name__, self)

    @abstractmethod
    def describe(self, l: torch.Tensor, maps: Sequence[torch.Tensor]) -> Tokens:
        """As in `Matcher`; each matcher has its own."""

    def key_tokens(self, tokens: Tokens, ab: torch.Tensor) -> KeyTokens:
        """As in `Matcher`."""
        coarse = tokens.coarse.permute(1, 0, 2, 3).flatten(1).contiguous()
        h, w = tokens.fine.shape[-2:]
        colors = F.adaptive_avg_pool2d(ab, (h, w))
        bias = torch.zeros(coarse.shape[1], device=ab.device)
        return KeyTokens(coarse, windows(tokens.fine), windows(colors), bias)

    def choose(
        self,
        query: torch.Tensor,
        children: torch.Tensor,
        key: KeyTokens,
        where: torch.Tensor | None = None,
        cost: torch.Tensor | float = 0.0,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Candidates for n stride-8 places, and weights of the places around them.

        query (n, c) coarse and children (n, 4, d) fine descriptors of those places; gives weights (n, 4, k * 16) that
        sum to one, the colours (n, k * 16, 2) they are of, and evidence (n, 4, 3) as in `Match` without the spread.
        where: the candidates (n, k), best first, if known. cost: (n, k), taken off their logits.
        """
        scale8, scale4 = self.log_scale.exp()
        if where is None:
            where = self.candidates(query, key)
        n, k = where.shape
        m = key.colors.shape[1]
        rows = key.coarse.T.index_select(0, where.flatten()).unflatten(0, (n, k))
        best = torch.bmm(rows, (query * scale8)[..., None])[..., 0] + key.bias[where]
        near = key.near(where.flatten()).reshape(n, k * m, -1)
        cosine = torch.bmm(children.to(near.dtype), near.transpose(1, 2)).float()
        weight = torch.softmax(cosine * scale4 + (best - cost).repeat_interleave(m, 1)[:, None], -1)
        copied = key.colors.flatten(1).index_select(0, where.flatten()).reshape(n, k * m, -1)
        similarity = ((best[:, 0] - key.bias[where[:, 0]]) / scale8)[:, None].expand(-1, children.shape[1])
        return weight, copied, torch.stack([similarity, cosine.amax(-1), weight.amax(-1)], -1)

    @torch.no_grad()
    def candidates(self, query: torch.Tensor, key: KeyTokens) -> torch.Tensor:
        """The key's places that n stride-8 places (n, c) look like: (n, k), about best first.

        Found by cosines in the precision of the windows, in groups of which each gives its best one.
        """
        size = key.coarse.shape[1]
        group = GROUP if size >= 4 * CANDIDATES * GROUP else 1
        # an odd number of groups keeps the same place of two keys out of one group
        groups = size if group == 1 else -(-size // group) | 1
        dtype = key.windows.dtype
        asked = F.pad(query, (0, 1), value=1).to(dtype)
        rows = torch.cat([key.coarse, key.bias[None] / self.log_scale[0].exp()])
        room = (0, group * groups - size)
        rows = torch.cat([F.pad(rows[:-1], room), F.pad(rows[-1:], room, value=-1e4)]).to(dtype)
        # the lowest bits of a float32 hold the number in the group, so that one maximum finds both; a reduced precision
        # leaves them free
        number = torch.arange(group, dtype=torch.int32, device=query.device).repeat_interleave(groups)
        found = []
        for block in asked.split(ROWS):
            bits = (block @ rows).float().view(torch.int32)
            if dtype == torch.float32:
                bits &= -GROUP
            bits |= number
            highest = bits.view(torch.float32).unflatten(1, (group, -1)).amax(1)
            best, column = highest.topk(min(CANDIDATES, groups))
            found.append((best.view(torch.int32) & (group - 1)) * groups + column)
        return torch.cat(found)

    def match(self, tokens: Tokens, keys: KeyTokens, expected: Expected | None = None) -> Match:
        """As in `Matcher`."""
        h8, w8 = tokens.coarse.shape[-2:]
        found = []
        queries = tokens.coarse[0].flatten(1).T.contiguous()
        numbers = torch.arange(h8 * w8, device=queries.device)
        wide = (queries, keys) if expected is None else expected.widened(queries, keys, self.log_scale[0].exp())
        candidates = self.candidates(*wide)
        given = (queries, children(tokens.fine).to(keys.windows.dtype), candidates, numbers)
        # the sum of the squares goes with the colours, for their spread; rows of coarse descriptors are gathered
        squares = keys.colors.square().sum(-1, keepdim=True)
        keys = replace(keys, coarse=keys.coarse.T.contiguous().T, colors=torch.cat([keys.colors, squares], -1))
        for query, own, where, numbers in zip(*(x.split(ROWS) for x in given), strict=True):
            cost = 0.0 if expected is None else expected.cost(numbers, where)
            weight, copied, evidence = self.choose(query, own, keys, where, cost)
            ab, squares = torch.bmm(weight, copied).split([2, 1], -1)
            spread = (squares - ab.square().sum(-1, keepdim=True)).clamp_min(0).sqrt()
            found.append(torch.cat([ab, evidence, spread], -1))
        both = fold(torch.cat(found), h8, w8)
        return Match(both[:2], both[2:], candidates[:, 0])

    def confidence(self, match: Match) -> torch.Tensor:
        """(1, h/4, w/4) in 0..1: how likely the copied colour is right."""
        e, w = match.evidence, self.confidence_weight
        return torch.sigmoid(w[0] + (e * w[1:, None, None]).sum(0, keepdim=True))


def children(fine: torch.Tensor) -> torch.Tensor:
    """(1, c, h4, w4) -> (h8 * w8, 4, c): the four stride-4 places of every stride-8 place."""
    _, c, h, w = fine.shape
    rows = fine[0].permute(1, 2, 0).reshape(h // 2, 2, w // 2, 2, c)
    return rows.transpose(1, 2).reshape(-1, 4, c)


def fold(x: torch.Tensor, h8: int, w8: int) -> torch.Tensor:
    """(h8 * w8, 4, c) -> (c, h4, w4), undoing `children`."""
    return F.pixel_shuffle(x.permute(2, 1, 0).reshape(1, -1, h8, w8), 2)[0]


def windows(x: torch.Tensor) -> torch.Tensor:
    """(k, c, h4, w4) -> (k * h8 * w8, 16, c): the 4x4 stride-4 places around every stride-8 place, edges repeated."""
    k, c, h4, w4 = x.shape
    y = F.pad(x, (1, 1, 1, 1), mode="replicate").unfold(2, 4, 2).unfold(3, 4, 2)  # (k, c, h8, w8, 4, 4)
    return y.permute(0, 2, 3, 4, 5, 1).reshape(k * (h4 // 2) * (w4 // 2), 16, c).contiguous()
