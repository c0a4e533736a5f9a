"""Numbered images as a film: a folder of them, or a printf pattern such as `scan_%06d.dpx`."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from vidcolor.errors import VidcolorError

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("png", "tif", "tiff", "dpx", "jpg", "jpeg", "jp2", "j2k", "bmp"),
        *("tga", "pgm", "ppm", "pnm", "pam", "webp", "sgi", "exr", "cin"),
    )
)
"""File name endings that count as pictures in a folder."""

_NUMBER = re.compile(r"%(0?)(\d*)d")
_OTHERS = re.compile(r"#+|@+|\?+|\*|\{[^}]*\}|\$F\d?|\[\d+-\d+\]")
"""What other programs write for the number in names of sequences."""
_LAST_NUMBER = re.compile(r"^(.*?)([0-9]+)([^0-9]*)$", re.DOTALL)


@dataclass(frozen=True)
class ImageSequence:
    """Consecutive numbered pictures."""

    files: tuple[Path, ...]
    """In order, without gaps."""
    start: int
    """Number of the first."""


def is_sequence(path: str | Path) -> bool:
    """Whether `path` means numbered images: a folder, or a printf pattern that is not itself a file."""
    path = Path(path)
    return path.is_dir() or (not path.exists() and _NUMBER.search(path.name) is not None)


def takes(path: Path, file: Path) -> bool:
    """Whether a file of this name would be one of the pictures of the pattern `path`."""
    if path.is_dir() or not is_sequence(path) or file.absolute().parent.resolve() != path.absolute().parent.resolve():
        return False
    return _number_in(file.name, *_shape(path)) is not None


def find(path: Path) -> ImageSequence:
    """The pictures of a folder or a pattern that are there now. Numbering may start anywhere.

    Raises VidcolorError for a gap (naming the missing number), two pictures of one number, several sequences in one
    folder, or no picture at all."""
    numbered = _of_folder(path) if path.is_dir() else _of_pattern(path)
    first, last = min(numbered), max(numbered)
    for number in range(first, last + 1):
        if number not in numbered:
            near = numbered[max(n for n in numbered if n < number)].name
            raise VidcolorError(f"{path}: picture number {number} is missing (after {near}): add it or renumber")
    return ImageSequence(tuple(numbered[number] for number in range(first, last + 1)), first)


def _of_pattern(path: Path) -> dict[int, Path]:
    shape, width = _shape(path)
    if not path.parent.is_dir():
        raise VidcolorError(f"{path}: no such folder: {path.parent}")
    numbered: dict[int, Path] = {}
    for file in sorted(path.parent.iterdir()):
        number = _number_in(file.name, shape, width)
        if number is not None:
            numbered[number] = file
    if not numbered:
        fitting = _fitting(path, _NUMBER)
        remedy = f"write {fitting}" if fitting and fitting != path else "check the name"
        raise VidcolorError(f"{path}: no picture matches this pattern; {remedy}")
    return numbered


def meant(path: Path) -> str:
    """The remedy for a film's name that is no file: if it is another program's pattern, the printf pattern for it."""
    fitting = _fitting(path, _OTHERS)
    return "check the name" if fitting is None else f"numbered images are written {fitting}"


def _fitting(path: Path, number: re.Pattern[str]) -> Path | None:
    """The printf pattern for a name with another program's placeholder; None if it has none. The number of digits is
    that of the files that are there, or what the name itself says."""
    place = number.search(path.name)
    if place is None:
        return None
    before, after = path.name[: place.start()], path.name[place.end() :]
    names = re.compile(re.escape(before) + r"([0-9]+)" + re.escape(after))
    found = [names.fullmatch(file.name) for file in path.parent.iterdir()] if path.parent.is_dir() else []
    widths = {len(match[1]) for match in found if match}
    signs = len(place[0]) if place[0][0] in "#@?" else int("0" + "".join(re.findall(r"[1-9]", place[0])[:1]))
    width = widths.pop() if len(widths) == 1 else 0 if widths else (signs or 6)
    return path.with_name(f"{before}%0{width}d{after}" if width > 1 else f"{before}%d{after}")


def _shape(path: Path) -> tuple[re.Pattern[str], int]:
    """The regular expression of a pattern's names, and the number of digits to which numbers are padded."""
    name = unicodedata.normalize("NFC", path.name)
    places = list(_NUMBER.finditer(name))
    if len(places) != 1:
        raise VidcolorError(f"{path}: a pattern must have exactly one %d (such as %06d)")
    place = places[0]
    before, after = name[: place.start()].replace("%%", "%"), name[place.end() :].replace("%%", "%")
    width = int(place[2]) if place[1] and place[2] else 0
    return re.compile(re.escape(before) + r"([0-9]+)" + re.escape(after)), width


def _number_in(name: str, shape: re.Pattern[str], width: int) -> int | None:
    """The number in a file's name that fits the pattern, else None."""
    match = shape.fullmatch(unicodedata.normalize("NFC", name))
    # printf pads to `width` and never cuts; without padding there are no leading zeros.
    return int(match[1]) if match and match[1] == str(int(match[1])).zfill(width) else None


def _of_folder(folder: Path) -> dict[int, Path]:
    groups: dict[tuple[str, str], dict[int, Path]] = defaultdict(dict)
    for file in sorted(folder.iterdir()):
        match = _LAST_NUMBER.match(file.stem)
        if file.suffix.lower() not in SUFFIXES or match is None or file.name.startswith("."):
            continue
        group = groups[match[1], match[3] + file.suffix]
        number = int(match[2])
        if number in group:
            raise VidcolorError(f"{folder}: {group[number].name} and {file.name} have the same number")
        group[number] = file
    if not groups:
        raise VidcolorError(f"{folder}: no numbered pictures in this folder ({', '.join(sorted(SUFFIXES)[:6])}, ...)")
    if len(groups) > 1:
        shown = ", ".join(sorted(next(iter(group.values())).name for group in groups.values())[:3])
        raise VidcolorError(f"{folder}: several sequences in one folder ({shown}): name one by a pattern (x_%06d.png)")
    return next(iter(groups.values()))
