"""Truncated files: does a Matroska, MP4, MOV or AVI file have all the bytes that its header announces?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


def missing_bytes(path: str | Path) -> int:
    """How many bytes are missing at the file's end by its own account; 0 if it is whole or does not say.

    A truncated stream often decodes without an error to its end: only the container knows better."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        file.seek(0)
        if head[:4] == _EBML:
            end = _matroska_end(file)
        elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            end = _boxes_end(file, size)
        elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            end = _pictures_end(file, size)
        else:
            end = None
    return max(0, end - size) if end is not None else 0


def _pictures_end(file: BinaryIO, size: int) -> int | None:
    """End of an AVI's last list of pictures (OpenDML AVI 1.02: one in each RIFF), None if it is not stated.

    A file written to a pipe, or whose writer died, has sizes of 0 or all ones. The size of a RIFF is often a few bytes
    off, and an index that is cut off is no loss."""
    place, end = 0, None
    while place + 12 <= size:
        file.seek(place)
        head = file.read(12)
        name, length, form = head[:4], int.from_bytes(head[4:8], "little"), head[8:12]
        inside = name == b"RIFF" and form in (b"AVI ", b"AVIX")
        movi = name == b"LIST" and form == b"movi"
        if (inside or movi) and length in (0, 0xFFFFFFFF):
            return None
        if movi:
            end = place + 8 + length
        place += 12 if inside else 8 + length + length % 2
    return end


def _matroska_end(file: BinaryIO) -> int | None:
    """End of the first Segment (RFC 9559, 8.1), None if its size is unknown (a live stream)."""
    for _ in range(4):
        name = _number(file, keep_marker=True)
        size = _number(file, keep_marker=False)
        if name is None or size is None:
            return None
        if name == int.from_bytes(_SEGMENT, "big"):
            return file.tell() + size
        file.seek(size, os.SEEK_CUR)
    return None


def _number(file: BinaryIO, *, keep_marker: bool) -> int | None:
    """An EBML variable-size integer (RFC 8794, 4); None if it is all ones (unknown) or missing."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big")
    if keep_marker:
        return value
    value &= (1 << 7 * length) - 1
    return None if value == (1 << 7 * length) - 1 else value


def _boxes_end(file: BinaryIO, size: int) -> int | None:
    """End of the last top-level box (ISO 14496-12, 4.2)."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # to the end of the file
            return size
        if length < 8 or not all(32 <= letter < 127 or letter == 0xA9 for letter in head[4:8]):
            return size  # bytes after the last box: they prove nothing
        place += length
    return place
