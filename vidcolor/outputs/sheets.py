"""Inspection sheets: grey | reference | coarse | result | confidence side by side, with frame number and timecode."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from vidcolor.errors import VidcolorError, warn
from vidcolor.film import images
from vidcolor.pictures import marks
from vidcolor.pictures.file import SUFFIXES, WORKING_SUFFIXES
from vidcolor.reasons import reason

PANELS = ("grey", "reference", "coarse", "result", "confidence")
MOST_ROWS = 540
"""Panels higher than this are shrunk."""
_STRIP = 28  # pixels of the strip of text above the panels
_GAP = 4
_BACK, _TEXT = (24, 24, 24), (235, 235, 235)


def sheet(
    grey: np.ndarray | None,
    reference: np.ndarray | None,
    coarse: np.ndarray | None,
    result: np.ndarray | None,
    confidence: np.ndarray | None,
    frame_number: int,
    timecode: str,
) -> np.ndarray:
    """One sheet, (rows, columns, 3) uint8 sRGB.

    Pictures are sRGB uint8 (h, w, 3), or (h, w) for grey, each of any size; `confidence` may also be float (h, w) in
    0..1 and is then shown in false colours, dark blue 0 to yellow 1. A panel of None says "none". The panels take
    the size of the result, or of the first picture there is; others are fitted in at their own aspect.
    """
    pictures = [None if p is None else _as_rgb(p) for p in (grey, reference, coarse, result, confidence)]
    sizes = [p.shape[:2] for p in (pictures[3], *pictures) if p is not None] or [(256, 448)]
    h, w = sizes[0]
    if h > MOST_ROWS:
        h, w = MOST_ROWS, max(1, round(w * MOST_ROWS / h))
    w = max(w, 120)  # room for the labels
    columns = len(PANELS) * w + (len(PANELS) - 1) * _GAP
    out = np.full((2 * _STRIP + h, columns, 3), _BACK, np.uint8)
    _write(out, f"frame {frame_number:06d}   {timecode}", 8, _STRIP)
    for i, (name, picture) in enumerate(zip(PANELS, pictures)):
        x = i * (w + _GAP)
        _write(out, name, x + 8, 2 * _STRIP)
        panel = out[2 * _STRIP :, x : x + w]
        if picture is None:
            _write(panel, "none", 8, h // 2 + 10)
            continue
        scale = min(h / picture.shape[0], w / picture.shape[1])
        ph, pw = max(1, round(picture.shape[0] * scale)), max(1, round(picture.shape[1] * scale))
        fitted = cv2.resize(picture, (pw, ph), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        top, left = (h - ph) // 2, (w - pw) // 2
        panel[top : top + ph, left : left + pw] = fitted
    return out


def path_of(folder: str | Path, frame_number: int) -> Path:
    """Path of a frame's sheet: FOLDER/sheet_000123.vidcolor.png."""
    return Path(folder) / f"sheet_{frame_number:06d}{marks.ENDING}"


def is_there(folder: str | Path, frame_number: int, unit: str) -> bool:
    """Whether there is a sheet of this frame from this unit (its content hash)."""
    return marks.is_marked(path_of(folder, frame_number), marks.SHEET, f"unit {unit}")


def save(picture: np.ndarray, folder: str | Path, frame_number: int, unit: str = "") -> Path:
    """Write a sheet (rows, columns, 3) to its place, with its unit's content hash; the folder is made if it is missing.

    A sheet that was drawn on since is left as it is, with a warning. Raises `VidcolorError` where it cannot be written.
    """
    path = path_of(folder, frame_number)
    if os.path.lexists(path) and not marks.is_untouched(path, marks.SHEET):
        warn(f"{path}: not as vidcolor wrote it, left as it is; move it away for a new sheet")
        return path
    try:
        marks.write_marked(path, picture, marks.SHEET, f"unit {unit}")
    except OSError as error:
        why = reason(error, "give `dump_dir` another folder")
        raise VidcolorError(f"{path}: the sheet cannot be written: {why}") from error
    return path


def check_folder(folder: Path) -> None:
    """Raise VidcolorError if a folder holds pictures other than sheets: keys, or a film's."""
    if not folder.is_dir():
        return
    pictures = images.SUFFIXES.union(SUFFIXES, WORKING_SUFFIXES)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in pictures and not path.name.startswith(".") and marks.kind_of(path) != marks.SHEET:
            raise VidcolorError(
                f"`dump_dir` {folder}: holds {path.name}, which is no sheet of vidcolor's; give it a folder of its own"
            )


def _as_rgb(picture: np.ndarray) -> np.ndarray:
    if picture.dtype != np.uint8:
        steps = np.rint(np.clip(np.nan_to_num(picture.astype(np.float32)), 0, 1) * 255).astype(np.uint8)
        return cv2.cvtColor(cv2.applyColorMap(steps, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else picture


def _write(picture: np.ndarray, text: str, x: int, bottom: int) -> None:
    picture_c = np.ascontiguousarray(picture)  # a panel is a view; OpenCV draws on whole arrays
    cv2.putText(picture_c, text, (x, bottom - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _TEXT, 1, cv2.LINE_AA)
    picture[...] = picture_c
