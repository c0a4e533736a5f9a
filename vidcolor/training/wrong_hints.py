"""Dense hints as wrong as they are in use: mismatched, drifted, bleeding, pale, occluded, with a confidence that knows
only half of it. The colorization net learns from them to keep good hints, repair bad ones and fill holes.
"""

from __future__ import annotations

import cv2
import numpy as np

STRIDE = 4
"""Matched colours come at this stride."""


def smooth_noise(h: int, w: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """(h, w) smooth noise of unit variance with about `cells` bumps across."""
    grid = rng.normal(0, 1, (max(2, cells * h // max(h, w)) + 1, cells + 1)).astype(np.float32)
    return cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC)


def spoil(ab: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """True ab (h, w, 2), and that of another picture, to a hint (h, w, 2) and its confidence (h, w) in 0..1."""
    h, w = ab.shape[0] // STRIDE, ab.shape[1] // STRIDE
    hint = cv2.resize(ab, (w, h), interpolation=cv2.INTER_AREA)
    true = hint
    y, x = np.mgrid[:h, :w].astype(np.float32)
    drift = rng.exponential(0.6)
    hint = _shifted(hint, x + drift * smooth_noise(h, w, 8, rng), y + drift * smooth_noise(h, w, 8, rng))
    for _ in range(rng.integers(0, 5)):
        place = smooth_noise(h, w, int(rng.integers(3, 14)), rng) > rng.uniform(0.8, 2.0)
        kind = rng.random()
        if kind < 0.5:  # colours of elsewhere in the same picture
            wrong = _shifted(true, x + rng.normal(0, w / 3), y + rng.normal(0, h / 3))
        elif kind < 0.7:
            wrong = cv2.resize(other, (w, h), interpolation=cv2.INTER_AREA)
        else:  # many candidates averaged
            wrong = cv2.GaussianBlur(true, (0, 0), rng.uniform(2, 10)) * np.float32(rng.uniform(0.2, 1))
        hint = np.where(place[..., None], wrong, hint)
    if rng.random() < 0.3:
        hint = hint * np.float32(rng.uniform(0.6, 1.05))
    if rng.random() < 0.3:
        hint = cv2.GaussianBlur(hint, (0, 0), rng.uniform(0.5, 2))
    error = np.linalg.norm(hint - true, axis=-1)
    known = 1 / (1 + np.exp((error - 10) / 4))  # what a perfect judge would say
    guess = rng.uniform(0.5, 0.95) + 0.25 * smooth_noise(h, w, 6, rng)
    trust = rng.uniform(0.2, 0.9)
    confidence = np.clip(trust * known + (1 - trust) * guess, 0, 1)
    if rng.random() < 0.5:  # holes: what the key does not show, what just came into view
        hole = smooth_noise(h, w, int(rng.integers(2, 8)), rng) > rng.uniform(0.3, 1.8)
        confidence = np.where(hole, confidence * rng.uniform(0, 0.3), confidence)
    size = (ab.shape[1], ab.shape[0])
    hint = cv2.resize(hint, size, interpolation=cv2.INTER_LINEAR)
    return hint, cv2.resize(confidence.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)


def _shifted(ab: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return cv2.remap(
        ab, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
