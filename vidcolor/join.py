"""The last step: finished units become the film, with everything else of the source."""

from __future__ import annotations

import shlex
from pathlib import Path

from .encode import output_format
from .errors import VidcolorError
from .mux import join_units
from .plan import PROPOSED, PROPOSED_RECORD, Plan


def join(plan: Plan, plan_path: Path | None = None) -> Path:
    """Concatenate the finished units without re-encoding, mux, verify; returns the result's path.

    plan_path: where the plan lies, to name the commands that make what is missing.
    Raises VidcolorError where units are missing, or the result would not have every frame.
    """
    missing = [unit.index for unit in plan.units if not plan.unit_path(unit).is_file()]
    if missing:
        where = shlex.quote(str(plan_path or plan.work / "plan.json"))
        raise VidcolorError(
            f"{_ranges(missing)} of {len(plan.units)} units missing in {plan.work}; "
            f"make the first by: vidcolor unit {where} {missing[0]}"
        )
    fmt = output_format(plan.film, plan.settings, plan.out)
    files = [plan.unit_path(unit) for unit in plan.units]
    start = int(plan.pts[plan.first]) if plan.first > 0 else None
    end = int(plan.pts[plan.last]) if plan.last < len(plan.pts) else None
    join_units(plan.film, files, plan.pts[plan.first : plan.last], fmt, plan.out, start=start, end=end)
    return plan.out


def clean(plan: Plan) -> None:
    """Remove what this program put into the work folder, and the folder where nothing else is in it."""
    for file in (plan.work / "units").glob("?????-*.mkv*"):
        file.unlink(missing_ok=True)
    proposed = plan.work / PROPOSED
    for file in [*proposed.glob("[0-9]*.png*"), proposed / PROPOSED_RECORD]:
        file.unlink(missing_ok=True)
    (plan.work / "plan.json").unlink(missing_ok=True)
    for folder in (plan.work / "units", proposed, plan.work):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


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
