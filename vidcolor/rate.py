"""The constant rate behind rounded time stamps, so that a result says the film's own rate and not a rounded one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from .encode import OutputFormat
from .film import Film

_MILLISECOND = Fraction(1, 1000)
"""To what Matroska rounds; a file that was copied out of one keeps the rounding, in finer ticks."""
_LEAST_SCALE, _MOST_SCALE = 10_000, 1_000_000
"""Ticks a second that a result gets: fine enough for the sound beside it."""


def steadied(
    film: Film, pts: np.ndarray, fmt: OutputFormat, start: int | None, end: int | None
) -> tuple[Film, np.ndarray, int | None, int | None]:
    """The film and its PTS as the result is to have them, and start and end of a part in the same ticks.

    A film of constant rate gets that as its frame rate. In MP4 and MOV, which hold any time, it gets a time base in
    which a frame's duration is a whole number of ticks too, and with it a film of rounded stamps with gaps; Matroska
    rounds anew, and keeps what was rounded. All others stay as they are.

    pts: (n,) int64, rising, in ticks of the film's time base."""
    rates = [film.frame_rate, film.base_rate]
    if len(pts) > 1:
        rates.append((len(pts) - 1) / (int(pts[-1] - pts[0]) * film.time_base))
    found = constant_rate(pts, film.time_base, rates)
    places = np.arange(len(pts))
    if found is not None:
        film, rate = replace(film, frame_rate=found), found
    else:
        gaps = _with_gaps(pts, film.time_base, film.base_rate)
        if gaps is None:
            return film, pts, start, end
        rate, places = film.base_rate, gaps
    if fmt.container == "matroska" or _is_exact(pts, film.time_base, rate, places):
        return film, pts, start, end
    scale = rate.numerator
    while scale < _LEAST_SCALE:
        scale *= 2
    if scale > _MOST_SCALE:
        return film, pts, start, end

    def ticks(stamp: int) -> int:
        return round(stamp * film.time_base * scale)

    exact = ticks(int(pts[0])) + places.astype(np.int64) * int(scale / rate)
    return (
        replace(film, time_base=Fraction(1, scale)),
        exact,
        None if start is None else ticks(start),
        None if end is None else ticks(end),
    )


def constant_rate(pts: np.ndarray, time_base: Fraction, rates: Iterable[Fraction]) -> Fraction | None:
    """The first of `rates` (frames a second) at which frames follow one another without a gap, their PTS rounded to
    the time base; else the first at which they do, rounded to 1 ms. None where there is none."""
    rates = [rate for rate in rates if rate > 0]
    places = np.arange(len(pts))
    for finest in (Fraction(0), _MILLISECOND):
        for rate in rates:
            # Where the rounding is a good part of a frame, times say nothing.
            room = max(time_base, min(finest, 1 / (8 * rate)))
            if _spread(pts, time_base, rate, places) <= room:
                return rate
    return None


def _with_gaps(pts: np.ndarray, time_base: Fraction, rate: Fraction) -> np.ndarray | None:
    """Places of the frames on the grid of a rate, from 0; None where they do not lie on it, or the time base is too
    coarse to tell."""
    if rate <= 0 or 1 / rate < 8 * time_base:
        return None
    places = np.rint((pts - pts[0]) * float(time_base * rate)).astype(np.int64)
    if (np.diff(places) <= 0).any() or _spread(pts, time_base, rate, places) > time_base:
        return None
    return places


def _spread(pts: np.ndarray, time_base: Fraction, rate: Fraction, places: np.ndarray) -> float:
    """Seconds between the frame that is earliest and the one that is latest against the grid of `rate`."""
    off = (pts - pts[0]) * float(time_base) - places * float(1 / rate)
    return float(off.max() - off.min()) * (1 - 1e-6)  # an exact half may be rounded either way


def _is_exact(pts: np.ndarray, time_base: Fraction, rate: Fraction, places: np.ndarray) -> bool:
    step = 1 / (rate * time_base)
    return step.denominator == 1 and bool((pts - pts[0] == places * step.numerator).all())
