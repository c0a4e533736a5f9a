"""Coarse-to-fine matching: for every place of a grey frame, the colours of the key's places that look like it.

Tokens at stride 8 find candidates anywhere in the key(s) (the sparse tokens of Bai et al. 2022 play this part for
long references); descriptors at stride 4 choose inside the candidates' neighbourhoods. Colours are copied by a
sharp softmax, not regressed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models.nets.efficientnet_lite import CHANNELS
from vidcolor.models.weights import TrainedNet

CANDIDATES = 8
"""Stride-8 candidates that a place considers; 12 measure the same (34.93 dB, ten held-out clips) and cost more."""
COARSE, FINE = 96, 64
"""Descriptor lengths at strides 8 and 4."""
FAR = 2.5
"""What a candidate's logit loses for a frame height between it and where motion says that it should be (0.07 dB of
the whole with one key, eight held-out clips; 4 is as good, but not where people dance)."""
FAR_SQUARED = 2.0
"""The same while candidates are looked for, for a square frame height (another 0.04 dB)."""
ROWS = 256
"""Stride-8 places matched at once: what they gather stays in the cache of a CPU."""
GROUP = 16
"""Places of a key of which one at most becomes a candidate, a power of two: they lie far from one another."""


@dataclass(frozen=True)
class Tokens:
    """Descriptors of one grey picture, unit length."""

    coarse: torch.Tensor
    """(b, 96, h/8, w/8)."""
    fine: torch.Tensor
    """(b, 64, h/4, w/4)."""

    def __getitem__(self, i: int) -> Tokens:
        """Those of one picture, still with a batch dimension."""
        return Tokens(self.coarse[i : i + 1], self.fine[i : i + 1])


@dataclass(frozen=True)
class KeyTokens:
    """What is kept of all keys of a shot together."""

    coarse: torch.Tensor
    """(96, n): coarse descriptors of all keys' places, side by side."""
    windows: torch.Tensor
    """(n, 16, 64): fine descriptors of the 4x4 stride-4 places around each."""
    colors: torch.Tensor
    """(n, 16, 2): ab of those places, Lab units."""
    bias: torch.Tensor
    """(n,): added to the coarse logits, log of the key's weight."""

    def with_bias(self, bias: torch.Tensor) -> KeyTokens:
        """The same keys, weighed anew for a frame."""
        return replace(self, bias=bias)

    def near(self, where: torch.Tensor) -> torch.Tensor:
        """Stride-8 places (k,) -> (k, 16, 64), their windows."""
        return self.windows.flatten(1).index_select(0, where).unflatten(1, self.windows.shape[1:])

    def __getitem__(self, at: torch.Tensor) -> KeyTokens:
        """Those of some places, (m,) numbers."""
        return KeyTokens(self.coarse[:, at], self.windows[at], self.colors[at], self.bias[at])

    def with_windows(self, dtype: torch.dtype) -> KeyTokens:
        """The same keys with fine descriptors in `dtype`, in which candidates are found too: half the bits are half the
        memory to gather, which is what matching costs."""
        return replace(self, windows=self.windows.to(dtype))


def together(keys: Sequence[KeyTokens]) -> KeyTokens:
    """Several keys' tokens side by side."""
    return KeyTokens(
        torch.cat([k.coarse for k in keys], 1),
        torch.cat([k.windows for k in keys]),
        torch.cat([k.colors for k in keys]),
        torch.cat([k.bias for k in keys]),
    )


@dataclass(frozen=True)
class Expected:
    """Where motion says that a frame's places lie in the keys, which makes far candidates less likely."""

    place: torch.Tensor
    """(n, 2): x and y of every key token in its own key, in frame heights."""
    owner: torch.Tensor
    """(n,): number of the key that each token is of."""
    at: torch.Tensor
    """(k, m, 2): x and y in each of k keys of each of the frame's m stride-8 places; NaN: not known."""

    def cost(self, queries: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        """Places of the frame (q,) and their candidates (q, c) -> (q, c), to be taken off the candidates' logits."""
        apart = self.place[where] - self.at[self.owner[where], queries[:, None]]
        return FAR * torch.linalg.vector_norm(apart, dim=-1).nan_to_num(0)

    def widened(self, query: torch.Tensor, key: KeyTokens, scale: torch.Tensor) -> tuple[torch.Tensor, KeyTokens]:
        """Descriptors (m, c) of the frame's places and of the keys with their places in them, such that cosine times
        `scale` plus bias loses `FAR_SQUARED` times the square of the distance."""
        rows, columns, bias, middle = [query], [key.coarse], key.bias, self.place.mean(0)
        for number, at in enumerate(self.at - middle):
            if at.isnan().any():
                continue
            own = (self.owner == number).float()
            place = (self.place - middle) * own[:, None]
            rows.append(torch.cat([2 * at, -at.square().sum(1, keepdim=True)], 1) * (FAR_SQUARED / scale))
            columns += [place.T, own[None]]
            bias = bias - FAR_SQUARED * place.square().sum(1)
        return torch.cat(rows, 1), replace(key, coarse=torch.cat(columns), bias=bias)


@dataclass(frozen=True)
class Match:
    """Colours found for a frame, at stride 4."""

    ab: torch.Tensor
    """(2, h/4, w/4) Lab units: mean of the copied colours."""
    evidence: torch.Tensor
    """(4, h/4, w/4): best coarse cosine, best fine cosine, largest share of one candidate, spread of the
    copied colours in ab units. `Matcher.confidence` weighs them."""
    nearest: torch.Tensor
    """(h/8 * w/8,): number of the key's place that each stride-8 place looks most like."""


def normalize(x: torch.Tensor) -> torch.Tensor:
    return F.normalize(x, dim=1)


def length(x: torch.Tensor) -> torch.Tensor:
    """(b, c, h, w) -> (b, 1, h, w), nowhere 0."""
    return torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(1e-12)


def join(*maps: torch.Tensor) -> torch.Tensor:
    """Maps (b, ., h, w) side by side, channels last."""
    return torch.cat([x.permute(0, 2, 3, 1) for x in maps], -1).permute(0, 3, 1, 2)


def local_mean(x: torch.Tensor) -> torch.Tensor:
    """Mean over 15x15 places, at the edges over what there is of them; one axis after the other, as that is quicker."""
    x = F.avg_pool2d(x, (15, 1), 1, (7, 0), count_include_pad=False)
    return F.avg_pool2d(x, (1, 15), 1, (0, 7), count_include_pad=False)


def upsample(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Describer(nn.Module):
    """The encoder's maps and luma to descriptors, linear: two 1x1 convolutions that begin as the untrained matcher.

    Deeper heads learned their hundred clips by heart (measured on held-out clips: faces gained, the rest lost).
    """

    def __init__(self) -> None:
        super().__init__()
        c4, c8, c16 = CHANNELS[4], CHANNELS[8], CHANNELS[16]
        self.coarse = nn.Conv2d(c4 + c8 + c16, COARSE, 1)
        self.fine = nn.Conv2d(c4 + c8 + 16, FINE, 1)
        nn.init.dirac_(self.fine.weight)
        nn.init.zeros_(self.fine.bias)  # type: ignore[arg-type]

    @classmethod
    def features(cls, l: torch.Tensor, maps: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """What is not learned: l (b, 1, h, w) 0..100 and the encoder's maps -> inputs of `coarse` at stride 8 (176
        channels) and of `fine` at stride 4 (80 channels)."""
        return cls.coarse_features(*maps), cls.fine_features(l, *maps[:2])

    @staticmethod
    def coarse_features(s4: torch.Tensor, s8: torch.Tensor, s16: torch.Tensor) -> torch.Tensor:
        """Those of `coarse` alone."""
        # here and below, what is divided place by place is float32, quicker on a CPU than half the bits
        return join(*(normalize(x.float()).to(s4.dtype) for x in (F.avg_pool2d(s4, 2), s8, upsample(s16))))

    @staticmethod
    def fine_features(l: torch.Tensor, s4: torch.Tensor, s8: torch.Tensor) -> torch.Tensor:
        """Those of `fine` alone, from l and the encoder's maps at strides 4 and 8."""
        kind = s4.dtype
        # channels last like the maps: the local means then take a fifth of the time
        texture = F.pixel_unshuffle((l / 100).to(kind), 4).contiguous(memory_format=torch.channels_last)
        near, texture = (x - local_mean(x) for x in (s4, texture))
        near, far = near.float(), upsample(s8).float()
        of_near, of_far = 1 / length(near), 0.7 / length(far)
        both = 1 / torch.hypot(length(near) * of_near, length(far) * of_far)  # together they have length 1
        return join((near * (of_near * both)).to(kind), (far * (of_far * both)).to(kind), texture)

    def forward(self, at8: torch.Tensor, at4: torch.Tensor) -> Tokens:
        """`features` -> Tokens."""
        return Tokens(normalize(self.coarse(at8).float()), normalize(self.fine(at4).float()))


class Matcher(TrainedNet):
    """The describer, the two temperatures and the confidence: what matching needs beside the encoder's maps."""

    weights_name = "matcher"

    def __init__(self) -> None:
        super().__init__()
        self.describer = Describer()
        self.log_scale = nn.Parameter(torch.tensor([40.0, 18.0]).log())
        """Logs of the inverse temperatures of the coarse and the fine cosine."""
        self.confidence_weight = nn.Parameter(torch.tensor([-2.0, 4.0, 2.0, 0.0, -0.15]))
        """Bias, and weights of the four evidences of `Match`, of a logistic model of 'this colour is right'."""

    def describe(self, l: torch.Tensor, maps: Sequence[torch.Tensor]) -> Tokens:
        """l (b, 1, h, w) lightness 0..100 and the encoder's maps of it -> Tokens."""
        with torch.no_grad():
            features = self.describer.features(l, maps)
        return self.describer(*features)

    def key_tokens(self, tokens: Tokens, ab: torch.Tensor, importance: Sequence[float] | None = None) -> KeyTokens:
        """Tokens of k keys and their ab (k, 2, h, w) -> what frames are matched against."""
        k, _, h8, w8 = tokens.coarse.shape
        h, w = tokens.fine.shape[-2:]
        colors = F.adaptive_avg_pool2d(ab, (h, w))
        weight = torch.ones(k) if importance is None else torch.as_tensor(importance, dtype=torch.float32)
        return KeyTokens(
            tokens.coarse.permute(1, 0, 2, 3).flatten(1).contiguous(),
            windows(tokens.fine),
            windows(colors),
            weight.log().to(ab.device).repeat_interleave(h8 * w8),
        )

    def choose(
        self,
        query: torch.Tensor,
        children: torch.Tensor,
        key: KeyTokens,
        where: torch.Tensor | None = None,
        cost: torch.Tensor | float = 0.0,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Candidates for n stride-8 places and the shares of their neighbourhoods' places.

        query (n, 96) coarse and children (n, 4, 64) fine descriptors of those places; gives shares (n, 4, k * 16) that
        sum to one, the colours (n, k * 16, 2) they weigh, and evidence (n, 4, 3) as in `Match` without the spread.
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
        share = torch.softmax(cosine * scale4 + (best - cost).repeat_interleave(m, 1)[:, None], -1)
        copied = key.colors.flatten(1).index_select(0, where.flatten()).reshape(n, k * m, -1)
        similarity = ((best[:, 0] - key.bias[where[:, 0]]) / scale8)[:, None].expand(-1, children.shape[1])
        return share, copied, torch.stack([similarity, cosine.amax(-1), share.amax(-1)], -1)

    @torch.no_grad()
    def candidates(self, query: torch.Tensor, key: KeyTokens) -> torch.Tensor:
        """The key's places that n stride-8 places (n, 96) look like: (n, k), about best first.

        Found by cosines in the precision of the windows, in groups of which each gives its best one.
        """
        size = key.coarse.shape[1]
        group = GROUP if size >= 4 * CANDIDATES * GROUP else 1
        # an odd number of groups keeps the same place of two keys out of one group
        groups = size if group == 1 else -(-size // group) | 1
        dtype = key.windows.dtype
        asked = F.pad(query, (0, 1), value=1).to(dtype)
        weights = torch.cat([key.coarse, key.bias[None] / self.log_scale[0].exp()])
        room = (0, group * groups - size)
        weights = torch.cat([F.pad(weights[:-1], room), F.pad(weights[-1:], room, value=-1e4)]).to(dtype)
        # the lowest bits of a float32 hold the number in the group, so that one maximum finds both; a reduced precision
        # leaves them free
        number = torch.arange(group, dtype=torch.int32, device=query.device).repeat_interleave(groups)
        found = []
        for block in asked.split(ROWS):
            bits = (block @ weights).float().view(torch.int32)
            if dtype == torch.float32:
                bits &= -GROUP
            bits |= number
            highest = bits.view(torch.float32).unflatten(1, (group, -1)).amax(1)
            best, column = highest.topk(min(CANDIDATES, groups))
            found.append((best.view(torch.int32) & (group - 1)) * groups + column)
        return torch.cat(found)

    def match(self, tokens: Tokens, key: KeyTokens, expected: Expected | None = None) -> Match:
        """Tokens of one frame (b = 1) against the keys of its shot -> Match."""
        h8, w8 = tokens.coarse.shape[-2:]
        found = []
        queries = tokens.coarse[0].flatten(1).T.contiguous()
        numbers = torch.arange(h8 * w8, device=queries.device)
        asked = (queries, key) if expected is None else expected.widened(queries, key, self.log_scale[0].exp())
        candidates = self.candidates(*asked)
        given = (queries, children(tokens.fine).to(key.windows.dtype), candidates, numbers)
        # the sum of the squares goes with the colours, for their spread; rows of coarse descriptors are gathered
        squares = key.colors.square().sum(-1, keepdim=True)
        key = replace(key, coarse=key.coarse.T.contiguous().T, colors=torch.cat([key.colors, squares], -1))
        for query, own, where, numbers in zip(*(x.split(ROWS) for x in given), strict=True):
            cost = 0.0 if expected is None else expected.cost(numbers, where)
            share, copied, evidence = self.choose(query, own, key, where, cost)
            ab, squares = torch.bmm(share, copied).split([2, 1], -1)
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
