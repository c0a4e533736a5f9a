"""Weighted least squares on a grid: values spread from precise places to doubtful ones along a picture's surfaces.

For a map h with a precision p at each place and an affinity w between neighbours, the u that minimises

    sum of p (u - h)^2  +  sum over neighbours of w (u - u')^2

(the form of Levin et al., SIGGRAPH 2004, and Farbman et al., SIGGRAPH 2008): precise places keep their values; others
take those of precise places nearby, along high affinities, and values stop where affinity is low. Solved by conjugate
gradients with one V-cycle of aggregation multigrid as preconditioner, in which 2x2 places become one: about ten
iterations, however far values have to travel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

ITERATIONS = 6
"""Of conjugate gradients; ab is then 0.05 from the solution on average, 0.2 on the frame of a cropped key."""
FEW = 256
"""Most places of a grid that is solved directly."""
DAMPING = 0.7
"""Of the Jacobi steps before and after a coarser grid's correction."""


@dataclass(frozen=True)
class Grid:
    """The left side of the equations on one grid: a diagonal, and affinities between neighbours."""

    precision: torch.Tensor
    """(h, w)."""
    right: torch.Tensor
    """(h, w - 1): affinity of a place and the one right of it."""
    below: torch.Tensor
    """(h - 1, w): affinity of a place and the one below it."""
    inverse: torch.Tensor
    """(h, w): one over the matrix's diagonal."""

    @classmethod
    def of(cls, precision: torch.Tensor, right: torch.Tensor, below: torch.Tensor) -> Grid:
        diagonal = precision.clone()
        diagonal[:, 1:] += right
        diagonal[:, :-1] += right
        diagonal[1:] += below
        diagonal[:-1] += below
        return cls(precision, right, below, 1 / diagonal)

    def times(self, u: torch.Tensor) -> torch.Tensor:
        """The left side for u (c, h, w)."""
        out = self.precision * u
        flow = self.right * (u[..., 1:] - u[..., :-1])
        out[..., 1:] += flow
        out[..., :-1] -= flow
        flow = self.below * (u[..., 1:, :] - u[..., :-1, :])
        out[..., 1:, :] += flow
        out[..., :-1, :] -= flow
        return out

    def coarser(self) -> Grid:
        """2x2 places as one."""
        return Grid.of(_sums(self.precision, 2, 2), _sums(self.right[:, 1::2], 2, 1), _sums(self.below[1::2], 1, 2))

    def inverted(self) -> torch.Tensor:
        """(n, n): the inverse of the matrix, for the few places of a coarse grid."""
        unit = torch.eye(self.precision.numel(), device=self.precision.device)
        matrix = self.times(unit.unflatten(1, self.precision.shape)).flatten(1)
        return torch.linalg.inv(matrix.cpu().double()).float().to(unit.device)


def solve(
    values: torch.Tensor,
    precision: torch.Tensor,
    right: torch.Tensor,
    below: torch.Tensor,
    iterations: int = ITERATIONS,
) -> torch.Tensor:
    """The minimum described above, (c, h, w) float32.

    values: (c, h, w). precision: (h, w), above 0. right: (h, w - 1) and below: (h - 1, w), affinities, 0 or more,
    between a place and the one right of it and below it.
    """
    grids = [Grid.of(precision, right, below)]
    while grids[-1].precision.numel() > FEW:
        grids.append(grids[-1].coarser())
    inverse = grids[-1].inverted()
    u = values.clone()
    rest = precision * values - grids[0].times(u)
    direction, before = torch.zeros_like(u), torch.ones_like(u[:, :1, :1])
    for _ in range(iterations):
        corrected = _cycle(grids, inverse, rest)
        now = (rest * corrected).sum((1, 2), keepdim=True)
        direction = corrected + now / before.clamp_min(1e-20) * direction
        ahead = grids[0].times(direction)
        step = now / (direction * ahead).sum((1, 2), keepdim=True).clamp_min(1e-20)
        u += step * direction
        rest -= step * ahead
        before = now
    return u


def _cycle(grids: list[Grid], inverse: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
    """An approximate solution for the right side `rest`: one V-cycle, symmetric as conjugate gradients require."""
    if len(grids) == 1:
        return (rest.flatten(1) @ inverse).view_as(rest)
    grid = grids[0]
    damped = DAMPING * grid.inverse
    u = damped * rest
    coarse = _cycle(grids[1:], inverse, _sums(rest - grid.times(u), 2, 2))
    u += coarse.repeat_interleave(2, -1).repeat_interleave(2, -2)[..., : u.shape[-2], : u.shape[-1]]
    u += damped * (rest - grid.times(u))
    return u


def _sums(x: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Sums over blocks; what is missing at the end counts as 0."""
    x = F.pad(x, (0, -x.shape[-1] % columns, 0, -x.shape[-2] % rows))
    return x.unflatten(-2, (-1, rows)).unflatten(-1, (-1, columns)).sum((-3, -1))
