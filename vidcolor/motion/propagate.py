"""A painted key's own colours, followed to where what they colour has gone.

Flow from frame to frame is put together to one displacement from each frame to the key, and the key's colours are
taken over at once: nothing blurs on the way, however far it is. Small steps add up to a drift, so every second one
is corrected against the key's own picture. A traced colour counts as far as the flow was sure all along and the two
pictures agree where it came to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from vidcolor.motion.flow import compute_flows, halved, pixel_grid, warp, warp_map
from vidcolor.motion.smooth import DOUBT, DRIFT, PIN_WEIGHT
from vidcolor.shot import Shot

OWN_WEIGHT = 4.0
"""Weight of the colour that a model has found, against a traced colour's, which begins as `PIN_WEIGHT`."""
LEAST = 0.5
"""A key is followed until nowhere more than this weight is left."""
NOTHING = 1e-3
"""Weight that is as good as none."""
AGREE = 6.0
"""Mean difference of L at which the weight falls to 1/e."""
WINDOW = 3
"""Side of the windows of that mean, in half-size pixels."""
CORRECTION = 2.0
"""Half-size pixels by which a displacement is corrected at most, about: more is another thing that looks alike."""

CACHED = "traced"
"""Under which name `follow` keeps what it has found in a shot's cache."""
_NO_MAP: Any = None


@dataclass(frozen=True)
class Traced:
    """What painted keys say of every frame of a shot, put together."""

    ab: np.ndarray
    """(n, h, w, 2) float16, Lab units: the mean of the traced colours."""
    weight: np.ndarray
    """(n, h / 2, w / 2) float16: the sum of their weights; 0 where no key comes to."""
    differs: np.ndarray
    """(n, h / 2, w / 2) float16: L of the keys there, minus the frame's."""
    places: dict[int, np.ndarray]
    """By a key's position: (n, h / 8, w / 8, 2) float16, where in the key every 8x8 pixels of a frame lie, x and y in
    frame heights; NaN in frames to which the key is not followed."""

    def share(self, t: int) -> np.ndarray:
        """(h / 2, w / 2) float32 in 0..1: how far the traced colour of frame t is to be believed, by its weight."""
        weight = self.weight[t].astype(np.float32)
        return weight / (weight + np.float32(OWN_WEIGHT))

    def joined(self, t: int, ab: np.ndarray, share: np.ndarray) -> np.ndarray:
        """ab (h, w, 2) of frame t with a share (h / 2, w / 2) float32, 0..1, of the traced colours in it: float32."""
        share = cv2.resize(share, ab.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return cv2.blendLinear(self.ab[t].astype(np.float32), ab.astype(np.float32), share, 1 - share)


def track(shot: Shot, pins: Mapping[int, np.ndarray], reaches: Mapping[int, float] | None = None) -> Traced | None:
    """Trace painted keys through a shot; None where there are none, or no motion is to be followed. pins: as
    `key_colors.key_colors` gives them at the size of `shot.lightness`. reaches: as `key_colors.key_reach` gives them:
    at half the reach a key's weight is what it is at twice the distance; 1 for all where None. Kept in the shot's
    cache, as the model and the pipeline both need it."""
    if not pins or len(shot) < 2 or shot.motion == 0:
        return None
    if CACHED not in shot.cache:
        compute_flows(shot)
        n, h, w = shot.lightness.shape
        ab, weight, differs = (np.zeros((n, *s), np.float16) for s in ((h, w, 2), (h // 2, w // 2), (h // 2, w // 2)))
        places = {t0: np.full((n, h // 8, w // 8, 2), np.nan, np.float16) for t0 in pins}
        traced = Traced(ab, weight, differs, places)
        for t0, colors in pins.items():
            for step in (1, -1):
                for t, place, *found in _traced(shot, t0, colors, step, (reaches or {}).get(t0, 1.0)):
                    _join(traced, t, *found)
                    coarse = cv2.resize(place, (w // 8, h // 8), interpolation=cv2.INTER_AREA)
                    places[t0][t] = (2 * coarse + 1) / h
                    shot.step("trace")
        shot.cache[CACHED] = traced
    return shot.cache[CACHED]


def apply(
    shot: Shot,
    ab: np.ndarray,
    pins: Mapping[int, np.ndarray],
    amount: float = 1.0,
    shares: np.ndarray | None = None,
    reaches: Mapping[int, float] | None = None,
) -> None:
    """Put painted keys' colours into a shot, where they are and where they can be followed to; in place.

    ab: (n, h, w, 2), Lab units, at the size of `shot.lightness`. pins: as `key_colors.key_colors` gives them at that
    size. amount: 0 (on the keys' own frames only) to 1. shares: (n, h / 2, w / 2), 0..1, how far a model believes the
    traced colours; by their weights where None. reaches: as `follow` takes them.
    """
    traced = track(shot, pins, reaches) if amount > 0 else None
    if traced is not None:
        for t in range(len(shot)):
            share = traced.share(t) if shares is None else shares[t].astype(np.float32)
            ab[t] = traced.joined(t, ab[t], share * np.float32(amount))
    for t, colors in pins.items():
        known = ~np.isnan(colors[..., 0])
        ab[t][known] = colors[known]


def _join(traced: Traced, t: int, ab: np.ndarray, weight: np.ndarray, differs: np.ndarray) -> None:
    """One key's colours of frame t to those of the others."""
    before = traced.weight[t].astype(np.float32)
    full = [cv2.resize(x, ab.shape[1::-1], interpolation=cv2.INTER_LINEAR) for x in (before, weight)]
    traced.ab[t] = cv2.blendLinear(traced.ab[t].astype(np.float32), ab, *full)
    traced.differs[t] = cv2.blendLinear(traced.differs[t].astype(np.float32), differs, before, weight)
    traced.weight[t] = before + weight


def _traced(
    shot: Shot, t0: int, colors: np.ndarray, step: int, reach: float
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Frame after frame away from the key at t0: position, places in the key (h/2, w/2, 2) in pixels of half size,
    its colours there (h, w, 2), and at half size their weight and by how much the key's L is above the frame's."""
    h, w = shot.lightness.shape[1:]
    small = halved(shot.lightness[t0])
    # as far from the unknown as no interpolation reaches
    known = cv2.erode((~np.isnan(colors[..., 0])).astype(np.float32), np.ones((7, 7)))
    known = (cv2.resize(known, small.shape[::-1], interpolation=cv2.INTER_AREA) == 1).astype(np.float32)
    colors, weight = np.nan_to_num(colors), known * np.float32(PIN_WEIGHT)
    place = pixel_grid(*small.shape)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    dis.setFinestScale(0)
    dis.setPatchStride(5)
    for t in range(t0 + step, len(shot) if step > 0 else -1, step):
        flow, sure = warp_map(shot, t, t - step, half=True)
        place, weight = warp(place, flow), warp(weight, flow)
        added = np.float32(DRIFT - DOUBT) + np.float32(DOUBT) / np.maximum(sure, np.float32(1e-3))
        weight /= 1 + weight * added / np.float32(reach)
        if weight.max() < LEAST:
            return
        frame = halved(shot.lightness[t])
        if (t - t0) % 2 == 0:  # at every step it is no better
            place = _corrected(place, small, frame, dis)
        differs = warp(small, place).astype(np.float32) - frame
        differs /= np.float32(2.55)
        apart = cv2.blur(np.abs(differs), (WINDOW, WINDOW)) / np.float32(AGREE)
        at = cv2.resize(place, (w, h), interpolation=cv2.INTER_LINEAR) * 2 + np.float32(0.5)  # pixels' centres
        ab = cv2.remap(colors, at, _NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        # the weight, carried from frame to frame, has blurred: where the key says nothing is asked of the key itself
        weight *= warp(known, place)
        # weights near nothing become nothing: what is left of them would be denormal numbers, which are slow
        counts = cv2.threshold(weight * cv2.exp(-apart * apart), NOTHING, 0, cv2.THRESH_TOZERO)[1]
        yield t, place, ab, counts, differs


def _corrected(place: np.ndarray, key: np.ndarray, frame: np.ndarray, dis: Any) -> np.ndarray:
    """Places in the key (h/2, w/2, 2) for a frame's pixels, after one more flow between the frame and what the key
    looks like from there."""
    if min(frame.shape) < 16:
        return place
    seen = cv2.remap(key, place, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rest = dis.calc(frame, seen, None)
    rest *= np.exp(-(rest**2).sum(-1, keepdims=True) / np.float32(CORRECTION**2))
    return warp(place, pixel_grid(*frame.shape) + rest)
