"""From a finished run to a file of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from vidcolor.models import weights


def ship(name: str, state: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> Path:
    """Write weights into the package as `NAME.safetensors` and enter their SHA-256 in `SHA256SUMS`.

    Raises VidcolorError as `weights.save` does.
    """
    path = weights.FOLDER / f"{name}{weights.SUFFIX}"
    sums = weights.sums() | {path.name: weights.save(path, state, metadata)}
    (weights.FOLDER / weights.SUMS).write_text("".join(f"{digest}  {file}\n" for file, digest in sorted(sums.items())))
    return path


def averaged(run: Path) -> tuple[dict[str, torch.Tensor], int]:
    """A run's averaged weights and its steps, from its newest checkpoint."""
    saved = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    return saved["average"], int(saved["step"])


@torch.no_grad()
def absorb_statistics(net: torch.nn.Module) -> None:
    """Move the batch norms' statistics into their scale and shift: the same function, within half precision's range."""
    for norm in net.modules():
        if isinstance(norm, torch.nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None:
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
            norm.bias.sub_(norm.running_mean * scale)
            norm.weight.copy_(scale)
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)


@torch.no_grad()
def restore_statistics(net: torch.nn.Module, run: Callable[[], object]) -> None:
    """Undo `absorb_statistics`, to train further: the batch norms get the statistics of what `run` sends through the
    net, and their scale and shift make up for it.

    The function stays the same, and the statistics of training batches no longer change it.
    """
    seen: dict[torch.nn.BatchNorm2d, torch.Tensor] = {}
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    hooks = [m.register_forward_pre_hook(lambda m, x: seen.update({m: x[0].float()})) for m in norms]
    net.eval()
    run()
    for hook in hooks:
        hook.remove()
    for norm, x in seen.items():
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        assert norm.running_mean is not None and norm.running_var is not None
        norm.bias.add_(norm.weight * mean)
        norm.weight.mul_((variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
