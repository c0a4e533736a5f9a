"""The plan of a film: its shots cut into units, each with its frames, its keys and a content key."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .encode import OutputFormat
from .errors import VidcolorError
from .film import Film
from .names import existing
from .reasons import reason
from .settings import Settings
from .version import __version__
from .whole import write_whole

CHUNK = 240
"""Frames of the longest unit: 10 s of film. Its working frames and colours (some 0.3 GB at 256 lines) are
what one process holds, and what is lost when it is stopped."""
MARGIN = 24
"""Frames of the same shot read on each side of a chunk, so that smoothing has settled where chunks meet."""
BATCH = 4
"""Frames that go through a model together; on a CPU more gain nothing."""
UNIT_FORMAT = 2
"""Raised when the same plan would give other pixels, so that units of an older program are not reused."""
PROPOSED, PROPOSED_RECORD = "proposed", "proposed.json"
"""Folder in the work folder for the keys of a film that came without, and the file in it that says what made them."""
_PLAN_FORMAT = 2
_BLOCK = 1 << 20


@dataclass(frozen=True)
class KeyUse:
    """A reference as a unit uses it."""

    path: str
    """Absolute path of the picture."""
    sha256: str
    """Of the picture file's bytes."""
    frame: int | None
    """The film's frame that it paints or stands for (0-based, maybe outside the unit); None where unknown."""
    painted: bool
    """Recognised as exactly that frame of the film: its colours are reproduced there."""
    weight: float = 1.0
    """The user's weight, above 0."""
    align: tuple[float, ...] | None = None
    """How a cropped or shifted painting lies over its frame (`recognise.registered`); None where it fits."""
    turn: int | None = None
    """The orientation that brings the picture onto the coded frame; None for a key as shown (`picture.load_key`)."""


@dataclass(frozen=True)
class Unit:
    """A shot, or a chunk of a long shot: what one step of the program colours."""

    index: int
    """0-based number of the unit."""
    shot: int
    """0-based number of the shot it belongs to."""
    first: int
    """First frame that is written."""
    last: int
    """One past the last frame that is written."""
    warm_first: int
    """First frame that is read: a margin before `first`, inside the shot."""
    warm_last: int
    """One past the last frame that is read."""
    keys: tuple[KeyUse, ...]
    """The references that the shot is coloured from."""
    own_key: bool
    """Whether one is the shot's own: a painting of one of its frames, or assigned to it by a list."""
    key: str
    """SHA-256 in hex over all that shapes the unit's file: equal key, equal file."""

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, eq=False)
class Plan:
    """All that is decided before the first frame is coloured; written once, never changed."""

    film: Film
    settings: Settings
    pts: np.ndarray
    """(n,) int64: PTS of the film's frames 0..n-1 in ticks of its time base."""
    first: int
    """First frame of the film that goes into the result (`--start`)."""
    last: int
    """One past the last frame that goes into the result (`--end`)."""
    shots: tuple[tuple[int, int], ...]
    """[first, last) of every shot; the first starts at 0, each where the one before it ends."""
    units: tuple[Unit, ...]
    """In order; together they write [first, last) without gap."""
    out: Path
    """The result."""
    work: Path
    """The work folder beside it."""
    identity: str
    """SHA-256 of what tells this film from another: size, head and tail of the file."""
    fingerprint: str
    """The model's fingerprint."""

    def unit_path(self, unit: Unit) -> Path:
        """Where the unit's finished file lies; it appears there only when complete."""
        return self.work / "units" / f"{unit.index:05d}-{unit.key[:16]}.mkv"


def cut_units(shots: Sequence[tuple[int, int]], first: int, last: int) -> list[tuple[int, int, int, int, int]]:
    """(shot, first, last, warm_first, warm_last) of every unit that writes [first, last) of the film.

    Shots longer than CHUNK become chunks of CHUNK frames and a rest: so every film of long shots needs the same
    memory. Margins stay inside the shot, and reach out of [first, last) where the shot does.
    """
    units = []
    for shot, (begin, end) in enumerate(shots):
        low, high = max(begin, first), min(end, last)
        for a in range(low, high, CHUNK):
            b = min(a + CHUNK, high)
            units.append((shot, a, b, max(begin, a - MARGIN), min(end, b + MARGIN)))
    return units


def content_key(
    identity: str,
    fingerprint: str,
    settings: Settings,
    film: Film,
    fmt: OutputFormat,
    pts: np.ndarray,
    span: tuple[int, int, int, int],
    keys: Iterable[KeyUse],
    own_key: bool,
) -> str:
    """SHA-256 in hex over all that shapes a unit's file; where pictures lie on the disk does not count.

    span: first, last, warm_first, warm_last. own_key: whether one of the keys is of the unit's shot.
    """
    facts = {
        "format": UNIT_FORMAT,
        "version": __version__,
        "film": identity,
        "model": fingerprint,
        "settings": settings.shaping(),
        "lines": settings.lines(film.short_side),
        "output": {k: str(v) for k, v in asdict(fmt).items() if k != "container"},  # that of the result
        "picture": {k: v for k, v in _film_to_json(film).items() if k not in ("path", "frames_hint", "chosen")},
        "span": span,
        "pts": pts[span[2] : span[3]].tolist(),
        "keys": [{k: v for k, v in asdict(key).items() if k != "path"} for key in keys],
        "own_key": own_key,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def film_identity(film: Film) -> str:
    """SHA-256 of what tells this film from another without reading it all: size, head, middle and tail.

    Of numbered images: the names and sizes of all, and the bytes of the first and last. Not the time stamps
    of files, so that a copy is the same film.
    """
    digest = hashlib.sha256()
    if film.kind == "images":
        from .sequence import find

        files = find(film.path).files
        for image in files:
            name = unicodedata.normalize("NFC", image.name)  # a copy on another file system is the same film
            digest.update(f"{name} {image.stat().st_size}\n".encode(errors="surrogateescape"))
        for image in (files[0], files[-1]):
            digest.update(image.read_bytes())
        return digest.hexdigest()
    try:
        size = film.path.stat().st_size
        digest.update(str(size).encode())
        with film.path.open("rb") as file:
            for place in sorted({0, max(0, size // 2), max(0, size - _BLOCK)}):
                file.seek(place)
                digest.update(file.read(_BLOCK))
    except OSError as error:
        raise VidcolorError(f"{film.path}: {reason(error)}") from None
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes in hex. Raises VidcolorError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VidcolorError(f"{path}: {reason(error)}") from None


def check(plan: Plan, units: Iterable[Unit]) -> None:
    """Raise VidcolorError where the film or a key of `units` is not what it was when the plan was made."""
    changed = "changed since the plan was made; make the plan again, or give the same command again"
    if film_identity(plan.film) != plan.identity:
        raise VidcolorError(f"{plan.film.path}: {changed}")
    for path, sha256 in {(key.path, key.sha256) for unit in units for key in unit.keys}:
        if file_hash(Path(path)) != sha256:
            raise VidcolorError(f"reference {path}: {changed}")


def is_plan(path: Path) -> bool:
    """Whether a file is a plan, of whatever version."""
    return _begins(path, b"vidcolor_plan")


def is_record(path: Path) -> bool:
    """Whether a file says what proposed keys were made of (`PROPOSED_RECORD`)."""
    return _begins(path, b"made of")


def _begins(path: Path, key: bytes) -> bool:
    """Whether a file begins as JSON with this key does."""
    try:
        with path.open("rb") as file:
            return re.match(rb'\s*\{\s*"' + key + b'"', file.read(64)) is not None
    except OSError:
        return False


def save(plan: Plan, path: Path, *, overwrite: bool = True) -> None:
    """Write the plan as JSON, whole or not at all.

    Paths of what lies in the plan's folder or below it (of a plan in the work folder: beside that) are written
    relative to that folder, all others absolute: a plan can be moved together with its material (see `load`).
    overwrite: another plan at that place may be replaced. Raises VidcolorError where that is not so, or writing fails.
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
        "film": _film_to_json(plan.film) | {"path": _written(plan.film.path, home, root)},
        "identity": plan.identity,
        "fingerprint": plan.fingerprint,
        "settings": settings,
        "out": _written(plan.out, home, root),
        "work": _written(plan.work, home, root),
        "first": plan.first,
        "last": plan.last,
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
            raise VidcolorError(f"{path}: another plan is there; overwrite it with -y or name another with --plan")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data, overwrite=overwrite)
    except OSError as error:
        raise VidcolorError(f"plan {path}: {reason(error)}") from None


def load(path: Path) -> Plan:
    """Read a plan; all its paths come out absolute.

    What lay elsewhere, and whose folder is gone, is looked for where it lay as seen from the plan, which may have been
    moved with a whole project.

    Raises VidcolorError where it is not one, or not one of this program's version."""
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
            last=facts["last"],
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
    for base, below in ((_plain(home), _plain(root)), (_real(home), _real(root))):
        for place in (path, _real(path.parent) / path.name):
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
    """Absolute, without `..`; only for the sake of these are links followed."""
    path = path.absolute()
    if ".." not in path.parts:
        return path
    return _real(path) if path.name == ".." else _real(path.parent) / path.name


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _film_to_json(film: Film) -> dict[str, object]:
    fractions = {name: str(getattr(film, name)) for name in _FRACTIONS}
    return asdict(film) | {"path": str(film.path)} | fractions


def _film_from_json(facts: dict[str, Any]) -> Film:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    values |= {name: Fraction(facts[name]) for name in _FRACTIONS}
    return Film(**values | {"path": Path(facts["path"])})


_PATHS = ("dump_dir", "encoder")
"""Settings that are paths (an encoder: where it is a file)."""
_FRACTIONS = ("time_base", "frame_rate", "base_rate", "sample_aspect_ratio")
