"""The public functions: `colorize` (plan, units and join in one process), `propose` and `stylize`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.errors import VidcolorError, one_run, warn
from vidcolor.files import make_folder
from vidcolor.film.probe import expected_frames
from vidcolor.film.timecode import Label, Point, parse_point
from vidcolor.join import join
from vidcolor.join.program import find_ffmpeg
from vidcolor.models.precision import leave_cores
from vidcolor.models.registry import OPTIONS, create, spec_of
from vidcolor.plan.build import build
from vidcolor.plan.checks import check_request
from vidcolor.plan.identity import check_unchanged
from vidcolor.plan.keyless import without_key
from vidcolor.plan.plan import Plan, Unit
from vidcolor.plan.request import Request
from vidcolor.plan.store import save
from vidcolor.plan.survey import survey
from vidcolor.plan.targets import check_folders
from vidcolor.progress import FramesBar
from vidcolor.propose.keys import proposed_keys
from vidcolor.propose.propose import Proposed, propose
from vidcolor.propose.request import ProposalRequest
from vidcolor.render.estimate import Estimate, UnitsBar
from vidcolor.render.sheets import missing_sheets
from vidcolor.render.unit import render_all
from vidcolor.settings import Settings
from vidcolor.stylize.request import Look, StyleRequest
from vidcolor.stylize.stylize import Stylized, stylize
from vidcolor.text import plural

if TYPE_CHECKING:
    from vidcolor.models.base import Colorizer

__all__ = [
    "Look",
    "ProposalRequest",
    "Proposed",
    "Result",
    "StyleRequest",
    "Stylized",
    "colorize",
    "propose",
    "stylize",
]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Result:
    """What a run did."""

    out: Path
    """The finished film."""
    frames: int
    """Frames in it."""
    shots: int
    """Shots in it."""
    keys: int
    """References that were used."""
    reused: int
    """Frames that were finished before this run began."""
    seconds: float
    """Wall time of the run."""
    keyless: tuple[int, ...] = ()
    """Shots without a key of their own, counted from 1."""

    @property
    def fps(self) -> float:
        """Frames coloured in this run for each second of it."""
        return (self.frames - self.reused) / max(self.seconds, 1e-9)


@one_run()
def colorize(
    movie: PathLike,
    ref: PathLike | Sequence[PathLike] | None = None,
    refs: PathLike | None = None,
    out: PathLike | None = None,
    *,
    scenes: PathLike | None = None,
    start: Point | Label | str | None = None,
    end: Point | Label | str | None = None,
    fps: Fraction | float | str | None = None,
    first_frame: int | str | None = None,
    overwrite: bool = False,
    strict: bool = False,
    keep_work: bool = False,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Colour a black-and-white film from coloured keys. Its luma, sound and everything else stay as they are.

    Without any key, colours are proposed for a frame of each shot (see `propose`). The keywords are those of the
    command line; what an interrupted run has finished is reused.

    movie: a film's file, a folder of numbered images, or a printf pattern of them (with `fps`).
    ref: one key or several for the whole film.
    refs: a CSV list, or a folder of keys named by frame number.
    out: the result; `MOVIE-stem.color.mkv` beside the film by default, `.mov` for ProRes and DNxHR.
    scenes: PySceneDetect's list, to take the cuts from.
    start, end: the first frame of the result and the one after its last: a number, seconds as a Fraction, or text
        (`12.5s`, `00:01:02.500`, `00:01:02:12`).
    fps: frame rate of numbered images.
    first_frame: number or timecode of the film's first frame in refs, start and end; None to find it out
        from the keys' pictures (0 in start and end).
    overwrite: replace an existing result.
    strict: refuse a film with shots that have no key of their own.
    keep_work: keep the work folder.
    progress: show bars on stderr.
    settings: fields of `vidcolor.settings.Settings`.

    Raises VidcolorError, one line, for anything the user can put right.
    """
    began = time.monotonic()
    names = {field.name for field in fields(Settings)}
    if unknown := sorted(set(settings) - names):
        raise VidcolorError(f"unknown setting {unknown[0]}: one of {', '.join(sorted(names))}")
    request = Request(
        movie=Path(movie),
        ref=tuple(Path(one) for one in ([ref] if isinstance(ref, str | os.PathLike) else ref or ())),
        refs=None if refs is None else Path(refs),
        out=None if out is None else Path(out),
        scenes=None if scenes is None else Path(scenes),
        start=_point("start", start),
        end=_point("end", end),
        fps=_rate(fps),
        overwrite=overwrite,
        first_frame=_first_frame(first_frame),
        strict=strict,
    )
    plan, model = plan_film(request, Settings(**settings), progress=progress)
    return finish(plan, model, began=began, overwrite=overwrite, keep_work=keep_work, progress=progress)


def _first_frame(given: int | str | None) -> int | Label | None:
    first = _parsed("first_frame", given) if isinstance(given, str) else given
    if first is None or isinstance(first, Label) or (isinstance(first, int) and _is_number(first)):
        return first
    raise VidcolorError(f"`first_frame` {given!r}: a whole number from 0, or a timecode HH:MM:SS:FF")


def _point(name: str, given: Point | Label | str | None) -> Point | Label | None:
    if isinstance(given, str):
        return _parsed(name, given)
    if given is None or isinstance(given, Label) or _is_number(given) or (isinstance(given, Fraction) and given >= 0):
        return given
    raise VidcolorError(
        f"`{name}` {given!r}: a frame's whole number from 0, seconds as a Fraction, or text (12.5s, HH:MM:SS:FF)"
    )


def _parsed(name: str, text: str) -> Point | Label:
    try:
        return parse_point(text)
    except VidcolorError as error:
        raise VidcolorError(f"`{name}`: {error}") from None


def _is_number(given: object) -> bool:
    """Whether it is a frame's number."""
    return isinstance(given, int) and not isinstance(given, bool) and given >= 0


def _rate(given: Fraction | float | str | None) -> Fraction | None:
    if given is None:
        return None
    try:
        rate = Fraction(given).limit_denominator(1001 * 1000)
    except (ValueError, ZeroDivisionError, OverflowError):
        rate = Fraction(0)
    if rate <= 0:
        raise VidcolorError(f"`fps` {given!r}: not a frame rate (24, 25.0, 24000/1001)")
    return rate


def create_model(settings: Settings) -> Colorizer:
    """The model of the settings. Raises as `registry.create`."""
    options = ("device", "precision", "seed", "quality", *OPTIONS)
    return create(settings.model, **{name: getattr(settings, name) for name in options})


def plan_film(request: Request, settings: Settings, *, progress: bool, dry: bool = False) -> tuple[Plan, Colorizer]:
    """The plan of a film and the model it is made for. dry: nothing is written, not even proposed keys.

    Raises VidcolorError for anything the user can put right, as early as it can be known.
    """
    checked = check_request(request, settings, dry=dry)
    find_ffmpeg()
    model = create_model(settings)
    leave_cores(model.device)
    with FramesBar("scan", progress, expected_frames(checked.film), leave=False) as bar:
        surveyed = survey(checked, bar)
    join.foresee(surveyed.film, surveyed.fmt, checked.out, surveyed.pts[surveyed.first : surveyed.stop])
    if not checked.keys and spec_of(settings.model).needs_reference:
        surveyed = surveyed.with_keys(proposed_keys(surveyed, dry=dry))
    return build(surveyed, model.fingerprint), model


def finish(plan: Plan, model: Colorizer, *, began: float, overwrite: bool, keep_work: bool, progress: bool) -> Result:
    """Colour what is missing of a plan, join it, and tidy up."""
    if not plan.work.is_dir() or not any(plan.work.iterdir()):
        make_folder(plan.work / "units")
    save(plan, plan.work / "plan.json")
    reused = render_units(plan, model, plan.units, progress=progress)
    check_unchanged(plan, ())  # sound and the rest are taken from the film as it is now
    join.join_plan(plan, overwrite=overwrite)
    if not keep_work:
        join.clean(plan)
    keys = {key.path for unit in plan.units for key in unit.keys}
    shots = {unit.shot for unit in plan.units}
    frames = plan.stop - plan.first
    keyless = tuple(shot + 1 for shot in without_key(plan))
    return Result(plan.out, frames, len(shots), len(keys), reused, time.monotonic() - began, keyless)


def render_units(plan: Plan, model: Colorizer, units: Sequence[Unit], *, progress: bool) -> int:
    """Make the missing files of `units`, and the missing inspection sheets of finished ones; returns how many frames
    were finished before.

    Raises VidcolorError if the model, the film or a key is not what the plan was made for.
    """
    if model.fingerprint != plan.fingerprint:
        raise VidcolorError("the plan was made for another model or other weights; make the plan again")
    finished = [unit for unit in units if plan.unit_path(unit).is_file()]
    unseen = {unit.index: sheets for unit in finished if (sheets := len(missing_sheets(plan, unit)))}
    due = [unit for unit in units if unit not in finished or unit.index in unseen]
    reused = sum(map(len, finished))
    if not due:
        return reused
    if unseen:
        warn(
            f"{plural(sum(unseen.values()), 'sheet')} of {plural(len(unseen), 'finished unit')} will be made: "
            "their colours are found again, their files stay"
        )
    check_unchanged(plan, due)
    check_folders(plan.work, plan.settings)
    make_folder(plan.work / "units")
    if plan.settings.dump_dir is not None:
        make_folder(Path(plan.settings.dump_dir))
    total = sum(map(len, units))
    with UnitsBar("colour", progress, Estimate(plan, due), total, total - sum(map(len, due))) as bar:
        render_all(plan, model, due, on_step=bar.step)
    return reused
