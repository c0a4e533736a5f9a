"""The one contract of every model: `prepare(shot, references) -> state`, `colorize(batch, state) -> ab, confidence`.

The pipeline knows nothing else of a model. Colours are CIE Lab's a and b (D65, sRGB curve) in Lab units,
about -110..110; lightness L is 0..100. Maps are at the size of the working frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from vidcolor.shot import Reference, Shot


@dataclass(frozen=True)
class Batch:
    """Consecutive frames of a shot."""

    lightness: torch.Tensor
    """(b, 1, h, w) float32, L 0..100, on the model's device."""
    positions: range
    """Where these frames are in `Shot.lightness`."""


@dataclass(frozen=True)
class Colored:
    """What a model says of a batch."""

    ab: torch.Tensor
    """(b, 2, h, w) float32, Lab units."""
    confidence: torch.Tensor
    """(b, 1, h, w) float32 in 0..1: 1 a sure copy of a reference's colour, 0 a guess."""
    coarse: torch.Tensor | None = None
    """(b, 2, h, w) float32, or smaller: ab before the colorization sub-net, for inspection; None where a model has
    none."""
    traced: torch.Tensor | None = None
    """(b, 1, h / 2, w / 2) float32 in 0..1: how far painted keys' traced colours (`propagate.track`), which the
    pipeline joins to `ab`, are believed; None: by their weights."""
    fill: torch.Tensor | None = None
    """(b, 1, h, w) float32: lightness 0..100 of a colour that lies under the frame's lines, with `ab`; such a frame's
    luma is written anew as this times the lines (`vidcolor.fill`). None, of nearly every model: luma stays."""


class Colorizer(Protocol):
    """A model: built once, used for every shot, on one device."""

    name: str
    """As in `--model`."""
    device: torch.device
    """Where its tensors live."""
    dtype: torch.dtype
    """What its nets compute in (`precision.choose`)."""
    steady: bool
    """Its colours follow motion already; the colours of the others are smoothed along it afterwards."""
    fingerprint: str
    """SHA-256 over the weights and the settings that change its colours; part of a unit's content hash."""

    def prepare(self, shot: Shot, references: Sequence[Reference]) -> Any:
        """Compute once per shot what every batch needs: reference statistics, tokens, matches, flow."""
        ...

    def colorize(self, batch: Batch, state: Any) -> Colored:
        """Colour a batch of frames of the prepared shot. Deterministic: same input, same bits."""
        ...
