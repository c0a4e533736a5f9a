"""One decode of the film before it is coloured: every PTS, the cuts, the frames that keys paint."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vidcolor.errors import VidcolorError
from vidcolor.film.changes import Extras, Watch
from vidcolor.film.film import Film, Frame
from vidcolor.film.reader import read
from vidcolor.film.timecode import Point
from vidcolor.keys.key_list import Key
from vidcolor.keys.recognise import NEAR, Match, Recogniser
from vidcolor.shots.detector import MIN_SHOT, CutDetector


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scan found. It takes 8 bytes a frame, for the PTS."""

    pts: np.ndarray
    """(n,) int64: PTS of every frame that was read, rising, in ticks of the film's time base."""
    cuts: list[int]
    """First frames of the second and later shots; empty where cuts were not looked for."""
    matches: list[Match]
    """One for each key, in their order."""
    extras: Extras
    """Field order and side data of the frames."""
    whole: bool
    """Whether it reached the film's end, or stopped at `until`."""
    first_number: int = 0
    """The number that the keys give the film's first frame."""


@dataclass(frozen=True)
class ScanOptions:
    """What a scan looks for, and where it ends."""

    until: Point | None = None
    """Frame or seconds where it ends, once every key has had its place; None for the film's end."""
    detect: bool = True
    """Look for cuts."""
    allow_interlaced: bool = False
    """Go on where frames are flagged interlaced."""
    on_error: str = "stop"
    """As in `Settings`."""
    first_number: int | None = None
    """The number that keys give the film's first frame; None to find it out."""


WHOLE_FILM = ScanOptions()
"""Its cuts and all its frames."""


def scan(
    film: Film,
    keys: Sequence[Key] = (),
    options: ScanOptions = WHOLE_FILM,
    on_frame: Callable[[int], None] | None = None,
) -> Scan:
    """Decode a film once.

    on_frame: called with each frame's number.
    Raises VidcolorError where a frame is flagged interlaced and that is not allowed, PTS do not rise, the film has no
    frame, or something changes inside it that a result has only one of (`Watch.add`).
    """
    detector = CutDetector() if options.detect else None
    recogniser = Recogniser(film, keys, options.first_number) if keys else None
    pts, beyond, until = array("q"), 0, options.until
    watch, whole = Watch(film, skip=options.on_error == "skip"), True
    for frame in read(film, on_error=options.on_error):
        if pts and frame.pts <= pts[-1]:
            raise VidcolorError(
                f"{film.path}: frame {frame.index} has PTS {frame.pts} after {pts[-1]}; rewrite its time stamps first"
            )
        seconds = (frame.pts - pts[0] if pts else 0) * film.time_base
        pts.append(frame.pts)
        if until is None or (frame.index if isinstance(until, int) else seconds) < until:
            _check_fields(film, frame, options.allow_interlaced)
            watch.add(frame, float(seconds))
        if detector:
            detector.add(frame.luma, film.depth)
        if recogniser:
            recogniser.add(frame, seconds)
        if on_frame:
            on_frame(frame.index)
        past = until is not None and _beyond(until, frame.index, seconds, film)
        beyond = beyond + 1 if past and not (recogniser and recogniser.waits(frame.index, seconds)) else 0
        if beyond > (MIN_SHOT if detector else 0):  # enough to tell whether the last key begins a shot
            whole = False  # the PTS of the frame after the end is known: the sound ends there
            break
    if not pts:
        raise VidcolorError(f"{film.path}: no frame of its video could be decoded")
    end = len(pts) if whole else None
    first, matches = recogniser.matches(end) if recogniser else (options.first_number or 0, [])
    cuts = detector.cuts() if detector else []
    return Scan(np.array(pts, np.int64), cuts, matches, watch.extras(), whole, first)


def _check_fields(film: Film, frame: Frame, allow_interlaced: bool) -> None:
    if frame.interlaced and not allow_interlaced:
        raise VidcolorError(
            f"{film.path}: frame {frame.index} is interlaced; deinterlace first (ffmpeg -vf bwdif) "
            "or keep its fields as they are with `allow_interlaced`"
        )


def _beyond(stop: Point, index: int, seconds: Fraction, film: Film) -> bool:
    """Whether nothing from this frame on concerns `stop`, neighbours included."""
    if isinstance(stop, int):
        return index > stop + NEAR
    return seconds > stop + (NEAR + 1) / film.frame_rate
