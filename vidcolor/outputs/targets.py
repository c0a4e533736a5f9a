"""What a run may write: never over a file that it reads, never text over a film or a picture, and over other files only
with `overwrite`. Every command checks this before it begins."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vidcolor.errors import VidcolorError
from vidcolor.files import LONGEST_NAME, is_text, place_of, real_path, same_file
from vidcolor.film import images
from vidcolor.reasons import reason
from vidcolor.text import one_line

MEDIA = frozenset(
    f".{name}"
    for names in (
        "png jpg jpeg jp2 j2k tif tiff webp bmp ppm pgm pnm pam avif heic gif dpx exr cin tga sgi psd",
        "mkv mp4 m4v mov avi mxf webm mpg mpeg ts m2ts mts vob wmv flv ogv dv y4m",
    )
    for name in names.split()
)
"""Endings of pictures and films: plans and lists are not written under such names."""

Input = tuple[str, Path]
"""What a run reads: its name in messages, and its path."""


@dataclass(frozen=True)
class Target:
    """A file or a folder that a run will write."""

    path: Path
    what: str
    """In messages: `the result`."""
    option: str
    """The option by which the user names another place."""
    kind: Literal["file", "text", "folder", "work"] = "file"
    """`text`: a plan or a list, which takes no film's or picture's place. `folder`: made where it is missing.
    `work`: the same, and what vidcolor has put there is removed at the end, so that no input may lie in it."""
    overwrite: bool = False
    """Whether an existing file that is not an input may be replaced."""

    @property
    def is_folder(self) -> bool:
        return self.kind in ("folder", "work")


def inputs_of_film(movie: Path) -> list[Input]:
    """What a film is read from: its file, or every one of its pictures."""
    if images.is_sequence(movie):
        return [("a picture of the film", file) for file in images.find(movie).files]
    return [("the film itself", movie)]


def check(targets: Sequence[Target], inputs: Iterable[Input], *, dry: bool = False) -> list[str]:
    """Raise VidcolorError if a target cannot or must not be written.

    inputs: every file that the run reads. dry: nothing will be written now; existing files that may not be replaced
    are no error, and a line about each is returned.
    """
    for target in targets:
        _check_name(target)
    _check_apart(targets)
    inputs = list(inputs)
    there = []
    for target in targets:
        if target.is_folder:
            _check_folder(target)
            if target.kind == "work":
                _check_no_input_in(target, inputs)
        elif _check_file(target, inputs) and not target.overwrite:
            line = (
                f"{target.path}: exists already; overwrite it with `overwrite=True` or name another with "
                + target.option
            )
            if not dry:
                raise VidcolorError(line)
            there.append(line)
    return there


def _check_apart(targets: Sequence[Target]) -> None:
    """Raise VidcolorError if two targets are the same, or one lies below another that is a file."""
    places: list[tuple[Path, Target]] = []
    for target in targets:
        place = place_of(target.path)
        for other_place, other in places:
            below = (not other.is_folder and other_place in place.parents) or (
                not target.is_folder and place in other_place.parents
            )
            if place == other_place or below:
                both = f"{target.what} and {other.what}"
                raise VidcolorError(f"{target.path}: {both} cannot both be there; name another with {target.option}")
        places.append((place, target))


def _check_file(target: Target, inputs: Sequence[Input]) -> bool:
    """Whether the file exists already."""
    path, option = target.path, target.option
    if target.kind == "text" and path.suffix.lower() in MEDIA:
        raise VidcolorError(f"{path}: {target.what} is text, not a {path.suffix} file; name another with {option}")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        _check_parent(target)
        return path.is_symlink()  # a broken link
    except OSError as error:
        raise VidcolorError(f"{path}: {reason(error, f'name another file with {option}')}") from None
    if stat.S_ISDIR(mode):
        raise VidcolorError(f"{path}: a folder; name {target.what}'s file with {option}")
    if not stat.S_ISREG(mode):
        raise VidcolorError(f"{path}: not a regular file; name another with {option}")
    for name, read in inputs:
        if same_file(path, read):
            raise VidcolorError(f"{path}: {target.what} would replace {name}; name another with {option}")
    _check_parent(target)
    try:
        if target.kind == "text" and not is_text(path):
            raise VidcolorError(
                f"{path}: not a text file, so {target.what} does not replace it; name another with {option}"
            )
    except OSError as error:
        raise VidcolorError(f"{path}: {reason(error)}") from None
    return True


def _check_parent(target: Target) -> None:
    folder = target.path.absolute().parent
    if not folder.is_dir():
        raise VidcolorError(f"{target.path}: there is no folder {folder}")
    if not _is_writable(folder):
        raise VidcolorError(
            f"{target.path}: the folder {folder} cannot be written to; name another place with {target.option}"
        )


def _check_folder(target: Target) -> None:
    """Raise VidcolorError if the folder neither exists and is writable nor can be made."""
    path = target.path.absolute()
    while not os.path.lexists(path):
        path = path.parent
    whose = target.path if path == target.path.absolute() else f"{target.path}: {path}"
    if not path.is_dir():
        raise VidcolorError(f"{whose}: a file, not a folder for {target.what}; name another with {target.option}")
    if not _is_writable(path):
        raise VidcolorError(
            f"{whose}: cannot be written to; name another folder for {target.what} with {target.option}"
        )


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder. Permissions alone do not tell (network drives, quotas)."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):  # without a name where the system allows it
            return True
    except OSError:
        return False


def _check_name(target: Target) -> None:
    if "\0" in str(target.path):
        shown = one_line(str(target.path))
        raise VidcolorError(f"{shown}: a NUL character, which no file's name holds; name another with {target.option}")
    if len(os.fsencode(target.path.name)) > LONGEST_NAME:
        raise VidcolorError(
            f"{target.path}: the name is too long (at most {LONGEST_NAME} bytes); name another with {target.option}"
        )


def _check_no_input_in(target: Target, inputs: Sequence[Input]) -> None:
    if not target.path.is_dir():
        return
    folder = real_path(target.path)
    for name, read in inputs:
        if real_path(read).is_relative_to(folder):
            raise VidcolorError(
                f"{read}: {name} lies in {target.what}, which is removed at the end; copy it to another folder"
            )
