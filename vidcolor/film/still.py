"""TIFF pictures as decoded frames, for the layouts that libav reads wrongly or not at all, as scanners and grading
programs write them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from vidcolor.color.coding import code_type
from vidcolor.errors import VidcolorError
from vidcolor.pictures import tiff
from vidcolor.pictures.orientation import turned


def still(file: Path) -> av.VideoFrame | None:
    """The picture of a TIFF that is not plain (`tiff.Kind`), turned as shown; None for files that libav reads.

    Grey and RGB keep their 8 to 16 bits; floats of 0 to 1 get 16. Raises VidcolorError for a TIFF of several pictures,
    of other colours or of floats beyond that, and for a broken one."""
    if not tiff.is_tiff(file, "picture"):
        return None
    kind = tiff.kind(file, "picture")
    if kind.pictures > 1:
        raise VidcolorError(f"{file}: contains {kind.pictures} pictures: save each as a numbered file of its own")
    if kind.plain:
        return None
    samples = tiff.read(file, "picture")
    if samples.space not in ("GRAY", "RGB"):
        raise VidcolorError(f"{file}: TIFF in {samples.space}: save it as grey or RGB")
    depth = 8 if kind.bits <= 8 else kind.bits if samples.space == "GRAY" and kind.bits in (10, 12, 14) else 16
    codes = np.rint(turned(samples.values, samples.orientation) * ((1 << depth) - 1))
    return _frame(codes.astype(code_type(depth)), depth)


def _frame(codes: np.ndarray, depth: int) -> av.VideoFrame:
    """A frame of (h, w, 1 or 3) code values."""
    height, width, channels = codes.shape
    form = {1: "gray", 3: "rgb24"}[channels] if depth == 8 else f"gray{depth}le" if channels == 1 else "rgb48le"
    frame = av.VideoFrame(width, height, form)
    plane = frame.planes[0]
    rows = np.frombuffer(plane, codes.dtype).reshape(plane.height, -1)  # type: ignore[call-overload]
    rows[:, : width * channels] = codes.reshape(height, -1)
    return frame
