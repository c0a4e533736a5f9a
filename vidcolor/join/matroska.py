"""The display aspect ratio of a Matroska file, exactly: ffmpeg's own is rounded, to whole pixels or to 255ths.

The elements of the header are rebuilt (RFC 8794 and RFC 9559); what they grow by is taken from the void that ffmpeg
leaves behind the seek head, so that everything behind the tracks stays where it is."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

_SEGMENT, _SEEK_HEAD, _TRACKS = b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\x16\x54\xae\x6b"
_SEEK, _SEEK_POSITION = b"\x4d\xbb", b"\x53\xac"
_ENTRY, _VIDEO = b"\xae", b"\xe0"
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = b"\x54\xb0", b"\x54\xba", b"\x54\xb2"
_CRC, _VOID = b"\xbf", b"\xec"
_ASPECT = 3  # of DisplayUnit: width and height are a ratio
_HEADERS = 1 << 22
"""Bytes in which the tracks must begin and end."""


def set_display_aspect(path: Path, aspect: Fraction) -> bool:
    """Give the first video track of a finished file the display aspect ratio `aspect` (width over height).

    Returns whether that could be done; a file that is not laid out as ffmpeg does is left as it is."""
    with path.open("r+b") as file:
        head = file.read(_HEADERS)
        try:
            begin, changed = _rebuilt(head, aspect)
        except (ValueError, IndexError, KeyError):
            return False
        file.seek(begin)
        file.write(changed)
    return True


def _rebuilt(head: bytes, aspect: Fraction) -> tuple[int, bytes]:
    """The bytes from the seek head to the end of the tracks, of the same length as before, and where they begin."""
    segment = next(place for name, place, _, _ in _elements(head, 0, len(head)) if name == _SEGMENT)
    start = _body(head, segment)
    found: dict[bytes, tuple[int, int, int]] = {}
    for name, place, body, end in _elements(head, start, len(head)):
        if name not in found:
            found[name] = place, body, end
        if name == _TRACKS:
            break
    (seek, seek_body, seek_end), (void, _, void_end) = found[_SEEK_HEAD], found[_VOID]
    tracks, tracks_body, tracks_end = found[_TRACKS]
    if not (seek_end == void and void_end <= tracks and tracks_end <= len(head)):
        raise ValueError("not laid out as ffmpeg does")
    new_tracks = _element(_TRACKS, _with_aspect(head[tracks_body:tracks_end], aspect))
    grown = len(new_tracks) - (tracks_end - tracks)
    moved = range(void_end - start, tracks_end - start)  # what lies there begins earlier by `grown`
    seeks = b"".join(_seek(item, moved, grown) for item in _split(head[seek_body:seek_end]))
    new_seek = _element(_SEEK_HEAD, _checked(seeks))
    room = void_end - seek - len(new_seek) - grown
    if room < 2:
        raise ValueError("no room")
    changed = new_seek + _void(room) + head[void_end:tracks] + new_tracks
    if len(changed) != tracks_end - seek:
        raise ValueError("another length")
    return seek, changed


def _with_aspect(tracks: bytes, aspect: Fraction) -> bytes:
    """The body of Tracks with the display aspect in its first video track, and a new checksum."""
    done, parts = False, []
    for name, body in _named(tracks):
        if name == _ENTRY and not done:
            inner = _named(body)
            done = any(name == _VIDEO for name, _ in inner)
            body = b"".join(_element(n, _displayed(b, aspect) if n == _VIDEO else b) for n, b in inner)
        parts.append(_element(name, body))
    if not done:
        raise ValueError("no video track")
    return _checked(b"".join(parts))


def _displayed(video: bytes, aspect: Fraction) -> bytes:
    display = {_DISPLAY_WIDTH: aspect.numerator, _DISPLAY_HEIGHT: aspect.denominator, _DISPLAY_UNIT: _ASPECT}
    kept = [_element(name, body) for name, body in _named(video) if name not in display]
    return b"".join(kept + [_element(name, _number(value)) for name, value in display.items()])


def _seek(item: bytes, moved: range, grown: int) -> bytes:
    """An element of the seek head, its position corrected."""
    ((name, body),) = _named(item)
    if name != _SEEK:
        return item
    parts = []
    for inner, value in _named(body):
        if inner == _SEEK_POSITION and int.from_bytes(value) in moved:
            value = _number(int.from_bytes(value) - grown)
        parts.append(_element(inner, value))
    return _element(_SEEK, b"".join(parts))


def _checked(body: bytes) -> bytes:
    """The body of a master element, its CRC-32 (which comes first, where there is one) made anew."""
    if not body.startswith(_CRC):
        return body
    rest = _split(body)[1:]
    return _element(_CRC, zlib.crc32(b"".join(rest)).to_bytes(4, "little")) + b"".join(rest)


def _elements(data: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """(ID, place, begin and end of the body) of each element in data[place:end]."""
    while place < end:
        name = data[place : place + _width(data[place])]
        body = _body(data, place)
        size_at = place + len(name)
        size = int.from_bytes(data[size_at:body]) & ((1 << 7 * (body - size_at)) - 1)
        yield name, place, body, body + size
        place = body + size


def _split(body: bytes) -> list[bytes]:
    return [body[place:end] for _, place, _, end in _elements(body, 0, len(body))]


def _named(body: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, body[begin:end]) for name, _, begin, end in _elements(body, 0, len(body))]


def _body(data: bytes, place: int) -> int:
    """Where the body of the element at `place` begins."""
    size_at = place + _width(data[place])
    return size_at + _width(data[size_at])


def _width(first: int) -> int:
    """Bytes of the ID or size that begins with this byte."""
    if not first:
        raise ValueError("no EBML")
    return 9 - first.bit_length()


def _element(name: bytes, body: bytes) -> bytes:
    width = next(width for width in range(1, 9) if len(body) < (1 << 7 * width) - 1)
    return name + (len(body) | 1 << 7 * width).to_bytes(width) + body


def _void(length: int) -> bytes:
    """A void of this many bytes, two at least."""
    if length < 10:
        return _element(_VOID, bytes(length - 2))
    return _VOID + (1 << 56 | length - 9).to_bytes(8) + bytes(length - 9)


def _number(value: int) -> bytes:
    return value.to_bytes(max(1, -(-value.bit_length() // 8)))
