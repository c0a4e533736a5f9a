"""Label maps: pictures whose pixels say what is there, as index numbers or as colours."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vidcolor.errors import VidcolorError, warn
from vidcolor.pictures import tiff
from vidcolor.pictures.marks import sheet_kind
from vidcolor.pictures.orientation import turned
from vidcolor.reasons import reason

SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif", ".pgm", ".ppm")
"""Endings of label maps: lossless formats."""
MOST = 256
"""Labels of one map. More of them come from a photograph, or from smoothed edges."""
SAME_SHAPE = 0.02
"""Tolerance for the aspect ratio of a map against its picture (rounding of scaled copies)."""
_COLOR = 1 << 24
"""Added to the label of a colour, so that it never equals an index number."""


def read_map(path: Path) -> np.ndarray:
    """(h, w) int64 of a map: its index numbers (grey and palette pictures), or one number for each colour.

    Raises VidcolorError where the file is missing, not a picture, of a lossy format, or has more than `MOST` labels.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise VidcolorError(f"label map {path}: maps are PNG, TIFF, BMP or GIF, for they must keep every pixel")
    try:
        codes = _codes(path)
    except UnidentifiedImageError:
        raise VidcolorError(f"label map {path}: not a picture that can be read (PNG)") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise VidcolorError(f"label map {path}: {reason(error)}") from None
    values = codes[..., 0] if codes.shape[2] == 1 else _COLOR + codes @ np.array([1 << 16, 1 << 8, 1])
    if len(np.unique(values)) > MOST:
        raise VidcolorError(
            f"label map {path}: {len(np.unique(values))} labels, the most are {MOST}; paint it without smooth edges"
        )
    return values


def _codes(path: Path) -> np.ndarray:
    """(h, w, 1 or 3) int64 of a map as it is shown."""
    if tiff.is_tiff(path, "label map"):  # not by Pillow, which turns some by their orientation and some not
        codes, orientation = tiff.codes(path, "label map")
        deep = codes.shape[2] == 3 and codes.dtype.itemsize > 1
        return turned(codes.astype(np.int64) >> (8 * codes.dtype.itemsize - 8 if deep else 0), orientation)
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if not (image.mode in ("P", "L", "1") or image.mode.startswith("I")):
            image = image.convert("RGB")
        codes = np.asarray(image).astype(np.int64)
    return codes.reshape(*codes.shape[:2], -1)


def check_shape(labels: np.ndarray, size: Sequence[int], path: Path, picture: Path) -> None:
    """Raise VidcolorError if a map does not have the aspect ratio of its picture, of `size` (h, w)."""
    (h, w), (high, wide) = labels.shape, size
    if abs(w * high / (h * wide) - 1) > SAME_SHAPE:
        raise VidcolorError(
            f"label map {path}: {w}x{h} does not have the shape of {picture}, {wide}x{high}; "
            "make it of the whole picture"
        )


class Labels:
    """The labels of the styles' maps. All other labels of the content's map count as one more."""

    def __init__(self, styles: Sequence[np.ndarray]) -> None:
        """styles: the styles' maps as `read_map` gives them. Raises VidcolorError for too many labels."""
        self.known = np.unique(np.concatenate([one.ravel() for one in styles]))
        """(n,) int64, rising."""

    def __len__(self) -> int:
        return len(self.known) + 1

    def of(self, values: np.ndarray, size: Sequence[int]) -> np.ndarray:
        """A map (h, w) as indices into `known` (int32), len(known) for unknown labels, resized to `size` by nearest
        neighbour."""
        if values.shape != tuple(size):
            values = _nearest(values, size)
        place = np.searchsorted(self.known, values).clip(max=len(self.known) - 1)
        return np.where(self.known[place] == values, place, len(self.known)).astype(np.int32)

    def check(self, values: np.ndarray, path: Path) -> None:
        """Warn of labels of the content's map that no style has. Raises VidcolorError if one map has numbers and the
        other colours."""
        own = np.unique(values)
        if (own[0] >= _COLOR) != (self.known[0] >= _COLOR):
            kinds = ("numbers", "colours") if own[0] < _COLOR else ("colours", "numbers")
            raise VidcolorError(f"label map {path}: has {kinds[0]} as labels, the style's map {kinds[1]}; use one kind")
        missing = np.setdiff1d(own, self.known)
        if len(missing):
            names = ", ".join(_name(int(value)) for value in missing[:6]) + (", ..." if len(missing) > 6 else "")
            warn(f"label map {path}: no style has {names}")


class ContentMaps:
    """The map of a film's frames: one for all, or a folder of maps named by frame number, each from its frame on."""

    def __init__(self, path: Path, labels: Labels) -> None:
        """labels: which labels there are. Raises VidcolorError where there is no map, or one without a number in a
        folder."""
        self._labels = labels
        self._maps = _numbered(path) if path.is_dir() else [(0, path)]
        self._read: tuple[Path, np.ndarray] | None = None

    def check(self, size: Sequence[int], film: Path) -> None:
        """Look at every map. Raises VidcolorError as `check_shape`, for a film of `size` (h, w), and `Labels.check`."""
        for _, path in self._maps:
            values = read_map(path)
            check_shape(values, size, path, film)
            self._labels.check(values, path)

    def at(self, frame: int) -> Path:
        """The map of a frame; frames before the first map have the first."""
        return self._maps[max(0, bisect_right(self._maps, frame, key=lambda item: item[0]) - 1)][1]

    def of(self, frame: int, size: Sequence[int]) -> np.ndarray:
        """A frame's labels (h, w) at `size`, as `Labels.of` has them."""
        path = self.at(frame)
        if self._read is None or self._read[0] != path:
            self._read = path, read_map(path)
        return self._labels.of(self._read[1], size)


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """The maps of a folder with the first frame of each, in order."""
    found = []
    for file in folder.iterdir():
        if file.suffix.lower() not in SUFFIXES or file.name.startswith(".") or sheet_kind(file):
            continue
        numbers = re.findall(r"\d+", file.stem)
        if not numbers:
            raise VidcolorError(f"label maps {folder}: {file.name} has no frame number in its name (map_000123.png)")
        found.append((int(max(numbers, key=len)), file))
    if not found:
        raise VidcolorError(f"label maps {folder}: no map in this folder ({', '.join(SUFFIXES[:3])})")
    return sorted(found)


def _nearest(values: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resized as float64, which holds the labels exactly: OpenCV does not resize int64."""
    scaled = cv2.resize(values.astype(np.float64), (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return scaled.astype(np.int64)


def _name(value: int) -> str:
    return f"{value}" if value < _COLOR else f"#{value - _COLOR:06x}"
