"""`--model sketch`: drawn film and line art, by SCFT from coloured model sheets or keys.

Lines are taken from each frame (`xdog`); every place of the drawing gathers the colours of what looks like it in the
references. Line art gets a fill under its lines; a shot whose greys carry shading gets ab only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from vidcolor.color import lab_torch
from vidcolor.color.lab import rgb_to_lab
from vidcolor.errors import VidcolorError, warn
from vidcolor.models import weights
from vidcolor.models.base import Batch, Colored, ShotColors
from vidcolor.models.nets.maps import resized
from vidcolor.models.options import SKETCH_OUTPUTS
from vidcolor.models.precision import autocast, choose
from vidcolor.models.references import cover_bias, time_bias
from vidcolor.models.sketch import line_art, xdog
from vidcolor.models.sketch.scft import STRIDE, Scft, nothing
from vidcolor.motion import propagate
from vidcolor.shot import Reference, Shot

DOUBT = 0.01
"""Added to the weight of a colour at a place; the logarithm of the sum is the place's vote for the colour."""
LEAST = 2 * STRIDE
"""Shortest side of a reference. At one place a side, convolutions of stride 2 in reduced precision read beyond their
input on some CPUs (seen with PyTorch's AMX kernels): now and then a colour was NaN."""


@dataclass(frozen=True)
class State:
    """What a shot's frames need of its references."""

    attention_keys: torch.Tensor
    """(1, m, d) attention keys of the tokens of all references, one reference after another."""
    values: torch.Tensor
    """(1, m, d + 3 + k) their values: features, colours, votes."""
    bias: torch.Tensor
    """(n, m) log weights of the tokens for each frame of the shot."""
    palette: np.ndarray
    """(k, 3) Lab; the last k of the values are votes for these colours. None where nothing is painted."""
    paper: float
    """Lightness of the shot's paper."""
    known: bool
    """Whether there is a reference at all."""
    fills: bool
    """Whether the shot's frames get a fill."""


class SketchColorizer:
    """`--model sketch`."""

    name = "sketch"

    def __init__(
        self,
        device: torch.device,
        output: str = "auto",
        net: Scft | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """output: one of `SKETCH_OUTPUTS`. net: your own (with attention) instead of the shipped weights.
        dtype: what the net computes in; None for the device's own.
        Raises VidcolorError for an unknown output, or where weights are missing or changed."""
        if output not in SKETCH_OUTPUTS:
            raise VidcolorError(f"`sketch_output={output}`: one of {', '.join(SKETCH_OUTPUTS)}")
        self.device, self.output, self.dtype = device, output, dtype or choose(device)
        net = weights.load_net(Scft) if net is None else net
        self.fingerprint = weights.digest(f"{output} {xdog.SIGMA} {xdog.PHI} {xdog.GRAIN} {line_art.GREYS}", net)
        self.net = net.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def prepare(self, shot: Shot, references: Sequence[Reference]) -> State:
        """Tokens of the references side by side, and whether the shot is line art."""
        fills = self.output == "fill" or (self.output == "auto" and line_art.is_line_art(shot.lightness))
        if fills:
            warn("line art is painted: luma is written anew, fill times lines (`sketch_output=ab` keeps the film's)")
        keys, values, silent, owner = [], [], [], []
        for number, reference in enumerate(references or [None]):
            rgb = self._picture(reference, shot.lightness.shape[1:])
            covered = cover_bias(reference, rgb.shape[-2] // self.net.grid, rgb.shape[-1] // self.net.grid)
            for mirrored in (False, True):  # figures turn round, and few sheets show both sides
                with autocast(self.device, self.dtype):
                    key, value = self.net.keys(self.net.reference_tokens(rgb.flip(3) if mirrored else rgb))
                keys.append(key)
                values.append(value)
                silent.append((covered.flip(1) if mirrored else covered).flatten())
                owner.append(torch.full_like(silent[-1], number, dtype=torch.long))
        bias = torch.cat(silent).expand(len(shot), -1)
        if references:
            weight = torch.stack([time_bias(references, shot.first + i) for i in range(len(shot))])
            bias = bias + weight[:, torch.cat(owner)]
        given = torch.cat(values, 1)
        palette = line_art.palette(references) if fills and self.net.copy else np.zeros((0, 3), np.float32)
        if len(palette):  # every token votes for a colour besides giving its own
            own = rgb_to_lab((given[0, :, self.net.depth :].float().cpu().numpy() + 1) / 2)
            votes = torch.from_numpy(line_art.palette_of(own, palette))[None].to(given)
            given = torch.cat([given, votes], -1)
        together = (torch.cat(keys, 1), given, bias.to(self.device), palette)
        return State(*together, line_art.paper(shot.lightness) or 100.0, bool(references), fills)

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: State) -> Colored:
        """Lines, tokens, attention, colours. Without references the confidence is 0."""
        lines = [xdog.sketch(frame) for frame in batch.lightness[:, 0].cpu().numpy()]
        sketch = torch.from_numpy(np.stack(lines))[:, None].to(self.device)
        at = slice(batch.positions.start, batch.positions.stop)
        with autocast(self.device, self.dtype):
            maps = self.net.sketch_maps(sketch)
            mixed, peak = self.net.attend(self.net.tokens(maps), state.attention_keys, state.values, state.bias[at])
            mixed, votes = mixed.split([mixed.shape[1] - len(state.palette), len(state.palette)], 1)
            rgb, own = self.net.draw(maps, mixed)
        lab = lab_torch.rgb_to_lab(rgb if state.known else own)
        if len(state.palette):
            lab = self._voted(lab, votes.float(), batch.lightness, state)
        confidence = resized(peak, sketch.shape[-2:])
        fill_lightness = lab[:, :1].clamp(0, 100) if state.fills else None
        return Colored(lab[:, 1:], confidence.float().clamp(0, 1) * state.known, fill_lightness=fill_lightness)

    def finish(self, shot: Shot, references: Sequence[Reference], colors: ShotColors) -> None:
        """Make colours that were found frame by frame follow motion, and the lightness of fills with them."""
        propagate.steady(shot, references, colors.ab, colors.confidence)
        if colors.fill_lightness is not None:
            line_art.steady(shot, references, colors.fill_lightness, colors.confidence)

    def _voted(self, lab: torch.Tensor, votes: torch.Tensor, lightness: torch.Tensor, state: State) -> torch.Tensor:
        """Colours (b, 3, h, w) Lab, regions in the colour of the palette for which their tokens (b, k, ...) vote."""
        wide = resized((votes + DOUBT).log(), lab.shape[-2:])
        maps = (x.permute(0, 2, 3, 1).cpu().numpy() for x in (lab, wide, (lightness / state.paper).clamp(0, 1)))
        painted = [line_art.voted(f, v, np.ascontiguousarray(l[..., 0]), state.palette) for f, v, l in zip(*maps)]
        return torch.from_numpy(np.stack(painted)).permute(0, 3, 1, 2).to(lab)

    def _picture(self, reference: Reference | None, size: Sequence[int]) -> torch.Tensor:
        """A reference as (1, 3, h, w) RGB whose sides are multiples of the tokens'; of none, what stands for none."""
        if reference is None:
            return nothing(torch.empty(1, 3, *size, device=self.device))
        lab = reference.lab
        h, w = (max(LEAST, round(side / STRIDE) * STRIDE) for side in lab.shape[:2])
        if lab.shape[:2] != (h, w):
            lab = cv2.resize(lab, (w, h), interpolation=cv2.INTER_AREA)
        own = torch.from_numpy(np.ascontiguousarray(lab.transpose(2, 0, 1)))[None]
        return lab_torch.lab_to_rgb(own.to(self.device))
