"""Optical flow between neighbouring frames of a shot, and how far it can be believed.

DIS flow (Kroeger et al., ECCV 2016; OpenCV's implementation) on the lightness of the working frames at half their
size: OpenCV's presets compute no finer. Confidence falls where forward and backward flow disagree, where the
brightness of what was carried does not fit, and outside the frame.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import cv2
import numpy as np

from vidcolor.shot import Shot

Preset = Literal["ultrafast", "fast", "light", "medium"]
"""OpenCV's presets, and "light": medium's scales with fewer patches and one step of refinement. It takes less than
half of medium's time and costs a film 0.03 dB (held-out clips, one key or two)."""
PRESET: Preset = "light"
ROUND_TRIP = 1.5
"""Pixels of the working frame that a forward-backward round trip may miss by until confidence is 1/e."""
BRIGHTNESS = 14.0
"""Difference in L, between pixels of the half-size frames, at which confidence falls to 1/e (10 costs the temporal
pass 0.1 dB between two keys)."""
CACHE_BYTES = 320 << 20
"""Most memory that the flow of one shot may hold (a unit of 480x864); what is beyond is computed when asked for."""

Pair = tuple[np.ndarray, np.ndarray]
"""Flow between two neighbouring frames, at half their size: displacement (2, h/2, w/2, 2) in pixels of that size, x
then y, and confidence (2, h/2, w/2) in 0..1; first from the earlier frame to the later, then back; float16."""

_NO_MAP: Any = None  # the map is one array of x and y; OpenCV's type hints know only two
_local = threading.local()
_counting = threading.Lock()


def warp_map(
    shot: Shot, t: int, s: int, preset: Preset = PRESET, *, half: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Where frame t's pixels lie in frame s, its neighbour, and how sure that is.

    t, s: positions in `shot.lightness`, |t - s| = 1. Returns a map (h, w, 2) float32 of x, y in frame s (for
    `carry`) and a confidence (h, w) float32 in 0..1; with `half`, (h/2, w/2, 2) in pixels of half-size frames and
    (h/2, w/2). Both are computed at half size and kept in `shot.cache`.
    """
    if abs(t - s) != 1 or not (0 <= t < len(shot) and 0 <= s < len(shot)):
        raise ValueError(f"flow is between neighbouring frames of a shot of {len(shot)}, not from {t} to {s}")
    there, sure = (both[int(s < t)].astype(np.float32) for both in _pair(shot, min(t, s), preset))
    if not half:
        h, w = shot.lightness.shape[1:]
        there = cv2.resize(there, (w, h), interpolation=cv2.INTER_LINEAR)
        there *= 2
        sure = cv2.resize(sure, (w, h), interpolation=cv2.INTER_LINEAR)
    there += pixel_grid(*sure.shape)
    return there, sure


def warp(values: np.ndarray, flow: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Values (h, w[, c]) of frame s seen from frame t by the map of `carry_flow(shot, t, s)`."""
    return cv2.remap(values, flow, _NO_MAP, interpolation, borderMode=cv2.BORDER_REPLICATE)


def compute_flows(shot: Shot, threads: int = 2, preset: Preset = PRESET, between: Iterable[int] | None = None) -> None:
    """Fill the cache with the flow of a shot (or of its pairs t, t+1 for t in `between`) in a pool of threads."""
    h, w = shot.lightness.shape[1:]
    room = CACHE_BYTES // _pair_bytes(h, w)  # what the cache cannot hold is not worth computing ahead
    pairs = list(range(len(shot) - 1) if between is None else between)[:room]
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for job in [pool.submit(_pair, shot, t, preset) for t in pairs]:
            job.result()
            shot.step("flow")


def _pair_bytes(h: int, w: int) -> int:
    return round(h / 2) * round(w / 2) * 2 * 3 * 2  # both ways; x, y and confidence; float16


def _pair(shot: Shot, t: int, preset: Preset) -> Pair:
    """Flow between frames t and t + 1, from the cache or put there."""
    key = ("flow", preset, t)
    if key not in shot.cache:
        pair = _both_ways(halved(shot.lightness[t]), halved(shot.lightness[t + 1]), preset)
        with _counting:
            held = sum(1 for k in list(shot.cache) if isinstance(k, tuple) and k[:1] == ("flow",))
            if (held + 1) * sum(part.nbytes for part in pair) > CACHE_BYTES:
                return pair
            shot.cache[key] = pair
    return shot.cache[key]


def halved(lightness: np.ndarray) -> np.ndarray:
    return cv2.resize(lightness, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _both_ways(a: np.ndarray, b: np.ndarray, preset: Preset) -> Pair:
    """`Pair` of two frames (h/2, w/2) uint8, rounded before use, so that caching changes no bit."""
    flow = np.stack([_displacement(a, b, preset), _displacement(b, a, preset)]).astype(np.float16)
    there, back = flow.astype(np.float32)
    sure = np.stack([_confidence(a, b, there, back), _confidence(b, a, back, there)])
    return flow, sure.astype(np.float16)


def _displacement(a: np.ndarray, b: np.ndarray, preset: Preset) -> np.ndarray:
    """Where the pixels of `a` lie in `b`, (h/2, w/2, 2). Frames too small for DIS count as not moving."""
    if min(a.shape) < 8:
        return np.zeros((*a.shape, 2), np.float32)
    return _dis(preset).calc(a, b, None)


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
        dis.setFinestScale(dis.getFinestScale() - 1)  # the frames are halved already: the same flow, 15 % quicker
        if preset == "light":
            dis.setPatchStride(5)
            dis.setGradientDescentIterations(16)
            dis.setVariationalRefinementIterations(1)
    return mine[preset]


def _confidence(at: np.ndarray, to: np.ndarray, there: np.ndarray, back: np.ndarray) -> np.ndarray:
    """(h/2, w/2) float32 in 0..1, how sure displacement `there` from frame `at` to frame `to` is."""
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
    differs = seen * np.float32(gain / 2.55) + np.float32(offset / 2.55) - own * np.float32(1 / 2.55)
    differs *= differs
    doubt -= differs * np.float32(1 / BRIGHTNESS**2)
    sure = cv2.exp(doubt)
    sure *= inside * np.float32(1 / 255)
    return sure


def _flicker(seen: np.ndarray, own: np.ndarray, doubt: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Gain and offset that bring the whole carried frame to the brightness of this one (old film flickers).

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
