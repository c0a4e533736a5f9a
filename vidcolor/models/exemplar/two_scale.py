"""The default model at two sizes, whose colours are averaged: `--quality`.

Matching errs differently on small and on large frames. Some things are not found at all when they are larger (a
motorcyclist who comes near: 0.7 dB lost on 480 lines, 0.2 on both). On
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

from vidcolor.models.base import Batch, Colored, ShotColors
from vidcolor.models.exemplar.model import ExemplarColorizer, State
from vidcolor.models.matching.base import Matcher
from vidcolor.models.nets.maps import resized
from vidcolor.shot import Reference, Shot

SMALLER = 2 / 3
"""Size of the small frames relative to the large ones."""


@dataclass(frozen=True)
class States:
    """What a shot's frames need from its keys, at both sizes."""

    large: State
    small: State


class TwoScaleColorizer:
    """`--model exemplar --quality`. Small frames are cheap, so all of them are inferred."""

    name = ExemplarColorizer.name

    def __init__(
        self,
        device: torch.device,
        dtype: torch.dtype | None = None,
        matcher: Matcher | None = None,
    ):
        """As `ExemplarColorizer`."""
        self.large = ExemplarColorizer(device, dtype=dtype, matcher=matcher)
        self.small = copy.copy(self.large)  # with the same nets
        self.small.every_frame = True
        self.device, self.dtype, self.fingerprint = device, self.large.dtype, self.large.fingerprint

    def prepare(self, shot: Shot, references: Sequence[Reference]) -> States:
        """As `ExemplarColorizer.prepare`, at both sizes."""
        h, w = (max(32, round(side * SMALLER / 32) * 32) for side in shot.lightness.shape[1:])
        small = np.stack([cv2.resize(l, (w, h), interpolation=cv2.INTER_AREA) for l in shot.lightness])

        def again(kind: str) -> None:
            if kind == "match":
                shot.step("again")

        small_shot = Shot(small, shot.first, shot.seed, shot.motion, shot.own_key, step=again)
        return States(self.large.prepare(shot, references), self.small.prepare(small_shot, references))

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: States) -> Colored:
        """The mean of both sizes' colours."""
        large = self.large.colorize(batch, state.large)
        small = self.small.colorize(Batch.of(state.small.shot, batch.positions, self.device), state.small)
        ab, confidence = (resized(x, large.ab.shape[-2:]) for x in (small.ab, small.confidence))
        return Colored((large.ab + ab) / 2, (large.confidence + confidence) / 2, large.coarse)

    def finish(self, shot: Shot, references: Sequence[Reference], colors: ShotColors) -> None:
        """Nothing to do: the colours follow motion already."""
