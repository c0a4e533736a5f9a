"""Plans as JSON. A plan can be moved together with its material."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vidcolor.errors import VidcolorError
from vidcolor.files import existing, place_of, real_path, write_atomic
from vidcolor.film.film import Film
from vidcolor.plan.identity import FRACTIONS, film_facts
from vidcolor.plan.plan import KeyUse, Plan, Unit
from vidcolor.reasons import reason
from vidcolor.settings import Settings
from vidcolor.version import __version__

PROPOSED, PROPOSED_RECORD = "proposed", "proposed.json"
"""Folder in the work folder for proposed keys, and the file in it that records what they were made of."""
_PLAN_FORMAT = 3


def is_plan(path: Path) -> bool:
    """Whether a file is a plan, of any version."""
    return _begins(path, b"vidcolor_plan")


def is_record(path: Path) -> bool:
    """Whether a file is a `PROPOSED_RECORD`."""
    return _begins(path, b"made of")


def _begins(path: Path, name: bytes) -> bool:
    """Whether a file begins like a JSON object whose first name is this."""
    try:
        with path.open("rb") as file:
            return re.match(rb'\s*\{\s*"' + name + b'"', file.read(64)) is not None
    except OSError:
        return False


def save(plan: Plan, path: Path, *, overwrite: bool = True) -> None:
    """Write the plan as JSON, whole or not at all.

    Paths of what lies in the plan's folder or below it (of a plan in the work folder: beside that) are written
    relative to that folder, all others absolute: a plan can be moved together with its material (see `load`).
    overwrite: replace another plan at that place. Raises VidcolorError if there is one that must not be replaced, or
    writing fails.
    """
    home = path.absolute().parent
    root = home.parent if home == plan.work else home
    keys = list(dict.fromkeys(key for unit in plan.units for key in unit.keys))
    place = {key: n for n, key in enumerate(keys)}
    settings = asdict(plan.settings)
    for name in _PATHS:
        if settings[name] is not None and (name == "dump_dir" or Path(settings[name]).is_file()):
            settings[name] = _written(Path(settings[name]), home, root)
    facts = {
        "vidcolor_plan": _PLAN_FORMAT,
        "version": __version__,
        "home": str(_plain(home)),
        "film": film_facts(plan.film) | {"path": _written(plan.film.path, home, root)},
        "identity": plan.identity,
        "fingerprint": plan.fingerprint,
        "settings": settings,
        "out": _written(plan.out, home, root),
        "work": _written(plan.work, home, root),
        "first": plan.first,
        "stop": plan.stop,
        "shots": plan.shots,
        "keys": [asdict(key) | {"path": _written(Path(key.path), home, root)} for key in keys],
        "units": [asdict(unit) | {"keys": [place[key] for key in unit.keys]} for unit in plan.units],
        "pts": plan.pts.tolist(),
    }
    data = json.dumps(facts).encode()
    try:
        if path.exists() and path.read_bytes() == data:
            return
        if os.path.lexists(path) and not overwrite:
            raise VidcolorError(
                f"{path}: another plan is there; overwrite it with `overwrite=True` or name another with `plan`"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data, overwrite=overwrite)
    except OSError as error:
        raise VidcolorError(f"plan {path}: {reason(error)}") from None


def load(path: Path) -> Plan:
    """Read a plan; all its paths come out absolute.

    If the folder of an absolute path is gone, the file is looked for at the same place relative to the plan: the whole
    project may have been moved.

    Raises VidcolorError if the file is not a plan, or not one of this version of the program."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VidcolorError(f"plan {path}: {reason(error)}") from None
    except ValueError:
        raise VidcolorError(f"plan {path}: not a plan (`vidcolor plan` writes one)") from None
    if not isinstance(facts, dict) or "vidcolor_plan" not in facts:
        raise VidcolorError(f"plan {path}: not a plan (`vidcolor plan` writes one)")
    if facts["vidcolor_plan"] != _PLAN_FORMAT or facts.get("version") != __version__:
        raise VidcolorError(
            f"plan {path}: made by vidcolor {facts.get('version')}, this is {__version__}; make it again"
        )
    try:
        home, was = path.absolute().parent, Path(facts["home"])
        keys = [
            KeyUse(**key | {"path": str(_read(key["path"], home, was)), "align": key["align"] and tuple(key["align"])})
            for key in facts["keys"]
        ]
        units = tuple(Unit(**{**unit, "keys": tuple(keys[n] for n in unit["keys"])}) for unit in facts["units"])
        settings = facts["settings"]
        for name in _PATHS:
            if settings[name] is not None and (name == "dump_dir" or _read(settings[name], home, was).is_file()):
                settings[name] = str(_read(settings[name], home, was))
        return Plan(
            film=_film_from_json(facts["film"] | {"path": _read(facts["film"]["path"], home, was)}),
            settings=Settings(**settings),
            pts=np.array(facts["pts"], np.int64),
            first=facts["first"],
            stop=facts["stop"],
            shots=tuple((a, b) for a, b in facts["shots"]),
            units=units,
            out=_read(facts["out"], home, was),
            work=_read(facts["work"], home, was),
            identity=facts["identity"],
            fingerprint=facts["fingerprint"],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise VidcolorError(f"plan {path}: damaged ({error}); make it again") from None


def _written(path: Path, home: Path, root: Path) -> str:
    """A path as a plan in the folder `home` holds it: relative to that where it lies below `root`, else absolute."""
    path = _plain(path)
    for base, below in ((_plain(home), _plain(root)), (real_path(home), real_path(root))):
        for place in (path, place_of(path)):
            if place.is_relative_to(below):
                return Path(os.path.relpath(place, base)).as_posix()
    return str(path)


def _read(text: str, home: Path, was: Path) -> Path:
    """The path that a plan means which lies in the folder `home` and was written in the folder `was`."""
    path = Path(text)
    if path.is_absolute() and not path.parent.exists():
        moved = existing(_plain(home / os.path.relpath(path, was)))
        return moved if moved.parent.exists() else path
    return existing(_plain(home / path))


def _plain(path: Path) -> Path:
    """Absolute and without `..`; links are followed only to resolve these."""
    path = path.absolute()
    if ".." not in path.parts:
        return path
    return real_path(path) if path.name == ".." else place_of(path)


def _film_from_json(facts: dict[str, Any]) -> Film:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    values |= {name: Fraction(facts[name]) for name in FRACTIONS}
    return Film(**values | {"path": Path(facts["path"])})


_PATHS = ("dump_dir", "encoder")
"""Settings that are paths (`encoder` only if it is a file)."""
