"""Training in several processes of one machine, a GPU each: `torchrun --nproc-per-node N scripts/train.py NET ...`.

Every process draws batches of its own and the gradients are averaged, so that a step sees N batches. The first process
keeps the clock, logs, validates and saves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from datetime import timedelta

import torch
import torch.distributed as dist

PATIENCE = timedelta(hours=2)
"""How long processes wait for the first one, which validates meanwhile."""


def own_device(device: torch.device | str) -> torch.device:
    """The user's device; where that is `cuda`, under torchrun, this process's own GPU.

    Frozen nets that stand beside the trained one belong there too.
    """
    device = torch.device(device)
    if device.type == "cuda" and int(os.environ.get("WORLD_SIZE", 1)) > 1:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


class Processes:
    """The processes that torchrun started, seen from this one; this one alone without torchrun."""

    def __init__(self, device: torch.device | str) -> None:
        """device: the user's (`own_device`)."""
        self.count, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        self.device = own_device(device)
        if self.count > 1:
            if self.device.type == "cuda":
                torch.cuda.set_device(self.device)
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo", timeout=PATIENCE)

    @property
    def first(self) -> bool:
        return self.rank == 0

    def seed(self, *numbers: int) -> tuple[int, ...]:
        """A seed of this process's own; in the first process the numbers themselves, as without torchrun."""
        return numbers if self.first else (*numbers, self.rank)

    def agreed(self, value: float) -> float:
        """The first process's value."""
        if self.count > 1:
            held = torch.tensor([value], dtype=torch.float64, device=self.device)
            dist.broadcast(held, 0)
            value = float(held)
        return value

    def share(self, tensors: Iterable[torch.Tensor]) -> None:
        """Copy the first process's tensors to all others, in place."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def average(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Average the gradients over all processes, in place; one that lacks a gradient counts as 0."""
        if self.count == 1:
            return
        parameters = list(parameters)
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
        dist.all_reduce(flat)
        flat /= self.count
        for p, part in zip(parameters, flat.split([p.numel() for p in parameters])):
            p.grad = part.view_as(p).clone()

    def leave(self) -> None:
        """End every process but the first, which alone goes on after training."""
        if self.count > 1:
            dist.barrier()
            if not self.first:
                # not sys.exit: a process was seen to abort while Python shut down, whereupon torchrun kills the first
                # one, which may still be writing
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
            dist.destroy_process_group()
