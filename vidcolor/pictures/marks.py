"""A mark in the PNG files that vidcolor makes to be looked at or chosen from: a text chunk that says what the file is,
with a digest of its pixels. So sheets are never taken for keys, and files that others made or changed are never
replaced or removed."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from vidcolor.files import write_atomic

SHEET, CONTACT, PROPOSAL = "inspection sheet", "contact sheet", "proposal"
"""Kinds: a sheet of `--dump`; the overview of `vidcolor propose`; one of its pictures, which serves as a key."""
ENDING = ".vidcolor.png"
"""Ending of the names of `--dump`'s sheets: no key has such a name."""
_KEYWORD, _TEXT, _PIXELS = b"vidcolor", (b"tEXt", b"iTXt"), (b"IDAT",)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AFTER_HEADER = len(_SIGNATURE) + 25


def marked(png: bytes, kind: str, of: str = "") -> bytes:
    """The bytes of a PNG file with the mark of its kind. of: further words for the mark."""
    words = [kind, *filter(None, [of]), f"pixels {_digest(_chunks(io.BytesIO(png), _PIXELS))}"]
    chunk = b"tEXt" + _KEYWORD + b"\0" + ", ".join(words).encode("latin-1")
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return png[:_AFTER_HEADER] + whole + png[_AFTER_HEADER:]


def write_marked(path: Path, rgb: np.ndarray, kind: str, of: str = "") -> None:
    """Write RGB (h, w, 3), uint8 or uint16, as a PNG with its mark, whole or not at all; the folder is made.

    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 3])[1]
    write_atomic(path, marked(data.tobytes(), kind, of))


def kind_of(path: Path) -> str:
    """The kind of a picture that vidcolor marked, even if it was changed since; empty for any other file."""
    return _mark(path).partition(",")[0]


def is_marked(path: Path, kind: str, of: str) -> bool:
    """Whether a file has the mark that `marked` made with the same words."""
    return _mark(path).startswith(f"{kind}, {of}, ")


def is_untouched(path: Path, kind: str) -> bool:
    """Whether a file is of this kind and its pixels are as vidcolor wrote them."""
    mark = _mark(path)
    if mark.partition(",")[0] != kind:
        return False
    with path.open("rb") as file:
        return mark.endswith(_digest(_chunks(file, _PIXELS)))


def sheet_kind(path: Path) -> str:
    """The kind of a sheet, which is never a key; empty for any other file."""
    kind = SHEET if path.name.endswith(ENDING) else kind_of(path)
    return kind if kind in (SHEET, CONTACT) else ""


def _mark(path: Path) -> str:
    try:
        with path.open("rb") as file:
            for data in _chunks(file, _TEXT):
                if data.startswith(_KEYWORD + b"\0"):
                    return data[len(_KEYWORD) :].lstrip(b"\0").decode("latin-1")
    except OSError:
        pass  # whoever reads the picture says so
    return ""


def _digest(chunks: Iterator[bytes]) -> str:
    """SHA-256 of the coded pixels."""
    digest = hashlib.sha256()
    for data in chunks:
        digest.update(data)
    return digest.hexdigest()


def _chunks(file: BinaryIO, wanted: tuple[bytes, ...]) -> Iterator[bytes]:
    """The data of a PNG file's chunks of the wanted types; none from any other file."""
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in wanted:
            yield file.read(length)
            length = 0
        file.seek(length + 4, os.SEEK_CUR)
