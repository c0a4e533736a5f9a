"""What the user asks for, and the keys in it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import Label, Point
from vidcolor.keys.key_list import Key, from_files, read_refs
from vidcolor.pictures.file import SUFFIXES


@dataclass(frozen=True)
class Request:
    """What the user asks for, beside the settings."""

    movie: Path
    """A film's file, a folder of numbered images or a printf pattern of them."""
    ref: tuple[Path, ...] = ()
    """Keys for the whole film."""
    refs: Path | None = None
    """A list or folder of keys for single frames or scenes."""
    out: Path | None = None
    """The result; None for `MOVIE-stem.color.mkv` beside the film, `.mov` for ProRes and DNxHR."""
    scenes: Path | None = None
    """PySceneDetect's scene list instead of detection."""
    start: Point | Label | None = None
    """The first frame of the result, or its time."""
    end: Point | Label | None = None
    """The frame after the last one, or its time."""
    fps: Fraction | None = None
    """Frame rate of numbered images."""
    overwrite: bool = False
    """Replace an existing result, and an existing plan's file."""
    stepwise: bool = False
    """The plan goes into a file of its own, for `vidcolor unit` and `join`."""
    plan: Path | None = None
    """That file; None for `OUT-stem.plan.json` beside the result."""
    first_frame: int | Label | None = None
    """Number or timecode of the film's first frame in lists, names of keys, `start` and `end`. None to find the
    number from the keys' pictures; `start` and `end` then count from 0, timecodes from 00:00:00:00."""
    strict: bool = False
    """Refuse a film with shots that have no key of their own."""

    def plan_file(self, out: Path) -> Path:
        """Where the plan goes, absolute. out: the result."""
        return (self.plan or out.with_name(out.stem + ".plan.json")).absolute()


def read_keys(request: Request, rate: Fraction) -> list[Key]:
    """The keys of a request. rate: frames a second that timecodes count by."""
    if request.ref and request.refs:
        raise VidcolorError("`ref` and `refs`: give the whole film's reference or the list, not both")
    for path in request.ref:
        if path.is_dir() or path.suffix.lower() in (".csv", ".tsv", ".txt"):
            what = "a folder of keys" if path.is_dir() else "a list"
            raise VidcolorError(f"`ref` {path}: {what}; give it with `refs`")
    if request.refs and not request.refs.is_dir() and request.refs.suffix.lower() in SUFFIXES:
        raise VidcolorError(f"`refs` {request.refs}: one picture; give it with `ref` (`refs` takes a list or a folder)")
    if request.refs:
        return read_refs(request.refs, rate, request.first_frame)
    if request.ref:
        return from_files(request.ref)
    return []
