"""Optical flow between neighbouring frames of a shot, and its confidence.

DIS flow (Kroeger et al., ECCV 2016; OpenCV's implementation) on the lightness of the working frames at half their
size: OpenCV's presets compute no finer. Confidence falls where forward and backward flow disagree, where warped and
actual brightness differ, and outside the frame.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np

from vidcolor.shot import PER_L, FlowPair, Shot

ROUND_TRIP = 1.5
"""Error of a forward-backward round trip, in pixels of the working frame, at which confidence falls to 1/e."""
BRIGHTNESS = 14.0
"""Difference in L, between pixels of the half-size frames, at which confidence falls to 1/e (10 costs the temporal
pass 0.1 dB between two keys)."""
_NO_MAP: Any = None  # the map is one array of x and y; OpenCV's type hints know only two
_local = threading.local()


def warp_map(shot: Shot, t: int, s: int, *, half: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Where frame t's pixels lie in frame s, its neighbour, and with what confidence.

    t, s: positions in `shot.lightness`, |t - s| = 1. Returns a map (h, w, 2) float32 of x, y in frame s (for
    `warp`) and a confidence (h, w) float32 in 0..1; with `half`, (h/2, w/2, 2) in pixels of half-size frames and
    (h/2, w/2). Both are computed at half size and kept in `shot.flow`. Raises ValueError for other frames.
    """
    if abs(t - s) != 1 or not (0 <= t < len(shot) and 0 <= s < len(shot)):
        raise ValueError(f"flow is between neighbouring frames of a shot of {len(shot)}, not from {t} to {s}")
    there, confidence = (both[int(s < t)].astype(np.float32) for both in _pair(shot, min(t, s)))
    if not half:
        h, w = shot.lightness.shape[1:]
        there = cv2.resize(there, (w, h), interpolation=cv2.INTER_LINEAR)
        there *= 2
        confidence = cv2.resize(confidence, (w, h), interpolation=cv2.INTER_LINEAR)
    there += pixel_grid(*confidence.shape)
    return there, confidence


def warp(values: np.ndarray, flow: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Values (h, w[, c]) of frame s seen from frame t by the map of `warp_map(shot, t, s)`."""
    return cv2.remap(values, flow, _NO_MAP, interpolation, borderMode=cv2.BORDER_REPLICATE)


def compute_flows(shot: Shot, threads: int = 2) -> None:
    """Fill the shot's cache with the flow between all its neighbouring frames, in a pool of threads."""
    h, w = shot.lightness.shape[1:]
    pairs = range(len(shot) - 1)[: shot.flow.limit // _pair_bytes(h, w)]  # the cache holds no more
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for job in [pool.submit(_pair, shot, t) for t in pairs]:
            job.result()
            shot.step("flow")


def _pair_bytes(h: int, w: int) -> int:
    return round(h / 2) * round(w / 2) * 2 * 3 * 2  # both ways; x, y and confidence; float16


def _pair(shot: Shot, t: int) -> FlowPair:
    """Flow between frames t and t + 1, from the cache or put there."""
    pair = shot.flow.get(t)
    if pair is None:
        pair = _both_ways(halved(shot.lightness[t]), halved(shot.lightness[t + 1]))
        shot.flow.put(t, pair)
    return pair


def halved(lightness: np.ndarray) -> np.ndarray:
    return cv2.resize(lightness, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _both_ways(a: np.ndarray, b: np.ndarray) -> FlowPair:
    """`FlowPair` of two frames (h/2, w/2) uint8, rounded before use, so that caching changes no bit."""
    flow = np.stack([_displacement(a, b), _displacement(b, a)]).astype(np.float16)
    there, back = flow.astype(np.float32)
    confidence = np.stack([_confidence(a, b, there, back), _confidence(b, a, back, there)])
    return flow, confidence.astype(np.float16)


def _displacement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where the pixels of `a` lie in `b`, (h/2, w/2, 2). Frames too small for DIS count as not moving."""
    if min(a.shape) < 8:
        return np.zeros((*a.shape, 2), np.float32)
    return _dis().calc(a, b, None)


def _dis() -> Any:
    """OpenCV's medium preset with fewer patches and one step of refinement: less than half of its time for 0.03 dB of
    a film (held-out clips, one key or two). One instance per thread: its scratch buffers are not safe to share."""
    if not hasattr(_local, "dis"):
        dis = _local.dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        dis.setFinestScale(dis.getFinestScale() - 1)  # the frames are halved already: the same flow, 15 % quicker
        dis.setPatchStride(5)
        dis.setGradientDescentIterations(16)
        dis.setVariationalRefinementIterations(1)
    return _local.dis


def _confidence(at: np.ndarray, to: np.ndarray, there: np.ndarray, back: np.ndarray) -> np.ndarray:
    """(h/2, w/2) float32 in 0..1: confidence of the displacement `there` from frame `at` to frame `to`."""
    h, w = at.shape
    grid = there + pixel_grid(h, w)
    miss = warp(back, grid)
    miss += there
    miss *= miss
    doubt = (miss[..., 0] + miss[..., 1]) * np.float32(-4 / ROUND_TRIP**2)  # a pixel is two of the working frame's
    # the centres of the working frame's border pixels, and what lies between
    inside = cv2.inRange(grid, (-0.25, -0.25), (w - 0.75, h - 0.75))  # 255 or 0
    seen, own = warp(to, grid), at
    gain, offset = _flicker(seen, own, doubt, inside)
    differs = seen * np.float32(gain / PER_L) + np.float32(offset / PER_L) - own * np.float32(1 / PER_L)
    differs *= differs
    doubt -= differs * np.float32(1 / BRIGHTNESS**2)
    confidence = cv2.exp(doubt)
    confidence *= inside * np.float32(1 / 255)
    return confidence


def _flicker(seen: np.ndarray, own: np.ndarray, doubt: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Gain and offset that match the brightness of the warped frame to that of this one (old film flickers).

    Weighted least squares over every other pixel of every other row, with a gain of at least 0.8 and at most 1.25.
    """
    x, y, d, i = (v[::2, ::2].astype(np.float64).ravel() for v in (seen, own, doubt, inside))
    weight = np.exp(d) * (i > 0)
    total = weight.sum()
    if total < 32:
        return 1.0, 0.0
    mx, my = (weight @ x) / total, (weight @ y) / total
    variance = (weight @ (x - mx) ** 2) / total
    slope = (weight @ ((x - mx) * (y - my))) / total / variance if variance > 25 else 1.0
    gain = float(np.clip(slope, 0.8, 1.25))
    return gain, float(my - gain * mx)


def pixel_grid(h: int, w: int) -> np.ndarray:
    """x and y of every pixel, (h, w, 2) float32."""
    mine = _local.__dict__.setdefault("grid", {})
    if (h, w) not in mine:
        if len(mine) > 1:  # the working frame's size and half of it are in use
            mine.clear()
        mine[h, w] = np.stack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)), -1)
    return mine[h, w]
