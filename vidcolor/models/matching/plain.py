"""`--matcher plain`: the shared encoder's own features, with nothing learned for matching."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vidcolor.models.matching.base import Tokens
from vidcolor.models.matching.cosine import CosineMatcher
from vidcolor.models.matching.trained import Describer, normalize


class PlainMatcher(CosineMatcher):
    """The trained matcher before training: its features without the 1x1 convolutions, fixed temperatures and
    confidence."""

    def describe(self, l: torch.Tensor, maps: Sequence[torch.Tensor]) -> Tokens:
        """As in `Matcher`."""
        return Tokens(*(normalize(x.float()) for x in Describer.features(l, maps)))
