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
    align: tuple[float, ...] | None = None
    """Where the film's picture lies in the key's, if it is cropped or shifted (see `registration`)."""
    other_matrix: bool = False
    """Its luma fits the film's clearly better under the matrix that an untagged film was not given."""


@dataclass
class _Seen:
    """The best frame so far, and the given one."""

    frame: int | None = None
    score: float = -1.0
    align: tuple[float, ...] | None = None
    given: float = -1.0
    given_align: tuple[float, ...] | None = None
    other: bool = False
    coarse: float = -1.0


class Recogniser:
    """Compares keys with the film's frames as they come; memory grows with the keys, not with the film."""

    def __init__(self, film: Film, keys: Sequence[Key]) -> None:
        self._film = film
        self._keys = keys
        self._seen = [_Seen() for _ in keys]
        self._moved = [_Seen() for _ in keys]  # the same with crop and shift undone
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
        for key, plain, moved in zip(self._keys, self._seen, self._moved, strict=True):
            # In a pan every neighbour is a shifted copy: a key that fits as it is needs no registration.
            seen = plain if plain.score >= PAINTED or moved.score < PAINTED else moved
            frame, align = seen.frame, seen.align
            better = seen.score - seen.given > _CLEARLY and 1 - seen.score < 0.5 * (1 - seen.given)
            score = seen.score
            if isinstance(key.place, int) and seen.given >= 0 and not better:
                frame, score, align = key.place, seen.given, seen.given_align
            painted = score >= PAINTED
            found.append(Match(frame if painted else None, score, align if painted else None, painted and seen.other))
        return found

    def _near(self, n: int, seconds: Fraction) -> bool:
        place = self._keys[n].place
        return place is not None and abs(seconds - place) * self._film.frame_rate <= NEAR + 1

    def _compare(self, n: int, index: int, y: np.ndarray, structure: np.ndarray) -> None:
        key = self._luma(n)
        score = correlation(_structure(key), structure)
        self._note(n, self._seen[n], index, y, score, None)
        if self._seen[n].score < PAINTED and self._keys[n].place is not None:
            self._note(n, self._moved[n], index, y, *registered(key, y))

    def _note(
        self, n: int, seen: _Seen, index: int, y: np.ndarray, score: float, align: tuple[float, ...] | None
    ) -> None:
        if index == self._keys[n].place:
            seen.given, seen.given_align = score, align
        if score > seen.score:
            seen.frame, seen.score, seen.align = index, score, align
            if "matrix" in self._film.untagged and score >= PAINTED and align is None:
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


def registered(key: np.ndarray, y: np.ndarray) -> tuple[float, tuple[float, ...] | None]:
    """How well a key's FINE luma agrees with a frame's once its crop and shift are undone, and the affine map of that.

    The map takes places in the film's frame, 0..1 to the right and down, to places in the key: six numbers, row by
    row. Registration by enhanced correlation (Evangelidis and Psarakis 2008), from coarse to fine; (-1, None) where
    none is found, or one that is no crop: sides changed by more than a fifth, turned, or shifted by more than that.
    """
    matrix = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    for scale, motion in ((0.25, cv2.MOTION_TRANSLATION), (0.5, cv2.MOTION_AFFINE), (1.0, cv2.MOTION_AFFINE)):
        small = (round(FINE[1] * scale), round(FINE[0] * scale))
        at, moving = (cv2.resize(detail(x, 1.0, 20.0), small, interpolation=cv2.INTER_AREA) for x in (y, key))
        matrix[:, 2] *= scale
        try:
            matrix = np.asarray(cv2.findTransformECC(at, moving, matrix, motion, stop)[1])
        except cv2.error:  # no convergence: another picture
            return -1.0, None
        matrix[:, 2] /= scale
    if np.abs(matrix[:, :2] - np.eye(2)).max() > 0.2 or np.abs(matrix[:, 2] / FINE[::-1]).max() > 0.2:
        return -1.0, None
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(key, matrix, FINE[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)
    side = np.diag(np.array(FINE[::-1], np.float64))
    whole = np.linalg.inv(side) @ np.c_[matrix[:, :2] @ side, matrix[:, 2] + 0.5 - matrix[:, :2] @ [0.5, 0.5]]
    return correlation(_structure(moved), _structure(y)), tuple(float(v) for v in whole.ravel())


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
