"""The plan of a film: its shots cut into units, each with its frames, its keys and a content key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .film import Film
from .settings import Settings


@dataclass(frozen=True)
class KeyUse:
    """A reference as a unit uses it."""

    path: str
    """Absolute path of the picture."""
    sha256: str
    """Of the picture file's bytes."""
    frame: int | None
    """The film's frame that it paints or stands for (0-based; may lie outside the unit); None where unknown."""
    painted: bool
    """Recognised as exactly that frame of the film: its colours are reproduced there."""
    weight: float = 1.0
    """The user's weight, above 0."""


@dataclass(frozen=True)
class Unit:
    """A shot, or a chunk of a long shot: what one step of the program colours."""

    index: int
    """0-based number of the unit."""
    shot: int
    """0-based number of the shot it belongs to."""
    first: int
    """First frame that is written."""
    last: int
    """One past the last frame that is written."""
    warm_first: int
    """First frame that is read: a margin before `first`, inside the shot."""
    warm_last: int
    """One past the last frame that is read."""
    keys: tuple[KeyUse, ...]
    """The shot's references."""
    key: str
    """SHA-256 in hex over all that shapes the unit's file: equal key, equal file."""

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, eq=False)
class Plan:
    """All that is decided before the first frame is coloured; written once, never changed."""

    film: Film
    settings: Settings
    pts: np.ndarray
    """(n,) int64: PTS of the film's frames 0..n-1 in ticks of its time base."""
    first: int
    """First frame of the film that goes into the result (`--start`)."""
    last: int
    """One past the last frame that goes into the result (`--end`)."""
    shots: tuple[tuple[int, int], ...]
    """[first, last) of every shot; the first starts at 0, each where the one before it ends."""
    units: tuple[Unit, ...]
    """In order; together they write [first, last) without gap."""
    out: Path
    """The result."""
    work: Path
    """The work folder beside it."""
    identity: str
    """SHA-256 of what tells this film from another: size, head and tail of the file."""
    fingerprint: str
    """The model's fingerprint."""

    def unit_path(self, unit: Unit) -> Path:
        """Where the unit's finished file lies; it appears there only when complete."""
        return self.work / "units" / f"{unit.index:05d}-{unit.key[:16]}.mkv"
