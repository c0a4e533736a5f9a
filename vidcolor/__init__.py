"""Colours black-and-white film from coloured reference keyframes and leaves the rest untouched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Networks, optical flow and the encoder work at the same time: OpenMP's threads must not spin for long while they
# wait, or all of them slow down many times over. Read by torch when it is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "30000")  # some 0.1 ms: enough to bridge from one small operation to the next

from vidcolor.errors import VidcolorError
from vidcolor.version import __version__

if TYPE_CHECKING:
    from vidcolor.api import Result, colorize

__all__ = ["Result", "VidcolorError", "__version__", "colorize"]


def __getattr__(name: str) -> Any:
    if name in ("Result", "colorize"):  # on demand: `import vidcolor` and `--version` stay quick
        from vidcolor import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
