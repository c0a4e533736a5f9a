"""The user's keys from `--ref`, a list or a folder, and which of them serve which shot."""

from __future__ import annotations

import difflib
import math
import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidcolor.errors import VidcolorError, warn
from vidcolor.files import existing
from vidcolor.film.timecode import Label, Point, counted_from, parse_point, timecode
from vidcolor.pictures import marks
from vidcolor.pictures.file import SUFFIXES, WORKING_SUFFIXES, check_picture, holds_picture
from vidcolor.tables import read_table
from vidcolor.text import plural

PLACES = ("frame", "timecode", "scene")
"""Columns that say which frame or scene a key is for; a list has one of them."""
COLUMNS = (*PLACES, "reference", "weight")
"""Columns that are read."""
MOST_NAMED = 10
"""Most files that one warning names."""
BEFORE, AFTER = 2, 1
"""A shot without a key borrows from this many shots with keys before and after it: films cut back and forth."""


@dataclass(frozen=True)
class Key:
    """A key as the user gave it."""

    path: Path
    """The picture, absolute."""
    place: Point | None = None
    """The frame (0-based) or the seconds that it is for; None for a scene or the whole film."""
    scene: int | None = None
    """The scene that it is for, from 1; None otherwise."""
    weight: float = 1.0
    """The user's weight, above 0."""
    source: str = "`ref`"
    """Where it was given, for messages: `refs.csv, row 3`."""
    counted: Label | None = None
    """Its place as a timecode that counts frames, if it was given as one."""
    placed: str = ""
    """Where its place was given, for messages; empty: as `source`."""


def from_files(paths: Sequence[Path]) -> list[Key]:
    """Keys for the whole film. Raises VidcolorError if one is missing or not a picture."""
    paths = [existing(path) for path in paths]
    for path in paths:
        _check(path)
    return [Key(path.absolute(), source=f"`ref` {path}") for path in paths]


def read_refs(path: Path, rate: Fraction = Fraction(24), first: int | Label | None = None) -> list[Key]:
    """The keys of a list (CSV), in its order, or of a folder of pictures named by frame number, in theirs.

    A list has a header with one of `frame` (0-based), `timecode` or `scene` (from 1), with `reference` (relative to the
    list), and optionally `weight`. In a folder the longest number in a name is the frame, or the last of the longest.
    rate: frames a second by which timecodes count. first: the timecode of the first frame. Frame numbers stay as given.
    Raises VidcolorError, naming row and column, or the file.
    """
    path = existing(path)
    keys = _folder(path) if path.is_dir() else _list(path, rate, first)
    _say_twins(keys, path)
    for key in keys:
        try:
            _check(key.path)
        except VidcolorError as error:
            raise VidcolorError(f"{key.source}: {error}") from None
    return keys


def own_keys(frames: Sequence[int | None], shots: Sequence[tuple[int, int]]) -> list[list[int]]:
    """For each shot, which keys are its own, as positions in `frames`.

    frames: the film's frame that each key is for, None if there is none.
    """
    return [[n for n, frame in enumerate(frames) if frame is not None and a <= frame < b] for a, b in shots]


def keys_of_shots(own: Sequence[list[int]]) -> list[list[int]]:
    """For each shot, the keys that serve it: its own (`own_keys`), or if it has none, those of the nearest shots with
    keys, `BEFORE` of them before it and `AFTER` after it."""
    having = [n for n, keys in enumerate(own) if keys]
    served = []
    for n, keys in enumerate(own):
        after = bisect(having, n)
        near = having[max(0, after - BEFORE) : after + AFTER]
        served.append(keys or [key for shot in near for key in own[shot]])
    return served


def _check(path: Path) -> None:
    """Raise VidcolorError if a key is missing, not a picture, or one of vidcolor's sheets."""
    check_picture(path)
    if kind := marks.sheet_kind(path):
        raise VidcolorError(f"{path}: vidcolor's {kind}, not a key; give the key itself")


def _folder(folder: Path) -> list[Key]:
    """Keys by the numbers in their names. Warns of numbered pictures that cannot be used; other files are ignored."""
    keys: dict[Path, int] = {}
    working: dict[Path, int] = {}  # files of painting programs
    sheets = 0
    for path in sorted(folder.iterdir()):
        kind = _kind_of_name(path)
        if kind is None:
            continue
        if marks.sheet_kind(path):
            sheets += 1
            continue
        numbers = re.findall(r"\d+", path.name if kind == "bare" else path.stem)
        if not numbers and kind == "key":
            raise VidcolorError(f"`refs` {folder}: {path.name} has no frame number in its name (ref_000123.png)")
        if numbers and (kind != "bare" or holds_picture(path)):
            (working if kind == "working" else keys)[path] = int(max(reversed(numbers), key=len))
    left_out = []
    exported = {number: path.name for path, number in keys.items()}
    for path, number in working.items():
        if number in exported:
            left_out.append(f"{path.name} ({exported[number]} is used)")
        elif holds_picture(path):
            keys[path] = number
        else:
            left_out.append(f"{path.name} (cannot be read, save it as PNG or TIFF)")
    more = len(left_out) - MOST_NAMED
    named = ", ".join(left_out[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    if not keys and sheets and (folder / "1").is_dir():
        raise VidcolorError(f"`refs` {folder}: its keys are in folders of their own, such as `refs` {folder / '1'}")
    if not keys:
        only = f"no key, but {named}" if named else "only vidcolor's own sheets" if sheets else "no picture"
        raise VidcolorError(f"`refs` {folder}: {only} in this folder; keys are named by frame (ref_000123.png)")
    if sheets:
        warn(f"`refs` {folder}: {plural(sheets, 'sheet')} of vidcolor's own left out")
    if named:
        warn(f"`refs` {folder}: not used as keys: {named}")
    in_order = sorted(keys.items(), key=lambda item: item[1])
    return [Key(path.absolute(), number, source=f"`refs` {folder}, {path.name}") for path, number in in_order]


def _kind_of_name(path: Path) -> str | None:
    """By a file's name: `key`, `working` (a painting program's file), `bare` (no ending), or None for no key."""
    suffix = path.suffix.lower()
    if path.name.startswith(".") or path.is_dir():
        return None
    if suffix in SUFFIXES or suffix in WORKING_SUFFIXES:
        return "key" if suffix in SUFFIXES else "working"
    return "bare" if not suffix or suffix[1:].isdecimal() else None


def _say_twins(keys: Sequence[Key], path: Path) -> None:
    """Warn of keys for the same frame or time."""
    places: dict[Point, list[Key]] = {}
    for key in keys:
        if key.place is not None:
            places.setdefault(key.place, []).append(key)
    for place, twins in places.items():
        if len(twins) > 1:
            names = " and ".join(key.path.name for key in twins)
            where = f"frame {place}" if isinstance(place, int) else timecode(place)
            these = "both" if len(twins) == 2 else "all"
            warn(
                f"`refs` {path}: {names} are {these} for {where}, of which at most one is reproduced; is that intended?"
            )


def _list(path: Path, rate: Fraction, first: int | Label | None) -> list[Key]:
    rows = read_table(path, "`refs`", strip=False)
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    places = [name for name in PLACES if name in header]
    if len(places) != 1:
        found = f"has {' and '.join(places or [name for name in header if name]) or 'no column'}"
        raise VidcolorError(f"`refs` {path}: the header needs one of frame, timecode, scene; it {found}")
    for n, name in enumerate(header, 1):
        if name in header[: n - 1] and name in COLUMNS:
            raise VidcolorError(f'`refs` {path}, column {n}: a second "{name}"; delete one of the two')
        near = difflib.get_close_matches(name, COLUMNS, 1, 0.7)
        if near and name not in COLUMNS:
            warn(f'`refs` {path}, column {n}: "{name}" is not read; did you mean "{near[0]}"?')
    if "reference" not in header:
        raise VidcolorError(f'`refs` {path}: the header has no column "reference"')
    keys = []
    for line, cells in rows[1:]:
        row = dict(zip(header, cells, strict=False))
        where = f"`refs` {path}, row {line}"
        if len(cells) > len(header):
            raise VidcolorError(f"{where}, column {len(header) + 1}: more cells than the header has columns")
        cell = row.get(places[0], "").strip()
        place, scene, counted = _place(cell, places[0], where, rate, first)
        if not row.get("reference", "").strip():
            raise VidcolorError(f'{where}, column "reference": empty')
        picture = _listed(path, row["reference"])
        weight = _weight(row.get("weight", "").strip(), where)
        placed = f'{where}, column "{places[0]}"'
        keys.append(Key(picture, place, scene, weight, f'{where}, column "reference"', counted, placed))
    if not keys:
        raise VidcolorError(f"`refs` {path}: no reference in it")
    return keys


def _listed(path: Path, name: str) -> Path:
    """The picture that a name in a list means: as written, without blanks around it, or with \\ for /."""
    spellings = [name, name.strip(), name.strip().replace("\\", "/")]
    pictures = [existing((path.absolute().parent / spelling).absolute()) for spelling in spellings]
    return next((picture for picture in pictures if picture.is_file()), pictures[1])


def _place(
    cell: str, column: str, where: str, rate: Fraction, first: int | Label | None
) -> tuple[Point | None, int | None, Label | None]:
    """Frame or seconds, or the scene; and the timecode, if it is one that counts frames."""
    if column == "timecode":
        try:
            point = parse_point(cell)
            place = counted_from(point, rate, first if isinstance(first, Label) else None)
            return place, None, point if isinstance(point, Label) else None
        except VidcolorError as error:
            raise VidcolorError(f'{where}, column "timecode": {error}') from None
    lowest = 1 if column == "scene" else 0
    if not cell.isdecimal() or int(cell) < lowest:
        raise VidcolorError(f'{where}, column "{column}": "{cell}" is not a whole number from {lowest}')
    return (None, int(cell), None) if column == "scene" else (int(cell), None, None)


def _weight(cell: str, where: str) -> float:
    try:
        weight = float(cell.replace(",", ".") or 1)  # many languages write 0,5
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise VidcolorError(f'{where}, column "weight": "{cell}" is not a number above 0')
    return weight
