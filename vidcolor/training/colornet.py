"""The colorization sub-net, from lightness, the encoder's maps, hints with their confidence, and traced colours to ab.

    python scripts/find_hints.py --clips DIR --photos DIR --out runs/hints
    python scripts/train.py colornet --hints runs/hints --seconds 3600

Seven in ten samples have the hints that the default model found, with all its faults; some have none; the rest have
patches of true colour as in Xu et al. (CVPR 2020, section 3.3). Loss: logs of the mean square and of the mean distance
in ab, picture by picture. The first is what PSNR measures; the second keeps doubtful colours from turning grey.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.evaluation import metrics
from vidcolor.models import weights
from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.precision import autocast
from vidcolor.shot import PER_L
from vidcolor.training import hints
from vidcolor.training.data import HELD_OUT, rotate_hue, smooth_noise
from vidcolor.training.distributed import own_device
from vidcolor.training.loop import Schedule, to_device, train
from vidcolor.training.options import add_schedule
from vidcolor.training.preview import hwc, rgb, write_sheet
from vidcolor.training.shipping import absorb_statistics, averaged, restore_statistics, ship

SIDE = 256
"""Side of training crops."""
KINDS = ("found", "empty", "patches")
KIND_WEIGHTS = (0.7, 0.15, 0.15)
"""Fractions of samples with each kind of hints."""
PHOTO_SHARE = 0.4
"""Fraction of photographs; the rest are frames of clips, each clip as often as any other."""
FLOOR = 0.3
"""Added inside the logs, in ab units and in their squares: about the error of rounding to whole units."""


class Found:
    """Pictures and their hints, as `find_hints.py` wrote them, in memory."""

    def __init__(self, paths: list[Path]):
        self.sets = [dict(np.load(path)) for path in paths]
        self.clips = [x for path, x in zip(paths, self.sets) if path.stem.startswith("clip") and len(x["l"])]
        self.photos = [x for path, x in zip(paths, self.sets) if path.stem.startswith("photo")]

    def batch(self, n: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """As `sample`, with a first axis of n, and `kind` (n,)."""
        kinds = rng.choice(len(KINDS), n, p=KIND_WEIGHTS)
        samples = [self.draw(KINDS[k], rng) for k in kinds]
        return {key: torch.cat([x[key] for x in samples]) for key in samples[0]} | {"kind": torch.from_numpy(kinds)}

    def draw(self, kind: str, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """One `sample` with hints of a kind."""
        groups = self.photos if self.photos and rng.random() < PHOTO_SHARE else self.clips
        chosen = groups[rng.integers(len(groups))]
        frame = int(rng.integers(len(chosen["l"])))
        h, w = chosen["l"].shape[1:]
        top, left = (2 * int(rng.integers((side - SIDE) // 2 + 1)) for side in (h, w))
        x = sample(chosen, frame, top, left, SIDE)
        if kind != "empty":  # so that the net follows the key, not habit
            vivid = np.float32(rng.uniform(0.7, 1.2))
            angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.3 else 0.0
            for key in ("ab", "hint", "traced"):
                x[key][..., :2] = rotate_hue(x[key][..., :2], angle) * vivid
        if kind == "empty":
            x["confidence"][:] = 0
        elif kind == "patches":
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            truth = torch.from_numpy(np.ascontiguousarray(x["ab"].transpose(2, 0, 1)))[None]
            drawn, mask = hints.training_hints(truth, generator)
            mask = F.avg_pool2d(mask, 2)
            x["hint"] = (F.avg_pool2d(drawn, 2) / mask.clamp_min(1e-3))[0].permute(1, 2, 0).numpy()
            x["confidence"] = mask[0, 0].numpy()[..., None]
        elif rng.random() < 0.25:  # a hole, as where something has just come into view or a cropped key ends
            hole = smooth_noise(SIDE // 2, SIDE // 2, int(rng.integers(2, 8)), rng) > rng.uniform(0.5, 1.8)
            x["confidence"][hole] *= np.float32(rng.uniform(0, 0.3))
        if kind != "found" or rng.random() < 0.25:  # as with a key that paints no frame of the shot
            x["traced"][:] = 0
        mirrored = rng.random() < 0.5
        return {key: tensor(y[:, ::-1] if mirrored else y) for key, y in x.items()}


def sample(x: dict[str, np.ndarray], frame: int, top: int, left: int, side: int | None = None) -> dict[str, np.ndarray]:
    """A crop, or the whole where `side` is None, float32: `l` (h, w, 1), `ab` (h, w, 2), and at half size `hint`
    (., ., 2), `confidence` (., ., 1) and `traced` (., ., 4)."""
    full = np.s_[frame, top : top + side, left : left + side] if side else np.s_[frame]
    half = np.s_[frame, top // 2 : (top + side) // 2, left // 2 : (left + side) // 2] if side else np.s_[frame]
    return {
        "l": x["l"][full][..., None] / np.float32(PER_L),
        "ab": x["ab"][full].astype(np.float32),
        "hint": x["hint"][half].astype(np.float32),
        "confidence": x["confidence"][half][..., None] / np.float32(255),
        "traced": x["traced"][half] / np.array([1, 1, 127, 1], np.float32),
    }


def tensor(x: np.ndarray) -> torch.Tensor:
    """(h, w, c) -> (1, c, h, w)."""
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None]


def color(net: torch.nn.Module, encoder: torch.nn.Module, x: dict[str, torch.Tensor]) -> torch.Tensor:
    """ab of samples, mixed with the traced colours as the default model does; on the net's device."""
    assert isinstance(net, ColorizationNet)
    x = to_device(x, net.out.weight.device)
    with torch.no_grad():
        maps = encoder(x["l"])
    ab, alpha = net.with_traced(x["l"], x["hint"], x["confidence"], maps, x["traced"])
    assert alpha is not None
    alpha, traced = (F.interpolate(y, scale_factor=2, mode="bilinear") for y in (alpha, x["traced"][:, :2]))
    return ab + alpha * (traced - ab)


def loss(net: torch.nn.Module, encoder: torch.nn.Module, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    error = color(net, encoder, batch) - batch["ab"]
    square, distance = error.square().mean((1, 2, 3)), (error.square().sum(1) + 1e-4).sqrt().mean((1, 2))
    terms = {"loss": (0.5 * (square + FLOOR).log() + (distance + FLOOR).log()).mean()}
    for k, name in enumerate(KINDS):
        if (batch["kind"] == k).any():
            terms[f"error_{name}"] = distance.detach()[batch["kind"] == k].mean()
    return terms


@torch.no_grad()
def validation(net: torch.nn.Module, encoder: torch.nn.Module, held: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """PSNR (dB, float RGB, true lightness) of hints and of results, and colourfulness against the truth, mean over
    held-out frames (`sample`)."""
    rows = []
    for x in held:
        with autocast(next(net.parameters()).device):
            found = color(net, encoder, {key: tensor(y) for key, y in x.items()})
        ab = found[0].permute(1, 2, 0).float().cpu().numpy()
        hint = cv2.resize(x["hint"], ab.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        truth, hint, result = (rgb(x["l"], c) for c in (x["ab"], hint, ab))
        errors = [-10 * np.log10(np.mean((c - truth) ** 2) + 1e-10) for c in (hint, result)]
        rows.append([*errors, metrics.relative_colorfulness(result, truth)])
    if not rows:  # no clip is held out
        return {}
    return dict(zip(("held_psnr_hint", "held_psnr", "held_colorfulness"), np.mean(rows, 0).tolist()))


def preview(net: torch.nn.Module, encoder: torch.nn.Module, x: dict[str, torch.Tensor], path: Path) -> None:
    """Write a sheet: grey | hint | confidence | traced | result | truth, a sample a row."""
    with torch.no_grad(), autocast(next(net.parameters()).device):
        x = x | {"result": color(net, encoder, x).float().cpu()}
    rows = []
    for i in range(len(x["l"])):
        y = {key: hwc(v[i]) for key, v in x.items() if key != "kind"}
        size = y["l"].shape[1::-1]
        hint, confidence, traced = (cv2.resize(y[key], size) for key in ("hint", "confidence", "traced"))
        colors = (0 * y["ab"], hint, traced[..., :2], y["result"], y["ab"])
        grey, hint, *others = (rgb(y["l"], ab) for ab in colors)
        rows.append([grey, hint, np.dstack([confidence] * 3), *others])
    write_sheet(path, rows)


def widened(net: ColorizationNet, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of a net without traced colours for `net`, which takes them and at first computes the same."""
    own = net.state_dict()
    for key, value in state.items():
        if own[key].shape != value.shape:
            grown = torch.zeros_like(own[key])
            grown[tuple(slice(n) for n in value.shape)] = value
            state[key] = grown
    return state


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `scripts/train.py colornet`."""
    parser.add_argument("--hints", type=Path, default=Path("runs/hints"), help="what find_hints.py wrote (%(default)s)")
    add_schedule(parser, steps=20000, seconds=None, batch=8, lr=8e-4, threads=2)
    parser.add_argument("--width", type=int, default=24, help="channels of the first block (%(default)s)")
    parser.add_argument("--start", help="weights to go on from: `colornet` for the shipped ones, or a file")
    parser.add_argument("--ship", action="store_true", help="write the averaged weights into the package, and end")


def run(args: argparse.Namespace) -> None:
    """Train the colorization sub-net, or ship what a run has learned."""
    settings = {"width": args.width, "layout": "zhang17", "fold": 2, "semantic": True, "traced": True}
    net = ColorizationNet(**settings).to(memory_format=torch.channels_last)  # type: ignore
    if args.ship:
        state, steps = averaged(args.run)
        net.load_state_dict(state)
        absorb_statistics(net)
        print(ship("colornet", net.state_dict(), {"net": "colornet", "settings": settings, "steps": steps}))
        return
    device = own_device(args.device)
    encoder = weights.load_net(EfficientNetLite).to(device)
    paths = sorted(args.hints.glob("*.npz"))
    own = [p for p in paths if p.stem[5:-2] in HELD_OUT or (p.stem.startswith("photo") and int(p.stem[6:]) % 25 == 0)]
    data = Found([p for p in paths if p not in own])
    print(f"{len(data.clips)} clips, {len(data.photos)} photographs", flush=True)
    net.to(device)
    if args.start:
        net.load_state_dict(widened(net, weights.load_net(ColorizationNet, args.start).state_dict()))
        restore_statistics(net, lambda: color(net, encoder, data.batch(16, np.random.default_rng(1))))
    held = held_frames(own)
    sheet = Found(own).batch(12, np.random.default_rng(7))

    def validate(net: torch.nn.Module) -> dict[str, float]:
        preview(net, encoder, sheet, args.run / "preview.png")
        return validation(net, encoder, held)

    schedule = Schedule(
        steps=args.steps, seconds=args.seconds, lr=args.lr, validate_every=500, weight_decay=1e-3, ema=0.998, workers=1
    )
    train(
        net,
        lambda rng: data.batch(args.batch, rng),
        lambda net, batch: loss(net, encoder, batch),
        args.run,
        schedule,
        args.device,
        validate,
    )


def held_frames(paths: Sequence[Path]) -> list[dict[str, np.ndarray]]:
    """One frame in five of the held-out clips, whole (`sample`)."""
    held = []
    for path in paths:
        if path.stem.startswith("clip"):
            x = dict(np.load(path))
            held += [sample(x, i, 0, 0) for i in range(2, len(x["l"]), 5)]
    return held
