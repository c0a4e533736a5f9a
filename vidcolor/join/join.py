"""The last step: finished units become the film, with everything else of the source."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcolor.color.coding import code_type
from vidcolor.encode.encoder import Encoder
from vidcolor.encode.format import OutputFormat, output_format
from vidcolor.errors import VidcolorError, warn
from vidcolor.files import is_part, put, scratch_folder
from vidcolor.film.chroma_grid import grid_size
from vidcolor.film.film import Film, Frame
from vidcolor.film.probe import describe
from vidcolor.film.tracks import Track, source_tracks
from vidcolor.join.concat import concatenate, picture_suffix
from vidcolor.join.mux import Muxing, mux_tracks
from vidcolor.join.timing import Span, lift, steadied
from vidcolor.join.verify import differences, verify
from vidcolor.outputs.targets import Target, check, inputs_of_film
from vidcolor.pictures.marks import PROPOSAL, is_untouched
from vidcolor.plan.plan import Plan
from vidcolor.plan.store import PROPOSED, PROPOSED_RECORD, is_plan, is_record
from vidcolor.reasons import reason
from vidcolor.text import listed, plural

_UNIT = re.compile(r"\d{5}-[0-9a-f]{16}\.(mkv|mov)")
"""Names of units, as `Plan.unit_path` makes them."""


def join_plan(plan: Plan, plan_path: Path | None = None, *, overwrite: bool) -> None:
    """Concatenate the finished units of a plan without re-encoding, mux, verify.

    plan_path: where the plan lies, to name the commands that make what is missing. overwrite: a file that has the
    result's name by now may be replaced.
    Raises VidcolorError where units are missing, the result must not be written, or would not have every frame.
    """
    keys = {Path(key.path) for unit in plan.units for key in unit.keys}
    inputs = inputs_of_film(plan.film.path) + [("a reference", key) for key in sorted(keys)]
    inputs += [] if plan_path is None else [("the plan", plan_path)]
    option = "`out`" if plan_path is None else "`vidcolor plan -o`"
    check([Target(plan.out, "the result", option, overwrite=overwrite)], inputs)
    missing = [unit.index for unit in plan.units if not plan.unit_path(unit).is_file()]
    if missing:
        where = shlex.quote(str(plan_path or plan.work / "plan.json"))
        raise VidcolorError(
            f"{plural(len(missing), 'unit')} missing ({_ranges(missing)} of {len(plan.units)}) in {plan.work}; "
            f"make the first by: vidcolor unit {where} {missing[0]}"
        )
    fmt = output_format(plan.film, plan.settings, plan.out)
    files = [plan.unit_path(unit) for unit in plan.units]
    start = int(plan.pts[plan.first]) if plan.first > 0 else None
    end = int(plan.pts[plan.stop]) if plan.stop < len(plan.pts) else None
    stamps = plan.pts[plan.first : plan.stop]
    join_units(plan.film, files, stamps, fmt, plan.out, bounds=(start, end), overwrite=overwrite)


def clean(plan: Plan) -> None:
    """Remove what this program put into the work folder, and the folder where nothing else is in it."""
    for folder in (plan.work / "units", plan.work / PROPOSED, plan.work):
        if not folder.is_dir():
            continue
        for file in list(folder.iterdir()):
            if is_part(file) or _is_own(plan, file):
                file.unlink(missing_ok=True)
        if not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()


def _is_own(plan: Plan, file: Path) -> bool:
    """Whether a file in the work folder is this program's; a proposed key that was painted over is not any more."""
    if file.parent == plan.work / "units":
        return _UNIT.fullmatch(file.name) is not None
    if file.parent == plan.work / PROPOSED:
        return (file.name == PROPOSED_RECORD and is_record(file)) or is_untouched(file, PROPOSAL)
    return file.name == "plan.json" and is_plan(file)


def _ranges(numbers: list[int]) -> str:
    """`0, 3-5`, shortened where long."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    return ", ".join(words[:6]) + (", ..." if len(words) > 6 else "")


@dataclass(frozen=True)
class JoinReport:
    """What is in the result."""

    path: Path
    """The result."""
    frames: int
    """Frames of its picture, counted in the finished file."""
    kept: tuple[str, ...]
    """Streams of the source that were copied."""
    lost: tuple[str, ...]
    """What the container could not hold; each was said as a warning."""


def join_units(
    film: Film,
    unit_files: Sequence[str | Path],
    pts: Sequence[int] | np.ndarray,
    fmt: OutputFormat,
    out: str | Path,
    *,
    bounds: tuple[int | None, int | None] = (None, None),
    overwrite: bool = True,
) -> JoinReport:
    """Put the units end to end, add everything else of the source, check the whole, and only then name it `out`.

    pts: of every frame of the units together, in ticks of the film's time base; they are the result's (rounded to
    1 ms in Matroska, and from 0 on in MXF). bounds: PTS that begin and end a part of the film (None: its own start, its
    own end); sound and subtitles are cut to it, and keep their time stamps like the picture, so that a part lies in the
    film's time.

    Nothing is re-encoded. What the container cannot hold is left out and named in a warning. overwrite: a file of that
    name may be replaced.
    Raises VidcolorError where units do not fit together, the file cannot be written, or what was written is not
    what it should be: frame count, PTS, tags, aspect ratio."""
    out = Path(out).absolute()
    stamps = np.asarray(pts, np.int64)
    if not len(stamps) or (np.diff(stamps) <= 0).any():
        raise VidcolorError(f"{out}: no frames, or PTS that do not rise")
    times = steadied(film, stamps, fmt, *bounds)
    film, stamps = times.film, times.pts
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(out) as work:
            picture = work / f"picture{picture_suffix(fmt)}"
            result = work / f"result{out.suffix}"
            span = Span(times.start, times.end, lift(film, stamps, fmt))
            stamps = stamps + span.lift
            concatenate(film, [Path(file) for file in unit_files], stamps, picture, times.last)
            tracks = source_tracks(film)
            kept, lost = mux_tracks(Muxing(film, fmt, picture, result, work, span), tracks)
            lost += verify(film, fmt, stamps, result, kept, span)
            put(result, out, overwrite=overwrite)
    except OSError as error:
        raise VidcolorError(f"{out}: cannot be written: {reason(error)}") from error
    _say(out, kept, lost)
    return JoinReport(out, len(stamps), tuple(map(str, kept)), tuple(lost))


def foresee(film: Film, fmt: OutputFormat, out: Path, pts: np.ndarray) -> None:
    """Find out with a single frame, before anything is coloured, what the result's container holds. Tracks that it
    cannot hold, or only in another form, are named in warnings, as are video streams that are copied uncoloured.

    pts: of all frames that will be in the result.
    Raises VidcolorError if the container cannot hold the picture itself: its times, its tags, its shape."""
    steadied(film, pts, fmt, None, None)
    tracks = source_tracks(film)
    for track in tracks:
        if track.kind == "video":
            warn(f"{out.name}: {track} is copied as it is; only video stream {film.stream} is coloured")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        picture = work / f"picture{picture_suffix(fmt)}"
        kind = code_type(film.depth)
        planes = [
            np.zeros((film.height, film.width), kind),
            *(np.zeros(grid_size(film, fmt.chroma), kind) for _ in "bc"),
        ]
        unit = work / f"unit{fmt.row.unit_suffix}"
        with Encoder(film, fmt, unit) as encoder:
            encoder.write(Frame(0, 0, planes[0]), *planes[1:])
        concatenate(film, [unit], np.zeros(1, np.int64), picture)
        result = work / f"result{out.suffix}"
        muxing = Muxing(film, fmt, picture, result, work, Span(None, None, 0))
        kept, lost = mux_tracks(muxing, tracks, trial=True)
        for what, _, should in differences(film, fmt, describe(result, 0).facts):
            others = listed([suffix for suffix in fmt.row.suffixes if suffix != out.suffix.lower()], "or")
            raise VidcolorError(f"{out.name}: {out.suffix} cannot keep the {what} {should}: name the result {others}")
    _say(out, kept, lost)


def _say(out: Path, kept: Sequence[Track], lost: Sequence[str]) -> None:
    for track in kept:
        if track.converted:
            warn(f"{out.name}: {track}: written as {track.converted}, which may lose its styles")
    for what in lost:
        warn(f"{out.name}: not kept: {what}")
