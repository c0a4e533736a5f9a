"""One look at the whole film: its time stamps and shots, and which keys each shot is coloured from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vidcolor.encode.format import OutputFormat, output_format
from vidcolor.encode.lost import say_lost
from vidcolor.film.film import Film
from vidcolor.film.timecode import Label
from vidcolor.plan import part
from vidcolor.plan.assign import ShotKeys, assign, assign_listed
from vidcolor.plan.checks import CheckedRequest
from vidcolor.plan.plan import KeyUse
from vidcolor.plan.scan import ScanOptions
from vidcolor.plan.scan_cache import scanned
from vidcolor.shots.detector import shots_of
from vidcolor.shots.scene_list import cuts_of_scenes


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of a film once it has been read: all of a plan but the model."""

    checked: CheckedRequest
    film: Film
    """With the field order of its frames."""
    fmt: OutputFormat
    """What it becomes."""
    pts: np.ndarray
    """(n,) int64: PTS of the film's frames in ticks of its time base."""
    first: int
    """First frame of the result."""
    stop: int
    """One past the last frame of the result."""
    shots: tuple[tuple[int, int], ...]
    """[first, stop) of every shot of the film."""
    keys: tuple[ShotKeys, ...]
    """What each shot is coloured from."""

    @property
    def spans(self) -> list[tuple[int, int]]:
        """[first, stop) of the part of every shot that goes into the result."""
        return part.clipped(self.shots, self.first, self.stop)

    def with_keys(self, uses: Sequence[KeyUse]) -> Survey:
        """The same film with these keys, each of the shot that its frame is in."""
        return replace(self, keys=assign(uses, [use.frame for use in uses], self.shots))


def survey(checked: CheckedRequest, on_frame: Callable[[int], None] | None = None) -> Survey:
    """Read the film once, to `--end` and the last key.

    on_frame: called with the number of every frame that is read.
    Raises VidcolorError as `scan.scan` does, and where start, end or a key lies outside the film.
    """
    request, settings, film, scenes = checked.request, checked.settings, checked.film, checked.scenes
    options = ScanOptions(
        until=None if scenes else checked.end,
        detect=scenes is None,
        allow_interlaced=settings.allow_interlaced,
        on_error=settings.on_error,
        first_number=request.first_frame if isinstance(request.first_frame, int) else None,
    )
    found = scanned(film, checked.keys, options, on_frame)
    film, pts = found.extras.with_fields(film), found.pts
    fmt = output_format(film, settings, checked.out)
    say_lost(film, fmt, found.extras, checked.out)
    cuts = found.cuts if scenes is None else cuts_of_scenes(scenes, len(pts), request.scenes or Path())
    shots = shots_of(cuts, len(pts))
    first, stop = part.frames(checked.start, checked.end, pts, film, request.first_frame)
    if isinstance(request.start, Label) or isinstance(request.end, Label) or any(key.counted for key in checked.keys):
        part.say_what_timecodes_mean(film, pts)
    keys = assign_listed(checked, found, shots)
    return Survey(checked, film, fmt, pts, first, stop, shots, keys)
