"""When the frames of a result are shown: the rate behind rounded time stamps, the part of the film's time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np

from vidcolor.encode.format import OutputFormat
from vidcolor.errors import VidcolorError
from vidcolor.film.container import open_film
from vidcolor.film.film import Film

_MILLISECOND = Fraction(1, 1000)
"""To what Matroska rounds; a file that was copied out of one keeps the rounding, in finer ticks."""
_LEAST_SCALE, _MOST_SCALE = 10_000, 1_000_000
"""Ticks a second that a result gets: fine enough for the sound beside it."""


@dataclass(frozen=True)
class Times:
    """When the frames of a result are shown."""

    film: Film
    """The film; its frame rate and time base are the result's."""
    pts: np.ndarray
    """(n,) int64, rising, in ticks of its time base."""
    start: int | None
    """PTS that begin and end a part, in the same ticks; None for the film's own."""
    end: int | None
    last: Fraction
    """Seconds for which the last frame is shown."""


def steadied(film: Film, pts: np.ndarray, fmt: OutputFormat, start: int | None, end: int | None) -> Times:
    """The times that the frames of a film, or of a part of it, have in the result.

    A film of constant rate gets that as its frame rate. In MP4 and MOV, which hold any time, it also gets a time base
    in which a frame lasts a whole number of ticks; so does a film whose rounded time stamps have gaps. Matroska rounds
    all times anyway. Every other film keeps its times.

    pts: (n,) int64, rising, in ticks of the film's time base.
    Raises VidcolorError where the container holds a constant rate only."""
    rates = [film.frame_rate, film.base_rate]
    if len(pts) > 1:
        rates.append((len(pts) - 1) / (int(pts[-1] - pts[0]) * film.time_base))
    found = constant_rate(pts, film.time_base, rates)
    if found is None and fmt.container == "mxf":
        raise VidcolorError(f"{film.path}: MXF has no place for a variable frame rate: name the result .mov")
    shown = _last_shown(film, int(pts[-1])) if end is None else (end - int(pts[-1])) * film.time_base
    if found is not None:
        film = replace(film, frame_rate=found)
    usual = 1 / film.frame_rate
    last = usual if not shown or abs(shown - usual) <= max(film.time_base, _MILLISECOND) else shown
    places = np.arange(len(pts)) if found is not None else _with_gaps(pts, film.time_base, film.base_rate)
    rate = found or film.base_rate
    if fmt.container == "matroska" or places is None or _is_exact(pts, film.time_base, rate, places):
        return Times(film, pts, start, end, last)
    scale = rate.numerator
    while scale < _LEAST_SCALE:
        scale *= 2
    if scale > _MOST_SCALE:
        return Times(film, pts, start, end, last)

    def ticks(stamp: int | None) -> int | None:
        return None if stamp is None else round(stamp * film.time_base * scale)

    exact = round(int(pts[0]) * film.time_base * scale) + places.astype(np.int64) * int(scale / rate)
    return Times(replace(film, time_base=Fraction(1, scale)), exact, ticks(start), ticks(end), last)


def _last_shown(film: Film, pts: int) -> Fraction:
    """Seconds for which a film's last frame is shown, 0 where its container does not say."""
    if film.kind == "images":
        return Fraction(0)
    with open_film(film.path) as container, suppress(av.FFmpegError):
        stream = container.streams[film.stream]
        first = next(container.demux(stream))
        container.seek(pts, stream=stream, backward=True)
        tail = [packet for packet in container.demux(stream) if packet.size and packet.duration]
        if "matroska" in container.format.name:
            return sum(packet.duration for packet in tail if packet.pts == pts) * film.time_base
        if "mov" in container.format.name and tail and stream.start_time is not None:
            # Durations are between DTS there, which run ahead of the PTS as far as at the start.
            end = tail[-1].dts + tail[-1].duration + stream.start_time - first.dts
            return max(0, end - pts) * film.time_base
    return Fraction(0)


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


@dataclass(frozen=True)
class Span:
    """What of the film's time goes into the result."""

    start: int | None
    """PTS of the first frame of a part; None for the film's own start."""
    end: int | None
    """PTS of the first frame after a part; None for the film's own end."""
    lift: int
    """Ticks by which everything lies later than in the film (`lift`)."""

    @property
    def whole(self) -> bool:
        return self.start is None and self.end is None


def lift(film: Film, pts: np.ndarray, fmt: OutputFormat) -> int:
    """Ticks by which a film whose picture begins before time 0 has to be moved, with all that goes with it: containers
    have no place for that. A transport stream that starts shortly before its clock runs over (26.5 h) is one.
    In MXF, which has a timecode and no time stamps, every picture begins at 0."""
    if fmt.container == "mxf":
        return -int(pts[0])
    if pts[0] >= 0:
        return 0
    with open_film(film.path) as container:
        first = Fraction(container.start_time or 0, av.time_base)
    return max(-int(pts[0]), math.ceil(-first / film.time_base))
