"""Words of messages."""

from __future__ import annotations


def plural(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """Text without line breaks and other control characters, which names of files may hold."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
