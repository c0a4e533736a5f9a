"""The folder of proposals: what may be written into it, what an earlier run left there, its contact sheets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vidcolor.errors import VidcolorError
from vidcolor.files import same_file
from vidcolor.outputs.targets import Target, check, inputs_of_film
from vidcolor.pictures.marks import CONTACT, PROPOSAL, is_untouched
from vidcolor.propose.anchors_file import Anchor
from vidcolor.propose.proposer import check_replaced, write_picture
from vidcolor.propose.request import PROPOSALS, ProposalRequest

ANCHORS, SHEET = "anchors.csv", "sheet.png"
ROWS = 40
"""Frames on a contact sheet; more go on sheet-2.png and so on."""


def check_folder(folder: Path, request: ProposalRequest, rows: Sequence[Anchor]) -> None:
    """Raise VidcolorError if proposals must not go into a folder. rows: those of `request.anchors`."""
    movie, anchors = request.movie, request.anchors
    again = anchors is not None and same_file(anchors, folder / ANCHORS)
    if folder.is_dir() and any(folder.iterdir()) and not request.overwrite and not again:
        raise VidcolorError(
            f"{folder}: exists already; replace its proposals with `overwrite=True` or name another folder with `out`"
        )
    if not folder.parent.is_dir():
        raise VidcolorError(f"{folder}: there is no folder {folder.parent}")
    if movie.is_dir() and same_file(folder, movie):
        raise VidcolorError(f"{folder}: holds the film's own pictures; name another folder with `out`")
    targets = [Target(folder, "the proposals", "`out`", "folder")]
    targets += [Target(folder / str(number), "the proposals", "`out`", "folder") for number in range(1, PROPOSALS + 1)]
    inputs = inputs_of_film(movie) + ([("the scene list", request.scenes)] if request.scenes else [])
    if folder.is_dir() and not again:
        targets.append(Target(folder / ANCHORS, "the anchors", "`out`", "text", request.overwrite))
        inputs += [("the list of anchors", anchors)] if anchors else []
    check(targets, inputs)
    rewritten = {picture_path(folder, row.proposal, row.frame) for row in rows}
    for path, kind in _pictures(folder):
        if anchors is None or kind == CONTACT or path in rewritten:
            check_replaced(path, kind)


def picture_path(folder: Path, proposal: int, frame: int) -> Path:
    """Path of a frame's picture in one version."""
    return folder / str(proposal) / f"{frame:06d}.png"


def empty(folder: Path) -> None:
    """Remove an earlier run's pictures, which would be taken for this one's; pictures that were painted on stay."""
    for path, kind in _pictures(folder):
        if is_untouched(path, kind):
            path.unlink()


def _pictures(folder: Path) -> list[tuple[Path, str]]:
    """Files that are named like a run's pictures, with the kind that each should be."""
    found = []
    for number in range(1, PROPOSALS + 1):
        found += [(file, PROPOSAL) for file in _named(folder / str(number), r"\d{6,}\.png")]
    return found + [(file, CONTACT) for file in _named(folder, r"sheet(-\d+)?\.png")]


def _named(folder: Path, shape: str) -> list[Path]:
    return sorted(file for file in folder.iterdir() if re.fullmatch(shape, file.name)) if folder.is_dir() else []


class ContactSheets:
    """Contact sheets, each written once it is full."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number, self.rows = folder, 0, []  # type: Path, int, list[np.ndarray]

    def add(self, row: np.ndarray) -> None:
        self.rows.append(row)
        if len(self.rows) == ROWS:
            self.close()

    def close(self) -> None:
        """Write the rows since the last sheet."""
        if not self.rows:
            return
        self.number += 1
        width = max(row.shape[1] for row in self.rows)
        rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in self.rows]
        name = SHEET if self.number == 1 else SHEET.replace(".", f"-{self.number}.")
        write_picture(self.folder / name, np.vstack(rows), CONTACT)
        self.rows = []
