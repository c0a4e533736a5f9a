"""Colours black-and-white film from coloured reference keyframes and leaves the rest untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import VidcolorError
from .version import __version__

if TYPE_CHECKING:
    from .api import Result, colorize

__all__ = ["Result", "VidcolorError", "__version__", "colorize"]


def __getattr__(name: str) -> Any:
    if name in ("Result", "colorize"):  # on demand: `import vidcolor` and `--version` stay quick
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
