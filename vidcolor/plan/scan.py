"""The one look at the whole film before it is coloured: every PTS, the cuts, the frames that keys paint."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vidcolor.errors import VidcolorError
from vidcolor.film.changes import Extras, Watch
from vidcolor.film.film import Film, Frame
from vidcolor.film.timecode import Point
from vidcolor.keys.key_list import Key
from vidcolor.keys.recognise import NEAR, Match, Recogniser
from vidcolor.shots.detector import MIN_SHOT, CutDetector


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scan found. Its size is that of the PTS: 8 bytes a frame."""

    pts: np.ndarray
    """(n,) int64: PTS of every frame that was read, rising, in ticks of the film's time base."""
    cuts: list[int]
    """First frames of the second and later shots; empty where cuts were not looked for."""
    matches: list[Match]
    """One for each key, in their order."""
    extras: Extras
    """Field flags, and what of the frames a result may lose."""
    whole: bool
    """Read to the film's end (else to where `until` stopped it)."""
    first_number: int = 0
    """The number that the keys give the film's first frame."""


def scan(
    film: Film,
    keys: Sequence[Key] = (),
    *,
    until: Point | None = None,
    detect: bool = True,
    allow_interlaced: bool = False,
    on_error: str = "stop",
    first_number: int | None = None,
    on_frame: Callable[[int], None] | None = None,
    frames: Iterator[Frame] | None = None,
) -> Scan:
    """Decode `film` once, from its start to `until` (frames or seconds) and the last key that is placed.

    detect: look for cuts. first_number: what the keys call the film's first frame (None: found out). on_frame: called
    with each frame's number. frames: where the frames come from, the film's own reader by default.
    Raises VidcolorError where a frame is flagged interlaced and that is not allowed, PTS do not rise, the
    film has no frame, or changes inside what a result has only one of (`Watch.add`).
    """
    if frames is None:
        from vidcolor.film.reader import read

        frames = iter(read(film, on_error=on_error))
    detector = CutDetector() if detect else None
    recogniser = Recogniser(film, keys, first_number) if keys else None
    pts, beyond = array("q"), 0
    watch, whole = Watch(film, skip=on_error == "skip"), True
    for frame in frames:
        seconds = (frame.pts - pts[0] if pts else 0) * film.time_base
        if pts and frame.pts <= pts[-1]:
            raise VidcolorError(
                f"{film.path}: frame {frame.index} has PTS {frame.pts} after {pts[-1]}; rewrite its time stamps first"
            )
        wanted = until is None or (frame.index if isinstance(until, int) else seconds) < until
        if wanted and frame.interlaced and not allow_interlaced:
            raise VidcolorError(
                f"{film.path}: frame {frame.index} is interlaced; deinterlace first (ffmpeg -vf bwdif) "
                "or keep its fields as they are with `allow_interlaced`"
            )
        if wanted:
            watch.add(frame, float(seconds))
        pts.append(frame.pts)
        if detector:
            detector.add(frame.luma, film.depth)
        if recogniser:
            recogniser.add(frame, seconds)
        if on_frame:
            on_frame(frame.index)
        past = until is not None and _beyond(until, frame.index, seconds, film)
        beyond = beyond + 1 if past and not (recogniser and recogniser.waits(frame.index, seconds)) else 0
        if beyond > (MIN_SHOT if detector else 0):  # so many more tell whether the last key begins a shot
            whole = False  # the frame after the end is known: where the sound ends
            break
    if not pts:
        raise VidcolorError(f"{film.path}: not one frame of its video could be decoded")
    first, matches = recogniser.matches(len(pts) if whole else None) if recogniser else (first_number or 0, [])
    return Scan(
        np.array(pts, np.int64),
        detector.cuts() if detector else [],
        matches,
        watch.extras(),
        whole,
        first,
    )


def _beyond(stop: Point, index: int, seconds: Fraction, film: Film) -> bool:
    """Whether nothing from this frame on concerns `stop`, neighbours included."""
    if isinstance(stop, int):
        return index > stop + NEAR
    return seconds > stop + (NEAR + 1) / film.frame_rate
