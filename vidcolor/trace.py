"""A painted key's own colours, followed to where what they colour has gone.

Flow from frame to frame is put together to one displacement from each frame to the key, and the key's colours are
taken over at once: nothing blurs on the way, however far it is. Small steps add up to a drift, so every displacement
is corrected against the key's own picture. A traced colour counts as far as the flow was sure all along and the two
pictures agree where it came to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from .flow import carry, carry_flow, compute_flows, halved, pixel_grid
from .models.contract import Shot
from .temporal import DOUBT, DRIFT, PIN_WEIGHT

OWN_WEIGHT = 6.0
"""Weight of the colour that a model has found, against a traced colour's, which begins as `PIN_WEIGHT`."""
LEAST = 0.5
"""A key is followed until nowhere more than this weight is left."""
AGREE = 6.0
"""Mean difference of L at which the weight falls to 1/e."""
WINDOW = 5
"""Side of the windows of that mean, in working pixels."""
CORRECTION = 2.0
"""Half-size pixels by which a displacement is corrected at most, about: more is another thing that looks alike."""

_NO_MAP: Any = None


def bring(shot: Shot, ab: np.ndarray, pins: Mapping[int, np.ndarray], amount: float = 1.0) -> None:
    """Put painted keys' colours into a shot, where they are and where they can be followed to; in place.

    ab: (n, h, w, 2), Lab units, at the size of `shot.lightness`. pins: as `temporal.pins` gives them at that size.
    amount: 0 (on the keys' own frames only) to 1.
    """
    if amount > 0 and pins and len(shot) > 1:
        compute_flows(shot)
        weight = np.full(ab.shape[:3], OWN_WEIGHT, np.float16)
        for t0, colors in pins.items():
            for step in (1, -1):
                for t, traced, sure in _traced(shot, t0, colors, step):
                    sure *= np.float32(amount)
                    before = weight[t].astype(np.float32)
                    ab[t] = cv2.blendLinear(ab[t].astype(np.float32), traced, before, sure)
                    weight[t] = before + sure
    for t, colors in pins.items():
        known = ~np.isnan(colors[..., 0])
        ab[t][known] = colors[known]


def _traced(shot: Shot, t0: int, colors: np.ndarray, step: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Frame after frame away from the key at t0: position, its colours there (h, w, 2), their weight (h, w)."""
    h, w = shot.lightness.shape[1:]
    key, small = np.ascontiguousarray(shot.lightness[t0]), halved(shot.lightness[t0])
    known = cv2.erode((~np.isnan(colors[..., 0])).astype(np.float32), np.ones((3, 3)))
    colors = np.nan_to_num(colors)
    weight = cv2.resize(known, small.shape[::-1], interpolation=cv2.INTER_AREA) * np.float32(PIN_WEIGHT)
    place = pixel_grid(*small.shape)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    dis.setFinestScale(0)
    for t in range(t0 + step, len(shot) if step > 0 else -1, step):
        flow, sure = carry_flow(shot, t, t - step, half=True)
        place, weight = carry(place, flow), carry(weight, flow)
        weight /= 1 + weight * (np.float32(DRIFT - DOUBT) + np.float32(DOUBT) / np.maximum(sure, np.float32(1e-3)))
        if weight.max() < LEAST:
            return
        place = _corrected(place, small, halved(shot.lightness[t]), dis)
        at = cv2.resize(place, (w, h), interpolation=cv2.INTER_LINEAR) * 2 + np.float32(0.5)  # pixels' centres
        differs = cv2.absdiff(cv2.remap(key, at, _NO_MAP, cv2.INTER_LINEAR), shot.lightness[t])
        differs = cv2.blur(differs.astype(np.float32), (WINDOW, WINDOW)) / np.float32(2.55 * AGREE)
        agrees = cv2.exp(-differs * differs)
        traced = cv2.remap(colors, at, _NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        yield t, traced, agrees * cv2.resize(weight, (w, h), interpolation=cv2.INTER_LINEAR)


def _corrected(place: np.ndarray, key: np.ndarray, frame: np.ndarray, dis: Any) -> np.ndarray:
    """Places in the key (h/2, w/2, 2) for a frame's pixels, after one more flow between the frame and what the key
    looks like from there."""
    if min(frame.shape) < 16:
        return place
    seen = cv2.remap(key, place, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rest = dis.calc(frame, seen, None)
    rest *= np.exp(-(rest**2).sum(-1, keepdims=True) / np.float32(CORRECTION**2))
    return carry(place, pixel_grid(*frame.shape) + rest)
