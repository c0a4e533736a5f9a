"""The transfer sub-net alone: how a coloured picture changes when it takes over the colours of others.

What the net makes of a picture is compared with what it makes of it without any style, so that its own errors of
reconstruction cancel out: only the change counts, and `guided.py` brings it to full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from vidcolor.color import guided_filter
from vidcolor.color.gamut import ab_to_cbcr
from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.ycbcr import rgb_to_ycbcr
from vidcolor.errors import VidcolorError
from vidcolor.models.adain.style_layers import Covariances, LabelStatistics, Statistics
from vidcolor.models.adain.transfer import TransferNet
from vidcolor.models.precision import choose


@dataclass(frozen=True)
class Look:
    """How styles act."""

    transfer: str = "adain"
    """`adain`: mean and deviation of each channel; `wct`: the channels' full covariance."""
    strength: float = 1.0
    """Share of the stylised features against the content's own, 0..1; at 0 nothing changes."""
    keep_luma: bool = False
    """Luma stays exactly; a and b change only."""
    size: int = 256
    """Short side in pixels at which the net works."""
    unmatched: str = "global"
    """Labels that no style has: `global` gives them the whole pictures' transfer, `keep` leaves them as they are."""


class Stylist:
    """A transfer sub-net with the statistics of its styles."""

    def __init__(
        self,
        net: TransferNet,
        styles: Sequence[np.ndarray],
        look: Look,
        weights: Sequence[float] | None = None,
        labels: Sequence[np.ndarray] | None = None,
        count: int = 0,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> None:
        """styles: pictures (h, w, 3) sRGB 0..1 of any size. weights: of them (Eq. 5), equal by default.
        labels: a map (h, w) for each style, integers 0..count-1. dtype: what the net computes in; None for the device's
        own.

        Raises VidcolorError where the look has no transfer inside labels.
        """
        self.look, self.device = look, torch.device(device)
        self.net = net.eval().in_precision(dtype or choose(self.device)).to(device)
        weights = [1.0] * len(styles) if weights is None else list(weights)
        small = [shrunk(style, look.size) for style in styles]
        self.style: Statistics | Covariances | LabelStatistics
        with torch.inference_mode():
            if labels is not None:
                if look.transfer != "adain":
                    raise VidcolorError(f"--transfer {look.transfer}: label maps go with --transfer adain only")
                pairs = [(self._tensor(rgb), self._labels(one)) for rgb, one in zip(small, labels, strict=True)]
                self.style = self.net.label_statistics(pairs, count, weights, look.unmatched == "global")
            elif look.transfer == "wct":
                parts = [self.net.reference_covariances(self._tensor(rgb)) for rgb in small]
                self.style = Covariances.cat(parts).mix(weights)
            else:
                self.style = Statistics.cat([self.net.reference_statistics(self._tensor(rgb)) for rgb in small]).mix(
                    weights
                )

    @torch.inference_mode()
    def content(self, sample: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None = None) -> Any:
        """Statistics of a shot from a sample of its frames, small pictures of one size (and their maps): with them
        all frames of the shot go through the same mapping."""
        rgb = torch.cat([self._tensor(one) for one in sample])
        maps = None if labels is None else torch.cat([self._labels(one) for one in labels])
        return self.net.content_statistics(rgb, self.style, maps)

    @torch.inference_mode()
    def change(
        self, rgb: np.ndarray, matrix: str, content: Any = None, labels: np.ndarray | None = None
    ) -> np.ndarray | None:
        """What changes in a small picture (h, w, 3) sRGB 0..1: (h, w, 3) float32 differences of Y' (exactly 0 where
        luma is kept), Cb and Cr by the film's matrix; None for nothing at all.

        content: from `content`, or None for the picture's own statistics. labels: its map (h, w).
        """
        if self.look.strength == 0:
            return None
        seen = self._tensor(rgb)
        maps = None if labels is None else self._labels(labels)
        styled = self.net.transfer(seen, self.style, content=content, strength=self.look.strength, labels=maps)
        plain = self.net.reconstruct(seen)[0].clamp(0, 1)
        wanted = np.clip(rgb + (styled - plain)[0].permute(1, 2, 0).cpu().numpy(), 0, 1)
        before = rgb_to_ycbcr(rgb, matrix)
        if not self.look.keep_luma:
            after = rgb_to_ycbcr(wanted, matrix)
            return np.dstack([new - old for new, old in zip(after, before)]).astype(np.float32)
        cb, cr = ab_to_cbcr(before[0], rgb_to_lab(wanted)[..., 1:], matrix)
        return np.dstack([np.zeros_like(cb), cb - before[1], cr - before[2]]).astype(np.float32)

    def _tensor(self, rgb: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None].float().to(self.device)

    def _labels(self, labels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(labels))[None].to(self.device)


def small_size(size: Sequence[int], short: int) -> tuple[int, int]:
    """(h, w) of the picture on which the net works: never larger than the picture itself."""
    scale = min(1.0, short / min(size[:2]))
    h, w = (max(1, round(side * scale)) for side in size[:2])
    return h, w


def shrunk(picture: np.ndarray, short: int) -> np.ndarray:
    """A picture (h, w, c) at `small_size`."""
    h, w = small_size(picture.shape, short)
    return picture if (h, w) == picture.shape[:2] else cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)


def fitted(rgb: np.ndarray, change: np.ndarray, matrix: str) -> np.ndarray:
    """The functions of `guided_filter.fit` for a small picture and its change."""
    radius = max(2, round(min(rgb.shape[:2]) * guided_filter.RADIUS / 256))
    return guided_filter.fit(np.dstack(rgb_to_ycbcr(rgb, matrix)), change, radius)
