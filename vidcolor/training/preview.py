"""Sheets of pictures to look at while a net trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from vidcolor.color.lab import lab_to_rgb


def rgb(l: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Lightness (h, w) or (h, w, 1) 0..100 and ab (h, w, 2) -> (h, w, 3) float32 RGB 0..1."""
    return lab_to_rgb(np.dstack([l, ab]).astype(np.float32))


def hwc(x: torch.Tensor) -> np.ndarray:
    """A map (c, h, w), on any device, as (h, w, c) float32."""
    return x.permute(1, 2, 0).float().cpu().numpy()


def write_sheet(path: Path, rows: Sequence[Sequence[np.ndarray]]) -> None:
    """Write rows of pictures (h, w, 3), RGB 0..1, all of one size, as one PNG."""
    sheet = np.vstack([np.hstack(row) for row in rows])
    cv2.imwrite(str(path), np.rint(np.clip(sheet[..., ::-1], 0, 1) * 255).astype(np.uint8))
