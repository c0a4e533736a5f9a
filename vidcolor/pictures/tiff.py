"""TIFF files of any layout (planes or pixels, strips or tiles, integers or floats, grey to CMYK) as plain samples."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vidcolor.errors import VidcolorError
from vidcolor.reasons import reason

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of TIFF and BigTIFF, in both byte orders."""
MOST_PIXELS = 1 << 28
"""Most pixels of a picture that is read."""
_REMEDY = "save it as 8- or 16-bit RGB"
_UNSIGNED = 1
# What libav decodes correctly.
_COMPRESSIONS = {"NONE", "CCITTRLE", "CCITTFAX3", "CCITTFAX4", "LZW", "DEFLATE", "ADOBE_DEFLATE", "PACKBITS"}
_PHOTOMETRICS = {"MINISWHITE", "MINISBLACK", "RGB", "PALETTE", "YCBCR"}
_SPACES = {"MINISBLACK": "GRAY", "MINISWHITE": "GRAY", "PALETTE": "GRAY", "RGB": "RGB", "YCBCR": "RGB"}
_SPACES |= {"SEPARATED": "CMYK", "CIELAB": "LAB", "ICCLAB": "LAB"}
_CHANNELS = {"GRAY": 1, "RGB": 3, "CMYK": 4, "LAB": 3}


@dataclass(frozen=True, eq=False)
class Samples:
    """A picture as stored, not turned."""

    values: np.ndarray
    """(h, w, channels) float32, as `profiles.to_srgb` takes them."""
    space: str
    """`GRAY`, `RGB`, `CMYK` or `LAB`."""
    profile: bytes | None
    """ICC profile."""
    orientation: int
    """EXIF orientation, 1 to 8."""
    transparent: bool
    """Whether its alpha hides something."""
    pictures: int
    """How many pictures the file has, without thumbnails and masks; this is the first."""


def is_tiff(path: Path, what: str) -> bool:
    """Whether the file begins like a TIFF. Raises VidcolorError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4) in MAGIC
    except OSError as error:
        raise VidcolorError(f"{what} {path}: {reason(error)}") from None


def read(path: Path, what: str) -> Samples:
    """The first picture of a TIFF file. Raises VidcolorError, naming `what`, if it is broken or not supported."""
    with _pages(path, what) as pages:
        return _samples(pages[0], len(pages))


def codes(path: Path, what: str) -> tuple[np.ndarray, int]:
    """(h, w, 1 or 3) integers of the first picture (grey, palette indices or RGB), and its orientation.

    Raises VidcolorError, naming `what`, if it is broken or of another kind.
    """
    with _pages(path, what) as pages:
        page = pages[0]
        if _space(page) not in ("GRAY", "RGB") or _is_ycbcr(page):
            raise _Unsupported(f"of colours kept as {page.photometric.name}")
        stored = _stored(page)
        return stored[..., : 3 if _space(page) == "RGB" else 1], _orientation(page)


def check(path: Path, what: str) -> None:
    """Raise VidcolorError, naming `what`, if a file is broken or not supported by its header."""
    with _pages(path, what) as pages:
        _space(pages[0])


def bits(path: Path, what: str) -> int:
    """Bits of a sample of the first picture. Raises VidcolorError if the file is broken."""
    return kind(path, what).bits


@dataclass(frozen=True)
class Kind:
    """What a file's header says."""

    bits: int
    """Of a sample of the first picture."""
    plain: bool
    """Whether libav decodes it correctly. It silently decodes tiles and JPEG as black, and 16-bit floats and inverted
    12 bits as garbage; 32-bit floats, BigTIFF and newer compressions it does not know."""
    pictures: int
    """How many there are, without thumbnails and masks."""


def kind(path: Path, what: str) -> Kind:
    """What the header says. Raises VidcolorError if the file is broken."""
    with _pages(path, what) as pages:
        page = pages[0]
        bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
        plain = (
            page.index == 0  # libav takes the first, even a thumbnail
            and not page.is_tiled
            and not page.parent.is_bigtiff
            and page.compression.name in _COMPRESSIONS
            and page.photometric.name in _PHOTOMETRICS
            and page.sampleformat == _UNSIGNED
            and page.bitspersample in (1, 2, 4, 8, 16)
        )
        return Kind(int(bits), plain, len(pages))


@contextmanager
def _pages(path: Path, what: str) -> Iterator[list[Any]]:
    """The pictures of a file, without thumbnails and masks."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what matters raises
    try:
        with tifffile.TiffFile(path) as file:
            pages = [page for page in file.pages if not int(getattr(page, "subfiletype", 0)) & 0b101]
            if not pages and file.pages[0].subifds:
                raise _Unsupported("of a camera's raw picture")
            yield pages or [file.pages[0]]
    except _Unsupported as error:
        raise VidcolorError(f"{what} {path}: TIFF {error}; {_REMEDY}") from None
    except OSError as error:
        raise VidcolorError(f"{what} {path}: {reason(error)}") from None
    except VidcolorError:
        raise
    except Exception as error:  # tifffile raises exceptions of any type
        raise VidcolorError(f"{what} {path}: broken picture ({error}); save it again") from None


class _Unsupported(Exception):
    pass


def _space(page: Any) -> str:
    """Colour space of a page. Raises _Unsupported if it cannot be read."""
    photometric = getattr(page.photometric, "name", str(page.photometric))
    space = _SPACES.get(photometric)
    if space is None or (_is_ycbcr(page) and _orientation(page) != 1):
        raise _Unsupported(f"of colours kept as {photometric}")
    if page.imagewidth * page.imagelength > MOST_PIXELS:
        raise _Unsupported("of too many pixels")
    if page.imagedepth > 1:
        raise _Unsupported("of a volume")
    return space


def _is_ycbcr(page: Any) -> bool:
    """Whether its samples are Y'CbCr; tifffile decodes those of JPEG to RGB."""
    return getattr(page.photometric, "name", "") == "YCBCR" and page.compression.name != "JPEG"


def _orientation(page: Any) -> int:
    return int(page.tags[274].value) if 274 in page.tags else 1


def _samples(page: Any, pictures: int) -> Samples:
    space, photometric, tags = _space(page), page.photometric.name, page.tags
    profile = tags[34675].value if 34675 in tags else None
    if _is_ycbcr(page):
        return Samples(_by_libtiff(page.parent.filehandle.path), space, profile, 1, False, pictures)
    stored = _stored(page)
    transparent = False
    if photometric == "PALETTE":
        space, values = "RGB", _from_palette(stored[..., 0], np.asarray(page.colormap))
    else:
        channels = _CHANNELS[space]
        if stored.shape[2] < channels or (space == "CMYK" and "InkSet" in tags and tags["InkSet"].value != 1):
            raise _Unsupported(f"of {stored.shape[2]} channels in {photometric}")
        if space == "LAB":
            values = _lab(stored[..., :3], photometric)
        else:
            values = _scaled(stored[..., :channels], page, profile is not None)
        if photometric == "MINISWHITE":
            values = 1 - values
        kind = int(page.extrasamples[0]) if page.extrasamples else 0
        if kind in (1, 2) and stored.shape[2] > channels:  # alpha, associated or not
            alpha = _scaled(stored[..., channels : channels + 1], page, True)
            transparent = bool(alpha.min() < 1)
            if kind == 1 and transparent and space in ("RGB", "GRAY"):
                values = np.clip(values / np.maximum(alpha, 1e-6), 0, 1)
    return Samples(values, space, profile, _orientation(page), transparent, pictures)


def _stored(page: Any) -> np.ndarray:
    """(h, w, samples) as stored."""
    samples = page.asarray()
    shape = (page.samplesperpixel, page.imagelength, page.imagewidth)
    if page.samplesperpixel > 1 and page.planarconfig == 2:
        return np.moveaxis(samples.reshape(shape), 0, 2)
    return samples.reshape(*shape[1:], shape[0])


def _by_libtiff(path: str) -> np.ndarray:
    """8-bit Y'CbCr as R'G'B', through libtiff's own conversion."""
    bgr = cv2.imread(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise _Unsupported("of colours kept as YCBCR")
    return bgr[..., ::-1].astype(np.float32) / np.float32(255)


def _scaled(stored: np.ndarray, page: Any, profiled: bool) -> np.ndarray:
    """Samples as float32 in 0..1."""
    if stored.dtype.kind == "f":
        values = np.nan_to_num(stored.astype(np.float32))
        if not profiled and (values.max() > 1.02 or values.min() < -0.02):
            raise _Unsupported(f"of floating point from {values.min():.3g} to {values.max():.3g}, not 0 to 1")
        return np.clip(values, 0, 1)
    if stored.dtype.kind not in "ub":
        raise _Unsupported("of signed samples")
    bits = page.bitspersample
    if not isinstance(bits, int):
        raise _Unsupported("of channels that differ in depth")
    if bits <= 16:
        return stored.astype(np.float32) / np.float32(2**bits - 1)
    return (stored / (2.0**bits - 1)).astype(np.float32)


def _from_palette(stored: np.ndarray, colormap: np.ndarray) -> np.ndarray:
    peak = 65535.0 if colormap.max() > 255 else 255.0  # as libtiff recognises old palettes
    return (colormap.reshape(3, -1).T[stored] / peak).astype(np.float32)


def _lab(stored: np.ndarray, photometric: str) -> np.ndarray:
    """L*, a*, b* in their own units from TIFF 6.0's encoding (a*, b* signed) or ICC's (offset)."""
    if stored.dtype.itemsize not in (1, 2) or stored.dtype.kind == "f":
        raise _Unsupported("of L*a*b* in 32 bits")
    wide = stored.dtype.itemsize == 2
    signed = stored.view(f"i{stored.dtype.itemsize}").astype(np.float32)
    plain = stored.view(f"u{stored.dtype.itemsize}").astype(np.float32)
    if photometric == "CIELAB":
        l, ab = plain[..., :1] * (100 / (65535 if wide else 255)), signed[..., 1:] / (256 if wide else 1)
    else:
        l, ab = plain[..., :1] * (100 / (65280 if wide else 255)), plain[..., 1:] / (256 if wide else 1) - 128
    return np.concatenate([l, ab], 2).astype(np.float32)
