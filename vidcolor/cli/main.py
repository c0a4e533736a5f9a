"""`vidcolor`: runs the command that is named, and reports errors in one line."""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from vidcolor.cli import COMMANDS
from vidcolor.cli.options import names_in, with_options
from vidcolor.cli.parser import USAGE, tell
from vidcolor.cli.signals import Ended, heard
from vidcolor.errors import VidcolorError, one_run
from vidcolor.reasons import reason
from vidcolor.text import one_line

NO_MEMORY = "out of memory; close other programs or use a smaller --size"
KEPT = "; finished units are kept, the same command continues from there"
"""Added when the run of a film is interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 for success, 2 for an error, 128 plus the number of the signal
    that ended it (130 after Ctrl-C)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    show = partial(with_options, names=names_in(arguments))
    try:
        with heard(), one_run(show):
            return _run(arguments, show)
    except Ended as ended:
        with contextlib.suppress(OSError):  # the terminal may be what has gone
            _say("interrupted" + (KEPT if not arguments or arguments[0] not in COMMANDS else ""))
        return ended.code


def _run(arguments: list[str], show: Callable[[str], str]) -> int:
    """Run the command that is named, or `vidcolor MOVIE`. show: how a message is printed."""
    try:
        named = bool(arguments) and arguments[0] in COMMANDS
        if not named:
            _check_misspelt(arguments)
        module = import_module(f"vidcolor.cli.{arguments[0] if named else 'color'}")
        code: int = module.command(arguments[1:] if named else arguments)
        return code
    except VidcolorError as error:
        return _say(show(str(error)))
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone, and nobody is left to tell
        return 1
    except OSError as error:
        return _say(show(f"{error.filename or ''}: {reason(error)}".removeprefix(": ")))
    except MemoryError:
        return _say(NO_MEMORY)
    except RuntimeError as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, not imported for this alone
            return _say("out of device memory; use a smaller --size, or --device cpu")
        if "can't allocate memory" in str(error):  # torch's, of the CPU
            return _say(NO_MEMORY)
        raise


def _check_misspelt(arguments: list[str]) -> None:
    """Raise VidcolorError if the film looks like a misspelt command and is no file."""
    word = arguments[0] if arguments else ""
    if not word.replace("-", "").isalpha() or word.startswith("-") or Path(word).exists():
        return
    for near in difflib.get_close_matches(word.lower(), [*COMMANDS, *_MEANT], 1, 0.7):
        raise VidcolorError(f"no film {word}, and no such command; did you mean vidcolor {_MEANT.get(near, near)}?")


_MEANT = dict.fromkeys(("color", "colour", "colorize", "colourise"), "MOVIE") | {
    "help": "--help",
    "version": "--version",
}
"""Words that people try as a command, and what to write instead."""


def _say(message: str) -> int:
    tell("vidcolor: " + one_line(" ".join(message.splitlines())), sys.stderr)
    return USAGE
