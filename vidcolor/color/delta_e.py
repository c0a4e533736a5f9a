"""CIEDE2000, the perceived difference of two colours (CIE 142-2001; formulas of Sharma, Wu and Dalal 2005)."""

from __future__ import annotations

import numpy as np


def ciede2000(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Difference of two Lab pictures (..., 3) at each place: (...) float64; 1 is just visible side by side."""
    l1, a1, b1 = np.moveaxis(np.asarray(one, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(other, np.float64), -1, 0)
    seventh = _seventh((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)
    a1, a2 = a1 * (1.5 - 0.5 * seventh), a2 * (1.5 - 0.5 * seventh)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    around = (h1 + h2) / 2 + np.where(np.abs(h1 - h2) > 180, np.where(h1 + h2 < 360, 180, -180), 0)
    mean_h = np.where(grey, h1 + h2, around)
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    away = (mean_l - 50) ** 2
    lightness = (l2 - l1) / (1 + 0.015 * away / np.sqrt(20 + away))
    chroma = (c2 - c1) / (1 + 0.045 * mean_c)
    hue = hue / (1 + 0.015 * mean_c * t)
    blue = -np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2)))) * 2 * _seventh(mean_c)
    return np.sqrt(np.maximum(lightness**2 + chroma**2 + hue**2 + blue * chroma * hue, 0))


def _seventh(chroma: np.ndarray) -> np.ndarray:
    power = chroma**7
    return np.sqrt(power / (power + 25.0**7))
