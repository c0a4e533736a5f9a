"""Ctrl-C, SIGTERM and SIGHUP end a run with an exception, so that it can tidy up and report in one line."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ended(KeyboardInterrupt):
    """One of `SIGNALS` was received."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number

    @property
    def code(self) -> int:
        """The exit code as shells have it: 130 after Ctrl-C."""
        return 128 + self.number


@contextmanager
def heard() -> Iterator[None]:
    """Inside this context a signal raises `Ended` in the main thread. In any other thread the context does nothing.

    Shell scripts start background jobs with SIGINT ignored; Ctrl-C works here all the same. An ignored SIGHUP stays
    ignored, which is what nohup is for. After the first signal, while the run tidies up, a second Ctrl-C ends the
    process at once; the other signals, which often come twice, are ignored.
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
