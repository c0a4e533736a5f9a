"""The command line: `vidcolor MOVIE`, and its steps `plan`, `unit`, `join`, `scenes`, `propose`, `stylize`."""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from vidcolor.cli import color, join, plan, scenes, unit
from vidcolor.cli.parser import USAGE, tell
from vidcolor.cli.signals import Ended, heard
from vidcolor.errors import VidcolorError
from vidcolor.reasons import reason
from vidcolor.text import one_line

NO_MEMORY = "out of memory; close other programs or use a smaller --size"
KEPT = "; finished units are kept, the same command goes on from there"
"""What is said of a film whose run was interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 an error in one line, 128 and the signal's number where
    one ended it (130 after Ctrl-C)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with heard():
            return _run(arguments)
    except Ended as ended:
        with contextlib.suppress(OSError):  # the terminal may be what has gone
            _say("interrupted" + (KEPT if not arguments or arguments[0] not in _STEPS else ""))
        return ended.code


def _run(arguments: list[str]) -> int:
    """The step that is asked for; whatever a user can put right is said in one line."""
    try:
        step = _STEPS.get(arguments[0]) if arguments else None
        if step:
            return step(arguments[1:])
        _check_step(arguments)
        return color.command(arguments)
    except VidcolorError as error:
        return _say(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nobody to tell
        return 1
    except OSError as error:
        return _say(f"{error.filename or ''}: {reason(error)}".removeprefix(": "))
    except MemoryError:
        return _say(NO_MEMORY)
    except RuntimeError as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, not imported for this alone
            return _say("out of device memory; use a smaller --size, or --device cpu")
        if "can't allocate memory" in str(error):  # torch's, of the CPU
            return _say(NO_MEMORY)
        raise


def _check_step(arguments: list[str]) -> None:
    """Raise VidcolorError where what stands in a film's place is a step misspelt, and no such file is there."""
    word = arguments[0] if arguments else ""
    if not word.replace("-", "").isalpha() or word.startswith("-") or Path(word).exists():
        return
    near = difflib.get_close_matches(word.lower(), [*_STEPS, *_MEANT], 1, 0.7)
    if near:
        raise VidcolorError(f"no film {word}, and no such step; did you mean vidcolor {_MEANT.get(near[0], near[0])}?")


def _stylize(arguments: list[str]) -> int:
    from vidcolor.cli.stylize import command

    return command(arguments)


def _propose(arguments: list[str]) -> int:
    from vidcolor.cli.propose import command

    return command(arguments)


_STEPS: dict[str, Callable[[list[str]], int]] = {
    "plan": plan.command,
    "unit": unit.command,
    "join": join.command,
    "scenes": scenes.command,
    "stylize": _stylize,
    "propose": _propose,
}
"""Steps that stand alone. A film of such a name is written ./plan."""
_MEANT = dict.fromkeys(("color", "colour", "colorize", "colourise"), "MOVIE") | {
    "help": "--help",
    "version": "--version",
}
"""What is tried as a step, and what to write."""


def _say(message: str) -> int:
    tell("vidcolor: " + one_line(" ".join(message.splitlines())), sys.stderr)
    return USAGE
