"""Points in a film as people write them: a frame number, seconds, or a timecode."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from .errors import VidcolorError

Point = int | Fraction
"""A frame number (0-based), or seconds after the first frame."""
SLACK = Fraction(1, 2000)
"""Seconds by which a time may come before its frame: clocks of containers and timecodes are rounded."""
_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)")
_SECONDS = re.compile(r"\d+(?:\.\d+)?(?=s$)|\d+\.\d+$")


def timecode(seconds: Fraction | float) -> str:
    """Seconds as `HH:MM:SS.nnn`."""
    thousandths = round(Fraction(seconds) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def parse_point(text: str) -> Point:
    """A frame number (`120`), seconds (`12.5s`, `12.5`) or a timecode (`00:01:02.500`, `1:02.5`).

    Raises VidcolorError where it is none of these.
    """
    text = text.strip()
    if text.isdecimal():
        return int(text)
    if found := _SECONDS.match(text):
        return Fraction(found.group())
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = found.groups()
        return Fraction(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds)
    raise VidcolorError(f'"{text}" is no point in a film: a frame (120), seconds (12.5s) or HH:MM:SS.nnn')


def frame_at(point: Point, pts: np.ndarray, time_base: Fraction) -> int:
    """The first frame that starts at `point` or later; len(pts) where none does.

    pts: (n,) rising ticks of `time_base`; seconds count from the first of them. A time within half a tick or
    SLACK before a frame means that frame.
    """
    if isinstance(point, int):
        return min(point, len(pts))
    slack = max(SLACK, time_base / 2)
    ticks = (point - slack) / time_base
    return int(np.searchsorted(pts - pts[0], -((-ticks.numerator) // ticks.denominator)))


def frame_shown(point: Point, pts: np.ndarray, time_base: Fraction) -> int:
    """The frame on the screen at `point`: the last that starts at it or before; len(pts) beyond the end."""
    if isinstance(point, int):
        return min(point, len(pts))
    frame = frame_at(point, pts, time_base)
    if frame < len(pts) and (int(pts[frame]) - int(pts[0])) * time_base <= point + SLACK:
        return frame
    last_length = int(pts[-1] - pts[-2]) if len(pts) > 1 else 0
    if frame == len(pts) and point >= (int(pts[-1]) - int(pts[0]) + last_length) * time_base > 0:
        return len(pts)
    return max(frame - 1, 0)
