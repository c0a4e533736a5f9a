"""A model that needs no weights: the mean colour of its references, at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vidcolor.models.base import Batch, Colored, ShotColors
from vidcolor.shot import Reference, Shot


class MeanColour:
    """Every pixel gets the references' mean ab; counts the shots that it prepares."""

    name = "mean"
    device = torch.device("cpu")
    dtype = torch.float32
    fingerprint = "mean colour, 1"

    def __init__(self) -> None:
        self.prepared: list[int] = []

    def prepare(self, shot: Shot, references: Sequence[Reference]) -> np.ndarray:
        self.prepared.append(shot.first)
        return np.mean([reference.lab[..., 1:].mean((0, 1)) for reference in references], 0)

    def colorize(self, batch: Batch, state: np.ndarray) -> Colored:
        size = batch.lightness.shape[-2:]
        ab = torch.from_numpy(state.astype(np.float32))[None, :, None, None].expand(len(batch.positions), 2, *size)
        return Colored(ab, torch.ones(len(batch.positions), 1, *size), ab)

    def finish(self, shot: Shot, references: Sequence[Reference], colors: ShotColors) -> None:
        """Nothing."""
