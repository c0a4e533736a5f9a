"""The one contract of every model: `prepare(shot, references) -> state`, `colorize(batch, state) -> ab, confidence`.

The pipeline knows nothing else of a model. Colours are CIE Lab's a and b (D65, sRGB curve) in Lab units,
about -110..110; lightness L is 0..100. Maps are at the size of the working frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch


@dataclass(frozen=True)
class Reference:
    """A coloured key as a model sees it, already at a working size."""

    lab: np.ndarray
    """(h, w, 3) float32: L 0..100, a, b. Its size may differ from the shot's."""
    frame: int | None
    """The film's frame that this key stands for (it may lie outside the shot's frames); None where unknown."""
    weight: float = 1.0
    """The user's weight of this key, above 0."""
    painted: bool = False
    """Recognised as exactly that frame, pixel on pixel: its colours hold there as they are."""
    covered: np.ndarray | None = None
    """(h, w) bool: where the key says anything; None for everywhere. A cropped key covers a part of its frame."""


@dataclass
class Shot:
    """The grey frames of one unit at working size: the whole of it, both directions of time."""

    lightness: np.ndarray
    """(n, h, w) uint8: L times 2.55. h and w are multiples of 32."""
    first: int
    """The film's frame number of `lightness[0]`."""
    seed: int = 0
    """Seed of whatever a model draws at random in this shot (hint positions)."""
    motion: float = 1.0
    """How far colours follow motion from frame to frame, 0 to 1; at 0 every frame is coloured by itself."""
    own_key: bool = True
    """Whether a reference is of this very shot; else all of them are of others, or of nothing in this film."""
    step: Callable[[str], None] = lambda kind: None
    """To be called whenever a frame has gone through a step of what is slow: a key of `progress.COSTS`."""
    cache: dict[Any, Any] = field(default_factory=dict)
    """What was computed once for this shot and is of use to others: flow between neighbours, features."""

    def __len__(self) -> int:
        return len(self.lightness)


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
    """(b, 1, h / 2, w / 2) float32 in 0..1: how far painted keys' traced colours (`trace.follow`), which the pipeline
    joins to `ab`, are believed; None: by their weights."""
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
    """SHA-256 over the weights and the settings that change its colours; part of a unit's content key."""

    def prepare(self, shot: Shot, references: Sequence[Reference]) -> Any:
        """Compute once per shot what every batch needs: reference statistics, tokens, matches, flow."""
        ...

    def colorize(self, batch: Batch, state: Any) -> Colored:
        """Colour a batch of frames of the prepared shot. Deterministic: same input, same bits."""
        ...
