"""The keys of a film that has none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vidcolor.files import write_atomic
from vidcolor.film.film import Film
from vidcolor.keys.key_list import Key
from vidcolor.plan.identity import film_identity
from vidcolor.plan.store import PROPOSED_RECORD
from vidcolor.propose.proposer import DEFAULT, Proposer, write_picture
from vidcolor.settings import Settings
from vidcolor.shots.representative import representative_frame

if TYPE_CHECKING:
    from vidcolor.models.anchors.model import Painter

_FORMAT = 1
"""Raised when the same film would get other proposals, so that older pictures are not reused."""


def keys_of_film(
    film: Film, pts: np.ndarray, spans: Sequence[tuple[int, int]], settings: Settings, folder: Path
) -> list[Key]:
    """The first proposal of every span as a key, `NNNNNN.png` in `folder`; what is there already is taken as it is.

    The same film, weights and seed give the same pictures, bit by bit.
    """
    painter = painter_for(settings)
    facts = [_FORMAT, film_identity(film), painter.fingerprint, str(painter.dtype), settings.seed]
    facts += [film.matrix, film.full_range]
    made_of = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    record = folder / PROPOSED_RECORD
    made = _made(record, made_of)
    proposer = Proposer(film, painter, settings.seed)
    keys = []
    for first, stop in spans:
        name = f"{first}-{stop}"
        path = folder / f"{made[name]:06d}.png" if name in made else None
        if path is None or not path.is_file():
            frame = representative_frame(film, pts, (first, stop), settings.on_error)
            seen = proposer.see(frame)
            path = folder / f"{frame.index:06d}.png"
            write_picture(path, proposer.picture(seen, proposer.anchors(seen, DEFAULT, 1)))
            made[name] = frame.index
            write_atomic(record, json.dumps({"made of": made_of, "frames": made}).encode())
        keys.append(Key(path, made[name], source=f"proposed for shot from frame {first}"))
    return keys


def _made(record: Path, made_of: str) -> dict[str, int]:
    """Which frame each span's picture is of, as far as pictures were made of the same."""
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
