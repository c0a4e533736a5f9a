"""The pictures that give their colours, and their label maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcolor.errors import VidcolorError, warn
from vidcolor.keys.picture import load_picture
from vidcolor.pictures.marks import sheet_kind
from vidcolor.stylize.label_maps import Labels, check_shape, read_map
from vidcolor.stylize.request import StyleRequest

_FILMS = (".mkv", ".mp4", ".m4v", ".mov", ".avi", ".mxf", ".webm", ".mpg", ".ts")
_GREY = 1.5 / 255


@dataclass(frozen=True)
class Styles:
    """The styles of a request, read."""

    pictures: tuple[np.ndarray, ...]
    """(h, w, 3) sRGB 0..1 of any size."""
    weights: tuple[float, ...]
    """One for each."""
    labels: Labels | None = None
    """Which labels there are; None where there are no maps."""
    maps: tuple[np.ndarray, ...] = ()
    """(h, w) of each picture, of any size, as `Labels.of` has them."""


def load_styles(request: StyleRequest) -> Styles:
    """Read them. Raises VidcolorError where a file is no picture, or a map not of its picture."""
    pictures = tuple(_load(path) for path in request.styles)
    weights = request.weights or (1.0,) * len(pictures)
    if request.labels is None:
        return Styles(pictures, weights)
    maps = [read_map(path) for path in request.labels[1:]]
    for values, path, picture, style in zip(maps, request.labels[1:], pictures, request.styles, strict=True):
        check_shape(values, picture.shape[:2], path, style)
    labels = Labels(maps)
    return Styles(pictures, weights, labels, tuple(labels.of(values, values.shape) for values in maps))


def _load(path: Path) -> np.ndarray:
    if path.is_dir() or path.suffix.lower() in _FILMS:
        raise VidcolorError(f"style {path}: a film or folder; STYLE is a picture: save one of its frames as PNG")
    rgb = load_picture(path, "style")
    if kind := sheet_kind(path):
        raise VidcolorError(f"style {path}: vidcolor's {kind}; give a picture of what it shows")
    if float((rgb.max(2) - rgb.min(2)).mean()) < _GREY:
        warn(f"style {path} has no colour: the result will be nearly grey")
    return rgb
