"""Picture files of many kinds, read as sRGB; their content counts, not their name."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from vidcolor.errors import VidcolorError, warn
from vidcolor.pictures import profiles, tiff
from vidcolor.reasons import reason

SUFFIXES = tuple(
    f".{name}"
    for name in (
        *("png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "webp", "bmp", "ppm", "pgm", "pnm"),
        *("jp2", "j2k", "avif", "gif", "apng", "tga"),
    )
)
"""Endings of files that count as pictures in a folder."""
WORKING_SUFFIXES = tuple(
    f".{name}"
    for names in (
        "psd psb exr hdr kra krz xcf ora clip csp mdp sai sai2 procreate afphoto af pdn psp pspimage cpt rif tvpp",
        "heic heif hif dpx cin jxl jxr pcx sgi qoi pfm pam svg ai eps pdf dng cr2 cr3 nef arw raf orf rw2",
    )
    for name in names.split()
)
"""Endings of painting programs' files and of pictures that mostly cannot be read: they are keys if they can be."""
_ORIENTATION = 274  # EXIF tag
_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "JPEG2000", "GIF", "BMP", "DIB", "PPM", "PSD", "SGI", "QOI")
"""Pillow's formats that are recognised by their first bytes. Left out: those that run programs or hold other data."""
_BY_NAME = {".tga": "TGA", ".pcx": "PCX"}
"""Formats without a signature, recognised by name."""
_READ = "PNG, TIFF, JPEG or WebP"
_FOREIGN = (  # files that people try but that cannot be read: first bytes, and what they are
    (b"v/1\x01", "an OpenEXR picture"),
    (b"8BPS", "a Photoshop file of a kind that is not read (16 bits a channel, or PSB)"),
    (b"gimp xcf", "a GIMP file"),
    (b"SDPX", "a DPX scan"),
    (b"XPDS", "a DPX scan"),
    (b"\x80\x2a\x5f\xd7", "a Cineon scan"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"PK\x03\x04", "a Krita, OpenRaster or other packed file"),
    (b"%PDF", "a PDF"),
    (b"<svg", "a drawing in SVG"),
    (b"<?xml", "a drawing in SVG"),
)
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 1 << 28  # painting programs write long histories
_MERGED = 1057
"""Photoshop's resource that says whether a file contains its flattened picture."""


@dataclass(frozen=True, eq=False)
class Stored:
    """A picture as stored, in sRGB, not turned."""

    rgb: np.ndarray
    """(h, w, 3) float32 in 0..1."""
    orientation: int
    """EXIF orientation, 1 to 8."""


def holds_picture(path: Path) -> bool:
    """Whether a file contains a picture, whatever its name."""
    try:
        check_picture(path)
    except VidcolorError:
        return False
    return True


def check_picture(path: Path, what: str = "reference") -> None:
    """Read only the header. Raises VidcolorError if `path` is missing or not a picture that can be read."""
    if tiff.is_tiff(path, what):
        tiff.check(path, what)
    else:
        _open(path, what).close()


def read_picture(path: Path, what: str = "reference") -> Stored:
    """The picture in a file of any kind: profile applied, alpha dropped, the first if there are several.

    PNG and TIFF keep their 16 bits. Warns of what is lost. Raises VidcolorError, naming `what`, if the file is missing,
    not a picture that can be read, or broken.
    """
    if tiff.is_tiff(path, what):
        samples = tiff.read(path, what)
        if samples.transparent:
            _say_transparent(path, what)
        if samples.pictures > 1:
            warn(f"{what} {path}: contains {samples.pictures} pictures; the first is used")
        return Stored(_in_srgb(samples.values, samples.space, samples.profile, path, what), samples.orientation)
    with _open(path, what) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
        try:
            image.load()
            if getattr(image, "is_animated", False) and image.format != "MPO":
                warn(f"{what} {path}: is animated; its first picture is used")
            rgb = _pixels(image, path, what)
            return Stored(rgb, int(image.getexif().get(_ORIENTATION, 1)))
        except VidcolorError:
            raise
        except Exception as error:  # decoders raise whatever comes to them
            raise VidcolorError(f"{what} {path}: broken picture ({error}); save it again") from None


def is_deep(path: Path) -> bool:
    """Whether a picture file (PNG, TIFF or JPEG 2000) has more than 8 bits a sample."""
    if tiff.is_tiff(path, "picture"):
        return tiff.bits(path, "picture") > 8
    with _open(path, "picture") as image:
        if image.format == "PNG":
            return _Png(path).depth == 16
        return image.mode.startswith("I") or (image.format == "JPEG2000" and _jpeg2000_bits(path) > 8)


def _open(path: Path, what: str) -> ImageFile.ImageFile:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of many pixels
            Image.init()
            kinds = (*_FORMATS, _BY_NAME.get(path.suffix.lower(), ""))
            image = Image.open(path, formats=[kind for kind in kinds if kind in Image.OPEN])
    except UnidentifiedImageError:
        raise VidcolorError(f"{what} {path}: {_what_it_is(path)}") from None
    except Image.DecompressionBombError:
        raise VidcolorError(f"{what} {path}: too many pixels; scale it to the film's size") from None
    except Exception as error:  # decoders raise whatever comes to them
        why = reason(error) if getattr(error, "errno", None) else f"broken picture ({error}); save it again"
        raise VidcolorError(f"{what} {path}: {why}") from None
    return image


def _what_it_is(path: Path) -> str:
    head = path.read_bytes()[:32]
    if not head:
        return "an empty file"
    name = next((name for start, name in _FOREIGN if head.startswith(start)), "")
    if head[4:8] == b"ftyp":
        if head[8:11] == b"avi":
            return "broken picture (AVIF)"
        name = "a HEIC picture" if head[8:11] in (b"hei", b"hev", b"mif", b"msf") else "a film or a camera's raw file"
    if not name:
        return f"not a picture that can be read ({_READ})"
    return f"{name}, not a picture that can be read; save it as {_READ}"


def _pixels(image: ImageFile.ImageFile, path: Path, what: str) -> np.ndarray:
    """(h, w, 3) float32 sRGB of a picture opened by Pillow."""
    png = _Png(path) if image.format == "PNG" else None
    profile: bytes | None = image.info.get("icc_profile") or None
    if png:
        profile = png.profile(profile, path, what)
    if image.format == "PSD" and not _is_merged(image):
        raise VidcolorError(f"{what} {path}: saved without its flattened picture; save it as {_READ}")
    if png and png.depth == 16:  # Pillow reads 16-bit RGB as 8
        with Image.open(path) as again:
            again.verify()  # OpenCV would print what is broken
        values, space, transparent = _sixteen_bit(path)
    else:
        values, space, transparent = _eight_bit(image)
    if transparent:
        _say_transparent(path, what)
    return _in_srgb(values, space, profile, path, what)


def _eight_bit(image: Image.Image) -> tuple[np.ndarray, str, bool]:
    """Samples (h, w, channels) float32 0..1, their colour space, and whether alpha hides something."""
    transparent = False
    if image.has_transparency_data:
        image = image.convert("RGBA")
        transparent = np.asarray(image.getchannel("A")).min() < 255
        image = image.convert("RGB")
    if image.mode == "LAB":
        lab = np.asarray(image)
        ab = lab[..., 1:].view(np.int8).astype(np.float32)
        return np.concatenate([lab[..., :1] * np.float32(100 / 255), ab], 2), "LAB", transparent
    if image.mode == "F":
        return np.clip(np.nan_to_num(np.asarray(image, np.float32)), 0, 1)[..., None], "GRAY", transparent
    if image.mode.startswith("I"):
        return np.clip(np.asarray(image, np.float32) / 65535, 0, 1)[..., None], "GRAY", transparent
    space = {"1": "GRAY", "L": "GRAY", "CMYK": "CMYK"}.get(image.mode, "RGB")
    image = image.convert({"GRAY": "L"}.get(space, space))
    values = np.asarray(image, np.float32) / np.float32(255)
    return values.reshape(*values.shape[:2], -1), space, transparent


def _sixteen_bit(path: Path) -> tuple[np.ndarray, str, bool]:
    """The same for a 16-bit PNG."""
    stored = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        raise ValueError("its samples cannot be decoded")
    stored = stored.reshape(*stored.shape[:2], -1)
    channels = 1 if stored.shape[2] < 3 else 3
    transparent = stored.shape[2] > 3 and stored[..., 3].min() < 65535
    values = stored[..., :channels][..., ::-1] / np.float32(65535)
    return values, "GRAY" if channels == 1 else "RGB", bool(transparent)


def _in_srgb(values: np.ndarray, space: str, profile: bytes | None, path: Path, what: str) -> np.ndarray:
    if space == "CMYK" and not profile:
        warn(f"{what} {path}: CMYK without a colour profile, so its colours are approximate at best; save it as RGB")
    try:
        return profiles.to_srgb(values, space, profile)
    except profiles.ProfileError as error:
        warn(f"{what} {path}: its colour profile cannot be used ({error}); taken as sRGB")
        return profiles.to_srgb(values, space, None)


def _say_transparent(path: Path, what: str) -> None:
    warn(f"{what} {path}: its transparency is ignored: the colours under it are used")


def _is_merged(image: ImageFile.ImageFile) -> bool:
    resources = getattr(image, "resources", [])
    said = [data[4] for number, _, data in resources if number == _MERGED and len(data) > 4]
    return all(said)


def _jpeg2000_bits(path: Path) -> int:
    """Bits of the first component, from the codestream's SIZ marker."""
    data = path.read_bytes()
    at = data.find(b"\xff\x4f\xff\x51")
    return (data[at + 42] & 0x7F) + 1 if 0 <= at < len(data) - 42 else 8


class _Png:
    """The chunks of a PNG before its pixels (PNG 3rd edition, 11.2 and 11.3)."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self.depth = data[24]
        self.chunks: dict[bytes, bytes] = {}
        at = 8
        while at + 8 <= len(data) and (name := data[at + 4 : at + 8]) not in (b"IDAT", b"IEND"):
            size = int.from_bytes(data[at : at + 4], "big")
            self.chunks[name] = data[at + 8 : at + 8 + size]
            at += 12 + size

    def profile(self, embedded: bytes | None, path: Path, what: str) -> bytes | None:
        """ICC profile of its colours; None for sRGB. Precedence of the chunks as in the standard."""
        coded = self.chunks.get(b"cICP", b"")
        if len(coded) == 4:
            primaries, transfer, _, full = coded
            if transfer in (16, 18) or not full:
                kind = {16: "PQ", 18: "HLG"}.get(transfer, "of limited range")
                raise VidcolorError(f"{what} {path}: {kind}, not sRGB; save it as sRGB")
            return profiles.of_video(primaries, transfer)
        if embedded or b"sRGB" in self.chunks:
            return embedded
        gamma = int.from_bytes(self.chunks.get(b"gAMA", b""), "big") / 100_000
        numbers = self.chunks.get(b"cHRM", b"")
        points = [n / 100_000 for n in struct.unpack(">8I", numbers)] if len(numbers) == 32 else None
        return profiles.of_gamma(gamma, points)
