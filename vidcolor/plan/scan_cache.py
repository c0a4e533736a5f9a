"""Scans are cached in the user's cache folder, so that a film is decoded once.

A cached scan is used for the same film, keys, options and program only. Films are told apart by their path, size, time
stamps (ctime too, which no program can set) and some of their bytes. If there is no cache, or it cannot be read, the
film is scanned again.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import platformdirs

from vidcolor.errors import listen, warn
from vidcolor.files import is_text, real_path, write_atomic
from vidcolor.film.film import Film
from vidcolor.film.images import find
from vidcolor.keys.key_list import Key
from vidcolor.plan.identity import file_hash, film_identity
from vidcolor.plan.scan import WHOLE_FILM, Scan, ScanOptions, scan

VARIABLE = "VIDCOLOR_CACHE"
"""Environment variable that names another cache folder; if it is empty nothing is cached."""
MOST = 100
"""Scans in the cache; the least recently used make room."""


def scanned(
    film: Film,
    keys: Sequence[Key] = (),
    options: ScanOptions = WHOLE_FILM,
    on_frame: Callable[[int], None] | None = None,
) -> Scan:
    """As `scan.scan`, from the cache if it is there, with the same warnings."""
    path = _place(film, keys, options)
    found = None if path is None else _read(path)
    if found is not None:
        result, said = found
        for message in said:
            warn(message)
        return result
    with listen() as said:
        result = scan(film, keys, options, on_frame)
    if path is not None and path == _place(film, keys, options):  # not if the film changed meanwhile
        _keep(path, result, said)
        # a scan without keys finds the same; `vidcolor scenes` makes one with interlaced frames allowed
        for allowed in {options.allow_interlaced, True}:
            alone = _place(film, (), replace(options, allow_interlaced=allowed, first_number=None))
            if alone is not None and alone != path:
                _keep(alone, replace(result, matches=[], first_number=0), said)
    return result


def folder() -> Path | None:
    """The cache folder; None if the user wants none."""
    if (chosen := os.environ.get(VARIABLE)) is not None:
        return Path(chosen) if chosen else None
    return platformdirs.user_cache_path("vidcolor", appauthor=False) / "scans"


def _place(film: Film, keys: Sequence[Key], options: ScanOptions) -> Path | None:
    """Path of a scan's file, which need not exist; None if it cannot be cached."""
    where = folder()
    files = list(_files(film))
    if where is None or not files or (len(files) == 1 and is_text(files[0])):  # a playlist: the film lies elsewhere
        return None
    stats = [
        (file.name, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_dev, s.st_ino)
        for file in files
        for s in [file.stat()]
    ]
    facts = [
        _program(),
        str(real_path(film.path)),
        film_identity(film),
        stats,
        asdict(film),
        [(file_hash(key.path), key.place, key.scene, key.counted) for key in keys],
        asdict(options),
    ]
    return where / f"{hashlib.sha256(repr(facts).encode(errors='surrogateescape')).hexdigest()}.json.gz"


def _files(film: Film) -> Iterator[Path]:
    if film.kind == "images":
        yield from find(film.path).files
    elif film.path.is_file():
        yield film.path


@lru_cache(maxsize=1)
def _program() -> list[str]:
    """What identifies this program and the libraries that decode and compute."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return [digest.hexdigest(), av.__version__, str(av.library_versions), cv2.__version__, np.__version__]


def _read(path: Path) -> tuple[Scan, list[str]] | None:
    """A cached scan and its warnings; None if there is none, or it is damaged."""
    try:
        facts = json.loads(gzip.decompress(path.read_bytes()))
        found = _typed(Scan, facts["scan"]), _typed(list[str], facts["warnings"])
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # it was used now
    return found


def _keep(path: Path, result: Scan, said: Sequence[str]) -> None:
    """Write a scan and remove the oldest ones; if that is not possible nothing is cached."""
    facts = {"scan": _plain(result), "warnings": list(said)}
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(path, gzip.compress(json.dumps(facts).encode(), mtime=0))
        own = [file for file in path.parent.iterdir() if re.fullmatch(r"[0-9a-f]{64}\.json\.gz", file.name)]
        files = sorted(own, key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[MOST:]:
            file.unlink()


def _plain(value: Any) -> Any:
    """A value of a scan for JSON; `_typed` is the inverse."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value) if isinstance(value, Fraction) else value


def _typed(hint: Any, value: Any) -> Any:
    """A value from JSON as the type of an annotation. Raises TypeError, ValueError or KeyError if it does not fit."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _typed(next(one for one in arguments if one is not type(None)), value)
    if origin is list:
        return [_typed(arguments[0], item) for item in value]
    if origin is tuple:
        return tuple(_typed(arguments[0], item) for item in value)
    if origin in (dict, Mapping):
        return {name: _typed(arguments[1], item) for name, item in value.items()}
    if is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{field.name: _typed(hints[field.name], value[field.name]) for field in fields(hint)})  # type: ignore[operator]
    if hint is np.ndarray:
        return np.array(value, np.int64)
    if hint is Fraction:
        return Fraction(value)
    if not isinstance(value, (int, float) if hint is float else hint):
        raise TypeError(f"{value!r} is no {hint}")
    return value
