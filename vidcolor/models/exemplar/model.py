"""The default model: the key's colours found by matching, carried along motion, refined by the colorization sub-net.

Every place of a frame copies the colours of similar places in the keys (`matching`), preferably near where motion leads
in a painted key (`propagate`). Inside a frame the doubtful places of a surface take the colour of its confident ones
(`surfaces`), and neighbouring frames share their colours along motion (`smooth`). The result enters the colorization
sub-net as hints with a confidence, as in Xu et al. (CVPR 2020): it keeps confident colours, repairs doubtful ones, and
fills in what no key shows. Two frames of three go through all this; the others are interpolated from their neighbours
(`interpolate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from vidcolor.color import guided_filter
from vidcolor.models import weights
from vidcolor.models.base import Batch, Colored, ShotColors
from vidcolor.models.exemplar import surfaces
from vidcolor.models.matching import borrowed
from vidcolor.models.matching.base import Expected, KeyTokens, Matcher, together
from vidcolor.models.matching.trained import TrainedMatcher
from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.nets.fused_conv import fuse
from vidcolor.models.nets.maps import enlarged
from vidcolor.models.precision import autocast, choose
from vidcolor.models.references import cover_bias, sized, time_bias
from vidcolor.motion import propagate
from vidcolor.motion.interpolate import inferred_frames, interpolated
from vidcolor.motion.key_colors import find_key_colors, key_reach
from vidcolor.motion.propagate import Traced
from vidcolor.motion.smooth import smooth
from vidcolor.shot import Reference, Shot

VIEWS = ((1.0, 0.0), (1.5, -1.0))
"""Scales at which the matcher sees a key, for things that come nearer, and what is added to the logits of their tokens
(smaller views gained 0.03 dB)."""
DRIFT, KEY_WEIGHT = 0.03, 1.0
"""How matched colours are smoothed along flow before they become hints (`smooth`): with a shorter memory than colours
of other models, and with painted keys weighing as a confident match, because warping blurs and `propagate` takes a
key's colours farther."""
TOGETHER = 4
"""Frames that go through the colorization sub-net at once."""


@dataclass(frozen=True)
class State:
    """What a shot's frames need from its keys."""

    shot: Shot
    inferred: list[int]
    """Positions of the frames that the nets process, in order; every other frame lies between two of them."""
    hint: np.ndarray
    """(n, h / 2, w / 2, 2) float16: ab found by matching and carried along motion."""
    confidence: np.ndarray
    """(n, h / 2, w / 2) float16 in 0..1."""
    maps: dict[int, tuple[torch.Tensor, ...]]
    """The encoder's maps of every inferred frame, as it computes them."""
    traced: Traced | None
    """Painted keys' colours, followed along motion; None without painted keys."""
    done: dict[int, tuple[np.ndarray, np.ndarray | None]] = field(default_factory=dict)
    """The colorization sub-net's result for the inferred frames around the latest batch: ab (h, w, 2) float32, and the
    alpha (h / 2, w / 2) of the traced colours over it, None without painted keys."""


@dataclass(frozen=True)
class Keys:
    """The keys of a shot as the matcher takes them."""

    tokens: KeyTokens
    owner: torch.Tensor
    """(n,) index of the key that each token belongs to."""
    positions: torch.Tensor
    """(n, 2) x and y of each token in its key, in frame heights."""


class ExemplarColorizer:
    """`--model exemplar`."""

    name = "exemplar"

    def __init__(
        self,
        device: torch.device,
        every_frame: bool = False,
        dtype: torch.dtype | None = None,
        matcher: Matcher | None = None,
    ):
        """every_frame: infer every frame of a shot, not two of three. dtype: what the nets compute in; None for
        the device's own. matcher: on the device; None for the trained one."""
        self.device, self.every_frame = device, every_frame
        self.dtype = dtype or choose(device)
        self.encoder = weights.load_net(EfficientNetLite).to(device)
        self.matcher: Matcher = matcher or weights.load_net(TrainedMatcher).to(device)
        self.net = weights.load_net(ColorizationNet).to(device)
        self.fingerprint = weights.digest(self.matcher.fingerprint, self.encoder, self.net)
        fuse(self.net)

    @torch.inference_mode()
    def prepare(self, shot: Shot, references: Sequence[Reference]) -> State:
        """Match frames of the shot against its keys and smooth the colours along flow."""
        n, h, w = shot.lightness.shape
        half = (h // 2, w // 2)
        hint, confidence = np.zeros((n, *half, 2), np.float16), np.zeros((n, *half), np.float16)
        keys = self._keys(references, h, w) if references else None
        key_colors, coarse_key_colors = (find_key_colors(shot, references, size) for size in (half, (h // 4, w // 4)))
        traced = propagate.track(shot, find_key_colors(shot, references), key_reach(shot, references))
        inferred = list(range(n)) if self.every_frame or shot.motion == 0 else inferred_frames(shot, key_colors)
        maps = {}
        for i in inferred:
            frame = shot.lightness[i]
            l = torch.from_numpy(shot.grey(i)).to(self.device)[None, None]
            with autocast(self.device, self.dtype):
                maps[i] = self.encoder(l)
                described = self.matcher.describe(l, maps[i]) if keys else None
            if keys is None or described is None:
                continue
            bias = time_bias(references, shot.first + i if shot.own_key else None).to(self.device)[keys.owner]
            expected = self._expected(keys, references, shot, traced, i)
            tokens = keys.tokens.with_bias(keys.tokens.bias + bias)
            match = self.matcher.match(described, tokens, expected)
            likely, ab = self.matcher.confidence(match)[0].float(), match.ab.float()
            if not shot.own_key:
                trust = borrowed.trust(described, tokens, match)
                likely, ab = likely * trust, ab * trust
            own = coarse_key_colors.get(i)
            known = None if own is None else torch.from_numpy(own).permute(2, 0, 1).to(self.device)
            ab, likely = surfaces.agreed(ab, likely, l[0, 0], described.fine[0].float(), known)
            hint[i] = guided(ab.permute(1, 2, 0).cpu().numpy(), frame)
            confidence[i] = cv2.resize(likely.cpu().numpy(), half[::-1], interpolation=cv2.INTER_LINEAR)
            shot.step("match")
        if references:
            not_inferred = set(range(n)) - maps.keys()
            smooth(shot, hint, confidence, key_colors, not_inferred, DRIFT, KEY_WEIGHT)
        return State(shot, inferred, hint, confidence, maps, traced)

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: State) -> Colored:
        """Colours of the colorization sub-net, interpolated for frames that are not inferred, under the traced ones."""
        at = batch.positions
        self._infer(state, at)
        hint, confidence = state.hint[at.start : at.stop], state.confidence[at.start : at.stop, ..., None]
        ab = np.stack([self._final(state, t) for t in at])
        return Colored(self._tensor(ab), enlarged(self._tensor(confidence)), self._tensor(hint))

    def finish(self, shot: Shot, references: Sequence[Reference], colors: ShotColors) -> None:
        """Nothing to do: the colours follow motion already."""

    def _final(self, state: State, t: int) -> np.ndarray:
        """ab (h, w, 2) of frame t, with the traced colours over it."""
        if t in state.done:
            ab, alpha = state.done[t]
        else:
            ab, alpha = interpolated(state.shot, t, state.done[t - 1][0], state.done[t + 1][0]), None
        if state.traced is None:
            return ab
        alpha = state.traced.alpha(t) if alpha is None else alpha
        alpha = alpha.astype(np.float16) * np.float32(state.shot.motion)
        return state.traced.blended(t, ab.astype(np.float16), alpha)  # in the precision of a shot's colours

    def _infer(self, state: State, at: range) -> None:
        """Colour the inferred frames that `at` and its neighbours need, in groups that are always the same."""
        around = [n for n, t in enumerate(state.inferred) if at.start - 1 <= t <= at.stop]
        groups = [state.inferred[n : n + TOGETHER] for n in range(0, len(state.inferred), TOGETHER)]
        for group in groups[around[0] // TOGETHER : around[-1] // TOGETHER + 1]:
            if not all(t in state.done for t in group if t >= at.start - 1):
                state.done.update(zip(group, self._colored(state, group)))
        for t in [t for t in state.done if t < at.start - 1]:
            del state.done[t]

    def _colored(self, state: State, at: list[int]) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Hints, the encoder's maps and grey of frames through the colorization sub-net."""
        lightness = self._tensor(state.shot.grey(at)[..., None])
        hint, confidence = self._tensor(state.hint[at]), self._tensor(state.confidence[at][..., None])
        maps = [torch.cat(level) for level in zip(*(state.maps[t] for t in at))]
        traced = (
            None if state.traced is None else torch.stack([traced_maps(state.traced, t) for t in at]).to(self.device)
        )
        with autocast(self.device, self.dtype):
            ab, alpha = self.net.with_traced(lightness, hint, confidence, maps, traced)
        if not state.shot.own_key:
            ab = ab * borrowed.strength(enlarged(confidence))
        alphas = [None] * len(at) if alpha is None else list(alpha[:, 0].float().cpu().numpy())
        return list(zip(ab.permute(0, 2, 3, 1).cpu().numpy(), alphas))

    def _tensor(self, x: np.ndarray) -> torch.Tensor:
        """(n, h, w, c) -> (n, c, h, w) float32, on the model's device."""
        return torch.from_numpy(x.astype(np.float32)).permute(0, 3, 1, 2).to(self.device)

    def _keys(self, references: Sequence[Reference], h: int, w: int) -> Keys:
        """Tokens of all keys at working size (h, w), at each scale of `VIEWS`."""
        views, owner, positions = [], [], []
        for number, key in enumerate(references):
            for scale, bias in VIEWS:
                size = (round(h * scale / 32) * 32, round(w * scale / 32) * 32)
                lab = sized(key.lab, *size)
                l, a, b = (torch.from_numpy(np.ascontiguousarray(x))[None, None] for x in np.moveaxis(lab, -1, 0))
                l = l.to(self.device)
                with autocast(self.device, self.dtype):
                    described = self.matcher.describe(l, self.encoder(l))
                view = self.matcher.key_tokens(described, torch.cat([a, b], 1).to(self.device))
                view = view.with_bias(
                    view.bias + bias + cover_bias(key, size[0] // 8, size[1] // 8).flatten().to(self.device)
                )
                y, x = torch.meshgrid(*(torch.arange(side) for side in described.coarse.shape[-2:]), indexing="ij")
                position = ((torch.stack([x, y], -1) + 0.5) / len(y)).flatten(0, 1).to(self.device)
                if scale > 1:  # half of the places, as on a chessboard: their windows still cover everything
                    half = ((y + x) % 2 == 0).flatten().nonzero()[:, 0].to(self.device)
                    view, position = view[half], position[half]
                views.append(view)
                positions.append(position)
                owner.append(torch.full_like(view.bias, number, dtype=torch.long))
        return Keys(together(views).with_windows(self.dtype), torch.cat(owner), torch.cat(positions))

    def _expected(
        self, keys: Keys, references: Sequence[Reference], shot: Shot, traced: Traced | None, t: int
    ) -> Expected | None:
        """Where frame t's places lie in the painted keys according to their tracing; None without painted keys."""
        if traced is None:
            return None
        nowhere = np.full_like(next(iter(traced.positions.values()))[0], np.nan)
        of_keys = (traced.positions.get(-1 if r.frame is None else r.frame - shot.first) for r in references)
        at = np.stack([nowhere if p is None else p[t] for p in of_keys]).astype(np.float32)
        return Expected(keys.positions, keys.owner, torch.from_numpy(at).flatten(1, 2).to(self.device))


def traced_maps(traced: Traced, t: int) -> torch.Tensor:
    """(4, h / 2, w / 2): the traced colours of frame t as the colorization sub-net takes them (`with_traced`)."""
    alpha, differs = traced.alpha(t), traced.differs[t].astype(np.float32)
    ab = cv2.resize(traced.ab[t].astype(np.float32), alpha.shape[::-1], interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.dstack([ab, alpha, differs]).transpose(2, 0, 1).copy())


def guided(ab: np.ndarray, lightness: np.ndarray, radius: int = 1, eps: float = 5e-4) -> np.ndarray:
    """ab at stride 4 (h/4, w/4, 2) to (h/2, w/2, 2) along the edges of lightness (h, w) uint8: the guided filter."""
    h, w = lightness.shape
    half = (w // 2, h // 2)
    guide = cv2.resize(lightness, half, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    wide = cv2.resize(ab, half, interpolation=cv2.INTER_LINEAR)
    fits = guided_filter.fit_grey(guide, cv2.split(wide), radius, eps)
    means = ([guided_filter.window_mean(x, radius) for x in fit] for fit in fits)
    return np.dstack([slope * guide + constant for slope, constant in means])
