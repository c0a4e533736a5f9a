"""A shot of a film and the references that it is coloured from, as models see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


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
    """To be called whenever a frame has gone through a step of what is slow: a key of `estimate.COSTS`."""
    cache: dict[Any, Any] = field(default_factory=dict)
    """What was computed once for this shot and is of use to others: flow between neighbours, features."""

    def __len__(self) -> int:
        return len(self.lightness)
