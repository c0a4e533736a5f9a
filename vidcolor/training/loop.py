"""A training loop that can be stopped and resumed: checkpoints, seeds, log, averaged weights, cosine rate.

The data of step n depends on the seed and on n alone (and on the process, where torchrun started several), so a resumed
run sees the data that it would have seen without the interruption.
"""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from vidcolor.models.precision import training_autocast
from vidcolor.training.distributed import Processes


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    """Optimizer steps of the whole run."""
    lr: float = 1e-3
    """Peak learning rate, reached after the warm-up."""
    seconds: float | None = None
    """Wall clock of the whole run, resumed or not; the rate then falls with whichever of steps and time is further on.
    None: by steps alone, which is reproducible."""
    warmup: int = 100
    """Steps of linear rise of the rate."""
    final: float = 0.01
    """Rate at the end as a share of the peak (half a cosine from one to the other)."""
    weight_decay: float = 0.0
    """AdamW's, on tensors of more than one dimension."""
    ema: float = 0.999
    """Decay of the averaged weights, which `train` returns; lower in the first steps."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    seed: int = 0
    """Of the data and of whatever the loss draws."""
    log_every: int = 50
    """Steps between rows of the log."""
    validate_every: int = 1000
    """Steps between validations."""
    save_every: float = 60.0
    """Seconds between checkpoints."""
    reduced: bool = True
    """Forward pass in half the bits where the device is quick in them; weights and optimizer stay float32."""
    workers: int = 0
    """Processes that make batches; 0 makes them in this one."""


def train(
    net: nn.Module,
    batch: Callable[[np.random.Generator], Any],
    loss: Callable[[nn.Module, Any], Mapping[str, torch.Tensor]],
    folder: str | os.PathLike[str],
    schedule: Schedule,
    device: torch.device | str = "cpu",
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
) -> dict[str, torch.Tensor]:
    """Train `net` (in place) from the newest checkpoint in `folder`, or from the start; returns averaged weights.

    batch: draws one batch (a tensor, or a tuple or dict of tensors) from a numpy Generator made of seed and step.
    loss: (net, batch on the device) to named scalar terms; `loss` is the one that is minimised, the rest is logged.
    validate: (net with the averaged weights, in eval mode) to named figures, logged.
    `folder` receives `checkpoint.pt` (written whole or not at all) and `log.csv`. Under torchrun this returns in the
    first process only: the others end with training.
    """
    folder, processes = Path(folder), Processes(device)
    folder.mkdir(parents=True, exist_ok=True)
    net.to(processes.device)
    run = _Run(net, schedule, folder / "checkpoint.pt", processes.device)
    processes.share(net.state_dict().values())
    log = _Log(folder / "log.csv", run.step) if processes.first else None
    data_of = _Steps(batch, partial(processes.seed, schedule.seed), run.step, schedule.steps)
    net.train()
    for data in DataLoader(data_of, batch_size=None, num_workers=schedule.workers):
        seconds = processes.agreed(run.seconds())
        progress = max(run.step / schedule.steps, seconds / schedule.seconds if schedule.seconds else 0.0)
        if progress >= 1:
            break
        rate = _rate(progress, run.step, schedule)
        torch.manual_seed((schedule.seed + processes.rank) * 1_000_003 + run.step)
        with training_autocast(processes.device, schedule.reduced):
            terms = loss(net, to_device(data, processes.device))
        run.learn(terms["loss"], rate, processes)
        if log is None:
            continue
        log.add({k: float(v.detach()) for k, v in terms.items()})
        if run.step % schedule.log_every == 0:
            log.row(run.step, seconds, rate)
        if validate is not None and run.step % schedule.validate_every == 0:
            log.row(run.step, seconds, rate, run.average.validate(net, validate))
        if time.monotonic() - run.saved > schedule.save_every:
            run.save(seconds)
    if log is not None:
        seconds = run.seconds()
        if validate is not None:
            log.row(run.step, seconds, 0.0, run.average.validate(net, validate))
        run.save(seconds)
    processes.leave()
    return dict(run.average.state)


class _Run:
    """A net on its way: what a checkpoint holds."""

    def __init__(self, net: nn.Module, schedule: Schedule, path: Path, device: torch.device) -> None:
        """path: of the checkpoint, which is taken up where there is one."""
        self.net, self.path, self.clip = net, path, schedule.clip
        self.average, self.optimizer = Average(net, schedule.ema), _optimizer(net, schedule)
        self.step, self._before = 0, 0.0
        if path.exists():
            saved = torch.load(path, map_location=device, weights_only=True)
            net.load_state_dict(saved["net"])
            self.average.state = saved["average"]
            self.optimizer.load_state_dict(saved["optimizer"])
            self.step, self._before = int(saved["step"]), float(saved["seconds"])
        self._start = self.saved = time.monotonic()

    def seconds(self) -> float:
        """Since the beginning, without interruptions."""
        return self._before + time.monotonic() - self._start

    def learn(self, loss: torch.Tensor, rate: float, processes: Processes) -> None:
        """One step of the optimizer."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        processes.average(p for p in self.net.parameters() if p.requires_grad)
        nn.utils.clip_grad_norm_(self.net.parameters(), self.clip, error_if_nonfinite=True)
        self.optimizer.step()
        self.average.update(self.net, self.step)
        self.step += 1

    def save(self, seconds: float) -> None:
        """Write the checkpoint, whole or not at all."""
        part = self.path.with_name(f"{self.path.name}.part")
        state = {"net": self.net.state_dict(), "average": self.average.state, "optimizer": self.optimizer.state_dict()}
        torch.save({**state, "step": self.step, "seconds": seconds}, part)
        os.replace(part, self.path)
        self.saved = time.monotonic()


class Average:
    """Exponential average of a net's weights and buffers (integers are copied)."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {k: v.detach().clone() for k, v in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Add the weights after a step; early steps weigh more, so that the random first weights are forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for key, value in net.state_dict().items():
            if value.is_floating_point():
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)

    def validate(self, net: nn.Module, figures: Callable[[nn.Module], Mapping[str, float]]) -> Mapping[str, float]:
        """Figures of the net with the averaged weights; its own weights are put back."""
        own = {k: v.clone() for k, v in net.state_dict().items()}
        net.load_state_dict(self.state)
        net.eval()
        try:
            with torch.no_grad():
                return figures(net)
        finally:
            net.load_state_dict(own)
            net.train()


class _Steps(Dataset):
    """Batches by step number, from the step at which a run is resumed."""

    def __init__(
        self, batch: Callable[[np.random.Generator], Any], seed: Callable[[int], Any], first: int, stop: int
    ) -> None:
        self.batch, self.seed, self.first, self.stop = batch, seed, first, stop

    def __len__(self) -> int:
        return max(0, self.stop - self.first)

    def __getitem__(self, index: int) -> Any:
        if index >= len(self):
            raise IndexError(index)
        return self.batch(np.random.default_rng(self.seed(self.first + index)))


class _Log:
    """`log.csv`: step, seconds, lr, name, value: means since the last row, one name a line."""

    def __init__(self, path: Path, step: int) -> None:
        self.path, self.sums, self.count = path, {}, 0  # type: Path, dict[str, float], int
        rows = [["step", "seconds", "lr", "name", "value"]]
        if path.exists():  # rows after the checkpoint are of steps that are done again
            with path.open(newline="") as file:
                rows += [row for row in list(csv.reader(file))[1:] if int(row[0]) <= step]
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    def add(self, terms: Mapping[str, float]) -> None:
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.count += 1

    def row(self, step: int, seconds: float, rate: float, figures: Mapping[str, float] | None = None) -> None:
        if figures is None:
            figures = {name: total / self.count for name, total in self.sums.items()}
            self.sums, self.count = {}, 0
        with self.path.open("a", newline="") as file:
            rows = [[step, f"{seconds:.1f}", f"{rate:.3g}", name, f"{value:.6g}"] for name, value in figures.items()]
            csv.writer(file).writerows(rows)


def _optimizer(net: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    params = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=schedule.lr)


def _rate(progress: float, step: int, schedule: Schedule) -> float:
    cosine = schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return schedule.lr * cosine * min(1.0, (step + 1) / max(schedule.warmup, 1))


def to_device(data: Any, device: torch.device | str) -> Any:
    """A batch (a tensor; a tuple, list or dict of batches) on a device."""
    if isinstance(data, torch.Tensor):
        return data.to(device, non_blocking=True)
    if isinstance(data, Mapping):
        return {k: to_device(v, device) for k, v in data.items()}
    return type(data)(to_device(v, device) for v in data)
