"""Propagation: painted keys' colours followed along motion to the other frames of their shot.

Flow from frame to frame adds up to one displacement from each frame to the key, by which the key's colours are warped
once, so nothing blurs however far the frame is. Small errors add up to drift, so every second step is corrected against
the key's own picture. The weight of a traced colour depends on the confidence of flow on the whole way and on how well
frame and key agree in lightness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from vidcolor.motion.flow import compute_flows, halved, pixel_grid, warp, warp_map
from vidcolor.motion.key_colors import find_key_colors, key_reach, set_key_colors
from vidcolor.motion.smooth import DOUBT, DRIFT, KEY_WEIGHT, smooth_coarse
from vidcolor.shot import PER_L, Reference, Shot

OWN_WEIGHT = 4.0
"""Weight of a model's own colour; that of a traced colour begins as `KEY_WEIGHT`."""
LEAST = 0.5
"""A key is followed as long as its weight is at least this somewhere."""
NOTHING = 1e-3
"""Weight below which a traced colour is dropped."""
AGREE = 6.0
"""Mean difference of L between key and frame at which the weight falls to 1/e."""
WINDOW = 3
"""Side of the windows of that mean, in half-size pixels."""
CORRECTION = 2.0
"""About the largest correction of a displacement, in half-size pixels: beyond it, something else only looks alike."""

_NO_MAP: Any = None


@dataclass(frozen=True)
class Traced:
    """The colours of all painted keys of a shot, followed to every frame."""

    ab: np.ndarray
    """(n, h, w, 2) float16, Lab units: the mean of the traced colours."""
    weight: np.ndarray
    """(n, h / 2, w / 2) float16: the sum of their weights; 0 where no key can be followed to."""
    differs: np.ndarray
    """(n, h / 2, w / 2) float16: the keys' L minus the frame's."""
    positions: dict[int, np.ndarray]
    """By a key's position in the shot: (n, h / 8, w / 8, 2) float16, x and y in the key of every 8x8 pixels of a frame,
    in frame heights; NaN in frames that the key is not followed to."""

    def alpha(self, t: int) -> np.ndarray:
        """(h / 2, w / 2) float32 in 0..1: how much the traced colours of frame t count against a model's own."""
        weight = self.weight[t].astype(np.float32)
        return weight / (weight + np.float32(OWN_WEIGHT))

    def blended(self, t: int, ab: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """The traced colours of frame t over ab (h, w, 2), by alpha (h / 2, w / 2) float32 in 0..1: float32."""
        alpha = cv2.resize(alpha, ab.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return cv2.blendLinear(self.ab[t].astype(np.float32), ab.astype(np.float32), alpha, 1 - alpha)


def track(shot: Shot, key_colors: Mapping[int, np.ndarray], reach: Mapping[int, float] | None = None) -> Traced | None:
    """Trace painted keys through a shot; None without painted keys, or if `shot.motion` is 0.

    key_colors: as `find_key_colors` gives them at the size of `shot.lightness`. reach: as `key_reach` gives it; with
    half the reach, a key's weight falls twice as fast with distance. None: 1 for all keys.
    """
    if not key_colors or len(shot) < 2 or shot.motion == 0:
        return None
    compute_flows(shot)
    n, h, w = shot.lightness.shape
    ab, weight, differs = (np.zeros((n, *s), np.float16) for s in ((h, w, 2), (h // 2, w // 2), (h // 2, w // 2)))
    positions = {t0: np.full((n, h // 8, w // 8, 2), np.nan, np.float16) for t0 in key_colors}
    traced = Traced(ab, weight, differs, positions)
    for t0, colors in key_colors.items():
        for step in (1, -1):
            for t, place, *found in _traced(shot, t0, colors, step, (reach or {}).get(t0, 1.0)):
                _join(traced, t, *found)
                coarse = cv2.resize(place, (w // 8, h // 8), interpolation=cv2.INTER_AREA)
                positions[t0][t] = (2 * coarse + 1) / h
                shot.step("trace")
    return traced


def apply(
    shot: Shot, ab: np.ndarray, key_colors: Mapping[int, np.ndarray], reach: Mapping[int, float] | None = None
) -> None:
    """Put painted keys' colours into a shot, in place: on their own frames, and wherever they can be followed to.

    ab: (n, h, w, 2), Lab units, at the size of `shot.lightness`. key_colors, reach: as `track` takes them.
    `shot.motion` is how far followed colours count.
    """
    traced = track(shot, key_colors, reach)
    if traced is not None:
        for t in range(len(shot)):
            ab[t] = traced.blended(t, ab[t], traced.alpha(t) * np.float32(shot.motion))
    set_key_colors(ab, key_colors)


def steady(shot: Shot, references: Sequence[Reference], ab: np.ndarray, confidence: np.ndarray) -> None:
    """Make colours that were found frame by frame follow motion, in place: smoothed in time, with painted keys' colours
    wherever they can be followed to.

    ab: (n, h, w, 2), Lab units, confidence: (n, h, w) in 0..1, both float16 at the size of `shot.lightness`.
    """
    key_colors = find_key_colors(shot, references)
    smooth_coarse(shot, ab, confidence, key_colors)
    apply(shot, ab, key_colors, key_reach(shot, references))


def _join(traced: Traced, t: int, ab: np.ndarray, weight: np.ndarray, differs: np.ndarray) -> None:
    """Add one key's colours of frame t to those of the other keys, as a weighted mean."""
    before = traced.weight[t].astype(np.float32)
    full = [cv2.resize(x, ab.shape[1::-1], interpolation=cv2.INTER_LINEAR) for x in (before, weight)]
    traced.ab[t] = cv2.blendLinear(traced.ab[t].astype(np.float32), ab, *full)
    traced.differs[t] = cv2.blendLinear(traced.differs[t].astype(np.float32), differs, before, weight)
    traced.weight[t] = before + weight


def _traced(
    shot: Shot, t0: int, colors: np.ndarray, step: int, reach: float
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Follow the key at t0 frame by frame in one direction. Yields the frame, its pixels' positions in the key (h/2,
    w/2, 2) in half-size pixels, the key's colours there (h, w, 2), and at half size their weight and the key's L minus
    the frame's."""
    h, w = shot.lightness.shape[1:]
    small = halved(shot.lightness[t0])
    # eroded by what interpolation reaches
    known = cv2.erode((~np.isnan(colors[..., 0])).astype(np.float32), np.ones((7, 7)))
    known = (cv2.resize(known, small.shape[::-1], interpolation=cv2.INTER_AREA) == 1).astype(np.float32)
    colors, weight = np.nan_to_num(colors), known * np.float32(KEY_WEIGHT)
    place = pixel_grid(*small.shape)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    dis.setFinestScale(0)
    dis.setPatchStride(5)
    for t in range(t0 + step, len(shot) if step > 0 else -1, step):
        flow, confidence = warp_map(shot, t, t - step, half=True)
        place, weight = warp(place, flow), warp(weight, flow)
        added = np.float32(DRIFT - DOUBT) + np.float32(DOUBT) / np.maximum(confidence, np.float32(1e-3))
        weight /= 1 + weight * added / np.float32(reach)
        if weight.max() < LEAST:
            return
        frame = halved(shot.lightness[t])
        if (t - t0) % 2 == 0:  # correcting every step is no better
            place = _corrected(place, small, frame, dis)
        differs = warp(small, place).astype(np.float32) - frame
        differs /= np.float32(PER_L)
        apart = cv2.blur(np.abs(differs), (WINDOW, WINDOW)) / np.float32(AGREE)
        at = cv2.resize(place, (w, h), interpolation=cv2.INTER_LINEAR) * 2 + np.float32(0.5)  # pixels' centres
        ab = cv2.remap(colors, at, _NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        # the weight blurs from frame to frame: the key itself says where it has no colours
        weight *= warp(known, place)
        # tiny weights become 0: denormal numbers are slow
        counts = cv2.threshold(weight * cv2.exp(-apart * apart), NOTHING, 0, cv2.THRESH_TOZERO)[1]
        yield t, place, ab, counts, differs


def _corrected(place: np.ndarray, key: np.ndarray, frame: np.ndarray, dis: Any) -> np.ndarray:
    """Positions in the key (h/2, w/2, 2) of a frame's pixels, corrected by flow between the frame and the key as warped
    to it."""
    if min(frame.shape) < 16:
        return place
    seen = cv2.remap(key, place, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rest = dis.calc(frame, seen, None)
    rest *= np.exp(-(rest**2).sum(-1, keepdims=True) / np.float32(CORRECTION**2))
    return warp(place, pixel_grid(*frame.shape) + rest)
