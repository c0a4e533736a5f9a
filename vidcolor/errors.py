"""The one kind of error that a user sees: a single line, and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vidcolor.text import one_line


class VidcolorError(Exception):
    """What is wrong, where, and the remedy, in one line.

    The command line prints it to stderr and exits with 2; the Python API lets it through.
    """


def warn(message: str) -> None:
    """Say `message` once on stderr as `vidcolor: ...`, above a running progress bar."""
    import sys

    from tqdm import tqdm

    message = one_line(message)
    for heard in _listening:
        heard.append(message)
    if message not in _said:
        _said.add(message)
        tqdm.write(f"vidcolor: {message}", file=sys.stderr)


@contextmanager
def listen() -> Iterator[list[str]]:
    """Gives the warnings that come while this holds, those too that were said before."""
    heard: list[str] = []
    _listening.append(heard)
    try:
        yield heard
    finally:
        _listening[:] = [other for other in _listening if other is not heard]


_said: set[str] = set()
_listening: list[list[str]] = []
