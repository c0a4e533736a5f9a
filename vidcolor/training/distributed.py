"""Training in several processes of one machine, a GPU each: `torchrun --nproc-per-node N scripts/train_*.py ...`.

Every process draws batches of its own, gradients are averaged, so a step sees N batches. The first process keeps the
clock, the log, validation and checkpoints.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from datetime import timedelta

import torch
import torch.distributed as dist

PATIENCE = timedelta(hours=2)
"""For which processes wait for the first one, which validates meanwhile."""


def own_device(device: torch.device | str) -> torch.device:
    """The user's device; of `cuda` under torchrun this process's own GPU. What stands beside the net that is trained
    (a frozen trunk) belongs there too."""
    device = torch.device(device)
    if device.type == "cuda" and int(os.environ.get("WORLD_SIZE", 1)) > 1:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


class Ranks:
    """This process among those that torchrun started; alone without torchrun."""

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
        """A seed of this process's own; the first one's is that of a process alone."""
        return numbers if self.first else (*numbers, self.rank)

    def agreed(self, value: float) -> float:
        """The first process's value."""
        if self.count > 1:
            held = torch.tensor([value], dtype=torch.float64, device=self.device)
            dist.broadcast(held, 0)
            value = float(held)
        return value

    def same(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give all processes the first one's tensors, in place."""
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
        """The end of training: what comes after it is for the first process alone, so the others end here."""
        if self.count > 1:
            dist.barrier()
            if not self.first:
                # not sys.exit: a process has been seen to abort while Python took itself down, and torchrun then ends
                # the first one, which may still be writing
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
            dist.destroy_process_group()
