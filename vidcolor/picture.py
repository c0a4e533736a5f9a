"""A key's picture as sRGB, whatever its file: 8 or 16 bit, ICC profile, orientation, alpha."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from .errors import VidcolorError, warn
from .film import Film

SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".tif",
    ".tiff",
    ".webp",
    ".bmp",
    ".ppm",
    ".pgm",
    ".jp2",
    ".avif",
    ".gif",
)
"""Endings of what counts as a picture in a folder."""
_SRGB = ImageCms.createProfile("sRGB")
_ORIENTATION = 274  # EXIF tag
_GREY = 1.5 / 255
"""Mean difference of largest and smallest channel under which a picture has no colour (JPEG adds some)."""


def check_picture(path: Path) -> None:
    """Read no more than the header: raises VidcolorError where `path` is missing or not a picture."""
    _open(path).close()


def load_key(path: str | Path, film: Film | None = None) -> np.ndarray:
    """The picture as (h, w, 3) float32 sRGB in 0..1: ICC profile applied, turned by its EXIF orientation.

    With a film whose player turns the picture, a key as shown is turned back to the film's coded picture.

    16-bit pictures keep their 16 bits, but where an ICC profile other than sRGB has to be applied (8 then).
    Alpha is dropped, with a warning where it hides anything; a picture without colour is warned of.
    Raises VidcolorError where the file is missing, not a picture, or broken.
    """
    path = Path(path)
    rgb = load_picture(path)
    if float((rgb.max(2) - rgb.min(2)).mean()) < _GREY:
        warn(f"reference {path} has no colour: what it serves will stay nearly grey")
    return _as_coded(rgb, film)


def load_picture(path: Path, what: str = "reference") -> np.ndarray:
    """Any picture as `load_key` reads it, as it is shown; what: its name in messages."""
    image = _open(path, what)
    with image, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
        try:
            orientation = image.getexif().get(_ORIENTATION, 1)
            rgb = _pixels(image, path, what)
        except (OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError) as error:
            raise VidcolorError(f"{what} {path}: broken picture ({error})") from None
    return _turn(rgb, orientation)


def brought_into_place(rgb: np.ndarray, align: Sequence[float], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A cropped or shifted key (h, w, 3) as it lies over a film's frame of `size` (H, W), and where it covers it.

    align: six numbers, the affine map from places in the frame (0..1 right and down) to places in the key. Returns
    RGB (H, W, 3), the key's edges repeated where it has nothing, and a mask (H, W) bool of where it has something.
    """
    shrinks = rgb.shape[0] * rgb.shape[1] > size[0] * size[1]
    rgb = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    side, whole = np.diag(np.array(size[::-1], np.float64)), np.array(align).reshape(2, 3)
    turn = side @ whole[:, :2] @ np.linalg.inv(side)
    matrix = np.c_[turn, turn @ [0.5, 0.5] + side @ whole[:, 2] - 0.5]
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(rgb, matrix, size[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)
    x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    at_x, at_y = (row[0] * x + row[1] * y + row[2] for row in matrix)
    covered = (at_x >= 0) & (at_x <= size[1] - 1) & (at_y >= 0) & (at_y <= size[0] - 1)
    return np.clip(placed, 0, 1), covered


def _open(path: Path, what: str = "reference") -> Image.Image:
    try:
        return Image.open(path)
    except UnidentifiedImageError:
        raise VidcolorError(f"{what} {path}: not a picture that can be read (PNG, JPEG, TIFF, WebP)") from None
    except Image.DecompressionBombError:
        raise VidcolorError(f"{what} {path}: too many pixels; scale it to the film's size") from None
    except OSError as error:
        raise VidcolorError(f"{what} {path}: {error.strerror or error}") from None


def _pixels(image: Image.Image, path: Path, what: str) -> np.ndarray:
    profile: bytes = image.info.get("icc_profile") or b""
    foreign = bool(profile) and "sRGB" not in _profile_name(profile)
    if image.format in ("PNG", "TIFF") and not foreign:
        deep = _sixteen_bit(path, what)  # Pillow reads 16-bit RGB as 8
        if deep is not None:
            return deep
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            warn(f"{what} {path}: its transparency is dropped, the colours under it count")
        image = image.convert("RGB")
    if foreign:
        try:
            if image.mode not in ("RGB", "CMYK", "L", "LAB"):
                image = image.convert("RGB")
            turned = ImageCms.profileToProfile(image, io.BytesIO(profile), _SRGB, outputMode="RGB")
            image = turned if turned is not None else image
        except ImageCms.PyCMSError as error:
            warn(f"{what} {path}: its colour profile cannot be used ({error}); taken as sRGB")
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = np.asarray(image, np.float32) / (65535.0 if image.mode != "F" else 1.0)
        return np.repeat(np.clip(grey, 0, 1)[:, :, None], 3, 2)
    return np.asarray(image.convert("RGB"), np.float32) / 255.0


def _sixteen_bit(path: Path, what: str) -> np.ndarray | None:
    """(h, w, 3) float32 of a 16-bit colour picture; None where the file is not one."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    if data[:4].tobytes() == b"\x89PNG" and data[24] != 16:  # bit depth in IHDR: spares a second decode
        return None
    array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16 or array.ndim != 3:
        return None
    if array.shape[2] == 4 and array[:, :, 3].min() < 65535:
        warn(f"{what} {path}: its transparency is dropped, the colours under it count")
    return array[:, :, 2::-1].astype(np.float32) / 65535.0


def _profile_name(profile: bytes) -> str:
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        return ""


def _turn(rgb: np.ndarray, orientation: int) -> np.ndarray:
    """EXIF orientation 1..8 undone."""
    if orientation in (2, 4, 5, 7):
        rgb = rgb[:, ::-1]
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(rgb, turns))


def _as_coded(rgb: np.ndarray, film: Film | None) -> np.ndarray:
    """A key as a player shows the film -> as the film is coded, unrotated."""
    if film is None or not film.rotation:
        return rgb
    if film.rotation != 180 and (rgb.shape[1] >= rgb.shape[0]) == (film.display_aspect >= 1):
        return rgb  # painted on the coded picture
    return np.ascontiguousarray(np.rot90(rgb, film.rotation // 90))  # a player turns clockwise
