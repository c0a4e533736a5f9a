"""From any colour space that pictures have, with or without an ICC profile, to sRGB."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import ImageCms

_SIGNATURES = {"GRAY": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK", "LAB": b"Lab "}  # ICC.1, bytes 16 to 19 of a profile
_SRGB_POINTS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_VIDEO_POINTS = {  # white, red, green, blue of ISO/IEC 23091-2, for primaries that clearly differ from sRGB's
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
_VIDEO_GAMMA = {5: 2.8, 8: 1.0}
_USUAL_GAMMA = (0.4, 0.56)
"""Exponents of PNG's gAMA that are taken for sRGB: screens (0.4545), video as ffmpeg writes it (0.51), old Macs
(0.5556): an exported frame should keep its values in the film."""
_PROBES = np.array([(0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), (0.05, 0.05, 0.05), (0.9, 0.2, 0.1), (0.2, 0.3, 0.9)])


class ProfileError(ValueError):
    """A profile is broken, or made for another colour space."""


def to_srgb(values: np.ndarray, space: str, profile: bytes | None) -> np.ndarray:
    """(h, w, channels) float32 in 0..1 as (h, w, 3) float32 sRGB in 0..1.

    CMYK is ink (0: paper); LAB is L*, a*, b* under D50 in their own units. Without a profile GRAY and RGB are taken for
    sRGB, and CMYK becomes (1 - ink) (1 - black). The precision is 16 bits. Raises ProfileError if the profile cannot be
    used.
    """
    if space == "LAB":  # independent of any device: a profile says nothing more
        return _transform(values, "LAB", _standard("LAB"))
    if space == "GRAY" and profile and profile[16:20] == _SIGNATURES["RGB"]:
        space, values = "RGB", np.repeat(values, 3, 2)
    if profile and not (space == "RGB" and _is_srgb(profile)):
        if profile[16:20] != _SIGNATURES[space]:
            raise ProfileError(f"it is for {profile[16:20].decode('ascii', 'replace').strip() or 'nothing'}")
        return _transform(values, space, profile)
    if space == "CMYK":
        return (1 - values[..., :3]) * (1 - values[..., 3:])
    return np.repeat(values, 3, 2) if space == "GRAY" else values


def of_video(primaries: int, transfer: int) -> bytes | None:
    """Profile of full-range R'G'B' by the numbers of ISO/IEC 23091-2 (PNG's cICP); None for sRGB and the like."""
    if primaries not in _VIDEO_POINTS and transfer not in _VIDEO_GAMMA:
        return None
    return _made(_VIDEO_POINTS.get(primaries, _SRGB_POINTS), _VIDEO_GAMMA.get(transfer))


def of_gamma(exponent: float, points: Sequence[float] | None) -> bytes | None:
    """Profile of PNG's gAMA (0: none) and cHRM (x, y of white, red, green, blue); None for sRGB and the like."""
    usual = not exponent or _USUAL_GAMMA[0] <= exponent <= _USUAL_GAMMA[1]
    near = points is None or max(abs(a - b) for a, b in zip(points, _SRGB_POINTS, strict=True)) < 0.02
    if usual and near:
        return None
    return _made(tuple(points or _SRGB_POINTS), 1 / exponent if exponent else None)


def _made(points: tuple[float, ...], gamma: float | None) -> bytes:
    """Profile with these primaries and sRGB's curve, or a pure power."""
    from imagecodecs import cms_profile

    x = np.linspace(0, 1, 4096)
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4) if gamma is None else x**gamma
    return cms_profile(
        "rgb",
        whitepoint=[*points[:2], 1.0],
        primaries=[v for n in (2, 4, 6) for v in (*points[n : n + 2], 1.0)],
        transferfunction=np.rint(linear * 65535).astype(np.uint16),
    )


def _transform(values: np.ndarray, space: str, profile: bytes) -> np.ndarray:
    from imagecodecs import CMS, CmsError, cms_transform

    if space != "LAB":
        values = np.rint(values * 65535).astype(np.uint16)
    values = np.ascontiguousarray(values[..., 0] if space == "GRAY" else values)
    try:
        rgb = cms_transform(
            values,
            profile,
            _standard("sRGB"),
            colorspace={"GRAY": "gray"}.get(space, space.lower()),
            outcolorspace="rgb",
            outdtype=np.float32 if space == "LAB" else np.uint16,
            flags=CMS.FLAGS.NOOPTIMIZE,  # the quick way of 16-bit matrix profiles is off by up to 14 of 255
        )
    except (CmsError, ValueError) as error:
        raise ProfileError(str(error)) from None
    return np.clip(rgb, 0, 1) if space == "LAB" else rgb.astype(np.float32) / np.float32(65535)


@lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Judged by what it does, not by its name: there are linear profiles called sRGB."""
    if profile[16:20] != _SIGNATURES["RGB"]:
        return False
    probes = _PROBES[None].astype(np.float32)
    return bool(np.abs(_transform(probes, "RGB", profile) - probes).max() < 0.004)


@lru_cache(maxsize=2)
def _standard(name: str) -> bytes:
    """ICC bytes of sRGB or of CIELAB under D50."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB" if name == "LAB" else "sRGB")).tobytes()
