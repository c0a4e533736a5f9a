"""A convolution and the activation after it as one call of oneDNN, for nets in use."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models.precision import current, one_call

_ONE_CALL = {"relu6": ("hardtanh", [0.0, 6.0], ""), "relu": ("relu", [], ""), "": ("none", [], "")}


class FusedConv(nn.Module):
    """`conv` followed by `act`: `relu6`, `relu` or nothing (empty).

    Where a CPU computes in reduced precision, both are one call and weights are converted only once; the bits are the
    same.
    """

    def __init__(self, conv: nn.Conv2d, act: str):
        super().__init__()
        self.conv, self.act = conv, act
        self.converted: dict[torch.dtype, tuple[torch.Tensor, torch.Tensor | None]] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        conv = self.conv
        dtype = current(x.device)
        if x.device.type == "cpu" and dtype != torch.float32 and not torch.is_grad_enabled() and one_call(dtype):
            if dtype not in self.converted:
                bias = None if conv.bias is None else conv.bias.detach().to(dtype)
                self.converted[dtype] = conv.weight.detach().to(dtype), bias
            shape = conv.padding, conv.stride, conv.dilation, conv.groups
            given = x.to(dtype), *self.converted[dtype], *shape, *_ONE_CALL[self.act]
            return torch.ops.mkldnn._convolution_pointwise(*given)
        x = conv(x)
        return F.relu6(x) if self.act == "relu6" else F.relu(x) if self.act == "relu" else x


def fuse(net: nn.Module) -> None:
    """Make every convolution of `net` a `FusedConv`, with the ReLU after it where both stand in a sequence."""
    for parent in list(net.modules()):
        if isinstance(parent, FusedConv):
            continue
        names = list(parent._modules)
        for n, name in enumerate(names):
            conv = parent._modules[name]
            if not isinstance(conv, nn.Conv2d):
                continue
            after = names[n + 1] if isinstance(parent, nn.Sequential) and n + 1 < len(names) else ""
            act = "relu" if after and isinstance(parent._modules[after], nn.ReLU) else ""
            parent._modules[name] = FusedConv(conv, act)
            if act:
                parent._modules[after] = nn.Identity()
