"""Logistic models of how likely a colour is right, fitted by L-BFGS."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F


def minimize(cost: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Where a smooth cost is least, found by L-BFGS from `start`, and that least cost."""
    x = start.detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        value = cost(x)
        value.backward()
        return float(value.detach())

    with torch.enable_grad():
        optimizer.step(closure)
    return x.detach(), float(cost(x.detach()))


def logistic(x: torch.Tensor, y: torch.Tensor, ridge: float = 0.0) -> tuple[torch.Tensor, float]:
    """Bias and weights (k + 1,) of a logistic model of y (n,) in 0..1 by x (n, k), and its cross entropy in nats.

    ridge: penalty on the squared weights of standardized x; keeps them finite where x tells y apart perfectly.
    """
    center, spread = x.mean(0), x.std(0) + 1e-6
    inputs = (x - center) / spread

    def cost(w: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(w[0] + inputs @ w[1:], y) + ridge * w[1:].square().sum()

    w, least = minimize(cost, x.new_zeros(x.shape[1] + 1))
    slope = w[1:] / spread
    return torch.cat([w[:1] - slope @ center, slope]), least
