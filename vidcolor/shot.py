"""A shot of a film and the references that it is coloured from, as models see them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

PER_L = 2.55
"""Steps of an 8-bit lightness for one unit of L."""
FLOW_BYTES = 320 << 20
"""Memory that the flow of one shot may hold: that of a unit of 480x864."""

FlowPair = tuple[np.ndarray, np.ndarray]
"""Flow between two neighbouring frames at half their size, as `motion.flow` computes it: displacement (2, h/2, w/2, 2)
float16 in pixels of that size, x then y, and confidence (2, h/2, w/2) float16 in 0..1; first from the earlier frame to
the later, then back."""


class FlowCache:
    """Flow between neighbouring frames of one shot, kept while it is being coloured. Threads may share it."""

    def __init__(self, limit: int = FLOW_BYTES) -> None:
        """limit: bytes; flow beyond them is not kept and is computed again whenever it is needed."""
        self.limit = limit
        self._pairs: dict[int, FlowPair] = {}
        self._lock = threading.Lock()
        self.nbytes = 0
        """Bytes of the flow that is kept."""

    def get(self, t: int) -> FlowPair | None:
        """Flow between frames t and t + 1; None where it is not kept."""
        return self._pairs.get(t)

    def put(self, t: int, pair: FlowPair) -> None:
        size = sum(part.nbytes for part in pair)
        with self._lock:
            if t not in self._pairs and self.nbytes + size <= self.limit:
                self._pairs[t] = pair
                self.nbytes += size

    def clear(self) -> None:
        with self._lock:
            self._pairs.clear()
            self.nbytes = 0


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
    """(n, h, w) uint8: L times `PER_L`, see `quantized`. h and w are multiples of 32."""
    first: int
    """The film's frame number of `lightness[0]`."""
    seed: int = 0
    """Seed of whatever a model draws at random in this shot (hint positions)."""
    motion: float = 1.0
    """How far colours follow motion from frame to frame, 0 to 1; at 0 every frame is coloured by itself."""
    own_key: bool = True
    """Whether a reference is of this very shot; else all of them are of others, or of nothing in this film."""
    step: Callable[[str], None] = lambda kind: None
    """Called whenever a frame has gone through a step that takes long: a key of `estimate.COSTS`."""
    flow: FlowCache = field(default_factory=FlowCache)

    def __len__(self) -> int:
        return len(self.lightness)

    @property
    def size(self) -> tuple[int, int]:
        """(h, w)."""
        _, h, w = self.lightness.shape
        return h, w

    def grey(self, at: int | slice | Sequence[int]) -> np.ndarray:
        """L 0..100 of the frames at these positions: (h, w) or (k, h, w) float32."""
        return self.lightness[at].astype(np.float32) / np.float32(PER_L)


def quantized(l: np.ndarray) -> np.ndarray:
    """L 0..100 as `Shot.lightness` holds it: uint8."""
    return np.rint(l * PER_L).clip(0, 255).astype(np.uint8)
