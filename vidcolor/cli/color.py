"""`vidcolor MOVIE`."""

from __future__ import annotations

import argparse
import sys
import time

from vidcolor.cli import COMMANDS
from vidcolor.cli.options import add_shared, film_parser, request_of, settings_of
from vidcolor.cli.parser import Parser, tell
from vidcolor.text import plural
from vidcolor.version import __version__


def parser() -> Parser:
    """The parser of `vidcolor MOVIE`."""
    made = film_parser(
        description="Colour black-and-white film from coloured keys.",
        epilog="\n".join(
            [
                "other commands (see vidcolor COMMAND --help; write ./plan for a film called plan):",
                *(f"  {name:<10}{does}" for name, does in COMMANDS.items()),
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("-V", "--version", action="version", version=f"vidcolor {__version__}")
    made.add_argument("--dry-run", action="store_true", help="check everything, print the plan, write nothing")
    add_shared(made, "keep_work")
    return made


def command(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    from vidcolor import api
    from vidcolor.plan.keyless import words
    from vidcolor.plan.request import Request

    began = time.monotonic()
    request, settings = request_of(Request, options), settings_of(options)
    plan, model = api.plan_film(request, settings, progress=not options.quiet, dry=options.dry_run)
    if options.dry_run or options.verbose:
        from vidcolor.models.precision import describe as describe_computing
        from vidcolor.plan.describe import describe

        where = describe_computing(model.device, model.dtype)
        tell("\n".join([*describe(plan), f"compute {where}"]), sys.stdout if options.dry_run else sys.stderr)
    if options.dry_run:
        return 0
    result = api.finish(
        plan,
        model,
        began=began,
        overwrite=request.overwrite,
        keep_work=options.keep_work,
        progress=not options.quiet,
    )
    if not options.quiet:
        reused = f" ({result.reused} reused)" if result.reused else ""
        tell(
            f"{plural(result.frames, 'frame')}{reused}, {plural(result.shots, 'shot')}, {plural(result.keys, 'key')}, "
            f"{result.seconds:.1f} s, {result.fps:.1f} fps: {result.out}"
        )
        if keyless := words(plan):
            tell(keyless)
    return 0
