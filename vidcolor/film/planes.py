"""The Y plane of a decoded frame, copied bit for bit; computed for RGB, which has none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import av
import numpy as np

from vidcolor.color.coding import code_type
from vidcolor.errors import VidcolorError

Chroma = Literal["400", "420", "422", "444", "rgb"]

_PACKED = {  # samples from one luma sample to the next, and before the first
    "yuyv422": (2, 0),
    "yvyu422": (2, 0),
    "uyvy422": (2, 1),
    "ya8": (2, 0),
    "ya16le": (2, 0),
    "ya16be": (2, 0),
    "y210le": (2, 0),
    "y212le": (2, 0),
    "y216le": (2, 0),
    "vuya": (4, 2),
    "vuyx": (4, 2),
    "ayuv": (4, 1),
    "ayuv64le": (4, 1),
}
# Formats with samples in the high bits of 16.
_HIGH_BITS = re.compile(r"p[024]1[026]|y21[026]|.*msb")


@dataclass(frozen=True)
class Layout:
    """How the luma of a pixel format lies in memory."""

    chroma: Chroma
    """Chroma sampling; 4:1:1 counts as 422, 4:4:0 as 444, 4:1:0 as 420; `rgb` if luma must be computed."""
    depth: int
    """Bits of one luma sample."""
    dtype: str = "u1"
    """Of one sample in memory, byte order included."""
    step: int = 1
    """Samples from one luma sample to the next."""
    offset: int = 0
    """Samples before the first luma sample."""
    shift: int = 0
    """Empty low bits of a sample."""


@lru_cache(maxsize=64)
def layout(pix_fmt: str) -> Layout:
    """The layout of `pix_fmt`. Raises VidcolorError for formats without code values (floats, Bayer, XYZ)."""
    form = av.VideoFormat(pix_fmt, 64, 64)
    parts = form.components
    if not parts or form.is_bayer or pix_fmt.startswith("xyz") or re.search(r"f(16|32)", pix_fmt):
        raise VidcolorError(
            f"pixel format {pix_fmt} is not supported: convert to yuv, gray or RGB of 8 to 16 bits first"
        )
    depth = max(8, max(part.bits for part in parts))
    if form.is_rgb or form.has_palette or form.is_bit_stream:
        return Layout("rgb", depth)
    depth = parts[0].bits
    colored = [part for part in parts if part.is_chroma or part.plane != parts[0].plane]
    chroma: Chroma = "400"
    if not pix_fmt.startswith(("gray", "ya")):
        # Cb's own size against luma's; the formats above have alpha at most.
        wide, high = 64 // parts[1].width, 64 // parts[1].height
        chroma = {(1, 1): "444", (1, 2): "444", (2, 1): "422", (4, 1): "422"}.get((wide, high), "420")  # type: ignore[assignment]
    dtype = "u1" if depth == 8 else ">u2" if form.is_big_endian else "<u2"
    shift = 16 - depth if depth > 8 and _HIGH_BITS.match(pix_fmt) else 0
    if pix_fmt in _PACKED:
        step, offset = _PACKED[pix_fmt]
        return Layout(chroma, depth, dtype, step, offset, shift)
    if any(part.plane == parts[0].plane for part in colored) or depth < 8:
        raise VidcolorError(f"pixel format {pix_fmt} is not supported: convert the film to planar yuv first")
    return Layout(chroma, depth, dtype, 1, 0, shift)


def luma_plane(frame: av.VideoFrame, weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """(height, width) uint8 or uint16 code values of the frame's luma, a copy.

    The Y plane bit for bit, if there is one. For R'G'B', palette and bitmap frames it is Kr R' + Kg G' + Kb B'
    (`weights`), rounded, in full range at the depth of R'G'B' (greys keep their values)."""
    how = layout(frame.format.name)
    if how.chroma == "rgb":
        red, green, blue = rgb_planes(frame)
        kr, kg, kb = (float(weight) for weight in weights)
        weighted = kr * red.astype(np.float64) + kg * green + kb * blue
        return np.rint(weighted).astype(red.dtype)
    samples = _samples(frame, 0, how.dtype)[:, how.offset :: how.step][:, : frame.width]
    values: np.ndarray = samples.astype(code_type(how.depth))
    return np.right_shift(values, how.shift) if how.shift else values


def chroma_planes(frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Cb and Cr code values of the frame, each (rows, columns) uint8 or uint16, copies; None for grey and R'G'B'.
    Packed, semi-planar and 4:1:1 formats are first unpacked onto the grid of `layout`."""
    how = layout(frame.format.name)
    if how.chroma in ("400", "rgb"):
        return None
    plain = f"yuv{how.chroma}p" + (f"{how.depth}le" if how.depth > 8 else "")
    if frame.format.name not in (plain, plain.replace("yuv", "yuvj"), plain.replace("yuv", "yuva")):
        frame = frame.reformat(format=plain)
    columns, rows = frame.planes[1].width, frame.planes[1].height
    kind = code_type(how.depth)
    cb, cr = (_samples(frame, plane, layout(plain).dtype)[:rows, :columns].astype(kind) for plane in (1, 2))
    return cb, cr


def rgb_planes(frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """R', G', B' of an RGB, palette or bitmap frame, each (height, width) uint8 or uint16."""
    name = frame.format.name
    if not (frame.format.is_planar and frame.format.is_rgb):
        bits = layout(name).depth
        # swscale has no direct way from a palette to planar formats: by way of rgb24.
        if bits == 8:
            frame = frame.reformat(format="rgb24")
            packed = _samples(frame, 0, "u1")[:, : 3 * frame.width].reshape(frame.height, frame.width, 3)
            return packed[..., 0].copy(), packed[..., 1].copy(), packed[..., 2].copy()
        frame = frame.reformat(format=f"gbrp{bits}le")
    bits = frame.format.components[0].bits
    dtype = "u1" if bits == 8 else ">u2" if frame.format.is_big_endian else "<u2"
    green, blue, red = (_samples(frame, plane, dtype)[:, : frame.width].astype(code_type(bits)) for plane in range(3))
    return red, green, blue


def is_colored(frame: av.VideoFrame) -> bool:
    """Whether the picture has colours: more than 1 % of its pixels are 6/256 or more away from grey."""
    how = layout(frame.format.name)
    if how.chroma == "400":
        return False
    if how.chroma == "rgb":
        red, green, blue = (plane.astype(np.int32) for plane in rgb_planes(frame))
        away = np.maximum(abs(red - green), abs(blue - green))
    else:
        form = frame.reformat(format="yuv444p")  # only to look at its chroma
        away = np.maximum(
            *(abs(_samples(form, plane, "u1")[:, : form.width].astype(np.int32) - 128) for plane in (1, 2))
        )
        how = Layout("444", 8)
    return bool((away >= 6 << (how.depth - 8)).mean() > 0.01)


def _samples(frame: av.VideoFrame, plane: int, dtype: str) -> np.ndarray:
    """A view of a plane's rows, line padding included."""
    memory = frame.planes[plane]
    rows = np.frombuffer(memory, np.uint8)  # type: ignore[call-overload]
    return rows[: memory.height * memory.line_size].reshape(memory.height, memory.line_size).view(dtype)
