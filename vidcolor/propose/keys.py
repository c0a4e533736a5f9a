"""The keys of a film that has none."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.errors import warn
from vidcolor.files import write_atomic
from vidcolor.plan.identity import file_hash
from vidcolor.plan.plan import KeyUse
from vidcolor.plan.store import PROPOSED, PROPOSED_RECORD
from vidcolor.plan.survey import Survey
from vidcolor.propose.proposer import Proposer, write_picture
from vidcolor.propose.request import DEFAULT
from vidcolor.settings import Settings
from vidcolor.shots.representative import representative_frame
from vidcolor.text import plural

if TYPE_CHECKING:
    from vidcolor.models.anchors.model import Painter

_FORMAT = 1
"""Increase it when the same film gets other proposals, so that older pictures are not reused."""


def proposed_keys(survey: Survey, *, dry: bool = False) -> list[KeyUse]:
    """The first proposal for every shot of the result, as a painting of its frame.

    The pictures, `NNNNNN.png`, go to a folder in the work folder; those that are there already are taken as they are.
    dry: nothing is left on the disk. The same film, weights and seed give the same pictures, bit by bit.
    """
    warn(
        f"no reference: colours are proposed for {plural(len(survey.spans), 'shot')}; "
        "vidcolor propose MOVIE shows three versions to choose from and to correct"
    )
    folder = survey.checked.work / PROPOSED
    with tempfile.TemporaryDirectory() if dry else nullcontext(folder) as where:
        if dry and folder.is_dir():
            shutil.copytree(folder, where, dirs_exist_ok=True)
        pictures = _pictures(survey, Path(where))
        return [KeyUse(str(folder / path.name), file_hash(path), frame, painted=True) for path, frame in pictures]


def _pictures(survey: Survey, folder: Path) -> list[tuple[Path, int]]:
    """A picture for every shot, with the frame that it paints."""
    film, settings = survey.film, survey.checked.settings
    painter = painter_for(settings)
    facts = [_FORMAT, survey.checked.identity, painter.fingerprint, str(painter.dtype), settings.seed]
    facts += [film.matrix, film.full_range]
    made_of = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    record = folder / PROPOSED_RECORD
    made = _made(record, made_of)
    proposer = Proposer(film, painter, settings.seed)
    pictures = []
    for first, stop in survey.spans:
        name = f"{first}-{stop}"
        path = folder / f"{made[name]:06d}.png" if name in made else None
        if path is None or not path.is_file():
            frame = representative_frame(film, survey.pts, (first, stop), settings.on_error)
            seen = proposer.see(frame)
            path = folder / f"{frame.index:06d}.png"
            write_picture(path, proposer.picture(seen, proposer.anchors(seen, DEFAULT, 1)))
            made[name] = frame.index
            write_atomic(record, json.dumps({"made of": made_of, "frames": made}).encode())
        pictures.append((path, made[name]))
    return pictures


def _made(record: Path, made_of: str) -> dict[str, int]:
    """Frame of each shot's picture, by the shot's frames; empty if the record is of another film, model or seed."""
    try:
        facts = json.loads(record.read_text())
        if facts["made of"] == made_of:
            return {str(span): int(frame) for span, frame in facts["frames"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return {}


def painter_for(settings: Settings) -> Painter:
    from vidcolor.models.anchors.model import Painter
    from vidcolor.models.precision import computing

    device, dtype = computing(settings.device, settings.precision)
    return Painter(device, dtype=dtype)
