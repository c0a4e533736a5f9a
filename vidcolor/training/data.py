"""Training data from any folder of clips and any folder of photographs: pairs (target, key) in Lab.

Clips give pairs of frames any distance apart; photographs, pairs with warped and flipped copies of themselves. Faults
of film (grain, blur, exposure, vignette, scratches) are added to the grey target, and to one key in five.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import torch

HELD_OUT = (
    "hike",
    "flamingo",
    "motorbike",
    "lp_d10",
    "iv_miami-surf",
    "tf_wolf",
    "soccerball",
    "ct_cat",
    "bus",
    "st_wda1",
)
"""Clips (file stems) that validation uses and training never sees."""


SHORT, UNIT = 256, 32
"""Short side of the working frame, and what its sides are multiples of."""


@dataclass(frozen=True)
class Clip:
    """A clip in colour."""

    name: str
    """Its file's stem."""
    frames: np.ndarray
    """(n, h, w, 3) uint8 RGB."""


def read_clip(path: Path, most: int, spread: bool = True) -> np.ndarray:
    """At most `most` frames of a clip, evenly spaced or (not `spread`) the first, RGB, from decord's batched random
    access or else PyAV."""

    def chosen(n: int) -> list[int]:
        return spaced(n, most) if spread else list(range(min(n, most)))

    try:
        import decord
    except ImportError:
        with av.open(str(path)) as container:
            frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
        return np.stack([frames[i] for i in chosen(len(frames))])
    reader = decord.VideoReader(str(path), num_threads=1)
    return reader.get_batch(chosen(len(reader))).asnumpy()


def read_lab_clip(path: Path, most: int, spread: bool = False) -> np.ndarray:
    """Frames of a clip as `read_clip` takes them, each as `fitted`: (n, h, w, 3) Lab."""
    return np.stack([fitted(frame) for frame in read_clip(path, most, spread)])


def spaced(n: int, most: int) -> list[int]:
    """At most `most` of n indices, evenly spaced."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, most))})


def load_clips(folder: Path, most: int = 24, keep: Callable[[str], bool] = lambda name: True) -> list[Clip]:
    """Every clip of a folder that `keep` wants, `most` frames of each, in memory."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".mp4", ".mkv", ".mov", ".avi") and keep(p.stem))
    return [Clip(p.stem, read_clip(p, most)) for p in paths]


def load_photos(folder: Path, short: int = 256) -> list[np.ndarray]:
    """Every photograph of a folder as RGB uint8, near-grey ones left out (as Xu et al. do)."""
    pictures = []
    for path in sorted(folder.iterdir()):
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            continue
        s = short / min(bgr.shape[:2])
        if s < 1:
            bgr = cv2.resize(bgr, None, fx=s, fy=s, interpolation=cv2.INTER_AREA)
        ab = cv2.cvtColor(bgr[::4, ::4].astype(np.float32) / 255, cv2.COLOR_BGR2Lab)[..., 1:]
        if np.ptp(ab[..., 0]) + np.ptp(ab[..., 1]) >= 5:
            pictures.append(np.ascontiguousarray(bgr[..., ::-1]))
    return pictures


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """RGB uint8 -> (h, w, 3) float32 Lab."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


def fitted(rgb: np.ndarray) -> np.ndarray:
    """RGB (., ., 3) uint8 -> Lab (h, w, 3) float32 at the program's working size, with an aspect ratio of at most 2."""
    h, w = rgb.shape[:2]
    s = SHORT / min(h, w)
    size = [min(2 * SHORT, round(side * s / UNIT) * UNIT) for side in (w, h)]
    return to_lab(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def cover(rgb: np.ndarray, size: tuple[int, int], rng: np.random.Generator, zoom: float) -> np.ndarray:
    """A random crop of `size` (h, w), half of them mirrored. zoom >= 1: 1 for the largest crop that fits."""
    return crop(rgb, size, zoom, (rng.random(), rng.random()), bool(rng.random() < 0.5))


def crop(rgb: np.ndarray, size: tuple[int, int], zoom: float, at: tuple[float, float], mirror: bool) -> np.ndarray:
    h, w = size
    s = max(h / rgb.shape[0], w / rgb.shape[1]) * zoom
    nh, nw = max(h, round(rgb.shape[0] * s)), max(w, round(rgb.shape[1] * s))
    out = cv2.resize(rgb, (nw, nh), interpolation=cv2.INTER_AREA if s < 1 else cv2.INTER_LINEAR)
    top, left = int(at[1] * (nh - h + 1)), int(at[0] * (nw - w + 1))
    out = out[top : top + h, left : left + w]
    return np.ascontiguousarray(out[:, ::-1] if mirror else out)


def warp(lab: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy as from another viewpoint: affine plus a smooth displacement, mirrored half of the time."""
    h, w = lab.shape[:2]
    angle, scale = rng.normal(0, 0.15), np.exp(rng.normal(0, 0.18))
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    y, x = np.mgrid[:h, :w].astype(np.float32)
    dx, dy = x - w / 2, y - h / 2
    if rng.random() < 0.5:
        dx = -dx
    grid = rng.normal(0, rng.uniform(0, 0.06), (2, 5, 6)).astype(np.float32)
    gx, gy = (cv2.resize(g, (w, h), interpolation=cv2.INTER_CUBIC) * min(h, w) for g in grid)
    shift = rng.normal(0, 0.08, 2) * min(h, w)
    mx = (c * dx - s * dy + w / 2 + gx + shift[0]).astype(np.float32)
    my = (s * dx + c * dy + h / 2 + gy + shift[1]).astype(np.float32)
    return cv2.remap(lab, mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def age(l: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lightness (h, w) 0..100 with faults of old film, each at random: exposure, blur, vignette, grain, scratches."""
    h, w = l.shape
    y: np.ndarray = l / 100
    if rng.random() < 0.6:
        y = np.clip(y, 0, 1) ** np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.1)) + rng.normal(0, 0.03)
    if rng.random() < 0.3:
        y = cv2.GaussianBlur(y, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.2:
        gy, gx = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        y = y * (1 - rng.uniform(0, 0.5) * (gx**2 + gy**2) / 2)
    if rng.random() < 0.4:
        grain = rng.normal(0, rng.uniform(0.005, 0.05), (h, w)).astype(np.float32)
        y = y + (cv2.GaussianBlur(grain, (0, 0), 0.8) * 1.8 if rng.random() < 0.5 else grain)
    if rng.random() < 0.1:
        for _ in range(rng.integers(1, 4)):
            y[:, rng.integers(0, w)] += rng.uniform(-0.4, 0.4)
    return np.clip(y, 0, 1).astype(np.float32) * 100


def smooth_noise(h: int, w: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """(h, w) smooth noise of unit variance with about `cells` bumps across."""
    grid = rng.normal(0, 1, (max(2, cells * h // max(h, w)) + 1, cells + 1)).astype(np.float32)
    return cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC)


def rotate_hue(ab: np.ndarray, angle: float) -> np.ndarray:
    """ab (..., 2) turned by `angle` radians: with it a net learns to follow the key, not habit."""
    c, s = np.cos(angle), np.sin(angle)
    return ab @ np.array([[c, s], [-s, c]], np.float32)


@dataclass(frozen=True)
class Pair:
    """One training example: a grey target, its true colours, and a key."""

    l: np.ndarray
    """(h, w) the target's lightness as the film has it (aged)."""
    ab: np.ndarray
    """(h, w, 2) its true colours."""
    key: np.ndarray
    """(h, w, 3) Lab of the key."""


class Pairs:
    """Endless random pairs from clips and photographs."""

    def __init__(self, clips: list[Clip], photos: list[np.ndarray], size: tuple[int, int], photo_share: float = 0.4):
        self.clips, self.photos, self.size, self.photo_share = clips, photos, size, photo_share

    def draw(self, rng: np.random.Generator) -> Pair:
        zoom = 1 + max(0.0, rng.normal(0, 0.2))
        if self.photos and (not self.clips or rng.random() < self.photo_share):
            target = to_lab(cover(self.photos[rng.integers(len(self.photos))], self.size, rng, zoom))
            key = warp(target, rng)
        else:
            frames = self.clips[rng.integers(len(self.clips))].frames
            i, j = rng.integers(len(frames), size=2)
            at, mirror = (rng.random(), rng.random()), bool(rng.random() < 0.5)
            x, y = np.clip(np.array(at) + rng.normal(0, 0.05, 2), 0, 0.999)
            target = to_lab(crop(frames[i], self.size, zoom, at, mirror))
            key = to_lab(
                crop(
                    frames[j],
                    self.size,
                    zoom * max(1 / zoom, np.exp(rng.normal(0, 0.05))),
                    (float(x), float(y)),
                    mirror,
                )
            )
            if rng.random() < 0.15:
                key = warp(key, rng)
        key = key.copy()
        if rng.random() < 0.2:  # most keys are clean paintings, some are frames of the aged film
            key[..., 0] = age(key[..., 0], rng)
        return Pair(age(target[..., 0], rng), target[..., 1:], key)

    def batch(self, n: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """n pairs as tensors: `l` (n, 1, h, w), `ab` (n, 2, h, w), `key_l`, `key_ab` alike."""
        pairs = [self.draw(rng) for _ in range(n)]
        key = _stack([p.key for p in pairs])
        return {
            "l": _stack([p.l[..., None] for p in pairs]),
            "ab": _stack([p.ab for p in pairs]),
            "key_l": key[:, :1],
            "key_ab": key[:, 1:],
        }


def _stack(maps: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(maps).transpose(0, 3, 1, 2), np.float32))
