"""Which frame of the film a key paints, found while the film is read, by structure rather than brightness."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

from vidcolor.color.ycbcr import luma01, luma_weights
from vidcolor.film import images
from vidcolor.film.film import Film, Frame
from vidcolor.film.timecode import SLACK
from vidcolor.keys.key_list import Key
from vidcolor.keys.picture import read_key
from vidcolor.keys.registration import FINE, fine_structure, registered, sized
from vidcolor.pictures.orientation import of_key, turned
from vidcolor.shots.detector import correlation, detail

COARSE = (72, 96)
"""Height and width at which a key without a frame number is compared with every frame."""
PAINTED = 0.9
"""Correlation of detail at FINE size from which a key paints a frame. Measured on 40 clips: a third of the size 0.98,
JPEG 30 0.996, noise of 12/255 0.99, gains and gamma 0.99; a frame of another clip below 0.11."""
NEAR = 2
"""Frames before and after the given one that are compared too: programs count from 0 or from 1."""
_CLEARLY = 0.02
"""A neighbour replaces the given frame only if it agrees better by this much and halves what is left."""


@dataclass(frozen=True)
class Match:
    """What the scan found for a key."""

    frame: int | None
    """The film's frame that it paints; None if it shows something else."""
    score: float
    """Correlation of detail with that frame (the best of all frames if it paints none)."""
    align: tuple[float, ...] | None = None
    """Where the frame lies in the key, if the key is cropped or shifted (see `registration`)."""
    other_matrix: bool = False
    """Its luma fits an untagged film's clearly better with the other matrix than with the one chosen by rule."""
    turn: int | None = None
    """The orientation that turns the stored key like the coded frame; None for a key painted on the film as shown
    (`picture.load_key`)."""


@dataclass
class _Seen:
    """The best frame so far, and all near the key's place."""

    frame: int | None = None
    score: float = -1.0
    align: tuple[float, ...] | None = None
    other: bool = False
    coarse: float = -1.0
    near: dict[int, tuple[float, tuple[float, ...] | None]] = field(default_factory=dict)

    def fits(self, frame: int | None) -> bool:
        """Whether the key paints this frame, and no other clearly better."""
        score = self.near[frame][0] if frame in self.near else -1.0
        better = self.score - score > _CLEARLY and 1 - self.score < 0.5 * (1 - score)
        return score >= PAINTED and not better


class Recogniser:
    """Compares keys with the film's frames as they come. Memory grows with the keys, not with the film.

    first: the number of the film's first frame in lists; None to find out from the pictures whether it is 0, 1 or, for
    numbered images, the first one's own number.
    """

    def __init__(self, film: Film, keys: Sequence[Key], first: int | None = None) -> None:
        self._film = film
        self._keys = keys
        self._firsts = possible_firsts(film) if first is None else [first]
        self._seen: defaultdict[tuple[int, int, bool], _Seen] = defaultdict(_Seen)
        """By key, way to turn it, and whether its crop is undone."""
        self._turns: dict[int, list[int]] = {}  # by key: ways to turn it
        self._pictures: dict[int, list[np.ndarray]] = {}  # by key in use: its FINE RGB, turned in each way
        self._at: dict[int, set[int]] = {}  # by frame: keys that may paint it
        self._shown: dict[int, int] = {}  # by key: the frame on screen at its time
        self._recent: deque[Frame] = deque(maxlen=NEAR + 1)
        for n, key in enumerate(keys):
            if isinstance(key.place, int):
                for number in self._firsts:
                    self._look_at(n, key.place - number)
        self._timed = {n: key.place for n, key in enumerate(keys) if isinstance(key.place, Fraction)}
        free = [n for n, key in enumerate(keys) if key.place is None]
        self._free = [(n, way) for n in free for way in range(len(self._picture(n)))]
        vectors = [_unit(_coarse(self._luma(n, way))) for n, way in self._free]
        self._coarse = np.stack(vectors) if vectors else None

    def add(self, frame: Frame, seconds: Fraction) -> None:
        """The film's next frame, `seconds` after the first."""
        wanted: dict[int, list[int]] = {}  # by key: ways to turn it
        if self._coarse is not None:
            y = cv2.resize(frame.luma, COARSE[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
            scores = self._coarse @ _unit(detail(y, 1.0, 6.0).ravel())
            for (n, way), score in zip(self._free, scores, strict=True):
                seen = self._seen[n, way, False]
                if score > 0.7 and score > seen.coarse - 0.05:
                    seen.coarse = max(seen.coarse, float(score))
                    wanted.setdefault(n, []).append(way)
        passed = [n for n, place in self._timed.items() if n not in self._shown and seconds > place + SLACK]
        self._show(passed, frame.index - 1)
        placed = self._at.get(frame.index, set()) | {n for n in self._timed if self._near(n, seconds)}
        for n in set(self._pictures).difference(placed, (n for n, _ in self._free)):
            del self._pictures[n]
        self._compare(frame, wanted | {n: list(range(len(self._picture(n)))) for n in placed})
        if self._timed:
            self._recent.append(frame)

    def waits(self, index: int, seconds: Fraction) -> bool:
        """Whether a key with a place may still be found after this frame."""
        return (
            len(self._shown) < len(self._timed)
            or any(self._near(n, seconds) for n in self._timed)
            or any(frame > index for frame in self._at)
        )

    def matches(self, frames: int | None = None) -> tuple[int, list[Match]]:
        """Call after the last frame: the number of the film's first frame in keys, and a match for each key.

        frames: how many the film has; None if it was not read to its end.
        """
        if self._recent:
            self._show([n for n in self._timed if n not in self._shown], self._recent[-1].index)
        first = self._first(frames)
        return first, [self._match(n, first) for n in range(len(self._keys))]

    def _look_at(self, n: int, frame: int) -> None:
        for near in range(frame - NEAR, frame + NEAR + 1):
            self._at.setdefault(near, set()).add(n)

    def _show(self, keys: Sequence[int], index: int) -> None:
        """Frame `index` is on screen at the time of these keys: compare it and its neighbours."""
        for n in keys:
            self._shown[n] = index
            self._look_at(n, index)
            for frame in self._recent:
                if frame.index not in self._seen[n, 0, False].near:
                    self._compare(frame, {n: list(range(len(self._picture(n))))})

    def _near(self, n: int, seconds: Fraction) -> bool:
        return abs(seconds - self._timed[n]) * self._film.frame_rate <= NEAR + 1

    def _compare(self, frame: Frame, wanted: dict[int, list[int]]) -> None:
        if not wanted:
            return
        y = sized(luma01(frame.luma, self._film.coding), FINE)
        structure = fine_structure(y)
        for n, ways in wanted.items():
            for way in ways:
                if way and self._seen[n, 0, False].score >= PAINTED:
                    break  # it fits as shown
                key = self._luma(n, way)
                self._note(n, way, frame.index, y, correlation(fine_structure(key), structure))
                if self._seen[n, way, False].score < PAINTED and self._keys[n].place is not None:
                    self._note(n, way, frame.index, y, *registered(key, y), moved=True)

    def _note(
        self,
        n: int,
        way: int,
        index: int,
        y: np.ndarray,
        score: float,
        align: tuple[float, ...] | None = None,
        moved: bool = False,
    ) -> None:
        seen = self._seen[n, way, moved]
        if self._keys[n].place is not None:
            seen.near[index] = score, align
        if score > seen.score:
            seen.frame, seen.score, seen.align = index, score, align
            if "matrix" in self._film.untagged and score >= PAINTED and align is None:
                seen.other = self._other_fits(n, way, y)

    def _painting(self, n: int) -> tuple[int, _Seen]:
        """The first way to turn a key in which it paints a frame, and that frame; else the way in which it is shown."""
        ways = []
        for way in range(len(self._turns.get(n, [0]))):
            # In a pan every neighbour is a shifted copy, so a key that fits as it is needs no registration.
            plain, moved = self._seen[n, way, False], self._seen[n, way, True]
            ways.append(plain if plain.score >= PAINTED or moved.score < PAINTED else moved)
        return next(((way, seen) for way, seen in enumerate(ways) if seen.score >= PAINTED), (0, ways[0]))

    def _match(self, n: int, first: int) -> Match:
        way, seen = self._painting(n)
        if seen.score < PAINTED:
            return Match(None, seen.score)
        frame, score, align = seen.frame, seen.score, seen.align
        place = self._keys[n].place
        given = place - first if isinstance(place, int) else self._shown.get(n)
        if given is not None and seen.fits(given):
            frame, (score, align) = given, seen.near[given]
        return Match(frame, score, align, seen.other, self._turns[n][way] if way else None)

    def _first(self, frames: int | None) -> int:
        """The number of the film's first frame with which most keys paint the frame they are meant for."""
        places = {n: key.place for n, key in enumerate(self._keys) if isinstance(key.place, int)}
        firsts = [first for first in self._firsts if all(place >= first for place in places.values())]
        votes: Counter[int] = Counter()
        for n, place in places.items():
            fitting = [first for first in firsts if self._painting(n)[1].fits(place - first)]
            votes.update(fitting if len(fitting) < len(firsts) else [])  # where nothing moves they all fit
        if firsts and not votes and frames is not None and any(place >= frames for place in places.values()):
            own = [first for first in firsts if first > 1 and all(place < first + frames for place in places.values())]
            firsts = own or firsts
        return max(firsts, key=votes.__getitem__, default=self._firsts[0])

    def _picture(self, n: int) -> list[np.ndarray]:
        if n not in self._pictures:
            stored = read_key(self._keys[n].path)
            self._turns[n] = of_key(stored.orientation, self._film.orientation)
            self._pictures[n] = [sized(turned(stored.rgb, turn), FINE) for turn in self._turns[n]]
        return self._pictures[n]

    def _luma(self, n: int, way: int, matrix: str | None = None) -> np.ndarray:
        """FINE luma of a key under a matrix, 0..1."""
        return np.asarray(self._picture(n)[way] @ luma_weights(matrix or self._film.matrix))

    def _other_fits(self, n: int, way: int, y: np.ndarray) -> bool:
        matrices = (self._film.matrix, other_matrix(self._film))
        mine, other = (_residual(self._luma(n, way, matrix), y) for matrix in matrices)
        return other < 0.5 * mine and mine - other > 0.004


def possible_firsts(film: Film) -> list[int]:
    """Numbers that the film's first frame may have in lists: 0, 1, and for numbered images the first one's own."""
    own = [images.find(film.path).start] if film.kind == "images" else []
    return list(dict.fromkeys((0, 1, *own)))


def other_matrix(film: Film) -> str:
    """The matrix that the rule for untagged film did not choose."""
    return "bt709" if film.matrix == "bt601" else "bt601"


def _coarse(y: np.ndarray) -> np.ndarray:
    return detail(sized(y, COARSE), 1.0, 6.0).ravel()


def _unit(vector: np.ndarray) -> np.ndarray:
    vector = vector - vector.mean()
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def _residual(key: np.ndarray, y: np.ndarray) -> float:
    """RMS difference of a key's luma and the film's after the best gain and offset."""
    a, b = key - key.mean(), y - y.mean()
    gain = float((a * b).mean()) / max(float((a * a).mean()), 1e-9)
    return float(np.sqrt(np.mean((b - gain * a) ** 2)))
