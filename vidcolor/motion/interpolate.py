"""Frames between those that a model looks at: they take their colours from both neighbours, along flow.

From one frame to the next a film shows nearly the same things: colours found for two frames of three are nearly as good
as for all (0.07 dB less with one key, held-out clips; for every second one 0.11). What one neighbour hides the other
one mostly shows; where neither is followed well (a flash, a jump, fast motion), the frame is looked at itself.
"""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from vidcolor.motion.flow import compute_flows, warp, warp_map
from vidcolor.shot import Shot

FOLLOWED = 0.7
"""Mean confidence of the better one of both flows, over a frame, from which its colours may come from its
neighbours."""
LEAST = 1e-3
"""Confidence of flow below which both neighbours count the same."""


def inferred_frames(shot: Shot, needed: Collection[int] = ()) -> list[int]:
    """Positions of a shot's frames whose colours have to be found: two of three, the last, those `needed`, and
    what cannot be followed from its neighbours. Every other frame lies between two of them."""
    compute_flows(shot)
    last = len(shot) - 1
    return [t for t in range(len(shot)) if t % 3 != 1 or t == last or t in needed or _followed(shot, t) < FOLLOWED]


def interpolated(shot: Shot, t: int, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """ab of frame t, (h, w, 2) float32 of the shot's size, from that of the frames before and after it."""
    (to_before, of_before), (to_after, of_after) = (warp_map(shot, t, s) for s in (t - 1, t + 1))
    shares = (np.maximum(sure, np.float32(LEAST)) for sure in (of_before, of_after))
    # bicubic: bilinear would leave these frames visibly softer than those around them
    brought = (warp(ab, flow, cv2.INTER_CUBIC) for ab, flow in ((before, to_before), (after, to_after)))
    return cv2.blendLinear(*brought, *shares)


def _followed(shot: Shot, t: int) -> float:
    """How well frame t, not the first nor the last, is followed from the frames around it: 0..1."""
    before, after = (warp_map(shot, t, s, half=True)[1] for s in (t - 1, t + 1))
    return float(np.maximum(before, after).mean())
