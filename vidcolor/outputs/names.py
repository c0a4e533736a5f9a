"""What results and work folders are called by default."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from vidcolor.files import LONGEST_NAME
from vidcolor.film.images import is_sequence

WORK = ".vidcolor"
"""Ending of a work folder's name."""
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")


def default_out(movie: Path, suffix: str = ".color.mkv") -> Path:
    """The default result of `movie`, beside it. A pattern loses its number, a long name is cut."""
    if movie.is_dir():
        folder = movie.resolve() if movie.name in ("", "..") else movie
        return folder.with_name(_cut(folder.name, suffix))
    if is_sequence(movie):
        stem = movie.stem.split("%")[0].rstrip("_-. ") or movie.absolute().parent.name
    else:
        stem = _ENDING.sub("", movie.name) or movie.name  # not of "reel.1" and "reel.2", nor of ".mkv"
    return movie.with_name(_cut(stem, suffix))


def work_folder(out: Path) -> Path:
    """The work folder of a result, beside it."""
    name = out.name + WORK
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = _cut(out.stem, f"-{hashlib.sha256(os.fsencode(out.name)).hexdigest()[:8]}{WORK}")
    return out.with_name(name)


def _cut(stem: str, suffix: str) -> str:
    """stem + suffix, short enough for a work folder's name too."""
    while len(os.fsencode(stem + suffix)) > LONGEST_NAME - len(WORK):
        stem = stem[:-1]
    return stem + suffix
