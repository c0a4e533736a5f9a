"""The contract of every matcher, and its inputs and outputs: tokens of frames and keys, matched colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

FAR = 2.5
"""What a candidate's logit loses for each frame height between it and the place where motion leads (0.07 dB of the
whole program with one key on eight held-out clips; 4 is as good, except where people dance)."""
FAR_SQUARED = 2.0
"""The same while candidates are searched, for each squared frame height (another 0.04 dB)."""


@dataclass(frozen=True)
class Tokens:
    """Descriptors of grey pictures, unit length."""

    coarse: torch.Tensor
    """(b, c, h/8, w/8)."""
    fine: torch.Tensor
    """(b, d, h/4, w/4)."""


@dataclass(frozen=True)
class KeyTokens:
    """Tokens and colours of all keys of a shot together."""

    coarse: torch.Tensor
    """(c, n): coarse descriptors of all keys' places, side by side."""
    windows: torch.Tensor
    """(n, 16, d): fine descriptors of the 4x4 stride-4 places around each."""
    colors: torch.Tensor
    """(n, 16, 2): ab of those places, Lab units."""
    bias: torch.Tensor
    """(n,): added to the coarse logits, log of the key's weight."""

    def with_bias(self, bias: torch.Tensor) -> KeyTokens:
        """The same keys with other weights, for a frame."""
        return replace(self, bias=bias)

    def near(self, where: torch.Tensor) -> torch.Tensor:
        """Stride-8 places (k,) -> (k, 16, d), their windows."""
        return self.windows.flatten(1).index_select(0, where).unflatten(1, self.windows.shape[1:])

    def __getitem__(self, at: torch.Tensor) -> KeyTokens:
        """Those of some places, (m,) numbers."""
        return KeyTokens(self.coarse[:, at], self.windows[at], self.colors[at], self.bias[at])

    def with_windows(self, dtype: torch.dtype) -> KeyTokens:
        """The same keys with fine descriptors in `dtype`, in which candidates are searched too: matching is bound by
        memory, so half the bits take half the time."""
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
    """Where a frame's places lie in the keys according to motion; it makes far candidates less likely."""

    positions: torch.Tensor
    """(n, 2): x and y of every key token in its own key, in frame heights."""
    owner: torch.Tensor
    """(n,): index of the key that each token belongs to."""
    at: torch.Tensor
    """(k, m, 2): x and y in each of k keys of each of the frame's m stride-8 places; NaN: not known."""

    def cost(self, queries: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        """(q, c) to subtract from the logits of candidates (q, c) for places (q,) of the frame."""
        apart = self.positions[where] - self.at[self.owner[where], queries[:, None]]
        return FAR * torch.linalg.vector_norm(apart, dim=-1).nan_to_num(0)

    def widened(self, query: torch.Tensor, key: KeyTokens, scale: torch.Tensor) -> tuple[torch.Tensor, KeyTokens]:
        """Descriptors of the frame's places (m, c) and of the keys, extended by positions: cosine times `scale` plus
        bias then includes `FAR_SQUARED` times the squared distance."""
        rows, columns, bias, middle = [query], [key.coarse], key.bias, self.positions.mean(0)
        for number, at in enumerate(self.at - middle):
            if at.isnan().any():
                continue
            own = (self.owner == number).float()
            position = (self.positions - middle) * own[:, None]
            rows.append(torch.cat([2 * at, -at.square().sum(1, keepdim=True)], 1) * (FAR_SQUARED / scale))
            columns += [position.T, own[None]]
            bias = bias - FAR_SQUARED * position.square().sum(1)
        return torch.cat(rows, 1), replace(key, coarse=torch.cat(columns), bias=bias)


@dataclass(frozen=True)
class Match:
    """Colours found for a frame, at stride 4."""

    ab: torch.Tensor
    """(2, h/4, w/4) Lab units: mean of the copied colours."""
    evidence: torch.Tensor
    """(4, h/4, w/4): best coarse cosine, best fine cosine, largest weight of one candidate, spread of the
    copied colours in ab units. `Matcher.confidence` combines them."""
    nearest: torch.Tensor
    """(h/8 * w/8,): index of the key token most like each stride-8 place."""


class Matcher(Protocol):
    """Finds for every place of a grey frame the colours of the keys' places that look like it.

    `cosine.CosineMatcher` implements all but `describe`. For a shot the default model calls `describe` and `key_tokens`
    once for each view of a key, then `describe`, `match` and `confidence` for each frame that it infers.
    """

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights and settings; part of the model's own."""
        ...

    def describe(self, l: torch.Tensor, maps: Sequence[torch.Tensor]) -> Tokens:
        """Tokens of grey pictures: l (b, 1, h, w), 0..100, sides multiples of 32, and the shared encoder's maps of it,
        at strides 4, 8 and 16 with 24, 40 and 112 channels."""
        ...

    def key_tokens(self, tokens: Tokens, ab: torch.Tensor) -> KeyTokens:
        """Tokens of k keys and their ab (k, 2, h, w), Lab units -> what frames are matched against, bias 0."""
        ...

    def match(self, tokens: Tokens, keys: KeyTokens, expected: Expected | None = None) -> Match:
        """The colours of a frame, from its tokens (b = 1) and those of its shot's keys; `expected` where motion is
        known."""
        ...

    def confidence(self, match: Match) -> torch.Tensor:
        """(1, h/4, w/4) in 0..1: how likely the copied colour is right."""
        ...
