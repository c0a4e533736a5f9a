"""The default model: the key's colours found by matching, carried along motion, refined by the colorization sub-net.

Transfer is done by place: every place of a frame copies the colours of the key's places that look like it
(`matching`), neighbouring frames hand on what they found (`temporal.smooth`), and what comes of it enters the
colorization sub-net as hints with a confidence, in the form of Xu et al.'s net: it keeps what is sure, repairs what is
not, and fills what no key shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from vidcolor import temporal
from vidcolor.models import weights
from vidcolor.models.colornet import ColorizationNet, load_colornet
from vidcolor.models.contract import Batch, Colored, Reference, Shot
from vidcolor.models.matching import KeyTokens, Matcher, load_matcher

BATCH = 1
"""Frames described at once: on a CPU one frame's maps stay in the cache, four take longer each."""
HALF_LIFE = 24.0
"""Frames of distance at which a key counts half as much as one that is near, where both look alike."""
CARRIED = 1.0
"""How far matched colours are carried along flow before they become hints (`temporal.smooth`'s amount)."""


@dataclass(frozen=True)
class State:
    """What a shot's frames need of its keys."""

    hint: np.ndarray
    """(n, h, w, 2) float16: ab found by matching and carried along motion."""
    confidence: np.ndarray
    """(n, h, w) float16 in 0..1."""


class Exemplar:
    """`--model exemplar`."""

    name = "exemplar"

    def __init__(self, device: torch.device, seed: int = 0):
        self.device, self.seed = device, seed
        self.fingerprint = weights.fingerprint(["matcher", "colornet"])
        self.matcher: Matcher = load_matcher().to(device)
        self.net: ColorizationNet = load_colornet().to(device)

    @torch.inference_mode()
    def prepare(self, shot: Shot, references: Sequence[Reference]) -> State:
        """Match every frame of the shot against its keys and carry what was found both ways along flow."""
        n, h, w = shot.lightness.shape
        hint, confidence = np.zeros((n, h, w, 2), np.float16), np.zeros((n, h, w), np.float16)
        keys = [_sized(r.lab, h, w) for r in references]
        if not keys:
            return State(hint, confidence)
        tokens = self._key_tokens(keys)
        silent = torch.cat([_silent(r, h, w) for r in references]).to(self.device)
        for start in range(0, n, BATCH):
            frames = shot.lightness[start : start + BATCH]
            l = torch.from_numpy(frames).to(self.device)[:, None].float() / 2.55
            with torch.autocast(self.device.type, torch.bfloat16):
                described = self.matcher.describe(l)
            for i in range(len(frames)):
                bias = time_bias(references, shot.first + start + i)
                bias = bias.repeat_interleave(tokens.coarse.shape[1] // len(keys)).to(self.device)
                match = self.matcher.match(described[i], tokens.with_bias(bias + silent))
                sure = self.matcher.confidence(match)[0].float().cpu().numpy()
                ab = match.ab.permute(1, 2, 0).float().cpu().numpy()
                hint[start + i] = guided(ab, frames[i])
                confidence[start + i] = cv2.resize(sure, (w, h), interpolation=cv2.INTER_LINEAR)
        return State(*temporal.smooth(shot, hint, confidence, temporal.pins(shot, references), CARRIED))

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: State) -> Colored:
        """Hints and grey through the colorization sub-net."""
        at = slice(batch.positions.start, batch.positions.stop)
        hint = torch.from_numpy(state.hint[at].astype(np.float32)).permute(0, 3, 1, 2).to(self.device)
        confidence = torch.from_numpy(state.confidence[at].astype(np.float32))[:, None].to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            filled = self.net(batch.lightness, hint, confidence)
        # sure hints pass as they are: measured, the net repairs doubtful ones but blurs what was right
        return Colored(torch.lerp(filled, hint, confidence), confidence, hint)

    def _key_tokens(self, keys: list[np.ndarray]) -> KeyTokens:
        lab = torch.from_numpy(np.stack(keys)).permute(0, 3, 1, 2).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            tokens = self.matcher.describe(lab[:, :1].contiguous())
        return self.matcher.key_tokens(tokens, lab[:, 1:].float()).half_windows()


def time_bias(references: Sequence[Reference], frame: int) -> torch.Tensor:
    """(k,) log weights of the keys for a film frame: the user's, times a half for every `HALF_LIFE` frames of distance
    beyond the nearest key's."""
    distance = torch.tensor([0.0 if r.frame is None else abs(r.frame - frame) for r in references])
    weight = torch.tensor([r.weight for r in references])
    return weight.log() - (distance - distance.min()) / HALF_LIFE * np.log(2)


def guided(ab: np.ndarray, lightness: np.ndarray, radius: int = 2, eps: float = 5e-4) -> np.ndarray:
    """ab at stride 4 (h/4, w/4, 2) to (h, w, 2) along the edges of lightness (h, w) uint8: He et al.'s filter."""
    h, w = lightness.shape
    guide, size = lightness.astype(np.float32) / 255, (2 * radius + 1, 2 * radius + 1)
    wide = cv2.resize(ab, (w, h), interpolation=cv2.INTER_LINEAR)
    mean = cv2.blur(guide, size)
    variance = cv2.blur(guide * guide, size) - mean * mean + eps
    mean_ab = cv2.blur(wide, size)
    slope = (cv2.blur(guide[..., None] * wide, size) - mean[..., None] * mean_ab) / variance[..., None]
    return cv2.blur(slope, size) * guide[..., None] + cv2.blur(mean_ab - slope * mean[..., None], size)


def _silent(reference: Reference, h: int, w: int) -> torch.Tensor:
    """(h / 8 * w / 8,) added to the logits of a key's places, so that what it does not cover is not found."""
    if reference.covered is None:
        return torch.zeros(h * w // 64)
    covered = cv2.resize(reference.covered.astype(np.float32), (w // 8, h // 8), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.where(covered > 0.9, 0, -1e4).astype(np.float32)).flatten()


def _sized(lab: np.ndarray, h: int, w: int) -> np.ndarray:
    if lab.shape[:2] == (h, w):
        return lab
    return cv2.resize(lab, (w, h), interpolation=cv2.INTER_AREA if lab.shape[0] > h else cv2.INTER_LINEAR)
