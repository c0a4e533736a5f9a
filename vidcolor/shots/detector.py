"""Hard cuts of black-and-white film, on luma alone: proposed by PySceneDetect's ContentDetector, then checked."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import cv2
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

THUMB = (96, 128)
"""Height and width of the thumbnails on which cuts are found: small enough that grain disappears."""
CONTENT = 12.0
"""Mean difference of neighbouring normalised frames (0..255) from which a cut is proposed. Cuts between unlike clips
lie above 28; a false proposal costs one flow at thumbnail size, so the threshold is low."""
AGREE = 0.5
"""Correlation of detail, after motion compensation, from which two frames show the same scene. Measured: 0.98 in a
shot, above 0.54 in the fastest motion, 0.1 to 0.4 across a cut."""
ALIKE = 0.65
"""Correlation of the whole pictures, after motion compensation, that the same scene must reach too: between scenes with
little detail, flow can make the details agree but not the light. Measured: 0.96 in a shot, above 0.76 in 98 of 100 fast
motions; 0.5 between scenes with little detail that pass AGREE."""
WINDOW = 5
"""Frames compared on each side of a possible cut: flashes, splices and dirt of up to 4 frames are bridged."""
MIN_SHOT = 5
"""Frames of the shortest shot: anything shorter than WINDOW could be a flash."""
_GRID = np.stack(np.meshgrid(np.arange(THUMB[1]), np.arange(THUMB[0])), -1).astype(np.float32)


def thumbnail(luma: np.ndarray, depth: int = 8) -> np.ndarray:
    """(H, W) code values of `depth` bits -> THUMB-sized uint8, mean 128 and deviation 48.

    The normalisation removes exposure pumping and fades of gain. The frame's edge (gate, splices) is cut off.
    """
    height, width = luma.shape
    inner = luma[height // 20 : height - height // 20, width // 20 : width - width // 20]
    small = cv2.resize(inner, THUMB[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    small *= 255 / (2**depth - 1)
    # The lower limit keeps the grain of a black frame from becoming a picture.
    gain = 48 / max(float(small.std()), 4.0)
    return np.clip(128 + (small - float(small.mean())) * gain, 0, 255).astype(np.uint8)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two float arrays of the same shape; 0 if one is constant."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6))


def detail(picture: np.ndarray, fine: float = 1.0, coarse: float = 8.0) -> np.ndarray:
    """Structure without light: a float32 picture's band between two Gaussian blurs (sigmas in pixels)."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), fine) - cv2.GaussianBlur(picture, (0, 0), coarse))


class CutDetector:
    """Finds hard cuts in frames that come one at a time; keeps a few thumbnails, however long the film.

    ContentDetector (luma only) proposes cuts on normalised thumbnails. A proposal stands if no frame just before it
    shows the same scene as any frame just after it, motion compensated by optical flow. Flashes of a few frames, dirt,
    flicker and fast pans have such a pair of frames. In a dissolve neighbouring frames agree: no cut.
    """

    def __init__(self, min_shot: int = MIN_SHOT) -> None:
        self._min_shot = max(1, min_shot)
        self._content = ContentDetector(threshold=CONTENT, min_scene_len=0, luma_only=True)
        self._recent: deque[tuple[int, np.ndarray]] = deque(maxlen=2 * WINDOW)
        self._proposed: deque[int] = deque()
        self._cuts: list[tuple[int, float]] = []  # first frame of the new shot, best agreement across the cut
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._next = 0

    def add(self, luma: np.ndarray, depth: int = 8) -> None:
        """The film's next frame: (H, W) code values of `depth` bits."""
        index, thumb = self._next, thumbnail(luma, depth)
        self._next += 1
        # Rate 1: it only counts frames. With three equal planes its luma (HSV's V) is ours; its hue is unused.
        if self._content.process_frame(FrameTimecode(index, 1.0), cv2.merge([thumb] * 3)):
            self._proposed.append(index)
        self._recent.append((index, thumb))
        while self._proposed and index >= self._proposed[0] + WINDOW - 1:
            self._check(self._proposed.popleft())

    def cuts(self) -> list[int]:
        """First frames of the second and later shots. Call once, after the last frame."""
        while self._proposed:
            self._check(self._proposed.popleft())
        kept: list[tuple[int, float]] = []
        for cut, agreement in self._cuts:
            if cut < self._min_shot or self._next - cut < self._min_shot:
                continue
            if kept and cut - kept[-1][0] < self._min_shot:
                # One event (a flash at the cut, a ragged splice): the larger change is the cut.
                if agreement < kept[-1][1] - 0.05:
                    kept[-1] = (cut, agreement)
                continue
            kept.append((cut, agreement))
        return [cut for cut, _ in kept]

    def _check(self, cut: int) -> None:
        before = [thumb for index, thumb in self._recent if cut - WINDOW <= index < cut]
        after = [thumb for index, thumb in self._recent if cut <= index < cut + WINDOW]
        best = 0.0
        for a in reversed(before):  # nearest pair first: inside a shot it agrees at once
            for b in after:
                best = max(best, self._agreement(a, b))
                if best >= AGREE:
                    return
        self._cuts.append((cut, best))

    def _agreement(self, a: np.ndarray, b: np.ndarray) -> float:
        x, y = cv2.split(_GRID + self._flow.calc(a, b, np.zeros((*THUMB, 2), np.float32)))
        followed = cv2.remap(b, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        score = correlation(detail(a.astype(np.float32)), detail(followed))
        if score >= AGREE and correlation(a.astype(np.float32), followed) < ALIKE:
            return 0.0
        return score


def shots_of(cuts: list[int], frames: int) -> tuple[tuple[int, int], ...]:
    """[first, stop) of every shot of a film of `frames` frames."""
    edges = [0, *cuts, frames]
    return tuple(pairwise(edges))
