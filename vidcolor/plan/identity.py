"""Hashes that identify films, keys and units."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from vidcolor.encode.format import OutputFormat
from vidcolor.errors import VidcolorError
from vidcolor.film.film import Film
from vidcolor.plan.plan import Plan, Unit
from vidcolor.reasons import reason
from vidcolor.version import __version__

UNIT_FORMAT = 2
"""Increase it when the same plan gives other pixels, so that units of an older version are not reused."""
_BLOCK = 1 << 20


def content_hash(plan: Plan, unit: Unit, fmt: OutputFormat) -> str:
    """SHA-256 in hex over everything that shapes a unit's file. Where keys lie on the disk does not count."""
    film = plan.film
    facts = {
        "format": UNIT_FORMAT,
        "version": __version__,
        "film": plan.identity,
        "model": plan.fingerprint,
        "settings": plan.settings.shaping(),
        "lines": plan.settings.lines(film.short_side),
        "output": {k: str(v) for k, v in asdict(fmt).items() if k != "container"},  # that of the result
        "picture": {k: v for k, v in film_facts(film).items() if k not in ("path", "frames_hint", "chosen")},
        "span": (unit.first, unit.stop, unit.warm_first, unit.warm_stop),
        "pts": plan.pts[unit.warm_first : unit.warm_stop].tolist(),
        "keys": [{k: v for k, v in asdict(key).items() if k != "path"} for key in unit.keys],
        "own_key": unit.own_key,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def film_identity(film: Film) -> str:
    """SHA-256 that identifies a film without reading all of it: its size, head, middle and tail.

    Of numbered images: the names and sizes of all, and the bytes of the first and last. Not the time stamps
    of files, so that a copy is the same film.
    """
    digest = hashlib.sha256()
    if film.kind == "images":
        from vidcolor.film.images import find

        files = find(film.path).files
        for image in files:
            name = unicodedata.normalize("NFC", image.name)  # the same film on any file system
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


def check_unchanged(plan: Plan, units: Iterable[Unit]) -> None:
    """Raise VidcolorError where the film or a key of `units` is not what it was when the plan was made."""
    changed = "changed since the plan was made; make the plan again, or give the same command again"
    if film_identity(plan.film) != plan.identity:
        raise VidcolorError(f"{plan.film.path}: {changed}")
    for path, sha256 in {(key.path, key.sha256) for unit in units for key in unit.keys}:
        if file_hash(Path(path)) != sha256:
            raise VidcolorError(f"key {path}: {changed}")


def film_facts(film: Film) -> dict[str, object]:
    fractions = {name: str(getattr(film, name)) for name in FRACTIONS}
    return asdict(film) | {"path": str(film.path)} | fractions


FRACTIONS = ("time_base", "frame_rate", "base_rate", "sample_aspect_ratio")
