"""A convolution and the activation after it as one call of oneDNN, for nets that are not trained any more."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

_ONE_CALL = {"relu6": ("hardtanh", [0.0, 6.0], ""), "relu": ("relu", [], ""), "": ("none", [], "")}


class FusedConv(nn.Module):
    """`conv`, and after it `act`: `relu6`, `relu` or nothing.

    Where a CPU computes in bfloat16 both are one call, and the weights are converted once: the same bits.
    """

    def __init__(self, conv: nn.Conv2d, act: str):
        super().__init__()
        self.conv, self.act = conv, act
        self.reduced: tuple[torch.Tensor, torch.Tensor | None] | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        conv = self.conv
        if x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and not torch.is_grad_enabled() and one_call():
            if self.reduced is None:
                self.reduced = (
                    conv.weight.detach().bfloat16(),
                    None if conv.bias is None else conv.bias.detach().bfloat16(),
                )
            shape = conv.padding, conv.stride, conv.dilation, conv.groups
            return torch.ops.mkldnn._convolution_pointwise(x.bfloat16(), *self.reduced, *shape, *_ONE_CALL[self.act])
        x = conv(x)
        return F.relu6(x) if self.act == "relu6" else F.relu(x) if self.act == "relu" else x


def fuse(net: nn.Module) -> None:
    """Make every convolution of `net` a `FusedConv`, with the ReLU behind it where it stands in a sequence."""
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


@cache
def one_call() -> bool:
    """Whether this torch and this CPU have convolution and activation in one, in bfloat16."""
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and hasattr(
            torch.ops.mkldnn, "_convolution_pointwise"
        )
    except AttributeError:
        return False
