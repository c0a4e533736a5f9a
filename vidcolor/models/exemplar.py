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
import torch.nn.functional as F

from vidcolor import temporal, trace
from vidcolor.models import weights
from vidcolor.models.colornet import ColorizationNet, load_colornet
from vidcolor.models.contract import Batch, Colored, Reference, Shot
from vidcolor.models.matching import KeyTokens, Matcher, load_matcher, together
from vidcolor.trace import Traced

HALF_LIFE = 24.0
"""Frames of distance at which a key counts half as much as one that is near, where both look alike."""
VIEWS = ((1.0, 0.0), (1.5, -1.0))
"""Scales at which a key is shown to the matcher, as things come nearer, and what is added to the logits of their tokens
(views from farther brought 0.03 dB)."""
CARRIED = 1.0
"""How far matched colours are carried along flow before they become hints (`temporal.smooth`'s amount)."""


@dataclass(frozen=True)
class State:
    """What a shot's frames need of its keys."""

    hint: np.ndarray
    """(n, h / 2, w / 2, 2) float16: ab found by matching and carried along motion."""
    confidence: np.ndarray
    """(n, h / 2, w / 2) float16 in 0..1."""
    maps: list[tuple[torch.Tensor, ...]]
    """The trunk's maps of every frame, bfloat16."""
    traced: Traced | None
    """Painted keys' colours, followed along motion; None without painted keys."""


@dataclass(frozen=True)
class Keys:
    """What frames of a shot are matched against."""

    tokens: KeyTokens
    owner: torch.Tensor
    """(n,) number of the key that each token is of."""


class Exemplar:
    """`--model exemplar`."""

    name = "exemplar"
    steady = True

    def __init__(self, device: torch.device, seed: int = 0):
        self.device, self.seed = device, seed
        self.fingerprint = weights.fingerprint(["matcher", "colornet"])
        self.matcher: Matcher = load_matcher().to(device)
        self.net: ColorizationNet = load_colornet().to(device)

    @torch.inference_mode()
    def prepare(self, shot: Shot, references: Sequence[Reference]) -> State:
        """Match every frame of the shot against its keys and carry what was found both ways along flow."""
        n, h, w = shot.lightness.shape
        half = (h // 2, w // 2)
        hint, confidence = np.zeros((n, *half, 2), np.float16), np.zeros((n, *half), np.float16)
        keys = self._keys(references, h, w) if references else None
        maps = []
        for i, frame in enumerate(shot.lightness):
            l = torch.from_numpy(frame).to(self.device)[None, None].float() / 2.55
            with torch.autocast(self.device.type, torch.bfloat16):
                maps.append(self.matcher.trunk(l))
                described = self.matcher.describe(l, maps[-1]) if keys else None
            if keys is None or described is None:
                continue
            bias = time_bias(references, shot.first + i).to(self.device)[keys.owner]
            match = self.matcher.match(described, keys.tokens.with_bias(keys.tokens.bias + bias))
            sure = self.matcher.confidence(match)[0].float().cpu().numpy()
            hint[i] = guided(match.ab.permute(1, 2, 0).float().cpu().numpy(), frame)
            confidence[i] = cv2.resize(sure, half[::-1], interpolation=cv2.INTER_LINEAR)
        if references:
            temporal.smooth(shot, hint, confidence, temporal.pins(shot, references, half), CARRIED)
        return State(hint, confidence, maps, trace.follow(shot, temporal.pins(shot, references)))

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: State) -> Colored:
        """Hints, the trunk's maps and grey through the colorization sub-net."""
        at = slice(batch.positions.start, batch.positions.stop)
        hint = torch.from_numpy(state.hint[at].astype(np.float32)).permute(0, 3, 1, 2).to(self.device)
        confidence = torch.from_numpy(state.confidence[at].astype(np.float32))[:, None].to(self.device)
        maps = [torch.cat(level) for level in zip(*state.maps[at])]
        traced = None if state.traced is None else torch.stack([seen(state.traced, t) for t in batch.positions])
        with torch.autocast(self.device.type, torch.bfloat16):
            ab, share = self.net.with_traced(
                batch.lightness, hint, confidence, maps, None if traced is None else traced.to(self.device)
            )
        return Colored(ab, _doubled(confidence), _doubled(hint), share)

    def _keys(self, references: Sequence[Reference], h: int, w: int) -> Keys:
        """Tokens of all keys as they are at working size (h, w) and as they look from nearer or farther."""
        views, owner = [], []
        for number, key in enumerate(references):
            for scale, bias in VIEWS:
                size = (round(h * scale / 32) * 32, round(w * scale / 32) * 32)
                lab = _sized(key.lab, *size)
                l, a, b = (torch.from_numpy(np.ascontiguousarray(x))[None, None] for x in np.moveaxis(lab, -1, 0))
                with torch.autocast(self.device.type, torch.bfloat16):
                    described = self.matcher.describe(l.to(self.device))
                view = self.matcher.key_tokens(described, torch.cat([a, b], 1).to(self.device))
                view = view.with_bias(view.bias + bias + _silent(key, *size).to(self.device))
                if scale > 1:  # half of the places, as on a chessboard: their windows still show everything
                    y, x = torch.meshgrid(*(torch.arange(side) for side in described.coarse.shape[-2:]), indexing="ij")
                    view = view[((y + x) % 2 == 0).flatten().nonzero()[:, 0].to(self.device)]
                views.append(view)
                owner.append(torch.full_like(view.bias, number, dtype=torch.long))
        return Keys(together(views).half_windows(), torch.cat(owner))


def seen(traced: Traced, t: int) -> torch.Tensor:
    """(4, h / 2, w / 2): what the colorization sub-net sees of the traced colours of frame t."""
    share, differs = traced.share(t), traced.differs[t].astype(np.float32)
    ab = cv2.resize(traced.ab[t].astype(np.float32), share.shape[::-1], interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.dstack([ab, share, differs]).transpose(2, 0, 1).copy())


def time_bias(references: Sequence[Reference], frame: int) -> torch.Tensor:
    """(k,) log weights of the keys for a film frame: the user's, times a half for every `HALF_LIFE` frames of distance
    beyond the nearest key's."""
    distance = torch.tensor([0.0 if r.frame is None else abs(r.frame - frame) for r in references])
    weight = torch.tensor([r.weight for r in references])
    return weight.log() - (distance - distance.min()) / HALF_LIFE * np.log(2)


def guided(ab: np.ndarray, lightness: np.ndarray, radius: int = 1, eps: float = 5e-4) -> np.ndarray:
    """ab at stride 4 (h/4, w/4, 2) to (h/2, w/2, 2) along the edges of lightness (h, w) uint8: He et al.'s filter."""
    h, w = lightness.shape
    half, size = (w // 2, h // 2), (2 * radius + 1, 2 * radius + 1)
    guide = cv2.resize(lightness, half, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    wide = cv2.resize(ab, half, interpolation=cv2.INTER_LINEAR)
    mean = cv2.blur(guide, size)
    variance = cv2.blur(guide * guide, size) - mean * mean + eps
    mean_ab = cv2.blur(wide, size)
    slope = (cv2.blur(guide[..., None] * wide, size) - mean[..., None] * mean_ab) / variance[..., None]
    return cv2.blur(slope, size) * guide[..., None] + cv2.blur(mean_ab - slope * mean[..., None], size)


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _silent(reference: Reference, h: int, w: int) -> torch.Tensor:
    """(h / 8 * w / 8,) added to the logits of a key's places, so that what it does not cover is not found."""
    if reference.covered is None:
        return torch.zeros(h * w // 64)
    covered = cv2.resize(reference.covered.astype(np.float32), (w // 8, h // 8), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.where(covered > 0.9, 0, -1e4).astype(np.float32)).flatten()


def _sized(lab: np.ndarray, h: int, w: int) -> np.ndarray:
    if lab.shape[:2] == (h, w):
        return lab
    return cv2.resize(lab, (w, h), interpolation=cv2.INTER_AREA if lab.shape[0] > h else cv2.INTER_CUBIC)
