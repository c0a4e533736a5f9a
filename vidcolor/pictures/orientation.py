"""The eight EXIF orientations: how a stored picture must be turned and mirrored to be shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

AS_STORED = 1
_PROBE = np.arange(6).reshape(2, 3)
_TURNS = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}
_OF_ROTATION = {0: 1, 90: 6, 180: 3, 270: 8}
_MOVES = {  # where a step right and a step down in the stored picture go: ((x', x'), (y', y'))
    1: ((1, 0), (0, 1)),
    2: ((-1, 0), (0, 1)),
    3: ((-1, 0), (0, -1)),
    4: ((1, 0), (0, -1)),
    5: ((0, 1), (1, 0)),
    6: ((0, -1), (1, 0)),
    7: ((0, -1), (-1, 0)),
    8: ((0, 1), (-1, 0)),
}


def turned(picture: np.ndarray, orientation: int) -> np.ndarray:
    """A picture (h, w, ...) with an EXIF orientation from 1 to 8 applied; any other number counts as 1."""
    if orientation in (2, 4, 5, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(np.rot90(picture, _TURNS.get(orientation, 0)))


def joined(first: int, second: int) -> int:
    """The orientation that is `first` followed by `second`."""
    both = turned(turned(_PROBE, first), second)
    return next(n for n in _MOVES if np.array_equal(turned(_PROBE, n), both))


def undone(orientation: int) -> int:
    """The orientation that reverses `orientation`."""
    return next(n for n in _MOVES if joined(orientation, n) == AS_STORED)


def of_display(rotation: int, display_matrix: Sequence[int]) -> int:
    """How a player turns and mirrors a film's coded picture: the orientation nearest to its display matrix.

    rotation: degrees clockwise, for a film without a matrix. display_matrix: nine numbers, or none."""
    if len(display_matrix) != 9:
        return _OF_ROTATION.get(rotation, AS_STORED)
    a, b, _, c, d = display_matrix[:5]  # x' = a x + c y, y' = b x + d y
    return max(_MOVES, key=lambda n: float(np.sum(np.array(_MOVES[n]) * ((a, c), (b, d)))))


def of_key(stored: int, film: int) -> list[int]:
    """Orientations that may bring a key onto the film's coded picture, in the order in which to try them.

    First for a key as a viewer shows it, painted on the film as a player shows it; then painted on the coded picture;
    then both without the file's own orientation, which some programs ignore.
    stored: orientation in the key's file. film: orientation in which a player shows the film.
    """
    back = undone(film)
    stored = stored if stored in _MOVES else AS_STORED
    return list(dict.fromkeys((joined(stored, back), stored, back, AS_STORED)))
