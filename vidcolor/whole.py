"""A file whole or not at all: written under another name, then put in its place."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_BEGIN, _END = ".vidcolor-", ".part"


def is_part(path: Path) -> bool:
    """Whether a file is what a killed `write_whole` left."""
    return path.name.startswith(_BEGIN) and path.name.endswith(_END)


def write_whole(path: Path, data: bytes) -> None:
    """Write or replace `path`; whatever happens no half of it is left, under its name or beside it. Raises OSError."""
    part = path.with_name(f"{_BEGIN}{secrets.token_hex(6)}{_END}")  # a name of nobody's, and short
    try:
        with part.open("xb") as file:
            file.write(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
