"""A small net to train in several processes, and what it learns."""

import numpy as np
import torch

from vidcolor.training.loop import Schedule

SLOPE = torch.tensor([[2.0, -1.0, 0.5]])
STEPS = 12


def batch(rng):
    x = torch.from_numpy(rng.standard_normal((8, 3), dtype=np.float32))
    return x, x @ SLOPE.T + 1


def fresh(seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))


def loss(net, batch):
    return {"loss": (net(batch[0]) - batch[1]).square().mean()}


def schedule():
    return Schedule(steps=STEPS, lr=0.05, warmup=5, log_every=4, reduced=False, ema=0.5)
