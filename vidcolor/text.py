"""Helpers for the text of messages."""

from __future__ import annotations

from collections.abc import Sequence


def plural(number: int, what: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {last} ".join([*filter(None, [", ".join(words[:-1])]), *words[-1:]])


def one_line(text: str) -> str:
    """Text with `?` for line breaks and other control characters, which file names may contain."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
