"""The colour nets of global anchors (Xia et al., SIGGRAPH Asia 2022): backbone, modeler, generator, RefineNet.

The backbone's map is pooled over superpixels (`superpixels.py`) into tokens. The modeler predicts which of 313 colours
each token may have. The generator gets the colours of a few tokens, the anchors, and predicts those of the others. Its
tokens, diffused over pixels, and the lightness become ab in the RefineNet.

One class for the paper's size and for the shipped thin one, in which squares of pixels are packed into channels
(`fold`, `refine_fold`) and the pretrained encoder's maps enter the backbone (`semantic`). The layers `told`, by which
encoder maps and anchors' colours enter, keep the name that they have in weights files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from vidcolor.models.anchors import superpixels
from vidcolor.models.nets import color_bins
from vidcolor.models.nets.efficientnet_lite import CHANNELS
from vidcolor.models.nets.maps import enlarged
from vidcolor.models.weights import TrainedNet

TOKEN = 64
"""Channels of a token, in both transformers and in the backbone's map."""
AB_SCALE = 110.0
"""Lab units of ab that the RefineNet's 1 stands for."""
REACH = 40.0
"""Largest change of ab by a guided RefineNet, in Lab units."""

PAPER: dict[str, Any] = {}
"""Settings of the paper's size: the defaults."""
THIN: dict[str, Any] = {
    "width": 24, "fold": 4, "semantic": True, "spectral": False, "deep": 1,
    "refine_width": 32, "refine_fold": 2, "guided": True, "dropout": 0.0,
}  # fmt: skip
"""Settings of the shipped net."""


class Backbone(nn.Module):
    """Lightness, and where `semantic` the encoder's maps, to features (b, 64, h / fold, w / fold).

    Four scales of 1, 2, 4 and 8 times `width` channels, then `deep` blocks at the last scale; up again, with one skip
    from the third.
    """

    def __init__(
        self, width: int = 64, fold: int = 1, semantic: bool = False, spectral: bool = True, deep: int = 3
    ) -> None:
        super().__init__()
        self.fold, w = fold, width

        def conv(i: int, o: int, stride: int = 1) -> nn.Module:
            layer = nn.Conv2d(i, o, 3, stride, 1)
            return spectral_norm(layer) if spectral else layer

        def block(i: int, o: int, layers: int, stride: int = 1) -> nn.Sequential:
            parts: list[nn.Module] = []
            for n in range(layers):
                parts += [conv(i, o, stride) if n == 0 else conv(o, o), nn.LeakyReLU(0.2, True)]
            return nn.Sequential(*parts, nn.BatchNorm2d(o))

        scales = ((fold**2, w, 2, 1), (w, 2 * w, 3, 2), (2 * w, 4 * w, 3, 2), (4 * w, 8 * w, 3, 2))
        self.down = nn.ModuleList(block(*scale) for scale in scales)
        self.told = nn.ModuleDict()
        """By stride: the convolution by which the encoder's map enters the scale of that stride."""
        if semantic:
            strides = [fold * 2**n for n in range(4)]
            self.told.update({str(s): nn.Conv2d(c, w * s // fold, 1) for s, c in CHANNELS.items() if s in strides})
        self.deep = nn.Sequential(*(block(8 * w, 8 * w, 3) for _ in range(deep)))
        self.up3 = nn.ConvTranspose2d(8 * w, 4 * w, 4, 2, 1)
        self.skip3 = nn.Conv2d(4 * w, 4 * w, 3, padding=1)
        self.conv3 = nn.Sequential(nn.ReLU(True), *block(4 * w, 4 * w, 2))
        self.up2 = nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1)
        self.conv2 = nn.Sequential(nn.ReLU(True), *block(2 * w, 2 * w, 1))
        self.up1 = nn.ConvTranspose2d(2 * w, TOKEN, 4, 2, 1)
        self.conv1 = nn.Sequential(nn.ReLU(True), conv(TOKEN, TOKEN), nn.LeakyReLU(0.2, True))

    def forward(self, l: torch.Tensor, maps: Sequence[torch.Tensor] | None = None) -> torch.Tensor:
        """l (b, 1, h, w) 0..100, sides multiples of 8 x fold; maps: the encoder's of l."""
        x = F.pixel_unshuffle((l - 50) / 50, self.fold).contiguous(memory_format=torch.channels_last)
        given = dict(zip(CHANNELS, maps)) if maps is not None else {}
        third = x
        for n, scale in enumerate(self.down):
            x = scale(x)
            stride = self.fold * 2**n
            if str(stride) in self.told:
                x = x + self.told[str(stride)](given[stride])
            if n == 2:
                third = x
        x = self.conv3(self.up3(self.deep(x)) + self.skip3(third))
        return self.conv1(self.up1(self.conv2(self.up2(x))))


class Layer(nn.Module):
    """A post-norm encoder layer (Vaswani et al., NeurIPS 2017); queries and keys get their positions at every layer."""

    def __init__(self, dropout: float = 0.1, heads: int = 8, wide: int = 256) -> None:
        super().__init__()
        self.heads = heads
        self.query_key, self.value = nn.Linear(TOKEN, 2 * TOKEN), nn.Linear(TOKEN, TOKEN)
        self.out = nn.Linear(TOKEN, TOKEN)
        self.wide = nn.Sequential(nn.Linear(TOKEN, wide), nn.ReLU(True), nn.Dropout(dropout), nn.Linear(wide, TOKEN))
        self.norm1, self.norm2 = nn.LayerNorm(TOKEN), nn.LayerNorm(TOKEN)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """x (b, n, 64), place (n, 64) -> (b, n, 64)."""
        query, key = self.query_key(x + place).chunk(2, -1)
        attended = _attend(self._split(query), self._split(key), self._split(self.value(x)))
        x = self.norm1(x + self.drop(self.out(attended.transpose(1, 2).flatten(2))))
        return self.norm2(x + self.drop(self.wide(x)))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Attention of every head: (b, heads, n, 8) each."""
    if not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(query, key, value)
    # on a CPU the backward pass of the fused one takes twice as long as of this
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    return scores.softmax(-1).to(value.dtype) @ value


class Transformer(nn.Module):
    """Six encoder layers and a linear layer to colours."""

    def __init__(self, dropout: float = 0.1, layers: int = 6) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(layers))
        self.colors = nn.Linear(TOKEN, color_bins.BINS)

    def forward(self, x: torch.Tensor, place: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (b, n, 64) -> tokens (b, n, 64), logits (b, n, 313) float32."""
        for layer in self.layers:
            x = layer(x, place)
        return x, self.colors(x).float()


class Pointer(nn.Module):
    """ab of every token as a mixture of the anchors' ab, by attention, and of the ab that its own logits stand for.

    Not in the paper: it makes a net with little training follow its anchors, to the exact shade.
    """

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.own = nn.Linear(TOKEN, TOKEN), nn.Linear(TOKEN, TOKEN), nn.Linear(TOKEN, 1)

    def forward(self, tokens: torch.Tensor, own: torch.Tensor, given: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """tokens (b, n, 64), own ab (b, n, 2), anchors' ab (b, n, 2), mask (b, n, 1), 1 at anchors -> ab (b, n, 2)."""
        scores = (self.query(tokens) @ self.key(tokens).transpose(1, 2)).float() / math.sqrt(TOKEN)
        scores = scores.masked_fill(mask.transpose(1, 2) == 0, -torch.inf)
        weights = torch.cat([scores, self.own(tokens).float()], 2).softmax(2)
        return weights[..., :-1] @ given.float() + weights[..., -1:] * own.float()


class RefineNet(nn.Module):
    """Lightness and diffused tokens to ab: three scales, a residual block between, up with concatenation.

    guided: ab of the generator's tokens is a further input, and the output is added to it.
    """

    def __init__(self, width: int = 64, fold: int = 1, guided: bool = False) -> None:
        super().__init__()
        self.fold, self.guided, w = fold, guided, width

        def conv(i: int, o: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1), nn.LeakyReLU(0.2, True))

        self.down1 = conv(fold**2 + TOKEN + 2 * guided, w)
        self.down2, self.down3 = conv(w, 2 * w, 2), conv(2 * w, 4 * w, 2)
        self.residual = nn.ModuleList(
            nn.Sequential(conv(4 * w, 4 * w), nn.Conv2d(4 * w, 4 * w, 3, padding=1)) for _ in range(3)
        )
        self.up2, self.up1 = nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1), nn.ConvTranspose2d(2 * w, w, 4, 2, 1)
        self.conv2, self.conv1 = conv(4 * w, 2 * w), conv(2 * w, w)
        self.out = nn.Conv2d(w, 2 * fold**2, 3, padding=1)
        if guided:  # at first nothing is added
            for parameter in self.out.parameters():
                nn.init.zeros_(parameter)

    def forward(self, l: torch.Tensor, tokens: torch.Tensor, ab: torch.Tensor | None = None) -> torch.Tensor:
        """l (b, 1, h, w) 0..100, tokens (b, 64, h / fold, w / fold), ab alike in Lab units -> ab (b, 2, h, w)."""
        given = [] if ab is None else [ab / AB_SCALE]
        x = torch.cat([F.pixel_unshuffle((l - 50) / 50, self.fold), tokens, *given], 1)
        first = self.down1(x.contiguous(memory_format=torch.channels_last))
        second = self.down2(first)
        x = self.down3(second)
        for block in self.residual:
            x = x + block(x)
        x = self.conv2(torch.cat([self.up2(x), second], 1))
        x = self.conv1(torch.cat([self.up1(x), first], 1))
        out = torch.tanh(F.pixel_shuffle(self.out(x).float(), self.fold))
        if ab is None:
            return out * AB_SCALE
        return out * REACH + enlarged(ab.float(), self.fold)


class AnchorsNet(TrainedNet):
    """All colour nets of the method.

    width, fold, semantic, spectral, deep: the backbone's; refine_width, refine_fold, guided: the RefineNet's;
    dropout: of both transformers. The defaults are the paper's. Files of weights hold these settings one by one.
    """

    weights_name = "anchors"

    prior: torch.Tensor
    """(313,) frequency of each colour in the training data; uniform before training."""
    gamut: torch.Tensor
    """(313, 2) ab of the colours."""

    def __init__(
        self,
        width: int = 64,
        fold: int = 1,
        semantic: bool = False,
        spectral: bool = True,
        deep: int = 3,
        refine_width: int = 64,
        refine_fold: int = 1,
        guided: bool = False,
        dropout: float = 0.1,
    ) -> None:
        """The parameters are the settings that a weights file carries."""
        super().__init__()
        self.settings = {
            "width": width, "fold": fold, "semantic": semantic, "spectral": spectral, "deep": deep,
            "refine_width": refine_width, "refine_fold": refine_fold, "guided": guided, "dropout": dropout,
        }  # fmt: skip
        self.semantic = semantic
        self.backbone = Backbone(width, fold, semantic, spectral, deep)
        self.modeler = Transformer(dropout)
        self.told = nn.Linear(TOKEN + color_bins.BINS + 1, TOKEN, bias=False)
        self.generator = Transformer(dropout)
        self.pointer = Pointer() if guided else None
        self.refine = RefineNet(refine_width, refine_fold, guided)
        self.register_buffer("prior", torch.full((color_bins.BINS,), 1 / color_bins.BINS))
        self.register_buffer("gamut", color_bins.gamut(), persistent=False)

    def tokens(
        self, l: torch.Tensor, association: torch.Tensor, maps: Sequence[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Features pooled over superpixels: l (b, 1, h, w), association (b, 9, h, w) -> (b, 64, h / 16, w / 16).

        maps: the encoder's of l, which a semantic net, and no other, needs.
        """
        if self.semantic != (maps is not None):
            raise ValueError("a semantic net, and no other, needs the encoder's maps")
        fold = self.backbone.fold
        cell = superpixels.CELL // fold
        return superpixels.pool(self.backbone(l, maps), superpixels.coarser(association, fold), cell)

    def model(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The modeler: tokens (b, 64, i, j) -> (b, i * j, 64) by which anchors are placed, logits (b, i * j, 313)."""
        return self.modeler(
            tokens.flatten(2).transpose(1, 2), positions(tokens.shape[-2], tokens.shape[-1], tokens.device)
        )

    def generate(
        self, tokens: torch.Tensor, colors: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """The generator: tokens (b, 64, i, j); colors (b, i * j, 313) weights of bins, seen at anchors only; mask
        (b, i * j, 1), 1 at an anchor -> tokens alike, logits (b, i * j, 313), and of a guided net ab (b, 2, i, j)."""
        x = torch.cat([tokens.flatten(2).transpose(1, 2), colors * mask, mask], -1)
        x, logits = self.generator(self.told(x), positions(tokens.shape[-2], tokens.shape[-1], tokens.device))
        ab = None
        if self.pointer is not None:
            given, own = (color_bins.decode(weights, self.gamut) for weights in (colors, logits.softmax(-1)))
            ab = self.pointer(x, own, given, mask).transpose(1, 2).unflatten(2, tokens.shape[-2:])
        return x.transpose(1, 2).reshape(tokens.shape), logits, ab

    def finish(
        self, l: torch.Tensor, tokens: torch.Tensor, ab: torch.Tensor | None, association: torch.Tensor
    ) -> torch.Tensor:
        """The RefineNet: the generator's tokens and ab -> ab (b, 2, h, w), float32 Lab units."""
        fold = self.refine.fold
        near, cell = superpixels.coarser(association, fold), superpixels.CELL // fold
        ab = None if ab is None else superpixels.diffuse(ab, near, cell)
        return self.refine(l, superpixels.diffuse(tokens, near, cell), ab)

    def forward(
        self,
        l: torch.Tensor,
        association: torch.Tensor,
        colors: torch.Tensor,
        mask: torch.Tensor,
        maps: Sequence[torch.Tensor] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """ab, and the logits of modeler and generator, for given anchors."""
        tokens = self.tokens(l, association, maps)
        _, modeled = self.model(tokens)
        made, logits, ab = self.generate(tokens, colors, mask)
        return self.finish(l, made, ab, association), modeled, logits


def positions(h: int, w: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """(h * w, 64) sine positions: 32 channels for the row, 32 for the column, both from 0 to 2 pi over the grid."""
    steps = 10_000 ** (torch.arange(TOKEN // 4, device=device) / (TOKEN // 4))

    def side(n: int) -> torch.Tensor:
        angle = (torch.arange(n, device=device) + 1)[:, None] / n * 2 * math.pi / steps
        return torch.cat([angle.sin(), angle.cos()], 1)

    rows, columns = side(h), side(w)
    return torch.cat([rows[:, None].expand(h, w, -1), columns[None].expand(h, w, -1)], -1).reshape(h * w, TOKEN)
