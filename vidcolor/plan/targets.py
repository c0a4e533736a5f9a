"""What a run on a film writes, and whether it may."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.errors import VidcolorError, warn
from vidcolor.film import images
from vidcolor.keys.key_list import Key
from vidcolor.outputs import sheets
from vidcolor.outputs.targets import Target, check, inputs_of_film
from vidcolor.plan.store import PROPOSED, PROPOSED_RECORD, is_plan, is_record
from vidcolor.settings import Settings

if TYPE_CHECKING:
    from vidcolor.plan.request import Request


def check_targets(
    request: Request, settings: Settings, keys: Sequence[Key], out: Path, work: Path, *, dry: bool = False
) -> None:
    """Raise VidcolorError if anything that the run will write cannot or must not be written.

    keys: the request's. dry: nothing is written now; existing files that need `overwrite` are only warned of.
    """
    targets = [Target(out, "the result", "`out`", overwrite=request.overwrite), *_folders(work, settings)]
    if request.stepwise:
        path = request.plan_file(out)  # an equal plan is no conflict: `save` compares
        targets.append(Target(path, "the plan", "`plan`", "text", overwrite=request.overwrite or is_plan(path)))
    inputs = inputs_of_film(request.movie) + [("a reference", key.path) for key in keys]
    others = {"the list of references": request.refs, "the scene list": request.scenes}
    others["the file of weights"] = Path(settings.encoder) if settings.encoder else None
    inputs += [(name, path) for name, path in others.items() if path is not None]
    for line in check(targets, inputs, dry=dry):
        warn(line)
    if images.takes(request.movie, out):
        raise VidcolorError(f"{out}: the result would become a picture of the film; name another with `out`")
    _check_contents(work, settings)


def check_folders(work: Path, settings: Settings) -> None:
    """Raise VidcolorError if units and sheets cannot or must not be written to their folders."""
    check(_folders(work, settings), ())
    _check_contents(work, settings)


def _folders(work: Path, settings: Settings) -> list[Target]:
    folders = [Target(work, "the work folder", "`out`", "work")]
    if settings.dump_dir is not None:
        folders.append(Target(Path(settings.dump_dir), "the sheets", "`dump_dir`", "folder"))
    return folders


def _check_contents(work: Path, settings: Settings) -> None:
    """Raise VidcolorError if the folders hold someone else's files under the names that are written there."""
    for name in ("units", PROPOSED):
        if os.path.lexists(work / name) and not (work / name).is_dir():
            raise VidcolorError(
                f"{work / name}: not a folder of vidcolor's; move it, or name another result with `out`"
            )
    plan, record = work / "plan.json", work / PROPOSED / PROPOSED_RECORD
    for file, own in ((plan, is_plan(plan)), (record, is_record(record))):
        if os.path.lexists(file) and not own:
            raise VidcolorError(f"{file}: not vidcolor's own; move it, or name another result with `out`")
    if settings.dump_dir is not None:
        sheets.check_folder(Path(settings.dump_dir))
