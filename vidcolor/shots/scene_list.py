"""Scene lists in PySceneDetect's layout: frames count from 1, the last frame is included."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidcolor.errors import VidcolorError
from vidcolor.files import write_atomic
from vidcolor.film.timecode import timecode
from vidcolor.reasons import reason
from vidcolor.tables import read_table

COLUMNS = (
    "Scene Number",
    "Start Frame",
    "Start Timecode",
    "Start Time (seconds)",
    "End Frame",
    "End Timecode",
    "End Time (seconds)",
    "Length (frames)",
    "Length (timecode)",
    "Length (seconds)",
)
"""PySceneDetect's columns, in its order."""
START, END = "Start Frame", "End Frame"
"""The two columns that are read."""


def read_scenes(path: Path) -> list[tuple[int, int]]:
    """[first, stop), 0-based, of every scene of a PySceneDetect list, with or without `Timecode List:`.

    Raises VidcolorError, naming row and column, if a cell is not a frame number or scenes overlap.
    """
    rows = read_table(path, "scene list")
    if rows and rows[0][1][0].lower().startswith("timecode list"):
        rows = rows[1:]
    header = [cell.lower() for cell in rows[0][1]] if rows else []
    for column in (START, END):
        if column.lower() not in header:
            raise VidcolorError(f'scene list {path}: no column "{column}"; `vidcolor scenes` writes such a list')
    scenes: list[tuple[int, int]] = []
    for line, cells in rows[1:]:
        numbers = []
        for column in (START, END):
            place = header.index(column.lower())
            cell = cells[place] if place < len(cells) else ""
            if not cell.isdecimal() or int(cell) < 1:
                raise _bad(path, line, column, f'"{cell}" is not a frame number (1 is the first)')
            numbers.append(int(cell))
        first, stop = numbers[0] - 1, numbers[1]
        if stop <= first:
            raise _bad(path, line, END, f"{stop} lies before the scene's first frame {first + 1}")
        if scenes and first < scenes[-1][1]:
            raise _bad(path, line, START, f"{first + 1} lies inside the scene before (its last is {scenes[-1][1]})")
        scenes.append((first, stop))
    if not scenes:
        raise VidcolorError(f"scene list {path}: no scene in it")
    return scenes


def cuts_of_scenes(scenes: Sequence[tuple[int, int]], frames: int, path: Path) -> list[int]:
    """The cuts of a scene list in a film of `frames` frames; gaps between scenes are shots too.

    Raises VidcolorError if a scene reaches beyond the film's end.
    """
    stop = scenes[-1][1]
    if stop > frames:
        raise VidcolorError(
            f'scene list {path}: scene {len(scenes)}, column "{END}": {stop}, but the film ends at {frames}'
        )
    return sorted({edge for scene in scenes for edge in scene} - {0, frames})


def write_scenes(
    path: Path,
    shots: Sequence[tuple[int, int]],
    pts: np.ndarray,
    time_base: Fraction,
    rate: Fraction,
    *,
    overwrite: bool = True,
) -> None:
    """Write the scene list of `shots` ([first, stop), 0-based) in PySceneDetect's layout, with times by PTS.

    Raises VidcolorError if it cannot be written, or would replace a file that it must not (`overwrite`)."""

    def seconds(frame: int) -> Fraction:
        if frame < len(pts):
            return (int(pts[frame]) - int(pts[0])) * time_base
        return seconds(len(pts) - 1) + 1 / rate  # the end of the last frame

    lines: list[Sequence[str]] = [
        ["Timecode List:", *(timecode(seconds(first)) for first, _ in shots[1:])],
        COLUMNS,
    ]
    for number, (first, stop) in enumerate(shots, 1):
        start, end = seconds(first), seconds(stop)
        row = [str(number)]
        row += [str(first + 1), timecode(start), f"{float(start):.3f}"]
        row += [str(stop), timecode(end), f"{float(end):.3f}"]
        row += [str(stop - first), timecode(end - start), f"{float(end - start):.3f}"]
        lines.append(row)
    try:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(lines)
        write_atomic(path, text.getvalue().encode(), overwrite=overwrite)
    except OSError as error:
        raise VidcolorError(f"scene list {path}: {reason(error)}") from None


def _bad(path: Path, line: str, column: str, why: str) -> VidcolorError:
    return VidcolorError(f'scene list {path}, row {line}, column "{column}": {why}')
