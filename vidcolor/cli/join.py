"""`vidcolor join`."""

from __future__ import annotations

from vidcolor.cli.options import add_shared
from vidcolor.cli.parser import Parser, tell
from vidcolor.text import plural


def command(arguments: list[str]) -> int:
    parser = Parser("join")
    add_shared(parser, "plan", "overwrite", "keep_work", "quiet")
    options = parser.parse_args(arguments)
    from vidcolor.join.join import clean, join_plan
    from vidcolor.plan.identity import check_unchanged
    from vidcolor.plan.keyless import words
    from vidcolor.plan.store import load

    plan = load(options.plan)
    check_unchanged(plan, ())
    join_plan(plan, options.plan, overwrite=options.overwrite)
    if not options.keep_work:
        clean(plan)
    if not options.quiet:
        tell(f"{plural(plan.stop - plan.first, 'frame')}, {plural(len(plan.units), 'unit')}: {plan.out}")
        if keyless := words(plan):
            tell(keyless)
    return 0
