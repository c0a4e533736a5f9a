"""The network of SSCN (Bai et al., ECCV 2022): global transfer by a style code, then local colours by sparse attention
over a reference's significant places.

Stage 1: content encoder of the grey picture, learned AdaIN by the reference's style code, decoder to ab.
Alignment: every place of the target, at stride 4, takes features and colours of the reference's chosen places. Places
are compared by the style encoder's maps of the *coloured* target and of the reference, Lab to Lab.
Stage 2: a decoder from both to ab; in training with a head for 529 bins of colour.

One class for the paper's size (width 64) and for a thin one, which has a smaller width and two more settings: `fold`
packs 2x2 pixels into the channels of one place; `semantic` adds the frozen encoder's maps to the content encoder and to
what places are compared by (grey to grey), and copies the reference's own colours at the chosen places.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models.nets import attention
from vidcolor.models.nets.adain import moments
from vidcolor.models.nets.efficientnet_lite import CHANNELS
from vidcolor.models.nets.maps import joined
from vidcolor.models.sscn.tokens import Aligned, Choice, GreyFeatures, Tokens, choose, means, owners, sized, sizes
from vidcolor.models.weights import TrainedNet

AB_SCALE = 110.0
"""Lab units of ab that the nets' 1 stands for."""
CODE = 64
"""Length of a style code."""
STYLE_SIDE = 256
"""Side in pixels to which a reference is resized for its style code."""
BINS = 23 * 23
"""Rows of `color_bins.square`."""
GRID = 4
"""Stride of the places that are aligned."""
UNIT = 32
"""Heights and widths are multiples of this."""
TEMPERATURE = 0.01
"""By which cosines are divided in the paper."""
COLOR_WEIGHT = 2.6
"""Weight of ab / 110 beside unit-length features where similar places of a reference are grouped."""
GATE = 3.0
"""Logit with which the gate that lets copied colours pass to the output begins."""


def _same(i: int, o: int) -> nn.Sequential:
    """A 3x3 convolution and ReLU as in VGG19, but with reflection padding."""
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, padding_mode="reflect"), nn.ReLU(True))


class ContentEncoder(nn.Module):
    """Encodes the grey target: VGG19's shape up to conv4_1 with average pooling. Gives four maps of 1, 2, 4 and 8
    times the width in channels."""

    def __init__(self, w: int, fold: int, semantic: bool):
        super().__init__()
        self.fold = fold
        at4, at8, at16 = CHANNELS.values() if semantic else (0, 0, 0)
        self.front = nn.Conv2d(fold**2, 3 * fold**2, 1)
        self.level1 = nn.Sequential(_same(3 * fold**2, w), _same(w, w))
        self.level2 = nn.Sequential(_same(w + at4, 2 * w), _same(2 * w, 2 * w))
        self.level3 = nn.Sequential(_same(2 * w + at8, 4 * w), *(_same(4 * w, 4 * w) for _ in range(3)))
        self.level4 = _same(4 * w + at16, 8 * w)

    def forward(self, l: torch.Tensor, maps: Sequence[torch.Tensor] | None) -> list[torch.Tensor]:
        x = self.level1(self.front(F.pixel_unshuffle(l / 50 - 1, self.fold)))
        found = [x]
        for n, level in enumerate((self.level2, self.level3, self.level4)):
            x = F.avg_pool2d(x, 2)
            x = level(x if maps is None else torch.cat([x, maps[n]], 1))
            found.append(x)
        return found


class ResidualBlock(nn.Module):
    """A pre-activation residual block that halves the size."""

    def __init__(self, i: int, o: int):
        super().__init__()
        parts = [nn.BatchNorm2d(i), nn.LeakyReLU(0.2), nn.Conv2d(i, i, 3, padding=1)]
        self.body = nn.Sequential(*parts, nn.BatchNorm2d(i), nn.LeakyReLU(0.2), nn.Conv2d(i, o, 3, padding=1))
        self.short = nn.Conv2d(i, o, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (F.avg_pool2d(self.body(x), 2) + self.short(F.avg_pool2d(x, 2))) / 2**0.5


class StyleEncoder(nn.Module):
    """The paper's E: a picture in Lab to four maps with 1, 2, 4 and 8 times the width in channels, and to its style
    code."""

    def __init__(self, w: int, fold: int):
        super().__init__()
        self.fold = fold
        self.stem = nn.Conv2d(3 * fold**2, w, 3, padding=1)
        wide = [w, 2 * w, 4 * w, 8 * w, 8 * w, 8 * w, 8 * w]
        self.blocks = nn.ModuleList(ResidualBlock(i, o) for i, o in pairwise(wide))
        self.last = nn.Conv2d(8 * w, 8 * w, STYLE_SIDE // 64 // fold)
        self.linear = nn.Linear(8 * w, CODE)

    def forward(self, lab: torch.Tensor) -> list[torch.Tensor]:
        """lab (b, 3, h, w) -> maps at strides 1, 2, 4, 8 times fold."""
        x = torch.cat([lab[:, :1] / 50 - 1, lab[:, 1:] / AB_SCALE], 1)
        x = self.stem(F.pixel_unshuffle(x, self.fold).contiguous(memory_format=torch.channels_last))
        maps = [x]
        for block in list(self.blocks)[:3]:
            maps.append(block(maps[-1]))
        return maps

    def code(self, lab: torch.Tensor) -> torch.Tensor:
        """lab (b, 3, h, w) of any size -> (b, 64)."""
        small = sized(lab, (STYLE_SIDE, STYLE_SIDE))
        x = self.forward(small)[3]
        for block in list(self.blocks)[3:]:
            x = block(x)
        x = F.leaky_relu(self.last(F.leaky_relu(x, 0.2)), 0.2)
        return self.linear(x.flatten(1)).float()


class LearnedAdaIN(nn.Module):
    """(1 + gamma) IN(x) + beta, gamma and beta linear in the style code; at first plain IN.

    It is affine in the code, so a mix of codes gives the mix of their outputs: several references cost as little as
    one.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.affine = nn.Linear(CODE, 2 * channels)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        gamma, beta = self.affine(code).float()[..., None, None].chunk(2, 1)
        mu, sigma = moments(x)
        return ((1 + gamma) * ((x.float() - mu) / sigma) + beta).to(x.dtype)


class GlobalDecoder(nn.Module):
    """Stage 1's decoder: VGG19's shape backwards, a learned AdaIN before each of its four stages. Gives
    ab / 110."""

    def __init__(self, w: int, fold: int):
        super().__init__()
        self.adain = nn.ModuleList(LearnedAdaIN(c * w) for c in (8, 4, 2, 1))
        self.stages = nn.ModuleList(
            [
                _same(8 * w, 4 * w),
                nn.Sequential(*(_same(4 * w, 4 * w) for _ in range(3)), _same(4 * w, 2 * w)),
                nn.Sequential(_same(2 * w, 2 * w), _same(2 * w, w)),
                nn.Sequential(_same(w, w), nn.Conv2d(w, 2 * fold**2, 3, padding=1, padding_mode="reflect")),
            ]
        )

    def forward(self, x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        for n, (adain, stage) in enumerate(zip(self.adain, self.stages)):
            x = stage(adain(x, code))
            if n < 3:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
        return x


def _conv_norm(i: int, o: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(True), nn.BatchNorm2d(o))


class _Residual(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        first = [nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(True)]
        self.body = nn.Sequential(*first, nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


def _merge(c: int, residuals: int) -> nn.Sequential:
    first = [nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(True)]
    return nn.Sequential(*first, *(_Residual(c) for _ in range(residuals)))


def _two(c: int) -> nn.Sequential:
    layers = [nn.Conv2d(c, c, 3, padding=1), nn.ReLU(True), nn.Conv2d(c, c, 3, padding=1), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.BatchNorm2d(c))


class LocalDecoder(nn.Module):
    """Stage 2's decoder: the target's maps and what was aligned with them, coarse to fine, to ab / 110 and to logits of
    529 bins."""

    def __init__(self, w: int, fold: int, semantic: bool, residuals: int):
        super().__init__()
        extra = 3 if semantic else 0  # copied colours and their confidence
        self.align8 = _conv_norm(8 * w + extra, 8 * w)
        self.align4 = _conv_norm(8 * w, 4 * w)
        self.align2 = _conv_norm(4 * w, 2 * w)
        self.merge8, self.merge4, self.merge2 = (_merge(c * w, residuals) for c in (8, 4, 2))
        self.up4, self.short4, self.two4 = _up(8 * w, 4 * w), nn.Conv2d(4 * w, 4 * w, 3, padding=1), _two(4 * w)
        self.up2, self.short2, self.two2 = _up(4 * w, 2 * w), nn.Conv2d(2 * w, 2 * w, 3, padding=1), _two(2 * w)
        self.up1, self.short1 = _up(2 * w, 2 * w), nn.Conv2d(w, 2 * w, 3, padding=1)
        self.last = nn.Sequential(nn.Conv2d(2 * w, 2 * w, 3, padding=1), nn.LeakyReLU(0.2, True))
        self.bins = nn.Conv2d(4 * w, BINS, 1)
        self.out = nn.Conv2d(2 * w, 2 * fold**2 + semantic, 1)

    def forward(
        self, target: Sequence[torch.Tensor], aligned: torch.Tensor, classes: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """target: four maps with 1, 2, 4 and 8 times the width in channels; aligned: (b, 8 * width (+ 3), h/4, w/4).
        classes: also the bins' logits, at the third map's size."""
        t1, t2, t4, t8 = target
        a8 = self.align8(aligned)
        a4 = self.align4(a8)
        a2 = self.align2(a4)
        x = self.merge8(t8 + sized(a8, t8.shape[-2:]))
        x = self.two4(F.relu(self.up4(x) + self.short4(t4)))
        logits = self.bins(x) if classes else None
        x = self.merge4(x + sized(a4, t4.shape[-2:]))
        x = self.two2(F.relu(self.up2(x) + self.short2(t2)))
        x = self.merge2(x + sized(a2, t2.shape[-2:]))
        x = self.last(F.relu(self.up1(x) + self.short1(t1)))
        return self.out(x), logits


def _up(i: int, o: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(i, o, 4, 2, 1)


class SSCN(TrainedNet):
    """Both stages and the alignment between them. Heights and widths are multiples of `UNIT`.

    width: channels of the first level, 64 in the paper. fold: side of the square of pixels that enters as one place, 1
    in the paper. semantic: needs `GreyFeatures` of targets and references (and fold 2, whose levels 2 to 4 have the
    encoder's strides). residuals: blocks after each of stage 2's sums, 2 in the paper. temperature: of cosines.
    """

    weights_name = "sscn"

    def __init__(
        self,
        width: int = 64,
        fold: int = 1,
        semantic: bool = False,
        residuals: int = 2,
        temperature: float = TEMPERATURE,
    ):
        super().__init__()
        if semantic and fold != 2:
            raise ValueError("semantic needs fold 2")
        self.width, self.fold, self.semantic, self.temperature = width, fold, semantic, temperature
        self.content = ContentEncoder(width, fold, semantic)
        self.style = StyleEncoder(width, fold)
        self.globally = GlobalDecoder(width, fold)
        self.value = nn.Linear(15 * width, 8 * width)
        self.locally = LocalDecoder(width, fold, semantic, residuals)
        self.confidence_weight = nn.Parameter(torch.tensor([-3.0, 7.6, -2.4]), requires_grad=False)
        self.fade_weight = nn.Parameter(torch.tensor([-3.7, 10.0, -0.6]), requires_grad=False)
        """Bias, and weights of `Aligned.evidence`, of two logistic models: whether a copied colour is right, and how
        far it replaces stage 1's. Fitted after training."""
        if semantic:
            self.parts = nn.Parameter(torch.tensor([0.2, 0.75, 0.05]).log())
            """Logits of the weights of fine descriptors, coarse descriptors and E's maps in a cosine."""

    def transfer(
        self, l: torch.Tensor, code: torch.Tensor, grey: GreyFeatures | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Stage 1: l (b, 1, h, w) 0..100 and style codes (b or 1, 64) -> ab (b, 2, h, w) Lab units, and the content's
        maps."""
        content = self.content(l.contiguous(memory_format=torch.channels_last), self._maps(grey))
        x = self.globally(content[3], code.expand(len(l), -1))
        return F.pixel_shuffle(x.float(), self.fold) * AB_SCALE, content

    def describe(self, maps: Sequence[torch.Tensor], grey: GreyFeatures | None = None) -> torch.Tensor:
        """E's maps of a picture in Lab -> (b, d, h/4, w/4), unit length: the features by which its places are
        compared."""
        levels = self._joined(maps)
        length = torch.linalg.vector_norm(levels, dim=1, keepdim=True, dtype=torch.float32).clamp_min(1e-6)
        if grey is None:
            return levels / length
        fine, coarse = grey.descriptors.split([64, 96], 1)
        weights = self.parts.softmax(0).sqrt()
        # in the maps' own precision: on a CPU this is bound by memory
        kind = levels.dtype
        return joined(
            *(
                x * f.to(kind)
                for x, f in zip((fine.to(kind), coarse.to(kind), levels), (*weights[:2], weights[2] / length))
            )
        )

    def tokens(
        self,
        maps: Sequence[torch.Tensor],
        described: torch.Tensor,
        ab: torch.Tensor,
        choice: Choice | None,
        covered: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tokens:
        """Tokens of b references, from E's maps, their features (`describe`) and ab (b, 2, h, w) in Lab units.

        choice: which places are kept; None for all of them (dense attention). covered: (b, h/4, w/4) bool, what the
        reference covers (then b is 1, as counts may differ). generator: as in `choose`.
        """
        colors = sized(ab.float(), described.shape[-2:])
        parts = [attention.tokens(x) for x in (described, self._joined(maps), colors)]
        if choice is None and covered is None:
            key, joined, taken = parts
            return Tokens(key, self.value(joined), taken, torch.zeros_like(taken[..., 0]))
        kept = []
        with torch.no_grad():  # places are alike if they look alike and have the same colour
            features = F.normalize(torch.cat([described.float(), colors * (COLOR_WEIGHT / AB_SCALE)], 1), dim=1)
        for n, (key, joined, taken) in enumerate(zip(*parts)):
            here = None if covered is None else covered[n]
            where = choose(features[n], choice or Choice(key.shape[0], 0), here, generator)
            bias = torch.zeros_like(taken[where, 0])
            if choice is not None and choice.gather:
                owner = owners(features[n], where, here)
                key, joined, taken = (means(x.float(), owner, len(where)) for x in (key, joined, taken))
                bias = sizes(owner, len(where)).log()
            else:
                key, joined, taken = key[where], joined[where], taken[where]
            kept.append((key, self.value(joined), taken, bias))
        return Tokens(*(torch.stack(x) for x in zip(*kept)))

    def align(self, described: torch.Tensor, tokens: Tokens) -> Aligned:
        """What every place of a target takes from the tokens: softmax over tokens of cosines over the temperature."""
        squares = tokens.ab.square().sum(-1, keepdim=True)
        value = torch.cat([tokens.value.float(), tokens.ab, squares], -1)
        query, key, bias = attention.tokens(described), tokens.key, tokens.bias[:, None]
        if torch.is_grad_enabled():
            parts = [attention.attend(query, key, value, self.temperature, bias)]
        else:  # a frame at a time: this bounds the memory of the scores, the result is the same
            frames = zip(query.split(1), *(x.expand(len(query), -1, -1).split(1) for x in (key, value, bias)))
            parts = [attention.attend(q, k, v, self.temperature, b) for q, k, v, b in frames]
        found = torch.cat([torch.cat(part, -1) for part in parts])
        maps = found.transpose(1, 2).unflatten(2, described.shape[-2:])
        value, ab, squared, best = maps.split([8 * self.width, 2, 1, 1], 1)
        spread = (squared - ab.square().sum(1, keepdim=True)).clamp_min(1e-4).sqrt() / 10
        return Aligned(value, ab, torch.cat([best, spread], 1))

    def confidence(self, aligned: Aligned) -> torch.Tensor:
        """(b, 1, h/4, w/4) in 0..1: how likely the copied colours are right."""
        return _logistic(self.confidence_weight, aligned)

    def faded(self, aligned: Aligned, first: torch.Tensor) -> torch.Tensor:
        """Copied colours, faded to those of stage 1 where they are doubtful: (b, 2, h/4, w/4).

        The fade is not the confidence: a doubtful copy is often still nearer to the truth than a global colour.
        """
        weight = _logistic(self.fade_weight, aligned)
        return weight * aligned.ab + (1 - weight) * sized(first, aligned.ab.shape[-2:])

    def refine(
        self,
        target: Sequence[torch.Tensor],
        content: Sequence[torch.Tensor],
        aligned: Aligned,
        first: torch.Tensor,
        classes: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Stage 2: E's maps of the coloured target, the content's maps, what was aligned, and stage 1's ab (b, 2, h, w)
        -> ab (b, 2, h, w) in Lab units; with `classes` also logits (b, 529, ., .)."""
        if not self.semantic:
            x, logits = self.locally(target, aligned.value, classes)
            return torch.tanh(F.pixel_shuffle(x.float(), self.fold)) * AB_SCALE, logits
        copied = self.faded(aligned, first)
        given = torch.cat([aligned.value, copied / AB_SCALE, self.confidence(aligned)], 1).contiguous(
            memory_format=torch.channels_last
        )
        x, logits = self.locally([t + c for t, c in zip(target, content)], given, classes)
        x = x.float()
        own = torch.tanh(F.pixel_shuffle(x[:, :-1], self.fold)) * AB_SCALE
        gate = torch.sigmoid(x[:, -1:] + GATE)
        return own + sized(gate * sized(copied, gate.shape[-2:]), own.shape[-2:]), logits

    def _joined(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """E's maps side by side at stride 4: (b, 15 * width, h/4, w/4)."""
        h, w = (side * self.fold // GRID for side in maps[0].shape[-2:])
        return joined(*(sized(x, (h, w)) for x in maps))

    def _maps(self, grey: GreyFeatures | None) -> Sequence[torch.Tensor] | None:
        if self.semantic != (grey is not None):
            raise ValueError("a semantic net, and no other, needs the encoder's features of the grey picture")
        return None if grey is None else grey.maps


def _logistic(weight: torch.Tensor, aligned: Aligned) -> torch.Tensor:
    evidence = aligned.evidence.detach()
    return torch.sigmoid(weight[0] + (evidence * weight[1:, None, None]).sum(1, keepdim=True))
