"""`vidcolor unit`."""

from __future__ import annotations

from dataclasses import replace

from vidcolor.cli.options import add_shared
from vidcolor.cli.parser import Parser, tell, whole
from vidcolor.errors import VidcolorError
from vidcolor.text import plural


def command(arguments: list[str]) -> int:
    parser = Parser("unit")
    add_shared(parser, "plan")
    parser.add_argument("number", type=whole, metavar="N", help="number of the unit, from 0")
    parser.add_argument("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps (as planned)")
    add_shared(parser, "quiet")
    options = parser.parse_args(arguments)
    from vidcolor import api
    from vidcolor.models.precision import computing, leave_cores
    from vidcolor.plan.store import load
    from vidcolor.render.sheets import missing_sheets

    plan = load(options.plan)
    if options.number >= len(plan.units):
        raise VidcolorError(f"{options.plan}: no unit {options.number}, the last is {len(plan.units) - 1}")
    unit = plan.units[options.number]
    path = plan.unit_path(unit)
    reused = path.is_file()
    if not reused or missing_sheets(plan, unit):
        settings = replace(plan.settings, device=options.device or plan.settings.device)
        try:
            leave_cores(computing(settings.device, settings.precision)[0])
        except VidcolorError as error:
            raise VidcolorError(f"{options.plan}: {error}") from None
        api.render_units(plan, api.create_model(settings), [unit], progress=not options.quiet)
    if not options.quiet:
        tell(f"unit {unit.index}: {plural(len(unit), 'frame')}{' (finished before)' if reused else ''}: {path}")
    return 0
