"""What libav says while it decodes: of much damage there is no other sign than a line in its log."""

from __future__ import annotations

import logging
import threading
from collections import deque
from types import TracebackType

import av.logging

LOG_LOCK = threading.Lock()
"""Held by whoever changes libav's log level: it is one for the process."""
_listeners: list[DecoderLog] = []
_before: tuple[int | None, bool] = (None, True)


class DecoderLog:
    """A context in which errors logged by the named decoders and demuxers are collected.

    libav's log is one for the process, so that another stream read by a decoder of the same name at the same
    time is heard too. Inside the context every decoder of frame threads must be drained before it is closed:
    PyAV closes with the GIL held, for which a logging thread would wait for ever."""

    def __init__(self, names: set[str]) -> None:
        self._loggers = {f"libav.{name}" for name in names}
        self._messages: deque[str] = deque(maxlen=64)

    def take(self) -> list[str]:
        """The messages since the last call, oldest first."""
        messages = []
        while self._messages:
            messages.append(self._messages.popleft())
        return messages

    def hear(self, record: logging.LogRecord) -> None:
        """Called for every record, from any thread."""
        if record.name in self._loggers and record.levelno >= logging.ERROR:
            self._messages.append(record.getMessage().strip())

    def __enter__(self) -> DecoderLog:
        global _before
        with LOG_LOCK:
            if not _listeners:
                _before = av.logging.get_level(), av.logging.get_skip_repeated()
                level = _before[0]
                av.logging.set_level(av.logging.ERROR if level is None else max(level, av.logging.ERROR))
                av.logging.set_skip_repeated(False)
                logging.getLogger("libav").addHandler(_handler)
            _listeners.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with LOG_LOCK:
            _listeners.remove(self)
            if not _listeners:
                logging.getLogger("libav").removeHandler(_handler)
                av.logging.set_skip_repeated(_before[1])
                av.logging.set_level(_before[0])


class _Handler(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        # No lock: a list's copy is one step, and libav's threads must not wait for one another here.
        for listener in tuple(_listeners):
            listener.hear(record)
        return True


_handler = _Handler()
