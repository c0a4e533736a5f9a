"""Losses of the sketch net: a patch discriminator, and triplets of places (Lee et al., CVPR 2020, section 3.4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class PatchGan(nn.Module):
    """Judges every patch of [sketch, colour]: 1 for true colours, 0 for those of the net (LSGAN, Mao et al., ICCV
    2017)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        w, layers = width, []
        for i, o, stride in ((4, w, 2), (w, 2 * w, 2), (2 * w, 4 * w, 2), (4 * w, 8 * w, 1)):
            layers += [nn.Conv2d(i, o, 4, stride, 1), nn.Identity() if i == 4 else nn.BatchNorm2d(o), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * w, 1, 4, 1, 1))

    def forward(self, sketch: torch.Tensor, color: torch.Tensor) -> torch.Tensor:
        """sketch (b, 1, h, w), colour (b, 3, h, w), both 0..1, to (b, 1, h / 8 - 2, w / 8 - 2), patches of 70
        pixels."""
        return self.layers(torch.cat([sketch, color], 1) * 2 - 1)


def triplet(query: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, margin: float = 12.0) -> torch.Tensor:
    """(..., d) each: max(0, -S(q, k+) + S(q, k-) + margin) of scaled dot products S, (...)."""
    scale = query.shape[-1] ** -0.5
    near, far = ((query * other).sum(-1) * scale for other in (positive, negative))
    return F.relu(far - near + margin)


def sampled(maps: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Maps (b, d, h, w) at places (b, n, 2), x and y with the first pixel's centre at 0: (b, n, d), bilinear."""
    size = at.new_tensor([maps.shape[-1] - 1, maps.shape[-2] - 1]).clamp_min(1)
    grid = (at / size * 2 - 1)[:, None].to(maps.dtype)
    found = F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return found[:, :, 0].transpose(1, 2)
