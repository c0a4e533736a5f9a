"""`vidcolor join`."""

from __future__ import annotations

from pathlib import Path

from vidcolor.cli import color
from vidcolor.cli.parser import Parser, tell
from vidcolor.text import plural


def command(arguments: list[str]) -> int:
    parser = Parser("vidcolor join", description="Join the finished units of a plan.", allow_abbrev=False)
    parser.add_argument("plan", type=Path, metavar="PLAN", help="JSON of `vidcolor plan`")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace an existing result")
    parser.add_argument("--keep-work", action="store_true", help="keep the work folder (OUT.vidcolor)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary")
    options = parser.parse_args(arguments)
    from vidcolor.join.join import clean, join_plan
    from vidcolor.plan.identity import check_unchanged
    from vidcolor.plan.store import load

    plan = load(options.plan)
    check_unchanged(plan, ())
    join_plan(plan, options.plan, overwrite=options.overwrite)
    if not options.keep_work:
        clean(plan)
    if not options.quiet:
        tell(f"{plural(plan.stop - plan.first, 'frame')}, {plural(len(plan.units), 'unit')}: {plan.out}")
        color.tell_keyless(plan)
    return 0
