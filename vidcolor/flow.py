"""Optical flow between neighbouring frames of a shot, and how far it can be believed.

DIS flow (Kroeger et al., ECCV 2016; OpenCV's implementation) on the lightness of the working frames. Confidence
falls where forward and backward flow disagree, where the brightness of what was carried does not fit, and
outside the frame.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import cv2
import numpy as np

from .models.contract import Shot

Preset = Literal["ultrafast", "fast", "light", "medium"]
"""OpenCV's presets, and "light": medium's scales with fewer patches and one step of refinement. It takes less than
half of medium's time and costs the temporal pass 0.03 dB with one key and 0.1 dB with two; "fast" costs 0.3 and 0.5."""
PRESET: Preset = "medium"
ROUND_TRIP = 1.5
"""Pixels of the working frame that a forward-backward round trip may miss by until confidence is 1/e."""
BRIGHTNESS = 10.0
"""Difference in L at which confidence falls to 1/e."""
CACHE_BYTES = 200 << 20
"""Most memory that the flow of one shot may hold (900 frames of 256x448); what is beyond is computed when asked for."""

_NO_MAP: Any = None  # the map is one array of x and y; OpenCV's type hints know only two
_local = threading.local()
_counting = threading.Lock()


def _dis(preset: Preset) -> Any:
    """One instance per thread: an instance keeps scratch buffers and is not safe to share."""
    mine = _local.__dict__.setdefault("dis", {})
    if preset not in mine:
        base = {
            "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
            "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
            "light": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
            "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
        }[preset]
        dis = mine[preset] = cv2.DISOpticalFlow.create(base)
        if preset == "light":
            dis.setPatchStride(5)
            dis.setGradientDescentIterations(16)
            dis.setVariationalRefinementIterations(1)
    return mine[preset]


def flow_between(a: np.ndarray, b: np.ndarray, preset: Preset = PRESET) -> np.ndarray:
    """Displacement (h, w, 2) float32, in pixels, x then y: where the pixels of `a` lie in `b`.

    a, b: (h, w) uint8 lightness. Frames too small for DIS (a side under 16 pixels) count as not moving.
    """
    if min(a.shape) < 16:
        return np.zeros((*a.shape, 2), np.float32)
    return _dis(preset).calc(np.ascontiguousarray(a), np.ascontiguousarray(b), None)


def carry_flow(shot: Shot, t: int, s: int, preset: Preset = PRESET) -> tuple[np.ndarray, np.ndarray]:
    """Where frame t's pixels lie in frame s, its neighbour, and how sure that is.

    t, s: positions in `shot.lightness`, |t - s| = 1. Returns a map (h, w, 2) float32 of x, y in frame s (for
    `carry`) and a confidence (h, w) float32 in 0..1. Flow is kept in `shot.cache`, half the size, both ways.
    """
    if abs(t - s) != 1 or not (0 <= t < len(shot) and 0 <= s < len(shot)):
        raise ValueError(f"flow is between neighbouring frames of a shot of {len(shot)}, not from {t} to {s}")
    there, back = _displacement(shot, t, s, preset), _displacement(shot, s, t, preset)
    return _map_and_confidence(shot.lightness[t], shot.lightness[s], there, back)


def carry(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Values (h, w[, c]) of frame s seen from frame t by the map of `carry_flow(shot, t, s)`; bilinear."""
    return cv2.remap(values, flow, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def compute_flows(shot: Shot, threads: int = 2, preset: Preset = PRESET, between: Iterable[int] | None = None) -> None:
    """Fill the cache with the flow of a shot (or of its pairs t, t+1 for t in `between`) in a pool of threads."""
    h, w = shot.lightness.shape[1:]
    room = CACHE_BYTES // (2 * _half_bytes(h, w))  # what the cache cannot hold is not worth computing ahead
    pairs = list(range(len(shot) - 1) if between is None else between)[:room]
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        jobs = [pool.submit(_half, shot, t + i, t + 1 - i, preset) for t in pairs for i in (0, 1)]
        for job in jobs:
            job.result()


def _half_bytes(h: int, w: int) -> int:
    return round(h / 2) * round(w / 2) * 2 * 2  # x and y, float16


def _displacement(shot: Shot, t: int, s: int, preset: Preset) -> np.ndarray:
    """Flow from t to s at full size, always by way of the half size, so that caching changes no bit."""
    h, w = shot.lightness.shape[1:]
    half = _half(shot, t, s, preset).astype(np.float32)
    return cv2.resize(half, (w, h), interpolation=cv2.INTER_LINEAR)


def _half(shot: Shot, t: int, s: int, preset: Preset) -> np.ndarray:
    """Flow from t to s, float16, at half the frame's size (DIS computes no finer), from the cache or put there."""
    key = ("flow", preset, t, s)
    if key in shot.cache:
        return shot.cache[key]
    flow = flow_between(shot.lightness[t], shot.lightness[s], preset)
    half = cv2.resize(flow, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.float16)
    with _counting:
        held = sum(1 for k in list(shot.cache) if isinstance(k, tuple) and k[:1] == ("flow",))
        if (held + 1) * half.nbytes <= CACHE_BYTES:
            shot.cache[key] = half
    return half


def _map_and_confidence(
    at: np.ndarray, to: np.ndarray, there: np.ndarray, back: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    h, w = at.shape
    grid = there + _grid(h, w)
    miss = carry(back, grid)
    miss += there
    miss *= miss
    doubt = (miss[..., 0] + miss[..., 1]) * np.float32(-1 / ROUND_TRIP**2)
    inside = cv2.inRange(grid, (0, 0), (w - 1, h - 1))  # 255 or 0
    seen, own = carry(to, grid), at
    gain, offset = _flicker(seen, own, doubt, inside)
    differs = seen * np.float32(gain / 2.55) + np.float32(offset / 2.55) - own * np.float32(1 / 2.55)
    differs *= differs
    doubt -= differs * np.float32(1 / BRIGHTNESS**2)
    sure = cv2.exp(doubt)
    sure *= inside * np.float32(1 / 255)
    return grid, cv2.blur(sure, (3, 3))


def _flicker(seen: np.ndarray, own: np.ndarray, doubt: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Gain and offset that bring the whole carried frame to the brightness of this one (old film flickers).

    Weighted least squares over every fourth pixel of every fourth row, with a gain of at least 0.8 and at most 1.25.
    """
    x, y, d, i = (v[::4, ::4].astype(np.float64).ravel() for v in (seen, own, doubt, inside))
    weight = np.exp(d) * (i > 0)
    total = weight.sum()
    if total < 32:
        return 1.0, 0.0
    mx, my = (weight @ x) / total, (weight @ y) / total
    variance = (weight @ (x - mx) ** 2) / total
    slope = (weight @ ((x - mx) * (y - my))) / total / variance if variance > 25 else 1.0
    gain = float(np.clip(slope, 0.8, 1.25))
    return gain, float(my - gain * mx)


def _grid(h: int, w: int) -> np.ndarray:
    mine = _local.__dict__.setdefault("grid", {})
    if (h, w) not in mine:
        mine.clear()
        mine[h, w] = np.stack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)), -1)
    return mine[h, w]
