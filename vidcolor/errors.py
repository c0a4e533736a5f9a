"""The one kind of error that a user sees, and warnings, each printed once in a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from vidcolor.text import one_line


class VidcolorError(Exception):
    """What is wrong, where, and the remedy, in one line.

    Names of arguments and settings stand in backticks: `size`, `codec=x265`. The Python API lets the error through; the
    command line puts its options in their place, prints the line to stderr and exits with 2.
    """


@dataclass
class _Run:
    """The warnings of one run, from whatever thread they come."""

    show: Callable[[str], str]
    said: set[str] = field(default_factory=set)
    listeners: list[list[str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


_run: ContextVar[_Run | None] = ContextVar("run", default=None)


@contextmanager
def one_run(show: Callable[[str], str] = str) -> Iterator[None]:
    """While this holds, each warning is said once; within another run it changes nothing.

    show: what is printed of a message. A thread belongs to the run whose context it was given
    (`contextvars.copy_context`).
    """
    if _run.get() is not None:
        yield
        return
    token = _run.set(_Run(show))
    try:
        yield
    finally:
        _run.reset(token)


@contextmanager
def listen() -> Iterator[list[str]]:
    """Collects the warnings that come while this holds, even those that the run has printed before."""
    heard: list[str] = []
    with one_run():
        run = _run.get()
        assert run is not None
        with run.lock:
            run.listeners.append(heard)
        try:
            yield heard
        finally:
            with run.lock:
                run.listeners = [other for other in run.listeners if other is not heard]


def warn(message: str) -> None:
    """Print `message`, written as that of a `VidcolorError`, on stderr, above a running progress bar. Each message is
    printed once in a run."""
    import sys

    from tqdm import tqdm

    message = one_line(message)
    run = _run.get() or _Run(str)
    with run.lock:
        for heard in run.listeners:
            heard.append(message)
        if message in run.said:
            return
        run.said.add(message)
    tqdm.write(f"vidcolor: {run.show(message)}", file=sys.stderr)
