"""A plan without a model."""

from __future__ import annotations

from pathlib import Path

from vidcolor.plan.build import build
from vidcolor.plan.checks import check_request
from vidcolor.plan.plan import Plan
from vidcolor.plan.request import Request
from vidcolor.plan.survey import survey
from vidcolor.settings import Settings


def planned(request: Request, settings: Settings | None = None, model: str = "model", *, dry: bool = False) -> Plan:
    """The plan of a request for a model of this fingerprint. A film without keys stays without."""
    return build(survey(check_request(request, settings or Settings(), dry=dry)), model)


def plan_of(folder: Path, settings: Settings | None = None, fingerprint: str = "model", **request) -> Plan:
    """The plan of film.mkv in a folder with the keys of its refs.csv."""
    wanted = Request(movie=folder / "film.mkv", **({"refs": folder / "refs.csv"} | request))
    return planned(wanted, settings, fingerprint)
