"""Sparse colour hints: small patches of one colour each, from which the colorization sub-net of Xu et al. (CVPR 2020,
section 3.3) learns.

A full coarse map as a hint would simply be copied, faults included; a few small patches say which colours there are and
leave their extent to the net. Patches are (n, 3) integer tensors: top, left, side. They are drawn by a generator on the
CPU, so that the same seed gives the same patches on every device.
"""

from __future__ import annotations

import math

import torch

LARGEST = 9
"""Pixels of the largest patch's side; the smallest is 1."""
DEFAULT = 64
"""Patches on a film's frame."""
TRIES = 16
"""Random patches in each cell, of which the most uniform one is taken."""


def film_patches(ab: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Patches for a shot: one in each cell of a grid over the frame, where the coarse colours agree.

    ab: (f, 2, h, w) coarse colours of a sample of the shot's frames, Lab units. Of `TRIES` random patches in each cell
    (sides 1 to 9, as in training) the one is taken in which ab deviates least, averaged over the frames. Returns (n, 3)
    patches, about `DEFAULT` of them: as many as a grid of near-square cells has.
    """
    h, w = ab.shape[-2:]
    rows = max(1, min(h, round(math.sqrt(DEFAULT * h / w))))
    columns = max(1, min(w, round(DEFAULT / rows)))
    top, left = torch.meshgrid(torch.arange(rows) * h // rows, torch.arange(columns) * w // columns, indexing="ij")
    below = torch.cat([top[1:], torch.full((1, columns), h)])
    beside = torch.cat([left[:, 1:], torch.full((rows, 1), w)], 1)
    tries = (rows * columns, TRIES)
    # One side for all tries of a cell: a single pixel always agrees with itself and would always win.
    side = torch.randint(1, min(LARGEST, h, w) + 1, tries[:1], generator=generator)[:, None].expand(tries)
    corners = []
    for low, high, length in ((top, below, h), (left, beside, w)):
        low, high = low.reshape(-1, 1), high.reshape(-1, 1)
        middle = low + (high - low) * torch.rand(tries, generator=generator)
        corners.append(torch.minimum((middle - side / 2).round().long().clamp(min=0), length - side))
    patches = torch.stack([*corners, side], -1).reshape(-1, 3)
    best = _deviation(ab, patches).cpu().reshape(tries).argmin(1)
    return patches.reshape(*tries, 3)[torch.arange(tries[0]), best]


def paint_patches(ab: torch.Tensor, patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Every patch filled with the mean of ab (b, 2, h, w) inside it: hint ab (b, 2, h, w), 0 elsewhere, and
    mask (b, 1, h, w), 1 inside patches. Where patches overlap, the later one counts."""
    hint, mask = torch.zeros_like(ab), torch.zeros_like(ab[:, :1])
    if not len(patches):
        return hint, mask
    means = _means(ab, patches)
    for n, (y, x, side) in enumerate(patches.tolist()):
        hint[:, :, y : y + side, x : x + side] = means[:, :, n, None, None]
        mask[:, :, y : y + side, x : x + side] = 1
    return hint, mask


def _means(x: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    """Mean of x (b, c, h, w) inside each patch: (b, c, n)."""
    return torch.stack([part.mean((2, 3)) for part in _parts(x, patches)], 2)


def _deviation(ab: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    """Root of a's plus b's variance inside each patch, mean over frames: (n,)."""
    each = [part.var((2, 3), correction=0).sum(1).sqrt().mean() for part in _parts(ab, patches)]
    return torch.stack(each)


def _parts(x: torch.Tensor, patches: torch.Tensor) -> list[torch.Tensor]:
    return [x[:, :, y : y + side, left : left + side] for y, left, side in patches.tolist()]
