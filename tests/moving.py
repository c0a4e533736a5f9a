"""A square that crosses a resting ground: its frames, true colours and keys."""

import cv2
import numpy as np

from vidcolor.models.base import Batch
from vidcolor.shot import Reference, Shot


def texture(h: int, w: int, seed: int) -> np.ndarray:
    """Smooth noise, uint8, 40..215."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((h, w)).astype(np.float32), (0, 0), 2)
    return cv2.normalize(noise, None, 40, 215, cv2.NORM_MINMAX).astype(np.uint8)


def moving(steps: int = 3, dx: int = 4, h: int = 96, w: int = 160) -> np.ndarray:
    """A textured square that crosses a textured, resting ground, `dx` pixels a frame; (n, h, w) uint8."""
    frames = np.repeat(texture(h, w, 0)[None], steps, 0)
    square = texture(40, 40, 1) // 2 + 110
    for t in range(steps):
        frames[t, 28:68, 40 + dx * t : 80 + dx * t] = square
    return frames


SQUARE = np.array([40.0, -30.0], np.float32)


def truth_of(n: int, dx: int = 4) -> np.ndarray:
    """The true ab of `moving`: a coloured square on grey ground, (n, 96, 160, 2) float16."""
    ab = np.zeros((n, 96, 160, 2), np.float16)
    for t in range(n):
        ab[t, 28:68, 40 + dx * t : 80 + dx * t] = SQUARE
    return ab


def error(ab: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((ab.astype(np.float32) - truth) ** 2)))


def confident(n: int, value: float = 0.6) -> np.ndarray:
    return np.full((n, 96, 160), value, np.float16)


N = 8


def film():
    return Shot(moving(N), 100)


def key(frame=100, painted=True):
    """What `moving` shows at that frame, its square red on green ground."""
    l = film().grey(0 if frame is None else frame - 100)
    lab = np.dstack([l, np.full_like(l, -20), np.full_like(l, 25)])
    x = 40 + 4 * (0 if frame is None else frame - 100)
    lab[28:68, x : x + 40, 1:] = 40, 20
    return Reference(lab, frame, painted=painted)


def colored(model, shot, state, *parts):
    return [model.colorize(Batch.of(shot, range(a, b), model.device), state) for a, b in parts or [(0, len(shot))]]
