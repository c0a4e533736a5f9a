"""CIE Lab (D65) and sRGB as tensors, differentiable, on any device, for use inside models.

The conversions of whole frames are in `lab.py`.
"""

from __future__ import annotations

import torch

from vidcolor.color.lab import KINK, RGB_TO_XYZ

_WHITE = (0.95047, 1.0, 1.08883)


def rgb_to_lab(rgb: torch.Tensor) -> torch.Tensor:
    """(b, 3, h, w) RGB 0..1 to Lab: L 0..100, a, b in Lab units, float32. Values outside 0..1 keep a slope,
    so that a training loss can bring them back."""
    rgb = rgb.float()
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, rgb.clamp(min=-0.5) / 12.92)
    xyz = torch.einsum("ij,bjhw->bihw", _matrix(rgb), linear)
    cubic = xyz.clamp(min=KINK**3) ** (1 / 3)
    f = torch.where(xyz > KINK**3, cubic, xyz / (3 * KINK**2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def lab_to_rgb(lab: torch.Tensor) -> torch.Tensor:
    """(b, 3, h, w) Lab to RGB, float32, clamped to 0..1 where the colour lies outside the gamut."""
    lightness, a, b = lab.float().unbind(1)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], 1)
    xyz = torch.where(f > KINK, f.clamp(min=KINK) ** 3, 3 * KINK**2 * (f - 4 / 29))
    linear = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(_matrix(lab)), xyz).clamp(0, 1)
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, curved, 12.92 * linear)


def _matrix(like: torch.Tensor) -> torch.Tensor:
    """Linear RGB to XYZ, relative to the white point."""
    white = torch.tensor(_WHITE, device=like.device)[:, None]
    return torch.tensor(RGB_TO_XYZ, device=like.device) / white
