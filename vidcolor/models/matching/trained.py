"""The trained matcher: descriptors from the shared encoder's maps and from luma, by two 1x1 convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.models.matching.base import Tokens
from vidcolor.models.matching.cosine import CosineMatcher
from vidcolor.models.nets.efficientnet_lite import CHANNELS
from vidcolor.models.nets.maps import enlarged, joined
from vidcolor.models.weights import TrainedNet

COARSE, FINE = 96, 64
"""Descriptor lengths at strides 8 and 4."""


class Describer(nn.Module):
    """From the encoder's maps and luma to descriptors: two 1x1 convolutions, at first those of the untrained matcher.

    Deeper heads overfitted to the hundred training clips (on held-out clips faces gained, the rest lost).
    """

    def __init__(self) -> None:
        super().__init__()
        c4, c8, c16 = CHANNELS[4], CHANNELS[8], CHANNELS[16]
        self.coarse = nn.Conv2d(c4 + c8 + c16, COARSE, 1)
        self.fine = nn.Conv2d(c4 + c8 + 16, FINE, 1)
        nn.init.dirac_(self.fine.weight)
        nn.init.zeros_(self.fine.bias)  # type: ignore[arg-type]

    @classmethod
    def features(cls, l: torch.Tensor, maps: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """The part that is not learned: l (b, 1, h, w) 0..100 and the encoder's maps -> inputs of `coarse` at stride 8
        (176 channels) and of `fine` at stride 4 (80 channels)."""
        return cls.coarse_features(*maps), cls.fine_features(l, *maps[:2])

    @staticmethod
    def coarse_features(s4: torch.Tensor, s8: torch.Tensor, s16: torch.Tensor) -> torch.Tensor:
        """The inputs of `coarse` alone, from the encoder's maps."""
        # divisions place by place, here and below, are in float32: faster on a CPU than in half precision
        return joined(*(normalize(x.float()).to(s4.dtype) for x in (F.avg_pool2d(s4, 2), s8, enlarged(s16))))

    @staticmethod
    def fine_features(l: torch.Tensor, s4: torch.Tensor, s8: torch.Tensor) -> torch.Tensor:
        """The inputs of `fine` alone, from l and the encoder's maps at strides 4 and 8."""
        kind = s4.dtype
        # channels last like the maps: the local means then take a fifth of the time
        texture = F.pixel_unshuffle((l / 100).to(kind), 4).contiguous(memory_format=torch.channels_last)
        near, texture = (x - local_mean(x) for x in (s4, texture))
        near, far = near.float(), enlarged(s8).float()
        of_near, of_far = 1 / length(near), 0.7 / length(far)
        both = 1 / torch.hypot(length(near) * of_near, length(far) * of_far)  # together they have length 1
        return joined((near * (of_near * both)).to(kind), (far * (of_far * both)).to(kind), texture)

    def forward(self, at8: torch.Tensor, at4: torch.Tensor) -> Tokens:
        """`features` -> Tokens."""
        return Tokens(normalize(self.coarse(at8).float()), normalize(self.fine(at4).float()))


class TrainedMatcher(CosineMatcher, TrainedNet):
    """Learned descriptors, temperatures and confidence."""

    weights_name = "matcher"

    def __init__(self) -> None:
        super().__init__()
        self.describer = Describer()

    def describe(self, l: torch.Tensor, maps: Sequence[torch.Tensor]) -> Tokens:
        """l (b, 1, h, w) lightness 0..100 and the encoder's maps of it -> Tokens."""
        with torch.no_grad():
            features = self.describer.features(l, maps)
        return self.describer(*features)


def normalize(x: torch.Tensor) -> torch.Tensor:
    """x (b, c, h, w) with each place's vector at unit length."""
    return F.normalize(x, dim=1)


def length(x: torch.Tensor) -> torch.Tensor:
    """Length of each place's vector, above 0: (b, c, h, w) -> (b, 1, h, w)."""
    return torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(1e-12)


def local_mean(x: torch.Tensor) -> torch.Tensor:
    """Mean over 15x15 places, at the edges over those that exist; one axis after the other, which is faster."""
    x = F.avg_pool2d(x, (15, 1), 1, (7, 0), count_include_pad=False)
    return F.avg_pool2d(x, (1, 15), 1, (0, 7), count_include_pad=False)
