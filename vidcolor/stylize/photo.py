"""`vidcolor stylize` of a photograph."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vidcolor.color import guided_filter
from vidcolor.color.gamut import into_gamut
from vidcolor.color.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb
from vidcolor.errors import VidcolorError, warn
from vidcolor.files import write_atomic
from vidcolor.keys.picture import load_picture
from vidcolor.pictures.file import is_deep
from vidcolor.reasons import reason
from vidcolor.settings import Settings
from vidcolor.stylize.label_maps import check_shape, read_map
from vidcolor.stylize.request import StyleRequest
from vidcolor.stylize.styles import Styles
from vidcolor.stylize.stylist import Stylist, make_stylist, shrunk, small_size

DEEP_SUFFIXES = (".png", ".tif", ".tiff")
"""Endings of results that hold 16 bits."""
_MATRIX = "bt709"
"""Matrix of the YCbCr in which a photograph is changed."""


def stylize_photo(request: StyleRequest, out: Path, styles: Styles, settings: Settings) -> None:
    """Write the photograph in the colours of the styles. Raises VidcolorError where it or its label map cannot be
    read, or the result not be written."""
    content = request.content
    rgb = load_picture(content, "content")
    labels = None
    if styles.labels is not None and request.labels:
        path = request.labels[0]
        values = read_map(path)
        check_shape(values, rgb.shape[:2], path, content)
        styles.labels.check(values, path)
        labels = styles.labels.of(values, small_size(rgb.shape, request.look.size))
    deep = is_deep(content)
    if deep and out.suffix.lower() not in DEEP_SUFFIXES:
        warn(f"{out}: {out.suffix} holds 8 bits of the content's 16; {' or '.join(DEEP_SUFFIXES[:2])} keeps them")
    stylist = make_stylist(styles, request.look, settings)
    write_picture(out, stylized(rgb, stylist, labels), deep, overwrite=request.overwrite)


def stylized(rgb: np.ndarray, stylist: Stylist, labels: np.ndarray | None = None) -> np.ndarray:
    """A photograph (h, w, 3) sRGB 0..1 of any size in the stylist's styles. labels: its map at `small_size`."""
    functions = stylist.functions(shrunk(rgb, stylist.look.size), _MATRIX, labels=labels)
    if functions is None:
        return rgb
    planes = list(rgb_to_ycbcr(rgb, _MATRIX))
    after = []
    for n, function in enumerate(functions):
        if n == 0 and stylist.look.keep_luma:
            after.append(planes[0])
            continue
        wide = cv2.resize(function, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        after.append(planes[n] + guided_filter.evaluate(wide, planes))
    y = after[0].clip(0, 1)
    return ycbcr_to_rgb(y, *into_gamut(y, after[1], after[2], _MATRIX), _MATRIX).clip(0, 1)


def write_picture(path: Path, rgb: np.ndarray, deep: bool, *, overwrite: bool = True) -> None:
    """Write (h, w, 3) sRGB 0..1 with 16 (`deep`, where the format has them) or 8 bits, whole or not at all."""
    suffix = path.suffix.lower()
    top, kind = (65535, np.uint16) if deep and suffix in DEEP_SUFFIXES else (255, np.uint8)
    codes = np.rint(rgb[..., ::-1] * top).astype(kind)
    quality = {".webp": [cv2.IMWRITE_WEBP_QUALITY, 101]}.get(suffix, [cv2.IMWRITE_JPEG_QUALITY, 95])
    done, data = cv2.imencode(suffix, codes, quality if suffix in (".jpg", ".jpeg", ".webp") else [])
    if not done:
        raise VidcolorError(f"{path}: cannot be written as {suffix}")
    try:
        write_atomic(path, data.tobytes(), overwrite=overwrite)
    except OSError as error:
        raise VidcolorError(f"{path}: cannot be written: {reason(error)}") from None
