"""The last step: finished units become the film, with everything else of the source."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from .encode import output_format
from .errors import VidcolorError
from .marks import PROPOSAL, is_untouched
from .mux import join_units
from .options import count
from .outputs import Target, check, of_film
from .plan import PROPOSED, PROPOSED_RECORD, Plan, is_plan, is_record
from .whole import is_part

_UNIT = re.compile(r"\d{5}-[0-9a-f]{16}\.mkv")
"""Names of units, as `Plan.unit_path` makes them."""


def join(plan: Plan, plan_path: Path | None = None, *, overwrite: bool) -> Path:
    """Concatenate the finished units without re-encoding, mux, verify; returns the result's path.

    plan_path: where the plan lies, to name the commands that make what is missing. overwrite: a file that has the
    result's name by now may be replaced.
    Raises VidcolorError where units are missing, the result must not be written, or would not have every frame.
    """
    keys = {Path(key.path) for unit in plan.units for key in unit.keys}
    inputs = of_film(plan.film.path) + [("a reference", key) for key in sorted(keys)]
    inputs += [] if plan_path is None else [("the plan", plan_path)]
    option = "-o" if plan_path is None else "`vidcolor plan -o`"
    check([Target(plan.out, "the result", option, overwrite=overwrite)], inputs)
    missing = [unit.index for unit in plan.units if not plan.unit_path(unit).is_file()]
    if missing:
        where = shlex.quote(str(plan_path or plan.work / "plan.json"))
        raise VidcolorError(
            f"{count(len(missing), 'unit')} missing ({_ranges(missing)} of {len(plan.units)}) in {plan.work}; "
            f"make the first by: vidcolor unit {where} {missing[0]}"
        )
    fmt = output_format(plan.film, plan.settings, plan.out)
    files = [plan.unit_path(unit) for unit in plan.units]
    start = int(plan.pts[plan.first]) if plan.first > 0 else None
    end = int(plan.pts[plan.last]) if plan.last < len(plan.pts) else None
    stamps = plan.pts[plan.first : plan.last]
    join_units(plan.film, files, stamps, fmt, plan.out, start=start, end=end, overwrite=overwrite)
    return plan.out


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
