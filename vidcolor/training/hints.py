"""Colour hints drawn from true colours, to train the colorization sub-net (Xu et al., CVPR 2020, section 3.3)."""

from __future__ import annotations

import torch

from vidcolor.models.nets.hints import LARGEST, paint_patches

CONTINUE = 7 / 8
"""Probability that one more patch follows: a mean of 7, none at all in 1 of 8."""
TAIL = 0.2
"""Fraction of training samples with many patches instead, so that the net knows the number used on films."""
MOST = 128
"""Largest count of that tail."""


def training_count(generator: torch.Generator, tail: float = TAIL) -> int:
    """How many patches a training sample gets: geometric on 0, 1, 2 ..., or 0 to MOST uniformly with
    probability `tail`."""
    if torch.rand((), generator=generator) < tail:
        return int(torch.randint(MOST + 1, (), generator=generator))
    return int(torch.empty(()).geometric_(1 - CONTINUE, generator=generator)) - 1


def training_patches(size: tuple[int, int], count: int, generator: torch.Generator) -> torch.Tensor:
    """`count` patches as in training: side uniform in 1..9, corner normal around the middle with a quarter of
    the room as deviation, clipped to the picture. Gives (count, 3)."""
    side = torch.randint(1, min(LARGEST, *size) + 1, (count,), generator=generator)
    room = torch.tensor(size)[:, None] - side + 1
    corner = room / 2 + torch.randn(2, count, generator=generator) * room / 4
    corner = torch.minimum(corner.floor().long().clamp(min=0), room - 1)
    return torch.stack([*corner, side], 1)


def training_hints(
    ab: torch.Tensor, generator: torch.Generator, tail: float = TAIL
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hints drawn from the truth ab (b, 2, h, w), each picture for itself: hint ab and mask (b, 1, h, w)."""
    h, w = ab.shape[-2:]
    drawn = [training_patches((h, w), training_count(generator, tail), generator) for _ in ab]
    filled = [paint_patches(one[None], patches) for one, patches in zip(ab, drawn, strict=True)]
    return torch.cat([f[0] for f in filled]), torch.cat([f[1] for f in filled])
