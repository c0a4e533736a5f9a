"""Colour made steady inside a shot: carried along optical flow from the past and from the future, and averaged.

Every frame's own colour has a weight, its confidence. Going forward, what a pixel knows is carried to the next frame,
its weight multiplied by the flow's confidence and a factor below 1, and joined to that frame's own colour as a
weighted mean; the same going backward; a frame's result is the mean of past, own and future. A sure frame so gives
to its neighbours more than it takes, a doubtful one takes more than it gives, and where flow fails (edges that
uncover something, the picture's border) a frame keeps its own. Painted keys are sure, and kept exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import cv2
import numpy as np
import torch

from .flow import carry, carry_flow, compute_flows
from .models.contract import Reference, Shot

DRIFT = 0.002
"""Variance that a step along sure flow adds, where 1 is the variance of a sure match's colour."""
DOUBT = 0.15
"""Variance that is added for each unit of 1 / (flow's confidence) - 1."""
LEAST_WEIGHT = 0.05
"""Weight of a frame's own colour where its confidence is 0."""
PLAIN = 4.0
"""Standard deviation of L in a window below which it shows nothing to compare."""
SAME = 0.4
"""Local correlation from which two windows show the same thing."""
PIN_WEIGHT = 200.0
"""Weight of a painted key's colour, against 1 of a sure match."""


def pins(shot: Shot, references: Sequence[Reference]) -> dict[int, np.ndarray]:
    """Positions in the shot of the frames that keys are paintings of, and the keys' ab (h, w, 2) float32, at the size
    of `shot.lightness`; NaN where a key says nothing: outside a cropped one, and where something in such a one has
    moved since (it was painted on a frame beside)."""
    h, w = shot.lightness.shape[1:]
    found = {}
    for key in references:
        if key.painted and key.frame is not None and 0 <= key.frame - shot.first < len(shot):
            ab = cv2.resize(np.ascontiguousarray(key.lab[..., 1:]), (w, h), interpolation=cv2.INTER_AREA)
            if key.covered is not None:
                covered = cv2.resize(key.covered.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST)
                lightness = cv2.resize(np.ascontiguousarray(key.lab[..., 0]), (w, h), interpolation=cv2.INTER_AREA)
                fits = same_structure(shot.lightness[key.frame - shot.first] / np.float32(2.55), lightness)
                ab[(covered == 0) | ~fits] = np.nan
            found[key.frame - shot.first] = ab
    return found


def same_structure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where two lightnesses (h, w) float32, 0..100, show the same thing: (h, w) bool.

    By local correlation (Gaussian windows of 4 pixels), whatever their brightness; where both are plain there is
    nothing to disagree.
    """
    blur = partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=4)
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    correlation = (blur(a * b) - mean_a * mean_b) / np.sqrt(np.maximum(var_a * var_b, 1e-6))
    differs = (np.maximum(var_a, var_b) > PLAIN**2) & (correlation < SAME)
    return cv2.dilate(differs.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0


def smooth(
    shot: Shot, ab: np.ndarray, confidence: np.ndarray, pins: Mapping[int, np.ndarray], amount: float
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth the colours of a whole shot in time, both ways.

    ab: (n, h, w, 2) float16 or float32, Lab units, at the size of `shot.lightness`; overwritten. confidence:
    (n, h, w) in 0..1, overwritten: the result's is the mean of those that a colour was made of. pins: position in
    the shot to (h, w, 2), the colours of painted keys, kept as they are; NaN where a key says
    nothing. amount: 0 (only the pins are set) to 1.
    Returns the two arrays. Holds one more array of twice the size of a float16 `ab`, and the flow in `shot.cache`.
    """
    _check(shot, ab, confidence, pins, amount)
    if amount > 0 and len(shot) > 1:
        compute_flows(shot)
        past = np.empty((*ab.shape[:3], 4), np.float16)
        state = None
        for t in range(len(shot)):
            brought = _brought(shot, state, t, t - 1, amount)
            past[t] = _float16(brought)
            state = _joined(brought, _own(ab, confidence, pins, t))
        state = None
        for t in reversed(range(len(shot))):
            state = _joined(_brought(shot, state, t, t + 1, amount), _own(ab, confidence, pins, t))
            result = _joined(state, _float32(past[t]))
            ab[t], confidence[t] = result[..., :2], result[..., 2]
    for t, colors in pins.items():
        known = ~np.isnan(colors[..., 0])
        ab[t][known], confidence[t][known] = colors[known], 1
    return ab, confidence


def _own(ab: np.ndarray, confidence: np.ndarray, pins: Mapping[int, np.ndarray], t: int) -> np.ndarray:
    """What frame t says itself: (h, w, 4) float32 of a, b, confidence, weight."""
    sure = _float32(confidence[t])
    own = cv2.merge((_float32(ab[t]), sure, sure + np.float32(LEAST_WEIGHT)))
    if t in pins:
        known = ~np.isnan(pins[t][..., 0])
        own[known, :2], own[known, 2], own[known, 3] = pins[t][known], 1, PIN_WEIGHT
    return own


def _brought(shot: Shot, state: np.ndarray | None, t: int, source: int, amount: float) -> np.ndarray:
    """What frame `source` knows, seen from its neighbour t: (h, w, 4) float32, little weight where flow fails."""
    if state is None:
        return np.zeros((*shot.lightness.shape[1:], 4), np.float32)
    flow, sure = carry_flow(shot, t, source)
    state = carry(state, flow)
    # weights are inverse variances (a Kalman filter's): a step adds variance, so that what came by doubtful flow has
    # little weight however sure it was before
    added = np.float32(DRIFT - DOUBT) + np.float32(DOUBT) / np.maximum(sure, np.float32(1e-3))
    weight = cv2.extractChannel(state, 3)
    return cv2.insertChannel(np.float32(amount) * weight / (1 + weight * added), state, 3)


def _joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The weighted mean of two (h, w, 4) states, with the sum of their weights."""
    of_a, of_b = cv2.extractChannel(a, 3), cv2.extractChannel(b, 3)
    return cv2.insertChannel(of_a + of_b, cv2.blendLinear(a, b, of_a, of_b), 3)


def _float32(x: np.ndarray) -> np.ndarray:
    return torch.from_numpy(x).float().numpy()  # torch's conversions are six times as fast as numpy's


def _float16(x: np.ndarray) -> np.ndarray:
    return torch.from_numpy(x).half().numpy()


def _check(shot: Shot, ab: np.ndarray, confidence: np.ndarray, pins: Mapping[int, np.ndarray], amount: float) -> None:
    if ab.shape != (*shot.lightness.shape, 2) or confidence.shape != shot.lightness.shape:
        raise ValueError(f"ab {ab.shape} and confidence {confidence.shape} are not those of {shot.lightness.shape}")
    if not 0 <= amount <= 1:
        raise ValueError(f"amount {amount} is not in 0..1")
    for t, colors in pins.items():
        if not 0 <= t < len(shot) or colors.shape != ab.shape[1:]:
            raise ValueError(f"pin {t} of shape {colors.shape} is not a frame of ab {ab.shape}")
