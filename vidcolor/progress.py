"""A progress bar: frames, rate and time left on stderr."""

from __future__ import annotations

import sys
from typing import Any, Self

from tqdm import tqdm


class FramesBar:
    """A progress bar that counts frames. It appears with the first one."""

    def __init__(self, title: str, shown: bool, total: int | None = None, done: int = 0, leave: bool = True) -> None:
        self.total = total
        """Number of frames; None if unknown."""
        self._options: dict[str, Any] = {"desc": title, "disable": not shown, "initial": done, "leave": leave}
        self._bar: tqdm | None = None

    def __call__(self, frame: int) -> None:
        """Count one more frame, whichever it is."""
        self._opened().update(1)

    def _opened(self, **more: Any) -> tqdm:
        if self._bar is None:
            pause = 0.2 if sys.stderr.isatty() else 10.0  # a log file wants few lines
            options = {"unit": "frame", "mininterval": pause, "dynamic_ncols": True, **self._options, **more}
            self._bar = tqdm(total=self.total, **options)
        return self._bar

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
