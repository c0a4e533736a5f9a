"""The real-time transfer sub-net of `--model adain`, from frames and keys of the same scene.

A frame without most of its colour is coloured from the statistics of a key of the same scene. Loss: Huber distance of
ab from the truth, of lightness, and of the key's plain reconstruction. AdaIN acts in training as it does in use, so
that encoder and decoder learn to pass colours through it; Xu et al. (CVPR 2020, section 3.2) train the decoder on plain
reconstruction alone (`--plain`, to compare).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.color.lab_torch import lab_to_rgb, rgb_to_lab
from vidcolor.models import weights
from vidcolor.models.adain.transfer import PAPER, THIN, TransferNet, vgg19_encoder
from vidcolor.models.precision import autocast
from vidcolor.training.data import HELD_OUT, Pairs, load_clips, load_photos, rotate_hue, smooth_noise
from vidcolor.training.loop import Schedule, train
from vidcolor.training.options import add_data, add_schedule, add_size
from vidcolor.training.preview import hwc, write_sheet
from vidcolor.training.shipping import averaged, ship


class Samples:
    """Batches of grey frame, truth, key and an imperfect pre-colour."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    def batch(self, count: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """`l` (n, 1, h, w), `ab`, `key_l`, `key_ab` as `Pairs.batch` has them, and `pre` (n, 2, h, w) Lab
        units."""
        batch = self.pairs.batch(count, rng)
        for n in range(count):
            if rng.random() < 0.3:
                angle = rng.uniform(-np.pi, np.pi)
                for key in ("ab", "key_ab"):
                    turned = rotate_hue(batch[key][n].permute(1, 2, 0).numpy(), angle)
                    batch[key][n] = torch.from_numpy(turned).permute(2, 0, 1)
        pre = [pre_color(ab.permute(1, 2, 0).numpy(), rng) for ab in batch["ab"]]
        return {**batch, "pre": torch.from_numpy(np.stack(pre)).permute(0, 3, 1, 2)}


def pre_color(ab: np.ndarray, rng: np.random.Generator, zero: float = 0.3) -> np.ndarray:
    """What automatic colouring might make of a picture whose true ab is (h, w, 2): the truth, faded, with smooth errors
    of up to some 12 Lab units; no colour at all with probability `zero`."""
    if rng.random() < zero:
        return np.zeros_like(ab)
    h, w = ab.shape[:2]
    cells, strength = int(rng.integers(1, 9)), rng.uniform(0, 12)
    noise = np.dstack([smooth_noise(h, w, cells, rng) for _ in range(2)]) * strength
    return (ab * rng.uniform(0, 0.5) + noise).astype(np.float32)


class Views(NamedTuple):
    """A batch as the net sees it."""

    colored: torch.Tensor
    """(n, 3, h, w) RGB: the grey frame, pre-coloured."""
    reference: torch.Tensor
    """(n, 3, h, w) RGB: the key."""
    truth: torch.Tensor
    """(n, 3, h, w) Lab of the frame in true colours, as far as RGB can show them."""


def views(batch: Mapping[str, torch.Tensor]) -> Views:
    rgb = [lab_to_rgb(torch.cat(maps, 1)) for maps in ((batch["l"], batch["pre"]), (batch["key_l"], batch["key_ab"]))]
    colored, reference = (x.contiguous(memory_format=torch.channels_last) for x in rgb)
    return Views(colored, reference, rgb_to_lab(lab_to_rgb(torch.cat([batch["l"], batch["ab"]], 1))))


def huber(lab: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Huber distance in units of 10 Lab, linear from 5 Lab units on."""
    return F.huber_loss(lab / 10, truth / 10, delta=0.5)


def joint_loss(net: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """ab and lightness through AdaIN, and the key's plain reconstruction."""
    colored, reference, truth = views(batch)
    again, style = net.reconstruct(reference)
    out = rgb_to_lab(net(colored, style))
    ab, lightness = huber(out[:, 1:], truth[:, 1:]), huber(out[:, :1], truth[:, :1])
    plain = huber(rgb_to_lab(again), rgb_to_lab(reference))
    return {"loss": ab + 0.1 * lightness + 0.2 * plain, "ab": ab, "lightness": lightness, "plain": plain}


def plain_loss(net: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The paper's recipe without its perceptual term: reconstruction alone."""
    reference = views(batch).reference
    return {"loss": huber(rgb_to_lab(net.reconstruct(reference)[0]), rgb_to_lab(reference))}


def reinhard(colored: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """ab with the reference's mean and deviation over the whole picture (Reinhard et al. 2001)."""
    deviation, mean = torch.std_mean(colored, (2, 3), keepdim=True)
    wanted, place = torch.std_mean(reference, (2, 3), keepdim=True)
    return (colored - mean) / deviation.clamp(min=1e-3) * wanted.where(deviation > 1e-3, 0) + place


class Validation:
    """Mean distance of ab from the truth, in Lab units, on fixed pairs of held-out pictures."""

    def __init__(self, held: Samples, folder: Path, count: int = 96) -> None:
        self.batches = [held.batch(8, np.random.default_rng((7, n))) for n in range(count // 8)]
        self.folder = folder

    def figures(self, color: Callable[[Views], torch.Tensor]) -> dict[str, float]:
        """Errors of what `color` makes of pre-coloured and of grey frames: it gives ab (n, 2, h, w)."""
        total = {"pre-coloured": 0.0, "grey": 0.0}
        for batch in self.batches:
            for name, pre in (("pre-coloured", batch["pre"]), ("grey", torch.zeros_like(batch["pre"]))):
                seen = views({**batch, "pre": pre})
                total[name] += float((color(seen) - seen.truth[:, 1:]).norm(dim=1).mean()) / len(self.batches)
        return total

    def net(self, net: Any) -> dict[str, float]:
        """Figures of a transfer net, in the precision it is used in; and a sheet to look at, `preview.png`."""
        device = net.front.weight.device

        def color(seen: Views) -> torch.Tensor:
            with torch.no_grad(), autocast(device):
                style = net.reference_statistics(seen.reference.to(device))
                return rgb_to_lab(net.transfer(seen.colored.to(device), style))[:, 1:].cpu()

        seen = views(self.batches[0])
        lab = torch.cat([seen.truth[:, :1], color(seen)], 1)
        columns = (seen.reference, seen.colored, lab_to_rgb(lab), lab_to_rgb(seen.truth))
        write_sheet(self.folder / "preview.png", [[hwc(x) for x in row] for row in zip(*columns)])
        return self.figures(color)

    def baselines(self) -> dict[str, dict[str, float]]:
        """Figures that a net has to beat."""
        return {
            "nothing done": self.figures(lambda seen: rgb_to_lab(seen.colored)[:, 1:]),
            "Reinhard": self.figures(
                lambda seen: reinhard(rgb_to_lab(seen.colored)[:, 1:], rgb_to_lab(seen.reference)[:, 1:])
            ),
        }


def new_net(widths: Sequence[int], encoder: str | None, skips: bool) -> TransferNet:
    """A net to train; with `vgg19` its encoder is ImageNet's, frozen."""
    net = TransferNet(widths, skips)
    if encoder == "vgg19":
        vgg19_encoder(net)
        net.front.requires_grad_(False)
        net.encoder.requires_grad_(False)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `scripts/train.py transfer`."""
    add_data(parser)
    add_schedule(parser, steps=10**6, seconds=2000, batch=8, lr=2e-3)
    add_size(parser, (96, 128))
    parser.add_argument("--widths", type=int, nargs=4, default=THIN, help="channels of the four levels (%(default)s)")
    parser.add_argument("--plain", action="store_true", help="the paper's recipe: reconstruction alone")
    parser.add_argument("--no-skips", action="store_true", help="no encoder features in the decoder, to compare")
    parser.add_argument("--encoder", choices=("vgg19",), help="the paper's size, with ImageNet's VGG19 kept frozen")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--ship", action="store_true", help="write the result into the package")
    where.add_argument("--out", type=Path, help="write the result to a file, for `vidcolor --encoder FILE`")


def run(args: argparse.Namespace) -> None:
    """Train the transfer sub-net."""
    net = new_net(PAPER if args.encoder else tuple(args.widths), args.encoder, not args.no_skips)
    photos, size = load_photos(args.photos), tuple(args.size)
    held = Pairs(load_clips(args.clips, 4, lambda name: name in HELD_OUT), photos[::25], size, 0.5)
    clips = load_clips(args.clips, 16, lambda name: name not in HELD_OUT)
    learn = Samples(Pairs(clips, [p for i, p in enumerate(photos) if i % 25], size, 0.7))
    args.run.mkdir(parents=True, exist_ok=True)
    validation = Validation(Samples(held), args.run)
    for name, row in validation.baselines().items():
        print(f"{name:14}", row, flush=True)
    schedule = Schedule(steps=args.steps, seconds=args.seconds, lr=args.lr, validate_every=500)
    state = train(
        net,
        lambda rng: learn.batch(args.batch, rng),
        plain_loss if args.plain else joint_loss,
        args.run,
        schedule,
        args.device,
        validation.net,
    )
    net.load_state_dict(state)
    figures = validation.net(net.eval())
    print(f"{'this net':14}", figures, flush=True)
    metadata = {
        "net": "transfer",
        "settings": {"widths": list(net.widths), "skips": net.skips},
        "steps": averaged(args.run)[1],
        "recipe": "reconstruction" if args.plain else "self-reference pairs through AdaIN, and reconstruction",
        "held_out_ab_error": {k: round(v, 2) for k, v in figures.items()},
    }
    if args.ship:
        print(ship("transfer", state, metadata))
    elif args.out:
        print(weights.save(args.out, state, metadata), args.out)
