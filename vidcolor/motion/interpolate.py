"""Colours of frames that a model does not infer, interpolated from both neighbours along flow.

From one frame to the next a film shows nearly the same things: inferring two frames of three is nearly as good as
inferring all (0.07 dB less with one key, held-out clips; every second one: 0.11). What is hidden in one neighbour is
mostly visible in the other. A frame that can be followed from neither (a flash, a jump, fast motion) is inferred too.
"""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from vidcolor.motion.flow import compute_flows, warp, warp_map
from vidcolor.shot import Shot

FOLLOWED = 0.7
"""Least mean over a frame of the higher of both flows' confidence, for its colours to be interpolated."""
LEAST = 1e-3
"""Lower limit of flow's confidence as a weight: below it both neighbours count the same."""


def inferred_frames(shot: Shot, needed: Collection[int] = ()) -> list[int]:
    """Positions of the frames whose colours a model has to find: two of three, the last, those `needed`, and frames
    that cannot be followed from their neighbours. Every other frame lies between two of them."""
    compute_flows(shot)
    last = len(shot) - 1
    return [t for t in range(len(shot)) if t % 3 != 1 or t == last or t in needed or _followed(shot, t) < FOLLOWED]


def interpolated(shot: Shot, t: int, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """ab of frame t, (h, w, 2) float32 of the shot's size, from that of the frames before and after it."""
    (to_before, of_before), (to_after, of_after) = (warp_map(shot, t, s) for s in (t - 1, t + 1))
    weights = (np.maximum(confidence, np.float32(LEAST)) for confidence in (of_before, of_after))
    # bicubic: bilinear would leave these frames visibly softer than those around them
    warped = (warp(ab, flow, cv2.INTER_CUBIC) for ab, flow in ((before, to_before), (after, to_after)))
    return cv2.blendLinear(*warped, *weights)


def _followed(shot: Shot, t: int) -> float:
    """How well frame t, not the first nor the last, is followed from the frames around it: 0..1."""
    before, after = (warp_map(shot, t, s, half=True)[1] for s in (t - 1, t + 1))
    return float(np.maximum(before, after).mean())
