"""The colorization sub-net of Xu et al. (CVPR 2020): a ten-block U-Net from L and ab hints to ab.

One class for the paper's size (width 64, 34 million parameters) and for real time: a smaller width; `fold`, which packs
2x2 pixels into the channels of one place, so that the net works at half size but sees and draws full size; and
`semantic`, with which the pretrained encoder's maps, already computed for matching, show it what things are, and dense
hints pass to the output through a learned gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models.nets.efficientnet_lite import CHANNELS
from vidcolor.models.nets.maps import resized
from vidcolor.models.weights import TrainedNet

AB_SCALE = 110.0
"""Lab units of ab that the net's 1 stands for (its tanh reaches -1..1)."""
GATE = 3.0
"""Logit with which the gate that lets hints pass to the output begins."""
MULTIPLE = 8
"""Height and width, after folding, are padded to multiples of this."""


def _block(i: int, o: int, layers: int, dilation: int = 1, last_stride: int = 1) -> nn.Sequential:
    """Conv-ReLU `layers` times and a batch norm; the last convolution may halve the size (layout `xu`)."""
    parts: list[nn.Module] = []
    for n in range(layers):
        stride = last_stride if n == layers - 1 else 1
        parts += [nn.Conv2d(i if n == 0 else o, o, 3, stride, dilation, dilation), nn.ReLU(True)]
    return nn.Sequential(*parts, nn.BatchNorm2d(o))


class ColorizationNet(TrainedNet):
    """L, hint ab and hint mask to ab.

    width: channels of the first block; 64 is the paper's.
    layout: `zhang17` (sub-sampling after blocks 1-3, a skip at full resolution: sharper chroma edges) or `xu` (the
        last convolution of blocks 1-3 has stride 2, skips Conv3-7, Conv2-8, Conv1-9).
    fold: side of the square of pixels that enters as one place; 1 is the paper's.
    semantic: fed with the encoder's maps at strides 4, 8 and 16 too (needs `zhang17` and fold 2, whose blocks 2 to 4
        work at these strides), and the output is ab of its own plus the hint times a gate, 0 to 1.
    traced: takes painted keys' traced colours too (`with_traced`); needs `semantic`.
    """

    weights_name = "colornet"

    def __init__(
        self,
        width: int = 64,
        layout: Literal["zhang17", "xu"] = "zhang17",
        fold: int = 1,
        semantic: bool = False,
        traced: bool = False,
    ):
        super().__init__()
        if layout not in ("zhang17", "xu"):
            raise ValueError(f"layout {layout!r}: zhang17 or xu")
        if semantic and (layout, fold) != ("zhang17", 2):
            raise ValueError("semantic needs layout zhang17 and fold 2")
        if traced and not semantic:
            raise ValueError("traced needs semantic")
        w, self.layout, self.fold, self.semantic, self.traced = width, layout, fold, semantic, traced
        xu = layout == "xu"
        stride = 2 if xu else 1
        at4, at8, at16 = CHANNELS.values() if semantic else (0, 0, 0)
        self.conv1 = _block(fold**2 + 3 + 4 * traced, w, 2, last_stride=stride)
        self.conv2 = _block(w + at4, 2 * w, 2, last_stride=stride)
        self.conv3 = _block(2 * w + at8, 4 * w, 3, last_stride=stride)
        self.conv4 = _block(4 * w + at16, 8 * w, 3)
        self.conv5 = _block(8 * w, 8 * w, 3, dilation=2)
        self.conv6 = _block(8 * w, 8 * w, 3, dilation=2)
        self.conv7 = _block(8 * w, 8 * w, 3)
        self.up8 = nn.ConvTranspose2d(8 * w, 4 * w, 4, 2, 1)
        self.up9 = nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1)
        last = w if xu else 2 * w
        self.up10 = nn.ConvTranspose2d(2 * w, last, 4, 2, 1)
        if xu:
            self.short7 = nn.Conv2d(4 * w, 8 * w, 3, padding=1)
            self.short8 = nn.Conv2d(2 * w, 4 * w, 3, padding=1)
            self.short9 = nn.Conv2d(w, 2 * w, 3, padding=1)
        else:
            self.short8 = nn.Conv2d(4 * w, 4 * w, 3, padding=1)
            self.short9 = nn.Conv2d(2 * w, 2 * w, 3, padding=1)
            self.short10 = nn.Conv2d(w, 2 * w, 3, padding=1)
        self.conv8 = _block(4 * w, 4 * w, 2)
        self.conv9 = _block(2 * w, 2 * w, 1)
        self.conv10 = nn.Sequential(nn.Conv2d(last, last, 3, padding=1), nn.LeakyReLU(0.2, True))
        self.out = nn.Conv2d(last, 2 * fold**2 + semantic + traced, 1)

    def forward(
        self,
        l: torch.Tensor,
        hint_ab: torch.Tensor,
        hint_mask: torch.Tensor,
        maps: Sequence[torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """l (b, 1, h, w) 0..100; hint_ab (b, 2, h, w) Lab units; hint_mask (b, 1, h, w) 0..1, how far a hint counts
        (0: no hint there, its colour is not seen); both also at h / fold, w / fold. maps: the encoder's of l, which a
        semantic net needs. Gives ab (b, 2, h, w) in Lab units. Any size; a semantic net's are multiples of 32."""
        return self.with_traced(l, hint_ab, hint_mask, maps)[0]

    def with_traced(
        self,
        l: torch.Tensor,
        hint_ab: torch.Tensor,
        hint_mask: torch.Tensor,
        maps: Sequence[torch.Tensor] | None = None,
        traced: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As `forward`, and the alpha (b, 1, h / 2, w / 2) in 0..1 with which traced colours should lie over that ab;
        None without them. traced (b, 4, h / 2, w / 2): their ab in Lab units, their alpha by weight alone (0: there are
        none), and the key's L minus the frame's."""
        h, w = l.shape[-2:]
        hint = hint_ab * (hint_mask > 0) / AB_SCALE
        if self.fold > 1 and hint.shape[-1] == w:
            size = (-(-h // self.fold), -(-w // self.fold))
            hint, hint_mask = (F.adaptive_avg_pool2d(x, size) for x in (hint * hint_mask, hint_mask))
            hint = hint / hint_mask.clamp_min(1e-3)
        unit = MULTIPLE * self.fold
        parts = [F.pixel_unshuffle(_padded((l - 50) / 100, unit), self.fold)]
        parts += [_padded(hint, MULTIPLE), _padded(hint_mask, MULTIPLE)]
        if self.traced:
            alpha = hint_mask * 0 if traced is None else traced[:, 2:3]
            others = torch.zeros_like(hint[:, :1]).expand(-1, 3, -1, -1) if traced is None else traced[:, [0, 1, 3]]
            parts += [_padded(others * (alpha > 0) / AB_SCALE, MULTIPLE), _padded(alpha, MULTIPLE)]
        x = torch.cat(parts, 1)
        x = self._body(x.contiguous(memory_format=torch.channels_last), maps).float()
        ab = torch.tanh(F.pixel_shuffle(x[:, : 2 * self.fold**2], self.fold)[..., :h, :w])
        if self.semantic:
            rest = x[:, 2 * self.fold**2 :, : hint.shape[-2], : hint.shape[-1]]
            gate = torch.sigmoid(rest[:, :1] + GATE)
            ab = ab + resized(gate * hint, (h, w))
        if not self.traced or traced is None:
            return ab * AB_SCALE, None
        return ab * AB_SCALE, torch.sigmoid(rest[:, 1:] + torch.logit(alpha.float(), 1e-3)) * (alpha > 0)

    def _body(self, x: torch.Tensor, maps: Sequence[torch.Tensor] | None) -> torch.Tensor:
        if self.semantic != (maps is not None):
            raise ValueError("a semantic net, and no other, needs the encoder's maps")
        at4, at8, at16 = ([m] for m in maps) if maps is not None else ([], [], [])
        if self.layout == "xu":
            c1 = self.conv1(x)
            c2 = self.conv2(c1)
            c3 = self.conv3(c2)
            x = self.conv7(self.conv6(self.conv5(self.conv4(c3)))) + self.short7(c3)
            x = self.conv8(self.up8(x)) + self.short8(c2)
            x = self.conv9(self.up9(x)) + self.short9(c1)
            x = self.up10(x)
        else:
            c1 = self.conv1(x)
            c2 = self.conv2(torch.cat([c1[..., ::2, ::2], *at4], 1))
            c3 = self.conv3(torch.cat([c2[..., ::2, ::2], *at8], 1))
            x = self.conv7(self.conv6(self.conv5(self.conv4(torch.cat([c3[..., ::2, ::2], *at16], 1)))))
            x = self.conv8(F.relu(self.up8(x) + self.short8(c3)))
            x = self.conv9(F.relu(self.up9(x) + self.short9(c2)))
            x = F.relu(self.up10(x) + self.short10(c1))
        return self.out(self.conv10(x))


def _padded(x: torch.Tensor, unit: int) -> torch.Tensor:
    return F.pad(x, (0, -x.shape[-1] % unit, 0, -x.shape[-2] % unit), mode="replicate")
