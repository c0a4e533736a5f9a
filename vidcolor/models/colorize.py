"""A shot through a model: prepared, coloured batch by batch, finished, painted frames as they were painted."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
import torch

from vidcolor.models.base import Batch, Colorizer, ShotColors
from vidcolor.motion.key_colors import find_key_colors, set_key_colors
from vidcolor.shot import Reference, Shot

BATCH = 4
"""Frames that go through a model together; on a CPU more gain nothing."""


def colorize_shot(
    model: Colorizer, shot: Shot, references: Sequence[Reference], inspected: Collection[int] = ()
) -> ShotColors:
    """The colours of a whole shot; a frame that a key is a painting of gets exactly the key's colours.

    inspected: positions of the frames whose coarse colours are wanted too.
    """
    colors = _by_batches(model, shot, references, inspected)
    model.finish(shot, references, colors)
    colors.key_colors = find_key_colors(shot, references)
    set_key_colors(colors.ab, colors.key_colors)
    return colors


def _by_batches(
    model: Colorizer, shot: Shot, references: Sequence[Reference], inspected: Collection[int]
) -> ShotColors:
    """What the model says batch by batch; its state of the shot ends here."""
    n, h, w = shot.lightness.shape
    colors = ShotColors(np.empty((n, h, w, 2), np.float16), np.empty((n, h, w), np.float16))
    state = model.prepare(shot, references)
    for start in range(0, n, BATCH):
        positions = range(start, min(start + BATCH, n))
        at = slice(positions.start, positions.stop)
        found = model.colorize(Batch.of(shot, positions, model.device), state)
        torch.from_numpy(colors.ab[at]).copy_(found.ab.permute(0, 2, 3, 1))  # quicker than numpy's conversion
        colors.confidence[at] = found.confidence[:, 0].cpu().numpy()
        if found.fill_lightness is not None:
            if colors.fill_lightness is None:
                colors.fill_lightness = np.empty((n, h, w), np.float16)
            colors.fill_lightness[at] = found.fill_lightness[:, 0].cpu().numpy()
        for i, t in enumerate(positions):
            if found.coarse is not None and t in inspected:
                small = found.coarse[i].permute(1, 2, 0).cpu().numpy()
                colors.coarse[t] = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
        shot.step("colour")
    return colors
