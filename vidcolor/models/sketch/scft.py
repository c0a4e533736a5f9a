"""SCFT (Lee et al., CVPR 2020): a sketch coloured by attention over a coloured reference.

Two encoders of the same shape turn the sketch and the reference into tokens; each token of the sketch gathers what is
like it from the reference (the paper's spatially corresponding feature transfer); residual blocks and a U-Net decoder
draw the colours.

One class for the paper's size and for real time: `fold` packs squares of pixels into channels, so that the net works at
a fraction of the size; `levels` puts fewer layers into the tokens, `grid` sets their distance, `body` narrows the
residual blocks. `copy` is not in the paper: the reference's own colours, gathered by the same attention, pass to the
output through a learned gate, because without it colours took longest to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models.nets import adain, attention
from vidcolor.models.nets.maps import resized
from vidcolor.models.weights import TrainedNet

STRIDE = 16
"""Heights and widths are multiples of this."""
PAPER: dict[str, Any] = {"widths": (16, 32, 64, 128, 256), "levels": tuple(range(1, 11))}
"""Settings of the paper's size: ten convolutions, all of them in the tokens, of 992 numbers each."""
THIN: dict[str, Any] = {
    "widths": (24, 48, 96, 160),
    "levels": (4, 6, 8),
    "body": 128,
    "blocks": 3,
    "fold": 2,
    "grid": 8,
    "copy": True,
}
"""Settings of the shipped net: eight convolutions at half size, the last one of each of three scales in the tokens."""


class Encoder(nn.Module):
    """Pairs of 3x3 convolutions; every pair but the first begins by halving the size."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        convs, before = [], channels
        for scale, width in enumerate(widths):
            convs += [nn.Conv2d(before, width, 3, 2 if scale else 1, 1), nn.Conv2d(width, width, 3, 1, 1)]
            before = width
        self.convs = nn.ModuleList(convs)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The map after each convolution."""
        maps = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
            maps.append(x)
        return maps


class Residual(nn.Module):
    """A residual block with batch norms."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(True),
            nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.convs(x)


def _pair(i: int, o: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(o, o, 3, 1, 1), nn.LeakyReLU(0.2))


class Scft(TrainedNet):
    """From a sketch and a reference to colours.

    widths: channels of the encoders' scales, two convolutions each; the coarsest is at a sixteenth of the picture's
    size. levels: the convolutions, counted from 1, whose maps make up the tokens. body: channels of the residual
    blocks, None for as many as a token has; blocks: their number. grid: pixels between tokens. transfer: how the
    reference comes in: `attention`, or for comparison `adain` (its means and deviations) or `addition` (its tokens at
    the same place). copy: as above, with `attention` only. Weights files hold these settings one by one.
    """

    weights_name = "sketch"

    def __init__(
        self,
        widths: Sequence[int] = PAPER["widths"],
        levels: Sequence[int] = PAPER["levels"],
        body: int | None = None,
        blocks: int = 4,
        fold: int = 1,
        grid: int = STRIDE,
        transfer: Literal["attention", "adain", "addition"] = "attention",
        copy: bool = False,
    ) -> None:
        """The parameters are the settings that a weights file carries."""
        super().__init__()
        if transfer not in ("attention", "adain", "addition"):
            raise ValueError(f"transfer {transfer!r}: attention, adain or addition")
        strides = [fold << n for n in range(len(widths))]
        if strides[-1] != STRIDE or grid not in strides:
            raise ValueError(f"scales at {strides} pixels: the last must be at {STRIDE}, and one at the tokens' {grid}")
        self.settings: dict[str, Any] = {"widths": list(widths), "levels": list(levels), "body": body, "blocks": blocks}
        self.settings |= {"fold": fold, "grid": grid, "transfer": transfer, "copy": copy}
        self.fold, self.grid, self.levels, self.transfer = fold, grid, tuple(levels), transfer
        self.copy = copy and transfer == "attention"
        self.depth = depth = sum(widths[(n - 1) // 2] for n in levels)
        self.of_sketch, self.of_reference = Encoder(fold**2, widths), Encoder(3 * fold**2, widths)
        if transfer == "attention":
            self.query, self.key, self.value = (nn.Linear(depth, depth, bias=False) for _ in range(3))
        width = body or depth
        self.narrow = nn.Conv2d(depth + 3 * self.copy, width, 1) if body or self.copy else nn.Identity()
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(blocks)))
        self.scale = strides.index(grid)
        ups = [_pair(width + depth + 3 * self.copy, widths[self.scale])]
        ups += [_pair(widths[n] + widths[n - 1], widths[n - 1]) for n in range(self.scale, 0, -1)]
        self.ups = nn.ModuleList(ups)
        self.out = nn.Conv2d(widths[0], (3 + self.copy) * fold**2, 3, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # N(0, .02), the usual choice, would let the signal die in the encoders
                nn.init.kaiming_normal_(module.weight, 0.2)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.xavier_normal_(self.out.weight)

    def sketch_maps(self, sketch: torch.Tensor) -> list[torch.Tensor]:
        """The encoder's maps of a sketch (b, 1, h, w), 0 on a line to 1 on paper, h and w multiples of `STRIDE`."""
        return self.of_sketch(_folded(sketch * 2 - 1, self.fold))

    def reference_tokens(self, reference: torch.Tensor) -> torch.Tensor:
        """Tokens (b, depth, h / grid, w / grid) of a reference (b, 3, h, w), RGB 0..1; with `copy` 3 more channels, its
        colours in -1..1. `nothing` stands for no reference."""
        tokens = self.tokens(self.of_reference(_folded(reference * 2 - 1, self.fold)))
        return torch.cat([tokens, colors(reference, self.grid).to(tokens.dtype) * 2 - 1], 1) if self.copy else tokens

    def tokens(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """The maps of `levels` resized and concatenated: (b, depth, h / grid, w / grid)."""
        h, w = maps[2 * self.scale].shape[-2:]
        sized = []
        for n in self.levels:
            finer = maps[n - 1].shape[-1] >= w
            sized.append(F.adaptive_avg_pool2d(maps[n - 1], (h, w)) if finer else resized(maps[n - 1], (h, w)))
        return torch.cat(sized, 1)

    def keys(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Attention keys (b, h * w, depth) and values (b, h * w, depth, with `copy` 3 more) of reference tokens (b, .,
        h, w). Those of several references may be concatenated."""
        flat = attention.tokens(tokens)
        described, own = flat[..., : self.depth], flat[..., self.depth :]
        return self.key(described), torch.cat([self.value(described), own], -1)

    def attend(
        self, place: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bias: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Sketch tokens (b, depth, h, w) plus what they gather from the reference, and with `copy` 3 channels of
        colour; and the largest attention weight of each, (b, 1, h, w). bias: (b, m), added to the scores."""
        b, _, h, w = place.shape
        scores = attention.scores(self.query(attention.tokens(place)), keys).float()
        if bias is not None:
            scores = scores + bias[:, None]
        weights = scores.softmax(-1)
        gathered = (weights.to(values.dtype) @ values).transpose(1, 2).reshape(b, -1, h, w)
        mixed = torch.cat([place + gathered[:, : self.depth], gathered[:, self.depth :]], 1)
        return mixed, weights.amax(-1).reshape(b, 1, h, w)

    def mixed(self, place: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """Sketch tokens (b, depth, ...) with the reference's tokens transferred to them as `transfer` says."""
        if self.transfer == "attention":
            return self.attend(place, *self.keys(reference))[0]
        if self.transfer == "adain":
            return adain.adain(place, adain.moments(reference))
        return place + F.interpolate(reference, size=place.shape[-2:], mode="nearest")

    def draw(self, maps: Sequence[torch.Tensor], mixed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Colours (b, 3, h, w), RGB 0..1, from the sketch's maps and the result of `mixed`; and the decoder's own
        colours without the copied ones, used where there is no reference. Both are trained: otherwise copying, which is
        learned sooner, would keep the decoder from learning anything."""
        x = self.ups[0](torch.cat([self.blocks(self.narrow(mixed)), mixed], 1))
        for n, up in zip(range(self.scale - 1, -1, -1), self.ups[1:]):
            x = up(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), maps[2 * n + 1]], 1))
        out = F.pixel_shuffle(self.out(x).float(), self.fold)
        rgb = own = torch.tanh(out[:, :3])
        if self.copy:
            gate = torch.sigmoid(out[:, 3:])
            rgb = own + gate * (resized(mixed[:, self.depth :].float(), own.shape[-2:]) - own)
        return (rgb + 1) / 2, (own + 1) / 2

    def forward(self, sketch: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """RGB (b, 3, h, w) 0..1 of a sketch (b, 1, h, w) and a reference (b, 3, h', w'), RGB 0..1."""
        maps = self.sketch_maps(sketch)
        return self.draw(maps, self.mixed(self.tokens(maps), self.reference_tokens(reference)))[0]

    def alone(self, sketch: torch.Tensor) -> torch.Tensor:
        """RGB (b, 3, h, w) 0..1 of a sketch (b, 1, h, w) without a reference."""
        maps, none = self.sketch_maps(sketch), nothing(sketch.expand(-1, 3, -1, -1))
        return self.draw(maps, self.mixed(self.tokens(maps), self.reference_tokens(none)))[1]


def colors(reference: torch.Tensor, grid: int) -> torch.Tensor:
    """Mean colours (b, 3, h / grid, w / grid) of a reference's squares without its drawn lines: pixels darker than the
    brightest one within two pixels count little."""
    light = reference.mean(1, keepdim=True)
    weight = torch.exp(-8 * (F.max_pool2d(light, 5, 1, 2) - light)) + 1e-3
    return F.avg_pool2d(reference * weight, grid) / F.avg_pool2d(weight, grid)


def nothing(reference: torch.Tensor) -> torch.Tensor:
    """The picture that stands for no reference, of the size of `reference`: zero in the net's own -1..1."""
    return torch.full_like(reference, 0.5)


def _folded(x: torch.Tensor, fold: int) -> torch.Tensor:
    return F.pixel_unshuffle(x, fold).contiguous(memory_format=torch.channels_last)
