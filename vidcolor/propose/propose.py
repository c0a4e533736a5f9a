"""`vidcolor propose MOVIE`: colours for films that have no coloured reference, to choose from and to correct.

One frame a shot, three versions of each, and the anchors that they were made of in a file. The pictures of a version
are a folder of keys: `vidcolor MOVIE --refs DIR/1`. A film that is coloured without any reference gets the first
version of every shot as its keys, in the work folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vidcolor.errors import one_run
from vidcolor.files import make_folder, same_file
from vidcolor.film.film import Film
from vidcolor.film.probe import expected_frames, probe
from vidcolor.outputs.names import default_out
from vidcolor.plan import part
from vidcolor.plan.scan import ScanOptions
from vidcolor.plan.scan_cache import scanned
from vidcolor.progress import FramesBar
from vidcolor.propose import anchors_file
from vidcolor.propose.anchors_file import Anchor
from vidcolor.propose.folder import ANCHORS, ContactSheets, check_folder, empty, picture_path
from vidcolor.propose.keys import painter_for
from vidcolor.propose.proposer import Proposer, Seen, row_of_sheet, size_of, write_picture
from vidcolor.propose.request import ProposalRequest
from vidcolor.settings import Settings
from vidcolor.shots.detector import shots_of
from vidcolor.shots.representative import representative_frame
from vidcolor.shots.scene_list import cuts_of_scenes, read_scenes


@dataclass(frozen=True)
class Proposed:
    """What `propose` did."""

    out: Path
    """The folder."""
    frames: tuple[int, ...]
    """Numbers of the frames that pictures were made of."""
    proposals: int
    """Versions of each."""


@one_run()
def propose(request: ProposalRequest, settings: Settings | None = None, *, progress: bool = False) -> Proposed:
    """Write proposals for a film into a folder: `1/000123.png` and so on, `anchors.csv`, `sheet.png`.

    progress: bars on stderr. Raises VidcolorError, one line, for anything the user can put right.
    """
    settings = settings or Settings()
    film = probe(request.movie, fps=request.fps, matrix=settings.matrix, full_range=settings.full_range)
    request = replace(request, movie=film.path)
    folder = (request.out or default_out(film.path, ".proposed")).absolute()
    rows = anchors_file.read(request.anchors, None, size_of(film)) if request.anchors else []
    check_folder(folder, request, rows)
    with FramesBar("scan", progress, expected_frames(film), leave=False) as bar:
        if request.anchors is None:
            pts, spans = _shots(film, request, settings, bar)
        else:
            pts, spans = _frames_of(film, request.anchors, rows, settings, bar)
    proposer = Proposer(film, painter_for(settings), settings.seed)
    make_folder(folder)
    if request.anchors is None:
        empty(folder)
    sheets = ContactSheets(folder)
    used: list[Anchor] = []
    frames = []
    with FramesBar("propose", progress, len(spans), leave=False) as bar:
        for span in spans:
            frame = representative_frame(film, pts, span, settings.on_error)
            seen = proposer.see(frame)
            if request.anchors is None:
                own = proposer.anchors(seen, request.anchors_per_frame, request.proposals)
            else:
                own = [row for row in rows if row.frame == frame.index]
            sheets.add(_write_versions(folder, proposer, seen, own))
            used += own
            frames.append(frame.index)
            bar(frame.index)
    sheets.close()
    if request.anchors is None:
        anchors_file.write(folder / ANCHORS, used)
    elif not same_file(request.anchors, folder / ANCHORS):
        anchors_file.replace(folder / ANCHORS, request.anchors.read_bytes())
    return Proposed(folder, tuple(frames), len({anchor.proposal for anchor in used}))


def _shots(
    film: Film, request: ProposalRequest, settings: Settings, bar: FramesBar
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """PTS, and [first, stop) of every shot that is to get proposals."""
    start, end = part.points(request.start, request.end, film)
    scenes = read_scenes(request.scenes) if request.scenes else None
    until = end if scenes is None else None
    options = ScanOptions(until, scenes is None, settings.allow_interlaced, settings.on_error)
    found = scanned(film, options=options, on_frame=bar)
    frames = len(found.pts)
    cuts = found.cuts if scenes is None else cuts_of_scenes(scenes, frames, request.scenes or Path())
    return found.pts, part.clipped(shots_of(cuts, frames), *part.frames(start, end, found.pts, film))


def _frames_of(
    film: Film, path: Path, rows: Sequence[Anchor], settings: Settings, bar: FramesBar
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """PTS, and every frame of a file of anchors as a span. Raises VidcolorError for frames beyond the film's end."""
    until = max(row.frame for row in rows)
    options = ScanOptions(until, False, settings.allow_interlaced, settings.on_error)
    found = scanned(film, options=options, on_frame=bar)
    anchors_file.read(path, len(found.pts), size_of(film))  # again, as the film's end is known now
    return found.pts, [(frame, frame + 1) for frame in sorted({row.frame for row in rows})]


def _write_versions(folder: Path, proposer: Proposer, seen: Seen, anchors: Sequence[Anchor]) -> np.ndarray:
    """Write a frame's picture in every version that the anchors have; returns its row of the contact sheet."""
    numbers = sorted({anchor.proposal for anchor in anchors})
    versions = [[anchor for anchor in anchors if anchor.proposal == number] for number in numbers]
    pictures = [proposer.picture(seen, version) for version in versions]
    for number, picture in zip(numbers, pictures, strict=True):
        write_picture(picture_path(folder, number, seen.frame.index), picture)
    return row_of_sheet([proposer.grey(seen), *pictures], versions, seen.frame.index)
