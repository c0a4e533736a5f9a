"""Points in a film as people write them: frame numbers, seconds, clock times and timecodes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from vidcolor.errors import VidcolorError

if TYPE_CHECKING:
    from vidcolor.film.film import Film

Point = int | Fraction
"""A frame number (0-based), or seconds after the first frame."""
SLACK = Fraction(1, 2000)
"""Seconds by which a time may precede its frame: container clocks and timecodes are rounded."""
_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:[.,]\d+)?)")
_LABEL = re.compile(r"(\d+)[:;]([0-5]\d)[:;]([0-5]\d)([:;])(\d{2,3})")
_WHOLE = Fraction(1, 500)
"""Relative distance within which timecodes count by the next whole rate (23.976 counts by 24)."""
_FASTEST = 120
"""Grids of more frames a second are mere ticks."""
_SECONDS = re.compile(r"\d+(?:[.,]\d+)?(?=s$)|\d+[.,]\d+$")


def timecode(seconds: Fraction | float) -> str:
    """Seconds as `HH:MM:SS.nnn`."""
    thousandths = round(Fraction(seconds) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


@dataclass(frozen=True)
class Label:
    """A timecode that counts frames: `HH:MM:SS:FF`, or `HH:MM:SS;FF` in drop-frame (SMPTE ST 12-1)."""

    seconds: int
    """Hours, minutes and seconds in seconds."""
    frame: int
    """Number within that second."""
    drop: bool
    """Drop-frame: numbers are skipped at the start of each minute except every tenth."""

    def __str__(self) -> str:
        minutes, second = divmod(self.seconds, 60)
        dots = ";" if self.drop else ":"
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{dots}{self.frame:02d}"

    def time(self, rate: Fraction) -> Fraction:
        """Seconds after 00:00:00:00 at `rate` frames a second. Raises VidcolorError if there is no such timecode."""
        counted = nominal(rate)
        if self.frame >= counted:
            raise VidcolorError(f"{self}: frame {self.frame} of a second, but the film has {float(rate):g} a second")
        if not self.drop:
            return (math.ceil(self.seconds * counted) + self.frame) / rate
        dropped = 2 * int(counted) // 30
        if counted not in (30, 60) or counted == rate:
            raise VidcolorError(f"{self}: drop-frame is for 29.97 and 59.94 frames a second, not for {float(rate):g}")
        minutes, second = divmod(self.seconds, 60)
        if self.frame < dropped and second == 0 and minutes % 10:
            raise VidcolorError(f"{self}: drop-frame timecode skips this number")
        return (self.seconds * counted + self.frame - dropped * (minutes - minutes // 10)) / rate

    def later(self, frames: int, rate: Fraction) -> Label:
        """The timecode that many frames later, at `rate` frames a second; it begins anew after 24 hours. Raises
        VidcolorError as `time`, or where timecodes do not count to a whole number at this rate."""
        number, counted = round(self.time(rate) * rate) + frames, nominal(rate)
        if counted.denominator != 1:
            raise VidcolorError(f"{self}: timecodes do not count {float(rate):g} frames a second")
        if self.drop:
            dropped = 2 * int(counted) // 30
            tens, rest = divmod(number, 600 * int(counted) - 9 * dropped)
            number += dropped * (9 * tens + max(0, (rest - dropped) // (60 * int(counted) - dropped)))
        seconds, frame = divmod(number, int(counted))
        return Label(seconds % 86400, frame, self.drop)


def nominal(rate: Fraction) -> Fraction:
    """Frames that timecodes count to a second: the nearest whole number, or the rate itself if none is near."""
    whole = Fraction(round(rate))
    return whole if whole and abs(rate - whole) <= _WHOLE * whole else rate


def counted_rate(film: Film) -> Fraction:
    """The rate by which a film's timecodes count: its average rate, or that of the grid of its frames if the average is
    not close to a whole number (because of gaps, or a last frame of another length)."""
    rates = [film.frame_rate, film.base_rate if film.base_rate <= _FASTEST else film.frame_rate]
    return next((rate for rate in rates if nominal(rate).denominator == 1), film.frame_rate)


def label(time: Fraction, rate: Fraction) -> str:
    """`HH:MM:SS:FF` of the frame that starts at `time` seconds of a film of `rate` frames a second.

    Never drop-frame. Falls back to a time with thousandths if no frame of that rate starts there.
    """
    frames, counted = time * rate, nominal(rate)
    number = round(frames)
    if number < 0 or abs(frames - number) > max(Fraction(1, 10), SLACK * 2 * rate):
        return timecode(time)
    seconds = int(number // counted)
    return str(Label(seconds, number - math.ceil(seconds * counted), False))


def parse_point(text: str) -> Point | Label:
    """A frame number (`120`), seconds (`12.5s`, `12.5`), a clock time (`00:01:02.500`, `1:02.5`) or a timecode that
    counts frames (`00:01:02:12`, drop-frame `00:01:02;12`).

    Raises VidcolorError for anything else.
    """
    text = text.strip()
    if text.isdecimal():
        return int(text)
    if found := _SECONDS.match(text):
        return Fraction(found.group().replace(",", "."))
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = found.groups()
        return Fraction(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds.replace(",", "."))
    if found := _LABEL.fullmatch(text):
        hours, minutes, seconds, dots, frame = found.groups()
        return Label(int(hours) * 3600 + int(minutes) * 60 + int(seconds), int(frame), dots == ";")
    raise VidcolorError(
        f'"{text}" is not a point in a film: write a frame (120), seconds (12.5s), HH:MM:SS.nnn or HH:MM:SS:FF'
    )


def counted_from(point: Point | Label, rate: Fraction, first: int | Label | None) -> Point:
    """A point as a frame counted from 0, or as seconds after the first frame.

    first: what the user calls the film's first frame, a number or a timecode. Raises VidcolorError if the point
    precedes it, or is no timecode of this rate.
    """
    if isinstance(point, Label):
        place: Point = point.time(rate) - (first.time(rate) if isinstance(first, Label) else 0)
    elif isinstance(point, int) and isinstance(first, int):
        place = point - first
    else:
        return point
    if place < 0:
        raise VidcolorError(f"{point} lies before the film's first frame, {first}")
    return place


def has_constant_rate(pts: np.ndarray, time_base: Fraction, rate: Fraction) -> bool:
    """Whether every frame n starts within half a frame of n / rate seconds after the first."""
    frames = (pts - pts[0]) * float(time_base * rate)
    return bool(np.abs(frames - np.arange(len(pts))).max() < 0.5)


def frame_at(point: Point, pts: np.ndarray, time_base: Fraction) -> int:
    """The first frame that starts at `point` or later; len(pts) if none does.

    pts: (n,) rising ticks of `time_base`; seconds count from the first. A time within half a tick or SLACK before a
    frame means that frame.
    """
    if isinstance(point, int):
        return min(point, len(pts))
    slack = max(SLACK, time_base / 2)
    ticks = (point - slack) / time_base
    return int(np.searchsorted(pts - pts[0], -((-ticks.numerator) // ticks.denominator)))


def frame_shown(point: Point, pts: np.ndarray, time_base: Fraction) -> int:
    """The frame on screen at `point`: the last that starts at or before it; len(pts) beyond the end."""
    if isinstance(point, int):
        return min(point, len(pts))
    frame = frame_at(point, pts, time_base)
    if frame < len(pts) and (int(pts[frame]) - int(pts[0])) * time_base <= point + SLACK:
        return frame
    last_length = int(pts[-1] - pts[-2]) if len(pts) > 1 else 0
    if frame == len(pts) and point >= (int(pts[-1]) - int(pts[0]) + last_length) * time_base > 0:
        return len(pts)
    return max(frame - 1, 0)
