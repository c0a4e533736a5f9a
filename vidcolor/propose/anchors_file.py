"""`anchors.csv`: the colours that proposals are made from, in a file for any editor or spreadsheet.

    frame,proposal,x,y,color
    123,1,640,212,#6f8fb5

frame: 0-based number of the film's frame. proposal: 1 to 3, the folder of its picture. x, y: pixel of that picture,
counted from its top left corner. color: what is there, as #rrggbb; only its hue and chroma count, lightness is the
film's. A row may be changed, moved to another place, added or deleted.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.errors import VidcolorError, warn
from vidcolor.files import write_atomic
from vidcolor.propose.request import MOST, PROPOSALS
from vidcolor.reasons import reason
from vidcolor.tables import read_table

COLUMNS = ("frame", "proposal", "x", "y", "color")


@dataclass(frozen=True)
class Anchor:
    """One row."""

    frame: int
    """0-based number of the film's frame."""
    proposal: int
    """1 to 3."""
    x: int
    y: int
    """Pixel of the picture as it is shown."""
    color: str
    """#rrggbb in lower case."""

    @property
    def ab(self) -> tuple[float, float]:
        """Its a and b."""
        rgb = np.array([int(self.color[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
        a, b = rgb_to_lab(rgb)[1:].tolist()
        return a, b


def hex_of(l: float, ab: Sequence[float]) -> str:
    """#rrggbb of a colour. If sRGB has none of this lightness, the one nearest in lightness, and if there is none
    at all with less chroma."""
    levels = np.arange(2.0, 99)
    levels = np.concatenate([[l], levels[np.argsort(np.abs(levels - l), kind="stable")]])
    for share in np.linspace(1, 0, 21):
        lab = np.stack([levels, *(np.full_like(levels, share * x) for x in ab)], -1)
        rgb = lab_to_rgb(lab.astype(np.float32), clip=False)
        fits = ((rgb > -0.002) & (rgb < 1.002)).all(1)
        if fits.any():
            r, g, b = (round(float(x) * 255) for x in np.clip(rgb[fits.argmax()], 0, 1))
            return f"#{r:02x}{g:02x}{b:02x}"
    raise AssertionError("grey is always within sRGB")


def write(path: Path, anchors: Iterable[Anchor]) -> None:
    """Write the file. As `replace`."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows((a.frame, a.proposal, a.x, a.y, a.color) for a in anchors)
    replace(path, text.getvalue().encode())


def replace(path: Path, data: bytes) -> None:
    """Write the file, whole or not at all. A different file that was there, which someone may have edited, is kept as
    `anchors-1.csv` and so on, with a warning. Raises VidcolorError if that fails."""
    try:
        if path.is_file() and path.read_bytes() != data:
            names = (path.with_stem(f"{path.stem}-{n}") for n in count(1))
            old = next(name for name in names if not os.path.lexists(name))
            path.rename(old)
            warn(f"{path}: the earlier rows are kept as {old.name}")
        write_atomic(path, data)
    except OSError as error:
        raise VidcolorError(f"{path}: {reason(error, 'name another folder with `out`')}") from None


def read(path: Path, frames: int | None, size: tuple[int, int]) -> list[Anchor]:
    """The rows of a file. frames: the film's, None if not known yet. size: (H, W) of the pictures as shown.

    Raises VidcolorError naming the row, what is wrong, and the remedy.
    """
    table = read_table(path, "`anchors`")
    header = [cell.lower() for cell in table[0][1]] if table else []
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise VidcolorError(f"{path}:1: no column {', '.join(missing)}; the header is {','.join(COLUMNS)}")
    anchors: list[Anchor] = []
    at: dict[tuple[int, int, int, int], str] = {}
    counts: dict[tuple[int, int], int] = {}
    for line, cells in table[1:]:
        where, row = f"{path}:{line}", dict(zip(header, cells, strict=False))
        limits = {
            "frame": (0, (frames or 10**9) - 1),
            "proposal": (1, PROPOSALS),
            "x": (0, size[1] - 1),
            "y": (0, size[0] - 1),
        }
        frame, proposal, x, y = (_whole(row.get(name, ""), name, limits[name], where) for name in limits)
        hexadecimal = row.get("color", "").lower()
        if not re.fullmatch(r"#[0-9a-f]{6}", hexadecimal):
            raise VidcolorError(f'{where}: color "{row.get("color", "")}"; write it as #rrggbb, e.g. #6f8fb5')
        counts[frame, proposal] = counts.get((frame, proposal), 0) + 1
        if counts[frame, proposal] > MOST:
            raise VidcolorError(
                f"{where}: more than {MOST} anchors of frame {frame}, proposal {proposal}; delete some of these rows"
            )
        if (frame, proposal, x, y) in at:
            raise VidcolorError(
                f"{where}: the same place as row {at[frame, proposal, x, y]}; delete one of the two or move it"
            )
        at[frame, proposal, x, y] = line
        anchors.append(Anchor(frame, proposal, x, y, hexadecimal))
    if not anchors:
        raise VidcolorError(f"{path}: no anchor in it; add a row such as 123,1,640,212,#6f8fb5")
    return anchors


def _whole(text: str, name: str, limits: tuple[int, int], where: str) -> int:
    if not text.isdecimal() or not limits[0] <= int(text) <= limits[1]:
        raise VidcolorError(f'{where}: {name} "{text}"; a whole number from {limits[0]} to {limits[1]}')
    return int(text)
