"""Work done ahead in a thread, and the time that each stage takes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

AHEAD = 8
"""Full-size frames decoded ahead of the encoder."""

T = TypeVar("T")


class Timings(dict[str, float]):
    """Seconds spent in each stage, over all threads: decode, resize, model, upsample, encode."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time that the block takes to a stage's."""
        start = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self[stage] = self.get(stage, 0.0) + time.perf_counter() - start


def timed(items: Iterable[T], stage: str, timings: Timings) -> Iterator[T]:
    """The same items; the time that it takes to make them is added to a stage's."""
    iterator = iter(items)
    while True:
        with timings.measure(stage):
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item


def ahead(items: Iterable[T], depth: int) -> Iterator[T]:
    """The same items, made by a thread at most `depth` ahead; errors come out where the item would have."""
    ready: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    stop = threading.Event()

    def put(entry: tuple[bool, Any]) -> bool:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as error:  # handed over, raised in the thread that consumes
            put((False, error))

    context = copy_context()  # its warnings belong to the run
    thread = threading.Thread(target=context.run, args=(work,), daemon=True, name="ahead")
    thread.start()
    try:
        while True:
            more, item = ready.get()
            if more:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        stop.set()
        thread.join()
