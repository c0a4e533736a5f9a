"""What all commands share: a parser with errors in one line, types of values, the exit code of errors, printing."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import re
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn, TextIO

from vidcolor.cli import COMMANDS
from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import Label, Point, parse_point

USAGE = 2
"""Exit code for errors that the user can fix."""


class Parser(argparse.ArgumentParser):
    """A command's parser. Its errors are one line and suggest what may have been meant."""

    def __init__(self, command: str = "", **how: Any):
        """command: one of `COMMANDS`, or empty for `vidcolor MOVIE`. how: further arguments of ArgumentParser."""
        if command:
            does = COMMANDS[command]
            how = {"description": f"{does[0].upper()}{does[1:]}.", **how}
        super().__init__(f"vidcolor {command}".rstrip(), allow_abbrev=False, **how)

    def parse_args(self, args: Sequence[str], namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        options, extra = self.parse_known_args(args)
        if extra:
            self.error(f"unrecognized arguments: {' '.join(extra)}{self._meant(args, extra)}")
        return options

    def error(self, message: str) -> NoReturn:
        raise VidcolorError(f"{message} (see {self.prog} --help)")

    def _meant(self, args: Sequence[str], extra: Sequence[str]) -> str:
        """What the unknown arguments among `args`, `extra`, may have been meant for; empty where nothing is near."""
        known = [option for option in self._option_string_actions if option.startswith("--")]
        for word in (word.partition("=")[0] for word in args if len(word) > 2 and word.startswith("-")):
            long = "--" + word.lstrip("-").lower()
            near = difflib.get_close_matches(long, known, 1, 0.7)
            near = near or [one for one in known if one.startswith(long) or long.startswith(one)]
            if near and word not in known:
                return f"; did you mean {near[0]}?"
        first = Path(extra[0])
        if first.is_file() and (number := re.search(r"\d+(?=\D*$)", first.stem)):
            digits = f"{first.stem[: number.start()]}%0{len(number[0])}d{first.stem[number.end() :]}{first.suffix}"
            return f"; of numbered images give the folder, or one pattern in quotes: '{first.with_name(digits)}'"
        return ""


def point(text: str) -> Point | Label:
    """A point in a film, as `parse_point` reads it."""
    try:
        return parse_point(text)
    except VidcolorError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def first_frame(text: str) -> int | Label:
    """The number or timecode of a first frame."""
    number = point(text)
    if isinstance(number, Fraction):
        raise argparse.ArgumentTypeError(f'"{text}" is neither a number (0, 1, 86400) nor a timecode HH:MM:SS:FF')
    return number


def whole(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from 0')
    return int(text)


def frame_rate(text: str) -> Fraction:
    """Frames per second, as a number or a fraction."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise argparse.ArgumentTypeError(f'"{text}" is not a frame rate (24, 25.0, 24000/1001)')
    return rate


def tell(text: str, stream: TextIO | None = None) -> None:
    """Print text. File names that the terminal's encoding does not have are printed as their bytes."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream)
    except UnicodeEncodeError:
        encoding = stream.encoding or "utf-8"
        for errors in ("surrogateescape", "backslashreplace"):
            with contextlib.suppress(UnicodeEncodeError):
                stream.flush()
                stream.buffer.write((text + "\n").encode(encoding, errors))
                return
