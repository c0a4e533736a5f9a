"""Which frames of a plan get an inspection sheet."""

from __future__ import annotations

from vidcolor.outputs import sheets
from vidcolor.plan.plan import Plan, Unit


def is_dumped(plan: Plan, frame: int) -> bool:
    every = plan.settings.sheet_every
    return every > 0 and (frame - plan.first) % every == 0


def missing_sheets(plan: Plan, unit: Unit) -> list[int]:
    """The unit's frames whose inspection sheets are wanted and not there."""
    wanted = [frame for frame in range(unit.first, unit.stop) if is_dumped(plan, frame)]
    return [frame for frame in wanted if not sheets.is_there(str(plan.settings.dump_dir), frame, unit.content_hash)]
