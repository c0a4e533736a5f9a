"""A plan: everything that is decided before the first frame is coloured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcolor.encode.codecs import CODECS
from vidcolor.film.film import Film
from vidcolor.settings import Settings

CHUNK = 240
"""Frames of the longest unit: 10 s of film. Its working frames and colours (about 0.3 GB at 256 lines) are
held in memory, and lost when the process is stopped."""
MARGIN = 24
"""Frames of the same shot that are read on each side of a chunk, so that smoothing has settled where chunks meet."""


@dataclass(frozen=True)
class KeyUse:
    """A key as a unit uses it."""

    path: str
    """Absolute path of the picture."""
    sha256: str
    """SHA-256 of the picture's file."""
    frame: int | None
    """The film's frame that it paints or stands for (0-based, possibly outside the unit); None if unknown."""
    painted: bool
    """It was recognised as a painting of exactly that frame; its colours are reproduced there."""
    weight: float = 1.0
    """The user's weight, above 0."""
    align: tuple[float, ...] | None = None
    """How a cropped or shifted painting lies over its frame (`registration.registered`); None if it fits."""
    turn: int | None = None
    """The orientation that brings the picture onto the coded frame; None for a key as shown (`picture.load_key`)."""


@dataclass(frozen=True)
class Unit:
    """A shot, or a chunk of a long shot: what is coloured and written in one go."""

    index: int
    """0-based number of the unit."""
    shot: int
    """0-based number of the shot it belongs to."""
    first: int
    """First frame that is written."""
    stop: int
    """One past the last frame that is written."""
    warm_first: int
    """First frame that is read: a margin before `first`, inside the shot."""
    warm_stop: int
    """One past the last frame that is read."""
    keys: tuple[KeyUse, ...]
    """The keys that the shot is coloured from."""
    own_key: bool
    """Whether a key is the shot's own: a painting of one of its frames, or assigned to it by a list."""
    content_hash: str
    """SHA-256 in hex over everything that shapes the unit's file: equal hash, equal file."""

    def __len__(self) -> int:
        return self.stop - self.first


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that is decided before the first frame is coloured. It never changes."""

    film: Film
    settings: Settings
    pts: np.ndarray
    """(n,) int64: PTS of the film's frames 0..n-1 in ticks of its time base."""
    first: int
    """First frame of the film that goes into the result (`--start`)."""
    stop: int
    """One past the last frame that goes into the result (`--end`)."""
    shots: tuple[tuple[int, int], ...]
    """[first, stop) of every shot; the first starts at 0, each where the one before it ends."""
    units: tuple[Unit, ...]
    """In order; together they write [first, stop) without gap."""
    out: Path
    """The result."""
    work: Path
    """The work folder beside it."""
    identity: str
    """SHA-256 that identifies the film (`identity.film_identity`)."""
    fingerprint: str
    """The model's fingerprint."""

    def unit_path(self, unit: Unit) -> Path:
        """Path of the unit's file, which appears there only when it is complete."""
        return (
            self.work / "units" / f"{unit.index:05d}-{unit.content_hash[:16]}{CODECS[self.settings.codec].unit_suffix}"
        )


def cut_units(shots: Sequence[tuple[int, int]], first: int, stop: int) -> list[tuple[int, int, int, int, int]]:
    """(shot, first, stop, warm_first, warm_stop) of every unit that writes [first, stop) of the film.

    Shots longer than CHUNK become chunks of CHUNK frames and a rest: so every film of long shots needs the same
    memory. Margins stay inside the shot, and reach out of [first, stop) where the shot does.
    """
    units = []
    for shot, (begin, end) in enumerate(shots):
        low, high = max(begin, first), min(end, stop)
        for a in range(low, high, CHUNK):
            b = min(a + CHUNK, high)
            units.append((shot, a, b, max(begin, a - MARGIN), min(end, b + MARGIN)))
    return units
