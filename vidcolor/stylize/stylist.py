"""The transfer sub-net (Xu et al. 2020) by itself: how a picture changes when it takes over the colours of others.

What the net makes of a picture is compared with what it makes of it without any style, so that its own errors of
reconstruction cancel out: only the change counts, and `guided_filter` brings it to full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch

from vidcolor.color import guided_filter
from vidcolor.color.gamut import ab_to_cbcr
from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.ycbcr import rgb_to_ycbcr
from vidcolor.errors import VidcolorError
from vidcolor.models.adain.model import transfer_net
from vidcolor.models.adain.style_layers import Covariances, LabelStatistics, Statistics
from vidcolor.models.adain.transfer import TransferNet
from vidcolor.models.precision import choose, computing
from vidcolor.settings import Settings
from vidcolor.stylize.request import Look
from vidcolor.stylize.styles import Styles


def make_stylist(styles: Styles, look: Look, settings: Settings) -> Stylist:
    """A stylist of the settings' encoder, device and precision. Raises VidcolorError if one of them is missing."""
    device, dtype = computing(settings.device, settings.precision)
    return Stylist(transfer_net(settings.encoder), styles, look, device, dtype)


class Stylist:
    """A transfer sub-net with the statistics of its styles."""

    def __init__(
        self, net: TransferNet, styles: Styles, look: Look, device: torch.device, dtype: torch.dtype | None = None
    ) -> None:
        """dtype: what the net computes in; None for the device's own.

        Raises VidcolorError where the look has no transfer inside labels.
        """
        self.look, self.device = look, device
        self.net = net.eval().in_precision(dtype or choose(device)).to(device)
        with torch.inference_mode():
            self.style = self._style(styles)

    def _style(self, styles: Styles) -> Statistics | Covariances | LabelStatistics:
        """The styles' statistics, mixed by their weights (Xu et al. 2020, Eq. 5)."""
        small = [self._tensor(shrunk(style, self.look.size)) for style in styles.pictures]
        if styles.labels is not None:
            if self.look.transfer != "adain":
                raise VidcolorError(f"`transfer={self.look.transfer}`: label maps go with `transfer=adain` only")
            pairs = [(rgb, self._labels(values)) for rgb, values in zip(small, styles.maps, strict=True)]
            return self.net.label_statistics(
                pairs, len(styles.labels), styles.weights, self.look.labels_unmatched == "global"
            )
        if self.look.transfer == "wct":
            return Covariances.cat([self.net.reference_covariances(rgb) for rgb in small]).mix(styles.weights)
        return Statistics.cat([self.net.reference_statistics(rgb) for rgb in small]).mix(styles.weights)

    @torch.inference_mode()
    def content(self, sample: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None = None) -> Any:
        """Statistics of a shot from a sample of its frames, small pictures of one size (and their maps): with them
        all frames of the shot go through the same mapping."""
        rgb = torch.cat([self._tensor(one) for one in sample])
        maps = None if labels is None else torch.cat([self._labels(one) for one in labels])
        return self.net.content_statistics(rgb, self.style, maps)

    @torch.inference_mode()
    def functions(
        self, rgb: np.ndarray, matrix: str, content: Any = None, labels: np.ndarray | None = None
    ) -> np.ndarray | None:
        """How the colours of a small picture (h, w, 3) sRGB 0..1 change: (3, h, w, 4), the affine functions of
        `guided_filter.fit` for Y' (exactly 0 where luma is kept), Cb and Cr by this matrix; None for no change at all.

        content: from `content`, or None for the picture's own statistics. labels: its map (h, w).
        """
        if self.look.strength == 0:
            return None
        radius = max(2, round(min(rgb.shape[:2]) * guided_filter.RADIUS / 256))
        planes = np.dstack(rgb_to_ycbcr(rgb, matrix))
        return guided_filter.fit(planes, self._change(rgb, planes, matrix, content, labels), radius)

    def _change(
        self, rgb: np.ndarray, planes: np.ndarray, matrix: str, content: Any, labels: np.ndarray | None
    ) -> np.ndarray:
        """(h, w, 3) float32: what changes in Y', Cb and Cr (planes)."""
        seen = self._tensor(rgb)
        maps = None if labels is None else self._labels(labels)
        styled = self.net.transfer(seen, self.style, content=content, strength=self.look.strength, labels=maps)
        plain = self.net.reconstruct(seen)[0].clamp(0, 1)
        wanted = np.clip(rgb + (styled - plain)[0].permute(1, 2, 0).cpu().numpy(), 0, 1)
        if not self.look.keep_luma:
            return (np.dstack(rgb_to_ycbcr(wanted, matrix)) - planes).astype(np.float32)
        y = planes[..., 0]
        cb, cr = ab_to_cbcr(y, rgb_to_lab(wanted)[..., 1:], matrix)
        return (np.dstack([y, cb, cr]) - planes).astype(np.float32)

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
