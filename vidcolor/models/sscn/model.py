"""`--model sscn`: SSCN (Bai et al., ECCV 2022), for references that resemble the shot and whose local colours matter.

Each reference becomes a style code and a few hundred tokens, once per shot. A frame first takes global colours from the
code; then each of its places takes local colours from the tokens by sparse attention, and keeps the global ones where
that is doubtful. The result enters the colorization sub-net as dense hints with a confidence (`last_mile`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.errors import VidcolorError
from vidcolor.models import weights
from vidcolor.models.base import Batch, Colored, ShotColors
from vidcolor.models.matching import borrowed
from vidcolor.models.matching.base import KeyTokens
from vidcolor.models.matching.base import together as beside
from vidcolor.models.matching.trained import TrainedMatcher
from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.nets.maps import enlarged
from vidcolor.models.precision import autocast, choose
from vidcolor.models.references import cover_bias, sized, time_bias
from vidcolor.models.sscn.net import GRID, SSCN, UNIT
from vidcolor.models.sscn.tokens import Choice, Tokens, grey_features, together
from vidcolor.motion import propagate
from vidcolor.shot import Reference, Shot

COVERED = 0.9
"""Fraction of a place that a reference must cover for the place to become a token."""


@dataclass(frozen=True)
class State:
    """What a shot's frames need of its k references."""

    references: tuple[Reference, ...]
    first: int
    """The film's frame number of the shot's first frame."""
    codes: torch.Tensor
    """(k, 64) style codes."""
    tokens: Tokens
    """Of all references side by side, b = 1."""
    owner: torch.Tensor
    """(m,) number of the reference that each token is of."""
    matched: KeyTokens | None
    """Tokens of references from other shots, which frames are matched against to decide how far to trust them; None for
    the shot's own references."""


class SscnColorizer:
    """`--model sscn`."""

    name = "sscn"

    def __init__(
        self,
        device: torch.device,
        encoder: str | None = None,
        nets: tuple[SSCN, ColorizationNet, EfficientNetLite, TrainedMatcher] | None = None,
        choice: Choice | None = Choice(),  # noqa: B008  (frozen)
        last_mile: bool = True,
        dtype: torch.dtype | None = None,
    ) -> None:
        """encoder: a file of weights that `scripts/train.py sscn --out` wrote, instead of the shipped ones.
        nets: your own nets instead of any weights. choice: which places of a reference are kept; None for all of
        them (dense attention). last_mile: whether the colorization sub-net follows stage 2.
        dtype: what the nets compute in; None for the device's own.
        Raises VidcolorError where weights are missing, changed, or do not fit.
        """
        self.device, self.choice, self.last_mile = device, choice, last_mile
        self.dtype = dtype or choose(device)
        net, colorizing, encoding, matcher = nets or (
            _net(encoder),
            weights.load_net(ColorizationNet),
            weights.load_net(EfficientNetLite),
            weights.load_net(TrainedMatcher),
        )
        self.fingerprint = weights.digest(f"{choice} {last_mile}", net, colorizing, encoding, matcher)
        self.net, self.colorizing = net.eval().to(device), colorizing.eval().to(device)
        self.encoder, self.matcher = encoding.eval().to(device), matcher.eval().to(device)

    @torch.inference_mode()
    def prepare(self, shot: Shot, references: Sequence[Reference]) -> State | None:
        """Style codes and tokens of the references; None where none covers anything."""
        read = [(r, found) for r in references if (found := self._read(r)) is not None]
        if not read:
            return None
        codes, tokens = zip(*(found for _, found in read))
        owner = torch.cat([torch.full((t.ab.shape[1],), n, device=self.device) for n, t in enumerate(tokens)])
        matched = None if shot.own_key else self._matched([r for r, _ in read], shot.lightness.shape[1:])
        return State(tuple(r for r, _ in read), shot.first, torch.cat(codes), together(tokens), owner, matched)

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: State | None) -> Colored:
        """Both stages, then the colorization sub-net. Without references: automatic colour at confidence 0."""
        l = batch.lightness
        with autocast(self.device, self.dtype):
            maps = self.encoder(l)
            if state is None:
                half = l.new_zeros(len(l), 2, l.shape[-2] // 2, l.shape[-1] // 2)
                return Colored(self._last(l, half, half[:, :1], maps), torch.zeros_like(l))
            grey = grey_features(self.matcher, l, maps) if self.net.semantic else None
            frames = [state.first + i if state.matched is None else None for i in batch.positions]
            weight = torch.stack([time_bias(state.references, frame) for frame in frames])
            weight = weight.to(self.device)
            first, content = self.net.transfer(l, weight.softmax(1) @ state.codes, grey)
            target = self.net.style(torch.cat([l, first], 1))
            tokens = state.tokens.with_bias(state.tokens.bias + weight[:, state.owner])
            aligned = self.net.align(self.net.describe(target, grey), tokens)
            ab, _ = self.net.refine(target, content, aligned, first)
            confidence = self.net.confidence(aligned).float()
            if state.matched is not None:
                trust = torch.stack([self._trust(state.matched, x, *m) for x, *m in zip(l, *maps)])[:, None]
                ab, confidence = ab * enlarged(trust, GRID), confidence * trust
            result = self._last(l, F.avg_pool2d(ab, 2), enlarged(confidence, 2), maps) if self.last_mile else ab
            if state.matched is not None:
                result = result * borrowed.strength(enlarged(confidence, GRID))
        return Colored(result, enlarged(confidence, GRID), ab)

    def finish(self, shot: Shot, references: Sequence[Reference], colors: ShotColors) -> None:
        """Make colours that were found frame by frame follow motion."""
        propagate.steady(shot, references, colors.ab, colors.confidence)

    def _matched(self, references: Sequence[Reference], size: tuple[int, ...]) -> KeyTokens:
        """Tokens of references at working size (h, w), to match frames against."""
        keys = []
        for reference in references:
            lab = torch.from_numpy(sized(reference.lab, *size).transpose(2, 0, 1).copy())[None].to(self.device)
            with autocast(self.device, self.dtype):
                l = lab[:, :1].contiguous()
                found = self.matcher.describe(l, self.encoder(l))
            key = self.matcher.key_tokens(found, lab[:, 1:])
            bias = cover_bias(reference, size[0] // 8, size[1] // 8) + torch.tensor(reference.weight).log()
            keys.append(key.with_bias(bias.flatten().to(self.device)))
        return beside(keys).with_windows(self.dtype)

    def _trust(self, keys: KeyTokens, l: torch.Tensor, *maps: torch.Tensor) -> torch.Tensor:
        """(h / 4, w / 4) in 0..1: how far the colours of `keys` are trusted in a frame of lightness l (1, h, w) and
        the encoder's maps."""
        frame = self.matcher.describe(l[None], [m[None] for m in maps])
        return borrowed.trust(frame, keys, self.matcher.match(frame, keys))

    def _read(self, reference: Reference) -> tuple[torch.Tensor, Tokens] | None:
        """A reference's style code (1, 64) and tokens; None where it covers no place."""
        lab, covered = _on_units(reference)
        where = None if covered is None else torch.from_numpy(_on_grid(covered))[None].to(self.device)
        if where is not None and not where.any():
            return None
        x = torch.from_numpy(np.ascontiguousarray(lab.transpose(2, 0, 1)))[None].to(self.device)
        with autocast(self.device, self.dtype):
            l = x[:, :1].contiguous()
            grey = grey_features(self.matcher, l, self.encoder(l)) if self.net.semantic else None
            maps = self.net.style(x)
            tokens = self.net.tokens(maps, self.net.describe(maps, grey), x[:, 1:], self.choice, where)
            return self.net.style.code(x), tokens

    def _last(
        self, l: torch.Tensor, hint: torch.Tensor, confidence: torch.Tensor, maps: tuple[torch.Tensor, ...]
    ) -> torch.Tensor:
        """The colorization sub-net; hint (b, 2, h/2, w/2) and confidence (b, 1, h/2, w/2)."""
        if not self.colorizing.semantic:
            hint, confidence = enlarged(hint, 2), enlarged(confidence, 2)
        return self.colorizing(l, hint, confidence, maps if self.colorizing.semantic else None).float()


def _on_units(reference: Reference) -> tuple[np.ndarray, np.ndarray | None]:
    """A reference's Lab (h, w, 3) and the mask of what it covers (h, w), with sides that are multiples of `UNIT`. Parts
    that it does not cover get its mean colour, so that they do not shape the style code."""
    lab, covered = reference.lab, reference.covered
    size = [max(2, round(side / UNIT)) * UNIT for side in lab.shape[1::-1]]
    if covered is not None and covered.any():
        lab = np.where(covered[..., None], lab, lab[covered].mean(0)).astype(np.float32)
    if lab.shape[1::-1] != tuple(size):
        lab = cv2.resize(lab, size, interpolation=cv2.INTER_AREA if lab.shape[0] > size[1] else cv2.INTER_LINEAR)
        if covered is not None:
            covered = cv2.resize(covered.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return lab, covered


def _on_grid(covered: np.ndarray) -> np.ndarray:
    """(h, w) bool -> (h/4, w/4) bool, the places that are almost wholly covered."""
    size = (covered.shape[1] // GRID, covered.shape[0] // GRID)
    return cv2.resize(covered.astype(np.float32), size, interpolation=cv2.INTER_AREA) > COVERED


def _net(encoder: str | None) -> SSCN:
    if encoder is None:
        return weights.load_net(SSCN)
    if not encoder.endswith(weights.SUFFIX):
        raise VidcolorError(
            f"`encoder={encoder}`: `model=sscn` has no such encoder; give a {weights.SUFFIX} file or none"
        )
    return weights.load_net(SSCN, encoder)
