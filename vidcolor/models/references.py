"""References as all models use them: weights by distance in time, sizes, and what a cropped one does not cover."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from vidcolor.shot import Reference

HALF_LIFE = 24.0
"""Frames of distance at which a key counts half as much as a near one that matches equally well."""


def time_bias(references: Sequence[Reference], frame: int | None) -> torch.Tensor:
    """(k,) log weights of the keys for a film frame: the user's, times a half for every `HALF_LIFE` frames of distance
    beyond that of the nearest key. frame: None for the user's weights alone, where no key is near: a film may return to
    a place after any time."""
    distance = torch.tensor([0.0 if r.frame is None or frame is None else abs(r.frame - frame) for r in references])
    weight = torch.tensor([r.weight for r in references])
    return weight.log() - (distance - distance.min()) / HALF_LIFE * np.log(2)


def cover_bias(reference: Reference | None, h: int, w: int) -> torch.Tensor:
    """(h, w) added to the logits of a reference's places: very low where it does not cover them."""
    if reference is None or reference.covered is None:
        return torch.zeros(h, w)
    covered = cv2.resize(reference.covered.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.where(covered > 0.9, 0, -1e4).astype(np.float32))


def sized(lab: np.ndarray, h: int, w: int) -> np.ndarray:
    """A key's Lab (., ., 3) at working size (h, w)."""
    if lab.shape[:2] == (h, w):
        return lab
    return cv2.resize(lab, (w, h), interpolation=cv2.INTER_AREA if lab.shape[0] > h else cv2.INTER_CUBIC)
