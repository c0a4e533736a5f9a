"""The part of a film between --start and --end."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from vidcolor.errors import VidcolorError, warn
from vidcolor.film.film import Film
from vidcolor.film.timecode import Label, Point, counted_from, counted_rate, frame_at, has_constant_rate, timecode
from vidcolor.keys.recognise import possible_firsts
from vidcolor.text import plural


def points(
    start: Point | Label | None, end: Point | Label | None, film: Film, first_frame: int | Label | None = None
) -> tuple[Point | None, Point | None]:
    """Start and end with frames counted from 0 and times from the first frame.

    first_frame: what they call the film's first frame. Raises VidcolorError where they are no points of this film, or
    the end does not lie after the start.
    """
    found: list[Point | None] = []
    for option, given in (("`start`", start), ("`end`", end)):
        try:
            found.append(None if given is None else counted_from(given, counted_rate(film), first_frame))
        except VidcolorError as error:
            raise VidcolorError(f"{option}: {error}") from None
    begins, ends = found
    # Checked before the scan, which would end at --end. A frame and a time are compared once the times are known.
    if begins is not None and ends is not None and isinstance(begins, int) == isinstance(ends, int) and ends <= begins:
        raise VidcolorError(f"`end`: {_shown(end)} does not lie after `start`, {_shown(start)}")
    return begins, ends


def _shown(point: Point | Label | None) -> str:
    if isinstance(point, Fraction):
        return timecode(point)
    return f"frame {point}" if isinstance(point, int) else str(point)


def frames(
    start: Point | None, end: Point | None, pts: np.ndarray, film: Film, first_frame: int | Label | None = None
) -> tuple[int, int]:
    """[first, stop) of the frames between two points of `points`. Raises VidcolorError where there are none.

    first_frame: as `points` takes it; messages count from it.
    """
    zero = first_frame if isinstance(first_frame, int) else 0
    first = 0 if start is None else frame_at(start, pts, film.time_base)
    stop = len(pts) if end is None else frame_at(end, pts, film.time_base)
    if stop < first == len(pts):  # the scan ended at --end
        raise VidcolorError(f"`end`: frame {zero + stop} does not lie after `start`")
    if first >= len(pts):
        own = max(possible_firsts(film))
        hint = f"; `first_frame` {own} for the pictures' own numbers" if own > 1 and not zero else ""
        numbers = f"{zero} to {zero + len(pts) - 1}{hint}"
        raise VidcolorError(
            f"`start`: lies beyond the end of {film.path}, which has {plural(len(pts), 'frame')} ({numbers})"
        )
    if stop <= first:
        raise VidcolorError(f"`end`: frame {zero + stop} does not lie after `start`, frame {zero + first}")
    return first, stop


def clipped(shots: Sequence[tuple[int, int]], first: int, stop: int) -> list[tuple[int, int]]:
    """The shots cut to frames [first, stop), without those outside."""
    spans = [(max(a, first), min(b, stop)) for a, b in shots]
    return [(a, b) for a, b in spans if a < b]


def say_what_timecodes_mean(film: Film, pts: np.ndarray) -> None:
    """Warn how timecodes that count frames are read in a film of variable rate."""
    if not has_constant_rate(pts, film.time_base, counted_rate(film)):
        rate = f"{float(counted_rate(film)):g} frames a second"
        warn(f"{film.path}: frames come at a variable rate; HH:MM:SS:FF is taken for the time at {rate}")
