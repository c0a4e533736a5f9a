"""A file whole or not at all: written under another name, then put in its place."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from .errors import VidcolorError

_BEGIN, _END = ".vidcolor-", ".part"


def is_part(path: Path) -> bool:
    """Whether a file is what a killed process left unfinished."""
    return path.name.startswith(_BEGIN) and path.name.endswith(_END)


def part_of(path: Path) -> Path:
    """A name beside `path` for what is not finished yet: of nobody else's, another process at the same file included,
    and short."""
    return path.with_name(f"{_BEGIN}{secrets.token_hex(6)}{_END}")


def write_whole(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write or replace `path`; whatever happens no half of it is left, under its name or beside it. Raises OSError, and
    as `put` does."""
    part = part_of(path)
    try:
        with part.open("xb") as file:
            file.write(data)
        put(part, path, overwrite=overwrite)
    finally:
        part.unlink(missing_ok=True)


def put(part: Path, path: Path, *, overwrite: bool) -> None:
    """Give a finished file its name. Raises OSError, and VidcolorError where another file has that name by now and must
    not be replaced."""
    if overwrite:
        os.replace(part, path)
        return
    try:
        os.link(part, path)  # which never replaces, unlike a look before a rename
        part.unlink()
    except FileExistsError:
        raise VidcolorError(f"{path}: exists by now; overwrite it with -y or name another") from None
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise VidcolorError(f"{path}: exists by now; overwrite it with -y or name another") from None
        os.replace(part, path)
