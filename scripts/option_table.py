"""Write the README's table of options from the texts of `vidcolor --help`.

python scripts/option_table.py
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from vidcolor.cli.color import parser
from vidcolor.cli.options import option_of
from vidcolor.settings import OPTIONS

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- the options: made by scripts/option_table.py -->\n", "<!-- end of the options -->\n"


def table() -> str:
    """The options of `vidcolor MOVIE` as a Markdown table."""
    rows = [_row(action) for action in parser()._actions if action.option_strings]
    return "\n".join(["| option | what it does |", "|---|---|", *rows, ""])


def _row(action: argparse.Action) -> str:
    choices = OPTIONS[action.dest].choices if action.dest in OPTIONS else ()
    value = f" {action.metavar}" if action.metavar and not choices else ""
    names = ", ".join(f"`{name}{value}`" for name in action.option_strings)
    code = [f"{option_of(name)} {choice}" for name, option in OPTIONS.items() for choice in option.choices]
    code += ["--[a-z][a-z-]*", *choices]
    does, default, rest = (action.help or "").partition(" (default: ")
    does = re.sub(rf"(?<![\w-])({'|'.join(code)})(?![\w-])", r"`\1`", does)
    if any(f"`{choice}`" not in does for choice in choices):
        does += ": " + ", ".join(f"`{choice}`" for choice in choices)
    return f"| {names} | {does}{default}{rest} |"


def replaced(text: str) -> str:
    """The README's text with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    README.write_text(replaced(README.read_text()))
