"""`vidcolor propose MOVIE`: colours for films that have no coloured reference, to choose from and to correct.

One key frame a shot, three versions of each, and the anchors that they were made of in a file. The pictures of a
version are a folder of keys: `vidcolor MOVIE --refs DIR/1`. A film that is coloured without any reference gets the
first version of every shot as its keys, in the work folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vidcolor.errors import VidcolorError
from vidcolor.files import same_file
from vidcolor.film.timecode import Label, Point
from vidcolor.outputs.names import default_out
from vidcolor.outputs.targets import Target, check, inputs_of_film
from vidcolor.pictures.marks import CONTACT, PROPOSAL, is_untouched
from vidcolor.plan import part
from vidcolor.propose.anchors_file import MOST, PROPOSALS, Anchor, read, replace, write
from vidcolor.propose.keys import painter_for
from vidcolor.propose.proposer import DEFAULT, FEWEST, Proposer, check_replaced, row_of_sheet, size_of, write_picture
from vidcolor.settings import Settings
from vidcolor.shots.detector import shots_of
from vidcolor.shots.representative import representative_frame
from vidcolor.shots.scene_list import cuts_of_scenes, read_scenes

if TYPE_CHECKING:
    from vidcolor.progress import FramesBar

ANCHORS, SHEET = "anchors.csv", "sheet.png"
ROWS = 40
"""Frames on a contact sheet; more go on sheet-2.png and so on."""


@dataclass(frozen=True)
class Proposed:
    """What `propose` did."""

    out: Path
    """The folder."""
    frames: tuple[int, ...]
    """The film's frames of which there are pictures."""
    proposals: int
    """Versions of each."""


def propose(
    movie: Path,
    out: Path | None = None,
    *,
    proposals: int = PROPOSALS,
    anchors_per_frame: int = DEFAULT,
    anchors: Path | None = None,
    scenes: Path | None = None,
    start: Point | Label | None = None,
    end: Point | Label | None = None,
    fps: Fraction | None = None,
    seed: int = 0,
    settings: Settings | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Proposed:
    """Write proposals for a film into a folder: `1/000123.png` and so on, `anchors.csv`, `sheet.png`.

    out: `MOVIE-stem.proposed` beside the film by default; an existing folder must be allowed by `overwrite`, or be the
    one that holds `anchors`. anchors: make the pictures again from this file, those that it names and no others.
    settings: of which device, precision, matrix, full_range, on_error and allow_interlaced count.
    Raises VidcolorError, one line, for whatever can be put right.
    """
    from vidcolor.film.probe import expected_frames, probe
    from vidcolor.plan.scan_cache import scanned

    if not 1 <= proposals <= PROPOSALS:
        raise VidcolorError(f"--proposals {proposals}: from 1 to {PROPOSALS}")
    if not FEWEST <= anchors_per_frame <= MOST:
        raise VidcolorError(f"--anchors-per-frame {anchors_per_frame}: from {FEWEST} to {MOST}")
    settings = settings or Settings()
    film = probe(movie, fps=fps, matrix=settings.matrix, full_range=settings.full_range)
    movie = film.path
    begin, until = part.points(start, end, film)
    folder = (out or default_out(movie, ".proposed")).absolute()
    rows = [] if anchors is None else read(anchors, None, size_of(film))
    _check_folder(folder, movie, anchors, rows, scenes, overwrite)
    listed = read_scenes(scenes) if scenes else None
    with _bar("scan", progress, expected_frames(film)) as bar:
        found = scanned(
            film,
            until=max(row.frame for row in rows) if rows else until if listed is None else None,
            detect=listed is None and anchors is None,
            allow_interlaced=settings.allow_interlaced,
            on_error=settings.on_error,
            on_frame=bar,
        )
    proposer = Proposer(film, painter_for(settings), seed)
    if anchors is not None:
        rows = read(anchors, len(found.pts), proposer.size)  # now with the film's end
        frames = sorted({row.frame for row in rows})
        spans: list[tuple[int, int]] = [(frame, frame + 1) for frame in frames]
    else:
        cuts = found.cuts if listed is None else cuts_of_scenes(listed, len(found.pts), scenes or Path())
        first, stop = part.frames(begin, until, found.pts, film)
        spans = part.clipped(shots_of(cuts, len(found.pts)), first, stop)
    _make(folder)
    if anchors is None:
        _empty(folder)
    sheets = _Sheets(folder)
    kept: list[Anchor] = []
    frames = []
    with _bar("propose", progress, len(spans)) as bar:
        for span in spans:
            frame = representative_frame(film, found.pts, span, settings.on_error)
            seen = proposer.see(frame)
            if anchors is None:
                own = proposer.anchors(seen, anchors_per_frame, proposals)
            else:
                own = [row for row in rows if row.frame == frame.index]
            versions = [
                [anchor for anchor in own if anchor.proposal == number]
                for number in sorted({anchor.proposal for anchor in own})
            ]
            pictures = [proposer.picture(seen, version) for version in versions]
            for version, picture in zip(versions, pictures, strict=True):
                write_picture(folder / str(version[0].proposal) / f"{frame.index:06d}.png", picture)
            sheets.add(row_of_sheet([proposer.grey(seen), *pictures], versions, frame.index))
            kept += own
            frames.append(frame.index)
            bar(frame.index)
    sheets.close()
    if anchors is None:
        write(folder / ANCHORS, kept)
    elif not same_file(anchors, folder / ANCHORS):
        replace(folder / ANCHORS, anchors.read_bytes())
    return Proposed(folder, tuple(frames), len({anchor.proposal for anchor in kept}))


class _Sheets:
    """The contact sheet, written as it fills."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number, self.rows = folder, 0, []  # type: Path, int, list[np.ndarray]

    def add(self, row: np.ndarray) -> None:
        self.rows.append(row)
        if len(self.rows) == ROWS:
            self.close()

    def close(self) -> None:
        """Write what has come since the last sheet."""
        if not self.rows:
            return
        self.number += 1
        width = max(row.shape[1] for row in self.rows)
        rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in self.rows]
        name = SHEET if self.number == 1 else SHEET.replace(".", f"-{self.number}.")
        write_picture(self.folder / name, np.vstack(rows), CONTACT)
        self.rows = []


def _empty(folder: Path) -> None:
    """Remove an earlier run's pictures, which would be taken for keys of this one's; those of others stay."""
    for path, kind in _pictures(folder):
        if is_untouched(path, kind):
            path.unlink()


def _pictures(folder: Path) -> list[tuple[Path, str]]:
    """What has the names of a run's pictures, and the kind that it should be."""
    found = []
    for number in range(1, PROPOSALS + 1):
        found += [(file, PROPOSAL) for file in _named(folder / str(number), r"\d{6,}\.png")]
    return found + [(file, CONTACT) for file in _named(folder, r"sheet(-\d+)?\.png")]


def _named(folder: Path, shape: str) -> list[Path]:
    return sorted(file for file in folder.iterdir() if re.fullmatch(shape, file.name)) if folder.is_dir() else []


def _check_folder(
    folder: Path, movie: Path, anchors: Path | None, rows: Sequence[Anchor], scenes: Path | None, overwrite: bool
) -> None:
    """Raise VidcolorError where the proposals must not go into a folder. rows: those of `anchors`."""
    again = anchors is not None and same_file(anchors, folder / ANCHORS)
    if folder.is_dir() and any(folder.iterdir()) and not overwrite and not again:
        raise VidcolorError(f"{folder}: exists already; replace its proposals with -y or name another folder with -o")
    if not folder.parent.is_dir():
        raise VidcolorError(f"{folder}: there is no folder {folder.parent}")
    if movie.is_dir() and same_file(folder, movie):
        raise VidcolorError(f"{folder}: holds the film's own pictures; name another folder with -o")
    targets = [Target(folder, "the proposals", "-o", "folder")]
    targets += [Target(folder / str(number), "the proposals", "-o", "folder") for number in range(1, PROPOSALS + 1)]
    inputs = inputs_of_film(movie) + ([] if scenes is None else [("the scene list", scenes)])
    if folder.is_dir() and not again:
        targets.append(Target(folder / ANCHORS, "the anchors", "-o", "text", overwrite))
        inputs += [] if anchors is None else [("the list of anchors", anchors)]
    check(targets, inputs)
    rewritten = {folder / str(row.proposal) / f"{row.frame:06d}.png" for row in rows}
    for path, kind in _pictures(folder):
        if anchors is None or kind == CONTACT or path in rewritten:
            check_replaced(path, kind)


def _make(folder: Path) -> None:
    from vidcolor.files import make_folder

    make_folder(folder)


def _bar(title: str, shown: bool, total: int | None) -> FramesBar:
    from vidcolor.progress import FramesBar

    return FramesBar(title, shown, total, leave=False)
