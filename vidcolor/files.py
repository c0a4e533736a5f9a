"""Files: written whole or not at all, found under any spelling of their names, compared."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidcolor.errors import VidcolorError
from vidcolor.reasons import reason
from vidcolor.text import one_line

_BEGIN, _END = ".vidcolor-", ".part"


def is_part(path: Path) -> bool:
    """Whether a file is an unfinished one that a killed process left."""
    return path.name.startswith(_BEGIN) and path.name.endswith(_END)


def part_of(path: Path) -> Path:
    """A short, unique name beside `path` for its unfinished content."""
    return path.with_name(f"{_BEGIN}{secrets.token_hex(6)}{_END}")


def write_atomic(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write or replace `path`; no partial file is ever left, under its name or beside it. Raises as `put`."""
    part = part_of(path)
    try:
        with part.open("xb") as file:
            file.write(data)
        put(part, path, overwrite=overwrite)
    finally:
        part.unlink(missing_ok=True)


def put(part: Path, path: Path, *, overwrite: bool) -> None:
    """Give a finished file its name. Raises OSError, and VidcolorError if another file has taken the name meanwhile and
    must not be replaced."""
    if overwrite:
        os.replace(part, path)
        return
    try:
        os.link(part, path)  # never replaces, unlike a check before a rename
        part.unlink()
    except FileExistsError:
        raise VidcolorError(f"{path}: exists by now; overwrite it with `overwrite=True` or name another") from None
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise VidcolorError(f"{path}: exists by now; overwrite it with `overwrite=True` or name another") from None
        os.replace(part, path)


def existing(path: Path) -> Path:
    """`path`, or if there is no such file the one whose name is the same text in another Unicode normal form.

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


LONGEST_NAME = 255
"""Bytes of a file's name on the usual file systems."""
_HEAD = 1 << 16


def same_file(a: Path, b: Path) -> bool:
    """Whether two paths mean the same file: by real path, or by device and inode (links, case-insensitive disks)."""
    if real_path(a) == real_path(b):
        return True
    try:
        one, other = a.stat(), b.stat()
    except OSError:
        return False
    return one.st_ino != 0 and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def is_text(path: Path) -> bool:
    """Whether a file's first 64 KiB are text (UTF-8 or UTF-16), or it is empty."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        if len(head) < _HEAD or error.start < len(head) - 4:  # not merely cut inside the last character
            return False
        text = head[: error.start].decode(encoding)
    return "\0" not in text


def real_path(path: Path) -> Path:
    return Path(os.path.realpath(path))


def place_of(path: Path) -> Path:
    """The real path of a name, which need not exist. A link in its last part is not followed."""
    return real_path(path.absolute().parent) / path.name


def make_folder(folder: Path) -> None:
    """Make a folder and its parents. Raises VidcolorError if that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VidcolorError(f"{folder}: {reason(error)}") from None


@contextmanager
def scratch_folder(out: Path) -> Iterator[Path]:
    """A folder beside a result for what it is made from, removed at the end. Raises VidcolorError if that fails."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=_BEGIN, dir=out.parent))
    except OSError as error:
        raise VidcolorError(f"{out}: cannot be written: {reason(error)}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
