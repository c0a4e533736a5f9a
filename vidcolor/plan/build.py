"""From a film that was looked through, and a model, to the plan."""

from __future__ import annotations

from dataclasses import replace

from vidcolor.plan import keyless
from vidcolor.plan.identity import content_hash
from vidcolor.plan.plan import Plan, Unit, cut_units
from vidcolor.plan.survey import Survey


def build(survey: Survey, fingerprint: str) -> Plan:
    """The plan of a surveyed film. fingerprint: the model's.

    Raises VidcolorError where the user wants a key for every shot (`--strict`) and one has none.
    """
    checked = survey.checked
    units = []
    for index, (shot, *span) in enumerate(cut_units(survey.shots, survey.first, survey.stop)):
        first, stop, warm_first, warm_stop = span
        keys = survey.keys[shot]
        units.append(Unit(index, shot, first, stop, warm_first, warm_stop, keys.uses, keys.own, content_hash=""))
    plan = Plan(
        film=survey.film,
        settings=checked.settings,
        pts=survey.pts,
        first=survey.first,
        stop=survey.stop,
        shots=survey.shots,
        units=tuple(units),
        out=checked.out,
        work=checked.work,
        identity=checked.identity,
        fingerprint=fingerprint,
    )
    plan = replace(plan, units=tuple(replace(u, content_hash=content_hash(plan, u, survey.fmt)) for u in units))
    keyless.check(plan, checked.request.strict)
    return plan
