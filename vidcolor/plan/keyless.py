"""Shots without a key of their own: finding, describing and refusing them."""

from __future__ import annotations

from itertools import groupby

from vidcolor.errors import VidcolorError, warn
from vidcolor.film.timecode import timecode
from vidcolor.plan.plan import Plan
from vidcolor.text import plural

NAMED = 6
"""Runs of neighbouring shots that are named; the others are counted."""


def without_key(plan: Plan) -> list[int]:
    """0-based numbers of the result's shots that have no key of their own, if there are keys at all."""
    return sorted({unit.shot for unit in plan.units if unit.keys and not unit.own_key})


def words(plan: Plan) -> str | None:
    """One line that names them, with frames and the time of the first; None if there are none."""
    without = without_key(plan)
    if not without:
        return None
    runs = [[shot for _, shot in run] for _, run in groupby(enumerate(without), lambda item: item[1] - item[0])]
    named = [_run(plan, run[0], run[-1]) for run in runs[:NAMED]]
    rest = sum(map(len, runs[NAMED:]))
    named += [f"{rest} more"] if rest else []
    verb = "has no key of its own" if len(without) == 1 else "have no key of their own"
    return f"{len(without)} of {plural(len({unit.shot for unit in plan.units}), 'shot')} {verb}: {', '.join(named)}"


def check(plan: Plan, strict: bool) -> None:
    """Warn of shots without a key of their own and say how they are coloured. Raises VidcolorError if `strict`."""
    from vidcolor.models.registry import spec_of

    found = words(plan)
    if found is None:
        return
    if strict:
        raise VidcolorError(f"`strict`: {found}; paint a frame of each, or assign references to them with `refs`")
    if spec_of(plan.settings.model).cautious:
        warn(
            f"{found}; there, colours of keys are taken only where they surely match, the rest is coloured faintly; "
            "paint a frame of each, or assign references to them with `refs`"
        )
    else:
        warn(f"{found}; `model` {plan.settings.model} colours them from the keys there are: look them over")


def _run(plan: Plan, first: int, last: int) -> str:
    """Shots first to last, in words."""
    a, b = max(plan.shots[first][0], plan.first), min(plan.shots[last][1], plan.stop)
    numbers = f"{first + 1}" if first == last else f"{first + 1} to {last + 1}"
    seconds = (int(plan.pts[a]) - int(plan.pts[0])) * plan.film.time_base
    return f"{numbers} (frames {a} to {b - 1}, {timecode(seconds)})"
