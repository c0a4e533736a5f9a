"""The default model at two sizes, whose colours are averaged: `--quality`.

What a small frame takes for the same thing and what a large one does differ: where both err, they mostly err apart.
Some things, seen larger, are not even found (a motorcyclist who comes near: 0.7 dB lost on 480 lines, 0.2 on both). On
eight films of 480 lines, 24 frames each, 480 and 320 lines together are 0.15 dB better than 480 alone, 0.17 than 320; a
third size brings nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.models.base import Batch, Colored
from vidcolor.models.exemplar.model import ExemplarColorizer, State
from vidcolor.shot import Reference, Shot

SMALLER = 2 / 3
"""Sides of the small frames against the large ones'."""


@dataclass(frozen=True)
class States:
    """What a shot's frames need of its keys, at both sizes."""

    large: State
    small: State


class TwoScaleColorizer:
    """`--model exemplar --quality`; the small frames are cheap: there every one is looked at."""

    name = ExemplarColorizer.name
    steady = True

    def __init__(self, device: torch.device, seed: int = 0, dtype: torch.dtype | None = None):
        self.large = ExemplarColorizer(device, seed, dtype=dtype)
        self.small = copy.copy(self.large)  # with the same nets
        self.small.every_frame = True
        self.device, self.dtype, self.fingerprint = device, self.large.dtype, self.large.fingerprint

    def prepare(self, shot: Shot, references: Sequence[Reference]) -> States:
        h, w = (max(32, round(side * SMALLER / 32) * 32) for side in shot.lightness.shape[1:])
        small = np.stack([cv2.resize(l, (w, h), interpolation=cv2.INTER_AREA) for l in shot.lightness])
        small_shot = Shot(small, shot.first, shot.seed, shot.motion, shot.own_key)
        small_shot.step = lambda kind: shot.step("again") if kind == "match" else None
        return States(self.large.prepare(shot, references), self.small.prepare(small_shot, references))

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: States) -> Colored:
        """The mean of both sizes' colours, each with its own traced ones."""
        large, small = self.large.colorize(batch, state.large), self._small(batch, state.small)
        size = large.ab.shape[-2:]
        ab, confidence = (_resized(x, size) for x in small)
        confidence = (large.confidence + confidence) / 2
        if large.traced is None:
            return Colored((large.ab + ab) / 2, confidence, large.coarse)
        # the pipeline joins half the share of the large frame's traced colours to this: the mean comes out
        share = _resized(large.traced, size)
        return Colored(((1 - share) * large.ab + ab) / (2 - share), confidence, large.coarse, large.traced / 2)

    def _small(self, batch: Batch, state: State) -> tuple[torch.Tensor, torch.Tensor]:
        """ab, with the traced colours in it, and confidence of small frames, at their size."""
        at = batch.positions
        grey = torch.from_numpy(state.shot.lightness[at.start : at.stop]).to(self.device)[:, None].float() / 2.55
        found = self.small.colorize(Batch(grey, at), state)
        if state.traced is None or found.traced is None:
            return found.ab, found.confidence
        ab, shares = (x.permute(0, 2, 3, 1).cpu().numpy() for x in (found.ab, found.traced))
        joined = np.stack([state.traced.joined(t, *x) for t, *x in zip(at, ab, shares, strict=True)])
        return torch.from_numpy(joined).permute(0, 3, 1, 2).to(self.device), found.confidence


def _resized(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    return F.interpolate(x, size=list(size), mode="bilinear", align_corners=False)
