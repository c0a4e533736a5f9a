"""`vidcolor plan`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from vidcolor.cli.options import film_parser, request_of, settings_of
from vidcolor.cli.parser import tell
from vidcolor.text import plural


def command(arguments: list[str]) -> int:
    parser = film_parser("plan")
    parser.add_argument("--plan", type=Path, metavar="JSON", help="where the plan goes (OUT-stem.plan.json)")
    parser.add_argument("--commands", action="store_true", help="print one command line for each unit")
    options = parser.parse_args(arguments)
    from vidcolor import api
    from vidcolor.plan.request import Request
    from vidcolor.plan.store import save

    request = request_of(Request, options, stepwise=True)
    plan, _ = api.plan_film(request, settings_of(options), progress=not options.quiet)
    path = request.plan_file(plan.out)
    save(plan, path, overwrite=request.overwrite)
    if options.verbose:
        from vidcolor.plan.describe import describe

        tell("\n".join(describe(plan)), sys.stderr)
    if options.commands:
        lines = [f"vidcolor unit {shlex.quote(str(path))} {unit.index}" for unit in plan.units]
    else:
        lines = [] if options.quiet else [f"{plural(len(plan.units), 'unit')}: {path}"]
    if lines:
        tell("\n".join(lines))
    return 0
