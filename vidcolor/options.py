"""What the commands share: a parser whose errors are one line, kinds of values, exit codes, words on the terminal."""

from __future__ import annotations

import argparse
import contextlib
import sys
from fractions import Fraction
from typing import NoReturn, TextIO

from .errors import VidcolorError
from .timecode import Label, Point, parse_point

USAGE = 2
"""Exit code of whatever the user can put right."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise VidcolorError(f"{message} (see {self.prog} --help)")


def point(text: str) -> Point | Label:
    try:
        return parse_point(text)
    except VidcolorError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def first_frame(text: str) -> int | Label:
    number = point(text)
    if isinstance(number, Fraction):
        raise argparse.ArgumentTypeError(f'"{text}" is neither a number (0, 1, 86400) nor a timecode HH:MM:SS:FF')
    return number


def whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from 0')
    return int(text)


def frame_rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise argparse.ArgumentTypeError(f'"{text}" is not a frame rate (24, 25.0, 24000/1001)')
    return rate


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def tell(text: str, stream: TextIO | None = None) -> None:
    """Print; names of files that are not text in the terminal's encoding come out as the bytes that they are."""
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
