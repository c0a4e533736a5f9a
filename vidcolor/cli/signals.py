"""Ctrl-C, SIGTERM and SIGHUP end a run by an exception, so that everything is left whole and one line is said."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ended(KeyboardInterrupt):
    """One of `SIGNALS` has come."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number

    @property
    def code(self) -> int:
        """The exit code, as a shell has it: 130 after Ctrl-C."""
        return 128 + self.number


@contextmanager
def heard() -> Iterator[None]:
    """While this holds, a signal raises `Ended` in the main thread. In other threads it does nothing.

    A script's shell starts background jobs with SIGINT ignored: here Ctrl-C works all the same. SIGHUP stays ignored
    where it was, as that is what nohup is for. While things are being tidied up a second Ctrl-C ends the process at
    once, and the other signals, which often come twice, are ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def end(number: int, frame: FrameType | None) -> None:
        for other in before:
            signal.signal(other, signal.SIG_DFL if other == signal.SIGINT else signal.SIG_IGN)
        raise Ended(number)

    hangup = getattr(signal, "SIGHUP", None)
    for number in SIGNALS:
        if number != hangup or signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) == end:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not set by Python
