"""Superpixels of global anchors (Xia et al., SIGGRAPH Asia 2022): the net that finds them, pooling of maps over them,
and diffusion of their values back over pixels.

Superpixels grow from a grid of 16 x 16 cells. A pixel's membership is soft: nine weights that sum to 1, for its own
cell and the eight around it, row by row.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models.weights import TrainedNet

CELL = 16
"""Side of a cell in pixels; heights and widths are multiples of it."""
NEIGHBOURS = 9


def _conv(i: int, o: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.1, True))


def _deconv(i: int, o: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(i, o, 4, 2, 1), nn.LeakyReLU(0.1, True))


class SPixNet(TrainedNet):
    """From lightness to superpixels: a U-Net of five scales with two convolutions each.

    width: channels of the first scale, doubled at each further one; 16 is the paper's.
    """

    weights_name = "superpixels"

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.settings = {"width": width}
        sides = [width * 2**n for n in range(5)]
        self.down = nn.ModuleList(
            nn.Sequential(_conv(i, o, 1 if n == 0 else 2), _conv(o, o))
            for n, (i, o) in enumerate(zip([1, *sides], sides))
        )
        self.up = nn.ModuleList(_deconv(2 * o, o) for o in sides[:4])
        self.joined = nn.ModuleList(_conv(2 * o, o) for o in sides[:4])
        self.out = nn.Conv2d(width, NEIGHBOURS, 3, padding=1)

    def forward(self, l: torch.Tensor) -> torch.Tensor:
        """l (b, 1, h, w) 0..100, sides multiples of 16 -> association (b, 9, h, w) float32: a pixel's membership in
        nine superpixels, 1 in all and 0 for cells outside the picture."""
        x = ((l - 50) / 50).contiguous(memory_format=torch.channels_last)
        kept = []
        for level in self.down:
            x = level(x)
            kept.append(x)
        for n in reversed(range(4)):
            x = self.joined[n](torch.cat([self.up[n](x), kept[n]], 1))
        logits = self.out(x).float()
        return logits.masked_fill(~inside(l.shape[-2], l.shape[-1], l.device), -torch.inf).softmax(1)


def inside(h: int, w: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """(9, h, w) bool: which of a pixel's nine cells lie in the picture."""
    cells = F.unfold(torch.ones(1, 1, h // CELL, w // CELL, device=device), 3, padding=1)
    cells = cells.reshape(NEIGHBOURS, h // CELL, w // CELL) > 0
    return cells.repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)


def coarser(association: torch.Tensor, fold: int) -> torch.Tensor:
    """Association of pixels (b, 9, h, w) -> of squares of `fold` x `fold` pixels (b, 9, h / fold, w / fold)."""
    return association if fold == 1 else F.avg_pool2d(association, fold)


def pool(maps: torch.Tensor, association: torch.Tensor, cell: int = CELL) -> torch.Tensor:
    """Means over superpixels: maps (b, c, h, w), association (b, 9, h, w) -> (b, c, h / cell, w / cell).

    cell: side of a cell in places of these maps (16 over the fold by which they are smaller). A superpixel without
    any place is 0.
    """
    h, w = maps.shape[-2] // cell, maps.shape[-1] // cell
    weight = _cells(association, cell)
    total = weight.transpose(2, 3).to(maps.dtype) @ _cells(maps, cell)  # (b, n, 9, c): what a cell gives each neighbour
    total = F.fold(total.float().permute(0, 3, 2, 1).flatten(1, 2), (h, w), 3, padding=1)
    return total / areas(association, cell).clamp_min(1e-6)


def areas(association: torch.Tensor, cell: int = CELL) -> torch.Tensor:
    """(b, 1, h / cell, w / cell): places that belong to each superpixel, as a sum of weights."""
    h, w = association.shape[-2] // cell, association.shape[-1] // cell
    return F.fold(_cells(association.float(), cell).sum(2).transpose(1, 2), (h, w), 3, padding=1)


def diffuse(values: torch.Tensor, association: torch.Tensor, cell: int = CELL) -> torch.Tensor:
    """Superpixels' values over places: values (b, c, h / cell, w / cell), association (b, 9, h, w) -> (b, c, h, w)."""
    b, c, h, w = values.shape
    near = F.unfold(values, 3, padding=1).view(b, c, NEIGHBOURS, h * w).permute(0, 3, 2, 1)  # (b, n, 9, c)
    out = _cells(association, cell).to(values.dtype) @ near
    out = out.view(b, h, w, cell, cell, c).permute(0, 5, 1, 3, 2, 4)
    return out.reshape(b, c, h * cell, w * cell)


def ids(association: torch.Tensor) -> torch.Tensor:
    """(b, h, w) the superpixel, counted row by row, to which each pixel belongs most."""
    h, w = association.shape[-2] // CELL, association.shape[-1] // CELL
    best = association.argmax(1)
    y = torch.arange(association.shape[-2], device=association.device)[:, None] // CELL + best // 3 - 1
    x = torch.arange(association.shape[-1], device=association.device) // CELL + best % 3 - 1
    return y.clamp(0, h - 1) * w + x.clamp(0, w - 1)


def _cells(maps: torch.Tensor, cell: int) -> torch.Tensor:
    """(b, c, h, w) -> (b, cells, cell * cell, c)."""
    b, c, h, w = maps.shape
    maps = maps.view(b, c, h // cell, cell, w // cell, cell).permute(0, 2, 4, 3, 5, 1)
    return maps.reshape(b, h // cell * (w // cell), cell * cell, c)
