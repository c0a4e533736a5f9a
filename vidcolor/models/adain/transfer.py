"""The transfer sub-net (Xu et al., CVPR 2020): one picture takes over another's colours.

An encoder of VGG19's shape up to conv4_1 with average pooling, AdaIN after every level of encoder and
decoder, pooled-feature skips and a single decoder. A reference acts only through its statistics at the
AdaIN layers (2 x 1408 numbers at paper size), so it is encoded once per shot, and mixing several references costs
nothing. The same class is the paper's net (`PAPER`, ImageNet encoder) and the real-time one (`THIN`,
trained weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from vidcolor.errors import VidcolorError
from vidcolor.models.adain.style_layers import (
    Adain,
    Covariances,
    Kind,
    Labelled,
    LabelStatistics,
    Layers,
    Recorder,
    Statistics,
    Style,
    StyleLayer,
    StyleTransform,
    Wct,
    resized,
)
from vidcolor.models.weights import TrainedNet

PAPER = (64, 128, 256, 512)
"""Channels of the four levels in VGG19."""
THIN = (16, 32, 64, 128)
"""Channels of the net that runs in real time on a CPU."""

_ENCODER = {"0": (3, 1), "2": (1, 1), "5": (1, 2), "7": (2, 2), "10": (2, 3), "12": (3, 3), "14": (3, 3)}
_ENCODER |= {"16": (3, 3), "19": (3, 4)}
"""torchvision's index in `vgg19().features` to (level in, level out); the first one's input is RGB."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


S = TypeVar("S", bound=Statistics | Covariances | LabelStatistics)


class TransferNet(TrainedNet):
    """Encoder, AdaIN at seven style layers, decoder. RGB 0..1 in and out, any size (padded to multiples of 8)."""

    weights_name = "transfer"

    def __init__(self, widths: Sequence[int] = PAPER, skips: bool = True, style_skips: bool = False) -> None:
        """widths: channels of the four levels.
        skips: concatenate pooled and unpooled encoder features in the decoder; False for the ablation.
        style_skips: AdaIN also on the three pooled features (Xu et al.: a minor gain).
        """
        super().__init__()
        self.widths, self.skips, self.style_skips = tuple(widths), skips, style_skips
        w1, w2, w3, w4 = widths
        level = {1: w1, 2: w2, 3: w3, 4: w4}
        self.front = nn.Conv2d(3, 3, 1)
        self.encoder = nn.ModuleDict(
            {name: _conv(3 if name == "0" else level[i], level[o]) for name, (i, o) in _ENCODER.items()}
        )
        times = 3 if skips else 1
        self.decoder = nn.ModuleDict(
            {
                "4_up": _conv(w4, w3),
                "4_1": _conv(times * w3, w3),
                "4_2": _conv(w3, w3),
                "4_3": _conv(w3, w3),
                "3_up": _conv(w3, w2),
                "3_1": _conv(times * w2, w2),
                "2_up": _conv(w2, w1),
                "2_1": _conv(times * w1, w1),
                "out": _conv(w1, 3),
            }
        )
        self.channels = (w1, w2, w3, w4, w3, w2, w1) + ((w1, w2, w3) if style_skips else ())
        """Channels of the AdaIN layers: four encoder levels, three decoder levels, then the pooled skips."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        with torch.no_grad():  # ImageNet normalisation: VGG19's weights expect it, and it centres any other's input
            self.front.weight.copy_(torch.diag(1 / torch.tensor(IMAGENET_STD))[..., None, None])
            self.front.bias.copy_(-torch.tensor(IMAGENET_MEAN) / torch.tensor(IMAGENET_STD))  # type: ignore[union-attr]
            self.decoder["out"].weight.mul_(0.1)  # type: ignore[operator]
            self.decoder["out"].bias.fill_(0.5)  # type: ignore[operator]

    def forward(self, rgb: torch.Tensor, style: Style, **kwargs) -> torch.Tensor:
        """`transfer` without the clamp, for training."""
        labels = kwargs.pop("labels", None)
        return self._run(rgb, StyleTransform(self._kind(style, labels, rgb), **kwargs))

    def transfer(
        self,
        rgb: torch.Tensor,
        style: Style,
        *,
        content: Style | None = None,
        strength: float = 1.0,
        layers: Layers = "both",
        labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """RGB (b, 3, h, w) 0..1 with the reference's colours, of the same shape.

        style: of 1 or b pictures; from `reference_statistics` for AdaIN, `reference_covariances` for the
        whitening-colouring transform, `label_statistics` for AdaIN inside labels.
        content: from `content_statistics`; with it the frames of a shot all go through one and the same
        mapping (no flicker where an actor enters), without it each frame is normalised by its own statistics.
        strength: weight of the stylised features against the plain ones, 0 to 1. layers: where the transform acts.
        labels: (1 or b, h', w') of the pictures, as `label_statistics` has them; with its style only.
        """
        return self(rgb, style, content=content, strength=strength, layers=layers, labels=labels).clamp(0, 1)

    def in_precision(self, dtype: torch.dtype) -> TransferNet:
        """Encoder and decoder in `dtype`, but for the layers that touch RGB; channels last. For use, not
        training."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.encoder.to(dtype)
        self.decoder.to(dtype)
        self.decoder["out"].float()
        return self

    def reference_statistics(self, rgb: torch.Tensor) -> Statistics:
        """Statistics of references (b, 3, h, w) 0..1 on their own plain way through encoder and decoder."""
        return self.reconstruct(rgb)[1]

    def reconstruct(self, rgb: torch.Tensor) -> tuple[torch.Tensor, Statistics]:
        """The plain way without AdaIN: the picture again (unclamped), and its statistics."""
        recorder = Recorder(Adain(self.channels))
        return self._run(rgb, recorder), recorder.record()

    def reference_covariances(self, rgb: torch.Tensor) -> Covariances:
        """As `reference_statistics`, for the whitening-colouring transform."""
        recorder = Recorder(Wct())
        self._run(rgb, recorder)
        return recorder.record()

    def label_statistics(
        self,
        references: Sequence[tuple[torch.Tensor, torch.Tensor]],
        k: int,
        weights: Sequence[float] = (1.0,),
        fallback: bool = True,
    ) -> LabelStatistics:
        """As `reference_statistics`, inside each of k labels.

        references: pictures (1, 3, h, w) 0..1 with their labels (1, h', w'), integers 0..k-1, of any size.
        weights: of the references. fallback: what becomes of labels that no reference has (`adain_labels`).
        """
        measured = []
        for rgb, labels in references:
            recorder = Recorder(Labelled(self._on_grid(labels, rgb), k))
            self._run(rgb, recorder)
            measured.append(recorder.record().content)
        layers = [tuple(zip(*layer, strict=True)) for layer in zip(*measured, strict=True)]
        inside, whole = zip(*layers, strict=True)
        return LabelStatistics(inside, whole, tuple(weights), fallback)

    def content_statistics(self, rgb: torch.Tensor, style: S, labels: torch.Tensor | None = None) -> S:
        """Statistics of a shot from a sample of its frames (b, 3, h, w), taken together as one picture, at
        the style layers on their way to `style` (of one picture), of the same kind. labels: of these frames."""
        recorder = Recorder(self._kind(style, labels, rgb), styles=True, together=True)
        self._run(rgb, recorder)
        return recorder.record()

    def _kind(self, style: Style, labels: torch.Tensor | None, rgb: torch.Tensor) -> Kind:
        """The transform that a style is made for."""
        if isinstance(style, LabelStatistics) != (labels is not None):
            raise ValueError("labels go with label statistics, and those with labels")
        if isinstance(style, LabelStatistics):
            assert labels is not None
            return Labelled(self._on_grid(labels, rgb), style.inside[0][0].pixels.shape[1], style)
        return Wct(style) if isinstance(style, Covariances) else Adain(self.channels, style)

    @staticmethod
    def _on_grid(labels: torch.Tensor, rgb: torch.Tensor) -> torch.Tensor:
        """Labels at the padded picture's size."""
        return _pad8(resized(labels, rgb.shape[-2:])[:, None])[:, 0]

    def _run(self, rgb: torch.Tensor, layer: StyleLayer) -> torch.Tensor:
        """Encoder and decoder with `layer(number, features)` at every AdaIN layer."""
        h, w = rgb.shape[-2:]
        x = _pad8(rgb).contiguous(memory_format=torch.channels_last)
        x = self._precise(self.front, x).to(self.encoder["0"].weight.dtype)  # type: ignore[arg-type]
        skips = []
        for number, (first, *rest) in enumerate([["0", "2"], ["5", "7"], ["10", "12", "14", "16"]]):
            x = layer(number, self._encode(first, x))
            for name in rest:
                x = self._encode(name, x)
            pooled = F.avg_pool2d(x, 2)
            if self.style_skips:
                pooled = layer(7 + number, pooled)
            skips.append((pooled, x))
            x = pooled
        x = layer(3, self._encode("19", x))
        for number, (up, *rest) in zip((4, 5, 6), [["4_up", "4_1", "4_2", "4_3"], ["3_up", "3_1"], ["2_up", "2_1"]]):
            x = self._decode(up, x)
            pooled, full = skips.pop()
            parts = [x, pooled] if self.skips else [x]
            x = F.interpolate(torch.cat(parts, 1), scale_factor=2, mode="nearest")
            x = torch.cat([x, full], 1) if self.skips else x
            for name in rest:
                x = self._decode(name, x)
            x = layer(number, x)
        return self._precise(self.decoder["out"], x)[..., :h, :w]

    @staticmethod
    def _precise(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """The layers that touch RGB, in single precision: eight bits' step at 1 is two ab units."""
        with torch.autocast(x.device.type, enabled=False):
            return layer(x.float())

    def _encode(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.encoder[name](x))

    def _decode(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.decoder[name](x))


def vgg19_encoder(net: TransferNet) -> None:
    """Put torchvision's ImageNet VGG19 into the encoder of a paper-size net, in place.

    Raises VidcolorError where torchvision is missing or can neither find nor fetch the weights.
    """
    try:
        from torchvision.models import VGG19_Weights, vgg19
    except ImportError:
        raise VidcolorError(
            "`encoder=vgg19`: needs torchvision; install it with pip install 'vidcolor[torchvision]'"
        ) from None
    try:
        features = vgg19(weights=VGG19_Weights.IMAGENET1K_V1).features.state_dict()
    except (OSError, RuntimeError, ValueError) as error:
        folder = f"{torch.hub.get_dir()}/checkpoints"
        raise VidcolorError(
            f"`encoder=vgg19`: cannot fetch ImageNet weights ({error}); put vgg19-dcbb9e9d.pth into {folder}"
        ) from None
    load_features(net, features)


def load_features(net: TransferNet, features: dict[str, torch.Tensor]) -> None:
    """Put the state dict of a `vgg19().features` (input normalised as for ImageNet) into a paper-size net's
    encoder."""
    wanted = net.encoder.state_dict()
    net.encoder.load_state_dict({name: features[name] for name in wanted})


def _conv(i: int, o: int) -> nn.Conv2d:
    return nn.Conv2d(i, o, 3, padding=1, padding_mode="reflect")


def _pad8(x: torch.Tensor) -> torch.Tensor:
    """Height and width up to multiples of 8, at least 16, by reflection (by repetition where a picture is too
    small for it)."""
    h, w = x.shape[-2:]
    down, right = max(16, h + -h % 8) - h, max(16, w + -w % 8) - w
    if not (down or right):
        return x
    return F.pad(x, (0, right, 0, down), mode="reflect" if down < h and right < w else "replicate")
