"""The transforms at the style layers of the transfer sub-net (Xu et al., CVPR 2020): AdaIN, AdaIN inside labels, or the
whitening-colouring transform; and the statistics of references and shots that each of them needs.

Each kind of style is a record that the net makes of pictures (`TransferNet.reference_statistics`,
`reference_covariances`, `label_statistics`) and takes as `style`; the record says which transform acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F

from vidcolor.models.adain.wct import Covariance, covariance, whiten_and_color
from vidcolor.models.nets.adain import LabelMoments, Moments, adain, adain_labels, label_moments, moments, normalized

Layers = Literal["both", "encoder", "decoder"]


@dataclass(frozen=True)
class Statistics:
    """What AdaIN keeps of a picture: mean and deviation at each style layer."""

    values: torch.Tensor
    """(b, 2, n) float32: means, then deviations, of all style layers' channels side by side (n = 1408 at paper
    size)."""

    def mix(self, weights: Sequence[float] | torch.Tensor) -> Statistics:
        """These b references as one (Eq. 5); weights (b,), or (f, b) for f frames with weights of their own."""
        return Statistics(torch.einsum("fb,bsn->fsn", _weights(weights, self.values), self.values))

    def __len__(self) -> int:
        return len(self.values)

    def one(self, n: int) -> Statistics:
        """Those of picture n alone."""
        return Statistics(self.values[n : n + 1])

    @staticmethod
    def cat(parts: Sequence[Statistics]) -> Statistics:
        return Statistics(torch.cat([part.values for part in parts]))


@dataclass(frozen=True)
class Covariances:
    """What the whitening-colouring transform keeps of a picture: mean, matrix and range at each style layer."""

    layers: tuple[Covariance, ...]

    def mix(self, weights: Sequence[float] | torch.Tensor) -> Covariances:
        """These b references as one, as `Statistics.mix`: the transform is affine in mean and root of the
        covariance, so that mixing them equals mixing its outputs."""
        mixed = []
        for layer in self.layers:
            w = _weights(weights, layer.mu)
            mixed.append(Covariance(*(torch.einsum("fb,b...->f...", w, part) for part in layer)))
        return Covariances(tuple(mixed))

    def __len__(self) -> int:
        return len(self.layers[0].mu)

    def one(self, n: int) -> Covariances:
        """Those of picture n alone."""
        return Covariances(tuple(Covariance(*(part[n : n + 1] for part in layer)) for layer in self.layers))

    @staticmethod
    def cat(parts: Sequence[Covariances]) -> Covariances:
        columns = zip(*(part.layers for part in parts), strict=True)
        return Covariances(tuple(Covariance(*map(torch.cat, zip(*layer, strict=True))) for layer in columns))


@dataclass(frozen=True)
class LabelStatistics:
    """What AdaIN inside labels keeps of one or several references."""

    inside: tuple[tuple[LabelMoments, ...], ...]
    """For each style layer the references' moments of k labels."""
    whole: tuple[tuple[Moments, ...], ...]
    """For each style layer the references' moments over the whole picture."""
    weights: tuple[float, ...] = (1.0,)
    """Of the references (Eq. 5), each at least 0."""
    fallback: bool = True
    """Labels that no reference has take AdaIN of the whole picture; else they stay as they are."""
    content: tuple[tuple[LabelMoments, Moments], ...] | None = field(default=None, repr=False)
    """Of a shot (`TransferNet.content_statistics`): its own moments at each style layer, not a reference's."""


Style = Statistics | Covariances | LabelStatistics


class StyleLayer(Protocol):
    """What happens to the features at a style layer."""

    def __call__(self, number: int, x: torch.Tensor) -> torch.Tensor: ...


class Kind(Protocol):
    """A transform: what it measures of a picture's features, and what it does with two measurements."""

    def measure(self, x: torch.Tensor, together: bool = False) -> Any:
        """Of each of x's pictures, or of all together as one."""
        ...

    def apply(self, number: int, x: torch.Tensor, own: Any) -> torch.Tensor:
        """x in the layer's style. own: the measurement of x; None to take it here."""
        ...

    def content(self, record: Any) -> Sequence[Any]:
        """A shot's record as one measurement per style layer."""
        ...

    def record(self, measured: Sequence[Any]) -> Any:
        """The inverse of `content`."""
        ...


class Adain(Kind):
    """Mean and deviation of each channel."""

    def __init__(self, channels: Sequence[int], style: Statistics | None = None) -> None:
        self.channels = channels
        self.style = None if style is None else _split(style, channels)

    def measure(self, x: torch.Tensor, together: bool = False) -> Moments:
        return moments(x, together)

    def apply(self, number: int, x: torch.Tensor, own: Moments | None) -> torch.Tensor:
        assert self.style is not None
        return adain(x, self.style[number], own)

    def content(self, record: Statistics) -> list[Moments]:
        return _split(record, self.channels)

    def record(self, measured: Sequence[Moments]) -> Statistics:
        return Statistics(torch.stack([torch.cat(part, 1)[..., 0, 0] for part in zip(*measured, strict=True)], 1))


class Wct(Kind):
    """Mean and full covariance of the channels."""

    def __init__(self, style: Covariances | None = None) -> None:
        self.style = style

    def measure(self, x: torch.Tensor, together: bool = False) -> Covariance:
        return covariance(x, together)

    def apply(self, number: int, x: torch.Tensor, own: Covariance | None) -> torch.Tensor:
        assert self.style is not None
        return whiten_and_color(x, self.style.layers[number], covariance(x) if own is None else own)

    def content(self, record: Covariances) -> Sequence[Covariance]:
        return record.layers

    def record(self, measured: Sequence[Covariance]) -> Covariances:
        return Covariances(tuple(measured))


class Labelled(Kind):
    """AdaIN between the pixels of the same label."""

    def __init__(self, labels: torch.Tensor, k: int, style: LabelStatistics | None = None) -> None:
        """labels: (b or 1, h, w) integers 0..k-1 on the padded picture's grid."""
        self.labels, self.k, self.style = labels, k, style

    def measure(self, x: torch.Tensor, together: bool = False) -> tuple[LabelMoments, Moments]:
        return label_moments(x, self._of(x), self.k, together), moments(x, together)

    def apply(self, number: int, x: torch.Tensor, own: tuple[LabelMoments, Moments] | None) -> torch.Tensor:
        style = self.style
        assert style is not None
        whole = style.whole[number] if style.fallback else None
        return adain_labels(x, self._of(x), style.inside[number], style.weights, whole, content=own)

    def content(self, record: LabelStatistics) -> Sequence[tuple[LabelMoments, Moments]]:
        assert record.content is not None
        return record.content

    def record(self, measured: Sequence[tuple[LabelMoments, Moments]]) -> LabelStatistics:
        return LabelStatistics((), (), content=tuple(measured))

    def _of(self, x: torch.Tensor) -> torch.Tensor:
        return self.labels.expand(len(x), -1, -1)


class StyleTransform(StyleLayer):
    """A transform with given statistics, at the style layers where it is wanted."""

    def __init__(self, kind: Kind, content: Any = None, strength: float = 1.0, layers: Layers = "both") -> None:
        self.kind, self.strength, self.layers = kind, strength, layers
        self.content = None if content is None else kind.content(content)

    def __call__(self, number: int, x: torch.Tensor) -> torch.Tensor:
        where = "decoder" if 4 <= number <= 6 else "encoder"
        if self.layers not in ("both", where) or self.strength == 0:
            return x
        styled = self.kind.apply(number, x, None if self.content is None else self.content[number])
        return styled if self.strength == 1 else torch.lerp(x, styled, self.strength)


class Recorder(StyleLayer):
    """Records the features' statistics, each picture's or all pictures' together, and passes them on or
    styles them."""

    def __init__(self, kind: Kind, styles: bool = False, together: bool = False) -> None:
        self.kind, self.styles, self.together = kind, styles, together
        self.measured: dict[int, Any] = {}

    def __call__(self, number: int, x: torch.Tensor) -> torch.Tensor:
        own = self.measured[number] = self.kind.measure(x, self.together)
        return self.kind.apply(number, x, own) if self.styles else x

    def record(self) -> Any:
        return self.kind.record([self.measured[number] for number in sorted(self.measured)])


def _weights(weights: Sequence[float] | torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(f, b) weights of b references with sum 1 in each row."""
    if not isinstance(weights, torch.Tensor):
        weights = torch.tensor(normalized(weights))
    weights = weights.to(like).reshape(-1, len(like))
    return weights / weights.sum(1, keepdim=True)


def _split(statistics: Statistics, channels: Sequence[int]) -> list[Moments]:
    """Flat statistics to one Moments (b, c, 1, 1) per style layer."""
    edges = [0]
    for c in channels:
        edges.append(edges[-1] + c)
    if statistics.values.shape[-1] != edges[-1]:
        raise ValueError(f"statistics of {statistics.values.shape[-1]} channels, the net has {edges[-1]}")
    mu, sigma = statistics.values[..., None, None].unbind(1)
    return [Moments(mu[:, a:b], sigma[:, a:b]) for a, b in pairwise(edges)]


def resized(labels: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """(b, h, w) labels to another size by nearest neighbour."""
    return F.interpolate(labels[:, None].float(), size=tuple(size), mode="nearest-exact")[:, 0]
