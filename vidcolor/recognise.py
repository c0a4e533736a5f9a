"""Which frame of the film a key paints, found while the film is read: by structure, not by light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from .color import luma01, luma_weights
from .film import Film, Frame
from .picture import load_key
from .references import Key
from .shots import correlation, detail

COARSE = (72, 96)
"""Height and width at which a key without a frame number is compared with every frame."""
FINE = (240, 320)
"""Height and width at which a frame is told from its neighbours."""
PAINTED = 0.9
"""Correlation of detail at FINE size from which a key paints a frame. Measured over 40 clips: a third of the
size 0.98, JPEG 30 0.996, noise of 12/255 0.99, gains and gamma 0.99; another clip's frame below 0.11."""
NEAR = 2
"""Frames beside the given number that are looked at: exports and players count from 0 or from 1."""
_CLEARLY = 0.02
"""A neighbour is taken for the given frame only if it agrees better by this much and leaves half the rest."""


@dataclass(frozen=True)
class Match:
    """What the scan says of one key."""

    frame: int | None
    """The film's frame that it paints; None for a picture of something else."""
    score: float
    """Correlation of detail there (the best seen, where it paints none)."""
    other_matrix: bool = False
    """Its luma fits the film's clearly better under the matrix that an untagged film was not given."""


@dataclass
class _Seen:
    """The best frame so far, and the given one."""

    frame: int | None = None
    score: float = -1.0
    given: float = -1.0
    other: bool = False
    coarse: float = -1.0


class Recogniser:
    """Compares keys with the film's frames as they come; memory grows with the keys, not with the film."""

    def __init__(self, film: Film, keys: Sequence[Key]) -> None:
        self._film = film
        self._keys = keys
        self._seen = [_Seen() for _ in keys]
        self._pictures: dict[int, np.ndarray] = {}  # FINE RGB of the keys in use
        free = [n for n, key in enumerate(keys) if key.place is None]
        self._free = np.array(free, int)
        self._timed = [n for n, key in enumerate(keys) if isinstance(key.place, Fraction)]
        self._at: dict[int, list[int]] = {}  # frame to the keys that may paint it
        for n, key in enumerate(keys):
            if isinstance(key.place, int):
                for frame in range(key.place - NEAR, key.place + NEAR + 1):
                    self._at.setdefault(frame, []).append(n)
        self._coarse = np.stack([_unit(_coarse(self._luma(n))) for n in free]) if free else None

    def add(self, frame: Frame, seconds: Fraction) -> None:
        """The film's next frame, `seconds` after the first."""
        wanted = []
        if self._coarse is not None:
            y = cv2.resize(frame.luma, COARSE[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
            scores = self._coarse @ _unit(detail(y, 1.0, 6.0).ravel())
            for n, score in zip(self._free, scores, strict=True):
                seen = self._seen[n]
                if score > 0.7 and score > seen.coarse - 0.05:
                    seen.coarse = max(seen.coarse, float(score))
                    wanted.append(int(n))
        placed = self._at.get(frame.index, []) + [n for n in self._timed if self._near(n, seconds)]
        for n in set(self._pictures).difference(placed, self._free.tolist()):
            del self._pictures[n]
        wanted += placed
        if wanted:
            y = _sized(luma01(frame.luma, self._film), FINE)
            structure = _structure(y)
            for n in wanted:
                self._compare(n, frame.index, y, structure)

    def matches(self) -> list[Match]:
        """One for each key, after the last frame."""
        found = []
        for key, seen in zip(self._keys, self._seen, strict=True):
            frame = seen.frame
            better = seen.score - seen.given > _CLEARLY and 1 - seen.score < 0.5 * (1 - seen.given)
            score = seen.score
            if isinstance(key.place, int) and seen.given >= 0 and not better:
                frame, score = key.place, seen.given
            painted = score >= PAINTED
            found.append(Match(frame if painted else None, score, painted and seen.other))
        return found

    def _near(self, n: int, seconds: Fraction) -> bool:
        place = self._keys[n].place
        return place is not None and abs(seconds - place) * self._film.frame_rate <= NEAR + 1

    def _compare(self, n: int, index: int, y: np.ndarray, structure: np.ndarray) -> None:
        seen = self._seen[n]
        score = correlation(_structure(self._luma(n)), structure)
        if index == self._keys[n].place:
            seen.given = score
        if score > seen.score:
            seen.frame, seen.score = index, score
            if "matrix" in self._film.untagged and score >= PAINTED:
                seen.other = self._other_fits(n, y)

    def _luma(self, n: int, matrix: str | None = None) -> np.ndarray:
        """FINE luma of a key under a matrix, 0..1."""
        if n not in self._pictures:
            self._pictures[n] = _sized(load_key(self._keys[n].path, self._film), FINE)
        return np.asarray(self._pictures[n] @ luma_weights(matrix or self._film.matrix))

    def _other_fits(self, n: int, y: np.ndarray) -> bool:
        mine, other = (_residual(self._luma(n, matrix), y) for matrix in (self._film.matrix, other_matrix(self._film)))
        return other < 0.5 * mine and mine - other > 0.004


def other_matrix(film: Film) -> str:
    """The matrix that the rule for untagged film did not choose."""
    return "bt709" if film.matrix == "bt601" else "bt601"


def _sized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = picture.shape[0] >= size[0] and picture.shape[1] >= size[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(picture, np.float32), size[::-1], interpolation=way)


def _structure(y: np.ndarray) -> np.ndarray:
    """The band of FINE luma that tells one frame from another; the edge, often cropped, is left out."""
    return detail(y, 1.0, 20.0)[FINE[0] // 16 : -FINE[0] // 16, FINE[1] // 16 : -FINE[1] // 16]


def _coarse(y: np.ndarray) -> np.ndarray:
    return detail(_sized(y, COARSE), 1.0, 6.0).ravel()


def _unit(vector: np.ndarray) -> np.ndarray:
    vector = vector - vector.mean()
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def _residual(key: np.ndarray, y: np.ndarray) -> float:
    """RMS of what gain and offset leave between a key's luma and the film's."""
    a, b = key - key.mean(), y - y.mean()
    gain = float((a * b).mean()) / max(float((a * a).mean()), 1e-9)
    return float(np.sqrt(np.mean((b - gain * a) ** 2)))
