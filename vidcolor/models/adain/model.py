"""`--model adain`: both sub-nets of Xu et al. (CVPR 2020), for pictures that need not match a shot by place.

A frame is pre-coloured, the references' statistics are transferred to it, a few patches of the result become hints, and
the colorization sub-net colours the frame from them. Whatever could flicker is fixed for a shot: the references'
statistics, the shot's own, and the positions of the patches.

The shipped colorization sub-net learned from dense hints, as matching gives them, and does not spread a few patches
(measured: true colours on 2 % of a frame reduce its error by 2 %). So it gets the whole transferred map, faintly
(`DENSE`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.color.lab_torch import lab_to_rgb, rgb_to_lab
from vidcolor.errors import VidcolorError, warn
from vidcolor.models import weights
from vidcolor.models.adain import transfer
from vidcolor.models.adain.style_layers import Covariances, Statistics
from vidcolor.models.adain.transfer import TransferNet
from vidcolor.models.base import Batch, Colored, ShotColors
from vidcolor.models.nets import hints
from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.nets.maps import resized
from vidcolor.models.precision import autocast, choose
from vidcolor.models.references import time_bias
from vidcolor.motion import propagate
from vidcolor.shot import Reference, Shot

SHRINK = 2
"""Factor by which frames are reduced for pre-colouring and transfer: a patch's mean colour needs no more, and the
transfer sub-net was trained at about this scale."""
SAMPLE = 8
"""Frames of a shot, evenly spaced, from which its own statistics and the places of its patches are taken."""
DENSE = 0.3
"""Weight of coarse colours, 0 to 1, where they are given as hints everywhere."""
MOST_CONFIDENCE = 0.5
"""Highest confidence: statistics say which colours a reference has, not where they belong."""
AGREEMENT = 12.0
"""Distance in ab units between coarse and final colours at which confidence has fallen to 1/e of that."""
VGG19_WEIGHTS = "transfer_vgg19"
"""Name of shipped weights of the paper-size net, if there are any."""


@dataclass(frozen=True)
class State:
    """What a shot's frames need from its references."""

    style: Statistics | Covariances
    """Statistics of the k references."""
    content: Statistics | Covariances
    """Statistics of the shot on the way to each of the k references."""
    reference_weights: torch.Tensor
    """(n, k) Eq. 5's weights for each frame of the shot."""
    patches: torch.Tensor
    """(p, 3) patches of the hints (`nets.hints`); none for a net that takes dense hints."""


class AdainColorizer:
    """`--model adain`."""

    name = "adain"

    def __init__(
        self,
        device: torch.device,
        encoder: str | None = None,
        seed: int = 0,
        nets: tuple[TransferNet, ColorizationNet] | None = None,
        method: str = "adain",
        dtype: torch.dtype | None = None,
    ) -> None:
        """encoder: None for the shipped real-time transfer net, `vgg19` for the paper's, or a file of weights
        that `scripts/train.py transfer` wrote. nets: your own nets instead of any weights.
        method: `adain`, or `wct` for the whitening-colouring transform at the same style layers.
        dtype: what the nets compute in; None for the device's own.
        Raises VidcolorError where weights are missing, changed, or do not fit.
        """
        self.device, self.seed, self.method = device, seed, method
        transferring, colorizing = nets or (transfer_net(encoder), weights.load_net(ColorizationNet))
        self.encoder = weights.load_net(EfficientNetLite).to(device) if colorizing.semantic else None
        settings = f"{seed} {SHRINK} {SAMPLE} {hints.DEFAULT} {method} {DENSE}"
        self.fingerprint = weights.digest(settings, transferring, colorizing, self.encoder)
        self.dtype = dtype or choose(device)
        self.transferring = transferring.eval().in_precision(self.dtype).to(device)
        self.colorizing = colorizing.eval().to(device)

    @torch.inference_mode()
    def prepare(self, shot: Shot, references: Sequence[Reference]) -> State | None:
        """Statistics of references and shot, and the places of the hints; None without references."""
        if not references:
            return None
        parts = [self._statistics(r) for r in references]
        style = type(parts[0]).cat(parts)  # type: ignore[arg-type]  # all of one kind
        mixing = torch.stack([time_bias(references, shot.first + i).softmax(0) for i in range(len(shot))])
        sample = np.unique(np.linspace(0, len(shot) - 1, min(SAMPLE, len(shot))).round().astype(int)).tolist()
        lightness = torch.from_numpy(shot.grey(sample)).to(self.device)[:, None]
        rgb = self._pre_color(_shrunk(lightness))
        contents = [self.transferring.content_statistics(rgb, style.one(n)) for n in range(len(style))]
        content = type(contents[0]).cat(contents)  # type: ignore[arg-type]
        state = State(style, content, mixing.to(self.device), torch.empty(0, 3, dtype=torch.long))
        if self.colorizing.semantic:
            return state
        coarse = resized(self._coarse(rgb, state, torch.tensor(sample)), shot.lightness.shape[1:])
        generator = torch.Generator().manual_seed(shot.seed + 1_000_003 * self.seed)
        return State(style, content, state.reference_weights, hints.film_patches(coarse, generator))

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: State | None) -> Colored:
        """Pre-colour, transfer, hints, final colours. Without references: automatic colour at confidence
        0."""
        lightness = batch.lightness
        if state is None:
            ab = self._colorization(lightness)
            return Colored(ab, torch.zeros_like(lightness))
        at = torch.arange(batch.positions.start, batch.positions.stop)
        coarse = self._coarse(self._pre_color(_shrunk(lightness)), state, at)
        coarse = resized(coarse, lightness.shape[-2:])
        if self.colorizing.semantic:
            ab = self._colorization(lightness, coarse, torch.full_like(lightness, DENSE))
        else:
            ab = self._colorization(lightness, *hints.paint_patches(coarse, state.patches))
        apart = (ab - coarse).square().sum(1, keepdim=True)
        return Colored(ab, MOST_CONFIDENCE * torch.exp(-apart / AGREEMENT**2), coarse)

    def finish(self, shot: Shot, references: Sequence[Reference], colors: ShotColors) -> None:
        """Make colours that were found frame by frame follow motion."""
        propagate.steady(shot, references, colors.ab, colors.confidence)

    def _statistics(self, reference: Reference) -> Statistics | Covariances:
        lab = torch.from_numpy(np.ascontiguousarray(reference.lab.transpose(2, 0, 1)))[None].to(self.device)
        rgb = lab_to_rgb(_shrunk(lab))
        if self.method == "wct":
            return self.transferring.reference_covariances(rgb)
        return self.transferring.reference_statistics(rgb)

    def _pre_color(self, lightness: torch.Tensor) -> torch.Tensor:
        """Automatic colours as RGB."""
        return lab_to_rgb(torch.cat([lightness, self._colorization(lightness)], 1))

    def _colorization(
        self, lightness: torch.Tensor, hint: torch.Tensor | None = None, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The colorization sub-net, with empty hints where none are given."""
        if hint is None or mask is None:
            mask = torch.zeros_like(lightness)
            hint = mask.expand(-1, 2, -1, -1)
        h, w = lightness.shape[-2:]
        room = (0, -w % 16, 0, -h % 16)  # the encoder's coarsest stride
        lightness, hint, mask = (F.pad(x, room, mode="replicate") for x in (lightness, hint, mask))
        with autocast(self.device, self.dtype):
            maps = None if self.encoder is None else self.encoder(lightness)
            return self.colorizing(lightness, hint, mask, maps)[..., :h, :w].float()

    def _coarse(self, rgb: torch.Tensor, state: State, at: torch.Tensor) -> torch.Tensor:
        """ab of the transfer sub-net for the frames at these positions of the shot, at their size."""
        mixing = state.reference_weights[at.to(self.device)]
        if (mixing == mixing[0]).all():
            mixing = mixing[:1]  # one style for all of them: the fast case
        style, content = state.style.mix(mixing), state.content.mix(mixing)
        return rgb_to_lab(self.transferring.transfer(rgb, style, content=content))[:, 1:]


def transfer_net(encoder: str | None) -> TransferNet:
    """The transfer sub-net for the setting `encoder`. Raises VidcolorError for an unknown one."""
    if encoder is None:
        return weights.load_net(TransferNet)
    if encoder != "vgg19":
        if not encoder.endswith(weights.SUFFIX):
            raise VidcolorError(f"`encoder={encoder}`: no such encoder; give vgg19 or a {weights.SUFFIX} file")
        return weights.load_net(TransferNet, encoder)
    if VGG19_WEIGHTS in weights.available():
        return weights.load_net(TransferNet, VGG19_WEIGHTS)
    net = TransferNet(transfer.PAPER)
    transfer.vgg19_encoder(net)
    warn(
        "`encoder=vgg19`: the decoder of the paper-size net is untrained, so its colours mean nothing; train it with"
        " scripts/train.py transfer --encoder vgg19 --out FILE and give `encoder=FILE`"
    )
    return net


def _shrunk(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=1 / SHRINK, mode="area")
