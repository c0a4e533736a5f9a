"""Colours smoothed in time inside a shot: warped along optical flow from the past and from the future, and averaged.

A frame's own colours are weighted by their confidence. Going forward, colours are warped to the next frame, lose weight
where flow is doubtful, and are averaged with that frame's own colours; then the same going backward. A frame's result
is the weighted mean of past, own and future. A confident frame gives more to its neighbours than it takes, a doubtful
one takes more than it gives, and where flow fails (uncovered edges, the picture's border) a frame keeps its own
colours. Painted keys are kept exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch

from vidcolor.motion.flow import compute_flows, warp, warp_map
from vidcolor.motion.key_colors import set_key_colors, shrunk
from vidcolor.shot import Shot

DRIFT = 0.002
"""Variance that a step along confident flow adds, relative to that of a confident match's colour."""
KEY_WEIGHT = 200.0
"""Weight of a painted key's colour; that of a confident match is 1."""
DOUBT = 0.15
"""Variance added for each unit of 1 / (flow's confidence) - 1."""
LEAST_WEIGHT = 0.05
"""Weight of a frame's own colour where its confidence is 0."""


def smooth(
    shot: Shot,
    ab: np.ndarray,
    confidence: np.ndarray,
    key_colors: Mapping[int, np.ndarray],
    silent: Collection[int] = (),
    drift: float = DRIFT,
    key_weight: float = KEY_WEIGHT,
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth the colours of a whole shot in time, in both directions and as strongly as `shot.motion` says.

    ab: (n, h, w, 2) float16 or float32, Lab units, at the size of `shot.lightness` or at half of it; overwritten.
    confidence: (n, h, w) in 0..1, overwritten with the weighted mean of the confidences behind each colour.
    key_colors: position in the shot to (h, w, 2), the colours of painted keys at the size of `ab`, kept as they are;
    NaN where a key says nothing. silent: positions of frames without colours of their own. drift, key_weight: instead
    of `DRIFT` and `KEY_WEIGHT`.
    Returns the two arrays. Needs one more array of twice the size of a float16 `ab`. Raises ValueError where sizes do
    not match.
    """
    _check(shot, ab, confidence, key_colors)
    if shot.motion > 0 and len(shot) > 1:
        compute_flows(shot)
        _Passes(shot, ab, confidence, key_colors, silent, drift, key_weight).run()
    set_key_colors(ab, key_colors)
    for t, colors in key_colors.items():
        confidence[t][~np.isnan(colors[..., 0])] = 1
    return ab, confidence


def smooth_coarse(shot: Shot, ab: np.ndarray, confidence: np.ndarray, key_colors: Mapping[int, np.ndarray]) -> None:
    """As `smooth` for arrays at the shot's size, in a quarter of the time: the change is computed at half size and
    added to `ab`, in place, so that finer detail, which warping would blur, stays. The keys' colours are not set."""
    if shot.motion == 0:
        return
    half = (ab.shape[1] // 2, ab.shape[2] // 2)
    small = np.stack([shrunk(_float32(x), half) for x in ab]).astype(np.float16)
    small_confidence = np.stack([shrunk(_float32(x), half) for x in confidence]).astype(np.float16)
    smoothed = small.copy()
    smooth(shot, smoothed, small_confidence, {t: shrunk(colors, half) for t, colors in key_colors.items()})
    for t in range(len(shot)):
        change = cv2.subtract(_float32(smoothed[t]), _float32(small[t]))
        ab[t] = _float32(ab[t]) + cv2.resize(change, ab.shape[2:0:-1], interpolation=cv2.INTER_LINEAR)


class _Passes:
    """The passes forward and backward over a shot, at the same time, each in a thread.

    In its first half of the shot a pass stores what it passes on to each frame. The other pass, which gets there in its
    second half, averages that with its own.
    """

    def __init__(
        self,
        shot: Shot,
        ab: np.ndarray,
        confidence: np.ndarray,
        key_colors: Mapping[int, np.ndarray],
        silent: Collection[int],
        drift: float,
        key_weight: float,
    ):
        self.shot, self.ab, self.confidence, self.key_colors = shot, ab, confidence, key_colors
        self.silent, self.drift, self.key_weight = silent, drift, key_weight
        self.half = ab.shape[1:3] != shot.lightness.shape[1:]
        self.kept = np.empty((*ab.shape[:3], 4), np.float16)

    def run(self) -> None:
        middle = len(self.shot) // 2
        orders = [list(range(len(self.shot))), list(reversed(range(len(self.shot))))]
        counts = [middle, len(self.shot) - middle]
        with ThreadPoolExecutor(max_workers=2) as pool:
            states = list(pool.map(lambda order, n: self.first(order[:n]), orders, counts))
            list(pool.map(lambda order, n, state: self.second(order[n:], order[n - 1], state), orders, counts, states))

    def first(self, order: Sequence[int]) -> np.ndarray | None:
        """Store what these frames get from those before them; returns the state of the last one."""
        state, before = None, None
        for t in order:
            warped = self.warped(state, t, before)
            _copy(self.kept[t], warped)
            state, before = _joined(warped, self.own(t)), t
        return state

    def second(self, order: Sequence[int], before: int, state: np.ndarray | None) -> None:
        """Write the results of these frames to `ab` and `confidence`."""
        for t in order:
            state, before = _joined(self.warped(state, t, before), self.own(t)), t
            kept = _float32(self.kept[t])
            result = cv2.blendLinear(state, kept, cv2.extractChannel(state, 3), cv2.extractChannel(kept, 3))
            # a and b are copied as one number of eight bytes, several times as quick
            _copy(self.ab[t], np.ascontiguousarray(result.view(np.complex64)[..., 0]).view(np.float32))
            _copy(self.confidence[t], cv2.extractChannel(result, 2))

    def own(self, t: int) -> np.ndarray:
        """Frame t's own colours: (h, w, 4) float32 of a, b, confidence, weight."""
        confidence = _float32(self.confidence[t])
        weight = np.zeros_like(confidence) if t in self.silent else confidence + np.float32(LEAST_WEIGHT)
        own = cv2.merge((_float32(self.ab[t]), confidence, weight))
        if t in self.key_colors:
            colors = self.key_colors[t]
            known = ~np.isnan(colors[..., 0])
            own[known, :2], own[known, 2], own[known, 3] = colors[known], 1, self.key_weight
        return own

    def warped(self, state: np.ndarray | None, t: int, source: int | None) -> np.ndarray:
        """The state of frame `source`, seen from its neighbour t: (h, w, 4) float32, little weight where flow fails."""
        if state is None or source is None:
            return np.zeros((*self.ab.shape[1:3], 4), np.float32)
        flow, confidence = warp_map(self.shot, t, source, half=self.half)
        state = warp(state, flow)
        # weights are inverse variances (a Kalman filter's): a step adds variance, so that what came by doubtful flow
        # has little weight however sure it was before
        np.maximum(confidence, np.float32(1e-3), out=confidence)
        added = np.divide(np.float32(DOUBT), confidence, out=confidence)
        added += np.float32(self.drift - DOUBT)
        weight: np.ndarray = cv2.extractChannel(state, 3)
        added *= weight
        added += 1
        weight /= added
        weight *= np.float32(self.shot.motion)
        return cv2.insertChannel(weight, state, 3)


def _joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The weighted mean of two (h, w, 4) states, with the sum of their weights."""
    of_a, of_b = cv2.extractChannel(a, 3), cv2.extractChannel(b, 3)
    return cv2.insertChannel(cv2.add(of_a, of_b), cv2.blendLinear(a, b, of_a, of_b), 3)


def _float32(x: np.ndarray) -> np.ndarray:
    out = np.empty(x.shape, np.float32)
    _copy(out, x)
    return out


def _copy(to: np.ndarray, x: np.ndarray) -> None:
    """Contiguous x into contiguous `to`, whatever their types: torch converts several times as fast as numpy, and in
    pieces small enough for one thread, as these passes are two threads already."""
    for target, source in zip(*(torch.from_numpy(y).view(-1).split(1 << 15) for y in (to, x))):
        target.copy_(source)


def _check(shot: Shot, ab: np.ndarray, confidence: np.ndarray, key_colors: Mapping[int, np.ndarray]) -> None:
    n, h, w = shot.lightness.shape
    if ab.shape not in ((n, h, w, 2), (n, h // 2, w // 2, 2)) or confidence.shape != ab.shape[:3]:
        raise ValueError(
            f"ab {ab.shape} and confidence {confidence.shape} are not those of {shot.lightness.shape}, or half of it"
        )
    if not 0 <= shot.motion <= 1:
        raise ValueError(f"motion {shot.motion} is not in 0..1")
    for t, colors in key_colors.items():
        if not 0 <= t < n or colors.shape != ab.shape[1:]:
            raise ValueError(f"key {t} of shape {colors.shape} is not a frame of ab {ab.shape}")
