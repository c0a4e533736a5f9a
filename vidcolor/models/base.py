"""The one contract of every model: `prepare` a shot, `colorize` it batch by batch, `finish` it.

Colours are CIE Lab's a and b (D65, sRGB curve) in Lab units, about -110..110; lightness L is 0..100. Maps are at the
size of the working frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from vidcolor.shot import Reference, Shot


@dataclass(frozen=True)
class Batch:
    """Consecutive frames of a shot."""

    lightness: torch.Tensor
    """(b, 1, h, w) float32, L 0..100, on the model's device."""
    positions: range
    """Where these frames are in `Shot.lightness`."""

    @classmethod
    def of(cls, shot: Shot, positions: range, device: torch.device) -> Batch:
        """Frames of a shot, on a device."""
        l = torch.from_numpy(shot.grey(slice(positions.start, positions.stop)))
        return cls(l[:, None].to(device), positions)


@dataclass(frozen=True)
class Colored:
    """The colours that a model finds for a batch."""

    ab: torch.Tensor
    """(b, 2, h, w) float32, Lab units."""
    confidence: torch.Tensor
    """(b, 1, h, w) float32 in 0..1: 1 for a certain copy of a reference's colour, 0 for a guess."""
    coarse: torch.Tensor | None = None
    """(b, 2, h, w) float32, or smaller: ab before the colorization sub-net, for inspection; None where a model has
    none."""
    fill_lightness: torch.Tensor | None = None
    """(b, 1, h, w) float32, 0..100: with `ab`, the colour under the lines of line art, whose luma is written anew as
    this times the lines (`sketch.line_art`). None with nearly every model: luma stays."""


@dataclass
class ShotColors:
    """The colours of a whole shot of n frames."""

    ab: np.ndarray
    """(n, h, w, 2) float16, Lab units."""
    confidence: np.ndarray
    """(n, h, w) float16 in 0..1."""
    fill_lightness: np.ndarray | None = None
    """(n, h, w) float16, as `Colored.fill_lightness`."""
    coarse: dict[int, np.ndarray] = field(default_factory=dict)
    """(h, w, 2) float32, as `Colored.coarse`, of the inspected frames by their positions."""
    key_colors: dict[int, np.ndarray] = field(default_factory=dict)
    """As `find_key_colors` gives them: what painted keys say of their frames."""


class Colorizer(Protocol):
    """A model: built once, used for every shot, on one device."""

    name: str
    """As in `--model`."""
    device: torch.device
    """Where its tensors live."""
    dtype: torch.dtype
    """What its nets compute in (`precision.choose`)."""
    fingerprint: str
    """SHA-256 over the weights and the settings that change its colours; part of a unit's content hash."""

    def prepare(self, shot: Shot, references: Sequence[Reference]) -> Any:
        """Compute once per shot what every batch needs: reference statistics, tokens, matches, flow."""
        ...

    def colorize(self, batch: Batch, state: Any) -> Colored:
        """Colour a batch of frames of the prepared shot. Deterministic: same input, same bits."""
        ...

    def finish(self, shot: Shot, references: Sequence[Reference], colors: ShotColors) -> None:
        """Make a shot's colours final once all batches are there, in place. A model that colours every frame by itself
        makes them follow motion here (`propagate.steady`); one that follows motion already has nothing to do."""
