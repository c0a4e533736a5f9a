"""The places of a reference that SSCN keeps for sparse attention (Bai et al., ECCV 2022), and what places of a target
take from them.

The paper keeps the 256 places that matter most to an ImageNet classifier and 256 random ones. There is no classifier
here, so significant places are those farthest from the picture's mean (`mean`) or nearest to the centres of a
clustering of all its places (`centres`). The other places are random in training; in use they lie on an even grid, so
that nothing flickers.

A kept place may stand for itself alone, as in the paper, or `gather` the places most like it: then it holds their means
and has the weight of all of them. That costs nothing later and comes close to dense attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from vidcolor.models.matching.trained import TrainedMatcher
from vidcolor.models.nets.maps import joined, resized

ROUNDS = 8
"""Steps of k-means."""
BASE, MOST = 64 * 64, 2048
"""Places of a picture of 256x256, which the paper's counts are for; the most tokens that a larger reference gets."""
SIGNIFICANT = ("mean", "centres")
"""What `Choice.by` may be."""


@dataclass(frozen=True)
class GreyFeatures:
    """Features of grey pictures by the frozen encoder and the matcher."""

    maps: tuple[torch.Tensor, ...]
    """Strides 4, 8 and 16: (b, 24, h/4, w/4), (b, 40, h/8, w/8), (b, 112, h/16, w/16), each place a vector of length
    sqrt(c)."""
    descriptors: torch.Tensor
    """(b, 160, h/4, w/4): the matcher's fine and, enlarged, coarse descriptors."""


@torch.no_grad()
def grey_features(matcher: TrainedMatcher, l: torch.Tensor, maps: Sequence[torch.Tensor]) -> GreyFeatures:
    """Features of pictures with lightness l (b, 1, h, w), 0..100, from the encoder's maps of it."""
    found = matcher.describe(l, maps)
    coarse = F.normalize(sized(found.coarse, found.fine.shape[-2:]).float(), dim=1)
    even = tuple(F.normalize(x.float(), dim=1) * x.shape[1] ** 0.5 for x in maps)
    return GreyFeatures(even, joined(found.fine.float(), coarse))


@dataclass(frozen=True)
class Tokens:
    """The chosen places of references."""

    key: torch.Tensor
    """(b, m, d), unit length: the attention keys, by which places are compared."""
    value: torch.Tensor
    """(b, m, 8 * width): the attention values."""
    ab: torch.Tensor
    """(b, m, 2) their own colours, Lab units."""
    bias: torch.Tensor
    """(b, m) added to the scores: the log of a reference's weight."""

    def with_bias(self, bias: torch.Tensor) -> Tokens:
        """The same places with other weights, for a frame."""
        return replace(self, bias=bias)


def together(parts: Sequence[Tokens]) -> Tokens:
    """Several references' places side by side."""
    return Tokens(*(torch.cat([getattr(p, name) for p in parts], 1) for name in ("key", "value", "ab", "bias")))


@dataclass(frozen=True)
class Aligned:
    """What every place of a target takes from the tokens."""

    value: torch.Tensor
    """(b, 8 * width, h/4, w/4)."""
    ab: torch.Tensor
    """(b, 2, h/4, w/4) mean of the copied colours, Lab units."""
    evidence: torch.Tensor
    """(b, 2, h/4, w/4): the best cosine, and the spread of the copied colours in units of 10 Lab units."""


@dataclass(frozen=True)
class Choice:
    """How many places are kept, and which."""

    significant: int = 256
    """Significant places."""
    others: int = 256
    """Places for the rest of the picture."""
    by: str = "centres"
    """How significant places are found, one of `SIGNIFICANT`."""
    gather: bool = True
    """Whether a kept place stands for all places like it."""
    grow: bool = True
    """Whether the counts are for `BASE` places and grow with larger references, up to `MOST` in all."""

    def __post_init__(self) -> None:
        if self.by not in SIGNIFICANT or min(self.significant, self.others) < 0 or not self.significant + self.others:
            raise ValueError(f"{self}: counts from 0, not both 0, by {' or '.join(SIGNIFICANT)}")

    def of(self, places: int) -> Choice:
        """This choice with the counts for a reference of so many places."""
        total = self.significant + self.others
        factor = min(places / BASE, max(1.0, MOST / total)) if self.grow and places > BASE else 1.0
        return replace(self, significant=int(self.significant * factor), others=int(self.others * factor), grow=False)


def choose(
    described: torch.Tensor,
    choice: Choice,
    covered: torch.Tensor | None = None,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Indices (m,), ascending, of the chosen places of one picture, from its unit-length features (d, h, w).

    Places count row by row, and none is chosen twice; m is the count of the choice, or all places if there are fewer.
    covered: (h, w) bool, the places that may be chosen; None for all. generator: draws the other places; None puts them
    on an even grid.
    """
    h, w = described.shape[1:]
    device, choice = described.device, choice.of(h * w)
    allowed = torch.ones(h * w, dtype=torch.bool, device=device) if covered is None else covered.to(device).flatten()
    free = allowed.nonzero()[:, 0]
    if len(free) <= choice.significant + choice.others:
        return free
    if generator is None:
        others = _even(h, w, choice.others).to(device)
        others = others[allowed[others]]
    else:
        others = free[torch.randperm(len(free), generator=generator)[: choice.others].to(device)]
    rest = allowed.clone()
    rest[others] = False
    free = rest.nonzero()[:, 0]
    features = described.flatten(1).T[free].float()
    count = min(choice.significant + choice.others - len(others), len(free))
    found = _far(features, count) if choice.by == "mean" else _middles(features, count)
    return torch.cat([others, free[found]]).sort().values


def owners(described: torch.Tensor, where: torch.Tensor, covered: torch.Tensor | None = None) -> torch.Tensor:
    """(h * w,): for each place of the unit-length features (d, h, w) the index, among the chosen places `where` (m,),
    of the one most like it; a chosen place owns itself. -1 where not covered."""
    x = described.flatten(1).T.float()
    owner = (x @ x[where].T).argmax(1)
    owner[where] = torch.arange(len(where), device=owner.device)
    return owner if covered is None else owner.masked_fill(~covered.to(owner.device).flatten(), -1)


def means(x: torch.Tensor, owner: torch.Tensor, count: int) -> torch.Tensor:
    """(count, c): means of the rows of x (n, c) that each owner has; rows with owner -1 count for none."""
    known = owner >= 0
    return _sums(x[known], owner[known], count) / sizes(owner, count)[:, None]


def sizes(owner: torch.Tensor, count: int) -> torch.Tensor:
    """(count,) float32: how many rows each owner has."""
    return torch.bincount(owner[owner >= 0], minlength=count).float()


def _sums(x: torch.Tensor, owner: torch.Tensor, count: int) -> torch.Tensor:
    """(count, c): sums of the rows of x (n, c) by their owners (n,); the same bits every time."""
    if x.device.type == "cpu":
        return x.new_zeros(count, x.shape[1]).index_add(0, owner, x)
    return F.one_hot(owner, count).to(x.dtype).T @ x  # on a GPU index_add has no fixed order


def _even(h: int, w: int, count: int) -> torch.Tensor:
    """About `count` places, never more: the middles of near-square cells."""
    if not count:
        return torch.empty(0, dtype=torch.long)
    rows = max(1, min(h, round((count * h / w) ** 0.5), count))
    columns = max(1, min(w, count // rows))
    y = (2 * torch.arange(rows) + 1) * h // (2 * rows)
    x = (2 * torch.arange(columns) + 1) * w // (2 * columns)
    return (y[:, None] * w + x).flatten()


def _far(x: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of the `count` rows of x (n, d) farthest from the mean, the first ones among equals."""
    return (x - x.mean(0)).square().sum(1).argsort(descending=True, stable=True)[:count]


def _middles(x: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of the `count` unit-length rows of x (n, d) nearest to the centres of a clustering.

    Spherical k-means from evenly spaced first centres. If two centres share a nearest place or a cluster is empty, the
    places least like any chosen one make up the number.
    """
    if not count:
        return torch.empty(0, dtype=torch.long, device=x.device)
    centres = x[(2 * torch.arange(count, device=x.device) + 1) * len(x) // (2 * count)]
    for _ in range(ROUNDS):
        owner = (x @ centres.T).argmax(1)
        centres = F.normalize(_sums(x, owner, count), dim=1)
    found = (centres @ x.T).argmax(1).unique()
    if len(found) < count:
        like = (x @ x[found].T).amax(1)
        like[found] = 2.0
        found = torch.cat([found, like.argsort(stable=True)[: count - len(found)]])
    return found


def sized(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """x (b, c, ., .) at size (h, w): averaged where it shrinks, else bilinear."""
    h, w = size
    if tuple(x.shape[-2:]) == (h, w):
        return x
    if x.shape[-2] >= h and x.shape[-1] >= w:
        return F.adaptive_avg_pool2d(x, (h, w))
    return resized(x, (h, w))
