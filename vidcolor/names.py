"""Names of files: as the disk spells them, and what results are called by default."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

from .errors import VidcolorError, one_line
from .outputs import LONGEST
from .sequence import is_sequence

WORK = ".vidcolor"
"""Ending of a work folder's name."""
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")


def existing(path: Path) -> Path:
    """`path`; where there is no such file, the one whose name is the same text in another Unicode normal form.

    Macs write "é" as two code points, most others as one, and file systems tell the two apart: a list that was
    written on one does not find the files that were copied to the other. Raises VidcolorError for what is no name.
    """
    if "\0" in str(path):
        raise VidcolorError(f"{one_line(str(path))}: a NUL character, which no file's name holds")
    if str(path).isascii() or os.path.lexists(path) or path.parent == path:
        return path
    folder, name = existing(path.parent), unicodedata.normalize("NFC", path.name)
    if folder.is_dir():
        for entry in sorted(os.listdir(folder)):
            if unicodedata.normalize("NFC", entry) == name:
                return folder / entry
    return folder / path.name


def default_out(movie: Path, suffix: str = ".color.mkv") -> Path:
    """Where the result of `movie` goes by default: beside it. A pattern's name is cleaned, a long one cut."""
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
    if len(os.fsencode(name)) > LONGEST:
        name = _cut(out.stem, f"-{hashlib.sha256(os.fsencode(out.name)).hexdigest()[:8]}{WORK}")
    return out.with_name(name)


def _cut(stem: str, suffix: str) -> str:
    """stem + suffix, short enough for a work folder's name too."""
    while len(os.fsencode(stem + suffix)) > LONGEST - len(WORK):
        stem = stem[:-1]
    return stem + suffix
