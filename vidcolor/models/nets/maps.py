"""Feature maps (b, c, h, w) resized and joined."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F


def resized(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """A map at size (h, w), bilinear."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def enlarged(x: torch.Tensor, factor: int = 2) -> torch.Tensor:
    """A map whose sides are `factor` times as long, bilinear."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def joined(*maps: torch.Tensor) -> torch.Tensor:
    """Maps (b, ., h, w) side by side, channels last."""
    return torch.cat([x.permute(0, 2, 3, 1) for x in maps], -1).permute(0, 3, 1, 2)
