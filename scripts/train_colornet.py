"""Train the colorization sub-net: L, the trunk's maps, hint ab and hint confidence to ab.

    python scripts/find_hints.py --clips DIR --photos DIR --out runs/hints
    python scripts/train_colornet.py --hints runs/hints --run runs/colornet --seconds 3600
    python scripts/train_colornet.py ... --ship           writes vidcolor/weights/colornet.safetensors

Seven in ten of the hints are what the default model found, with all its faults; some are empty; the rest are the
paper's patches. Loss: logs of the mean square and of the mean distance in ab, picture by picture: the first is what
PSNR sees, the second keeps doubtful colours from becoming grey.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait)

# isort: split
import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vidcolor import metrics
from vidcolor.models import hints, weights
from vidcolor.models.colornet import ColorizationNet
from vidcolor.models.matching import load_matcher
from vidcolor.training.data import HELD_OUT, rotate_hue, smooth_noise
from vidcolor.training.loop import Schedule, train

SIDE = 256
"""Side of training crops."""
KINDS = ("found", "empty", "patches")
SHARES = (0.7, 0.15, 0.15)
PHOTO_SHARE = 0.4
"""Share of photographs; the rest are frames of clips, each clip as often as any other."""
FLOOR = 0.3
"""ab units (squared, and not) that are added inside the logs: about what rounding to whole units costs."""


class Found:
    """Pictures with the hints that `find_hints.py` wrote, in memory."""

    def __init__(self, paths: list[Path]):
        self.sets = [dict(np.load(path)) for path in paths]
        self.clips = [x for path, x in zip(paths, self.sets) if path.stem.startswith("clip") and len(x["l"])]
        self.photos = [x for path, x in zip(paths, self.sets) if path.stem.startswith("photo")]

    def batch(self, n: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """`x` (n, 6, h, w): L, true ab, hint ab, confidence; `kind` (n,)."""
        kinds = rng.choice(len(KINDS), n, p=SHARES)
        x = np.stack([self.draw(KINDS[k], rng) for k in kinds]).transpose(0, 3, 1, 2)
        return {"x": torch.from_numpy(np.ascontiguousarray(x, np.float32)), "kind": torch.from_numpy(kinds)}

    def draw(self, kind: str, rng: np.random.Generator) -> np.ndarray:
        """One sample as (h, w, 6): L, true ab, hint ab, confidence."""
        groups = self.photos if self.photos and rng.random() < PHOTO_SHARE else self.clips
        chosen = groups[rng.integers(len(groups))]
        frame = rng.integers(len(chosen["l"]))
        h, w = chosen["l"].shape[1:]
        top, left = (2 * rng.integers((side - SIDE) // 2 + 1) for side in (h, w))  # hints are of two by two pixels
        part = np.s_[frame, top : top + SIDE, left : left + SIDE]
        l = chosen["l"][part] / np.float32(2.55)
        ab, hint = (chosen[k][part].astype(np.float32) for k in ("ab", "hint"))
        confidence = chosen["confidence"][part] / np.float32(255)
        if kind != "empty":
            turned, scale = rng.random() < 0.3, np.float32(rng.uniform(0.7, 1.2))
            angle = rng.uniform(-np.pi, np.pi) if turned else 0.0
            ab, hint = rotate_hue(ab, angle) * scale, rotate_hue(hint, angle) * scale
        if kind == "empty":
            hint, confidence = np.zeros_like(ab), np.zeros_like(l)
        elif kind == "patches":
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            truth = torch.from_numpy(np.ascontiguousarray(ab.transpose(2, 0, 1)))[None]
            drawn, mask = hints.training_hints(truth, generator)
            hint, confidence = drawn[0].permute(1, 2, 0).numpy(), mask[0, 0].numpy()
        elif rng.random() < 0.25:  # a hole: what just came into view, what a partial key leaves out
            hole = smooth_noise(SIDE, SIDE, int(rng.integers(2, 8)), rng) > rng.uniform(0.5, 1.8)
            confidence = np.where(hole, confidence * np.float32(rng.uniform(0, 0.3)), confidence)
        sample = np.dstack([l, ab, hint, confidence])
        return sample[:, ::-1] if rng.random() < 0.5 else sample


def color(net: torch.nn.Module, trunk: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """ab of samples x (n, 6, h, w), the hint at half size as the program gives it."""
    with torch.no_grad():
        maps = trunk(x[:, :1])
        hint, confidence = F.avg_pool2d(x[:, 3:5] * x[:, 5:], 2), F.avg_pool2d(x[:, 5:], 2)
        hint = hint / confidence.clamp_min(1e-3)
    return net(x[:, :1], hint, confidence, maps)


def loss(net: torch.nn.Module, trunk: torch.nn.Module, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    x = batch["x"]
    error = color(net, trunk, x) - x[:, 1:3]
    square, distance = error.square().mean((1, 2, 3)), (error.square().sum(1) + 1e-4).sqrt().mean((1, 2))
    terms = {"loss": (0.5 * (square + FLOOR).log() + (distance + FLOOR).log()).mean()}
    for k, name in enumerate(KINDS):
        if (batch["kind"] == k).any():
            terms[f"error_{name}"] = distance.detach()[batch["kind"] == k].mean()
    return terms


@torch.no_grad()
def validation(net: torch.nn.Module, trunk: torch.nn.Module, held: dict[str, np.ndarray]) -> dict[str, float]:
    """PSNR (dB, float RGB, true lightness) of hints and of results, and colourfulness against the truth, mean over
    the middle frames of held-out clips."""
    rows = []
    for sample in held.values():
        x = torch.from_numpy(sample.transpose(2, 0, 1))[None]
        with torch.autocast("cpu", torch.bfloat16):
            ab = color(net, trunk, x)[0].permute(1, 2, 0).float().numpy()
        truth, hint, result = (rgb(sample[..., 0], c) for c in (sample[..., 1:3], sample[..., 3:5], ab))
        errors = [-10 * np.log10(np.mean((c - truth) ** 2) + 1e-10) for c in (hint, result)]
        rows.append([*errors, metrics.colorfulness(result) / metrics.colorfulness(truth)])
    return dict(zip(("held_psnr_hint", "held_psnr", "held_colorfulness"), np.mean(rows, 0).tolist()))


def rgb(l: np.ndarray, ab: np.ndarray) -> np.ndarray:
    lab = np.dstack([l, ab]).astype(np.float32)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1)


@torch.no_grad()
def plain_norms(net: torch.nn.Module) -> None:
    """Put the batch norms' statistics into their scale and shift: the same function, within half precision's range."""
    for norm in net.modules():
        if isinstance(norm, torch.nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None:
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
            norm.bias.sub_(norm.running_mean * scale)
            norm.weight.copy_(scale)
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)


def preview(net: torch.nn.Module, trunk: torch.nn.Module, x: torch.Tensor, path: Path) -> None:
    """Write a sheet: grey | hint | confidence | result | truth, a sample (6, h, w) a row."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        ab = color(net, trunk, x).float()
    rows = []
    for sample, found in zip(x.numpy().transpose(0, 2, 3, 1), ab.numpy().transpose(0, 2, 3, 1)):
        l, truth, hint, confidence = sample[..., 0], sample[..., 1:3], sample[..., 3:5], sample[..., 5]
        shown = [rgb(l, c) for c in (np.zeros_like(truth), hint)]
        rows.append(np.hstack([*shown, np.dstack([confidence] * 3), rgb(l, found), rgb(l, truth)]))
    cv2.imwrite(str(path), np.round(np.vstack(rows) * 255).astype(np.uint8)[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hints", type=Path, default=Path("runs/hints"))
    parser.add_argument("--run", type=Path, default=Path("runs/colornet"))
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=8e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--ship", action="store_true", help="write the averaged weights into the package and end")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    settings = {"width": args.width, "layout": "zhang17", "fold": 2, "semantic": True}
    net = ColorizationNet(**settings).to(memory_format=torch.channels_last)  # type: ignore
    if args.ship:
        saved = torch.load(args.run / "checkpoint.pt", map_location="cpu", weights_only=True)
        net.load_state_dict(saved["average"])
        plain_norms(net)
        about = {"net": "colornet", "settings": settings, "steps": saved["step"]}
        print(weights.ship("colornet", net.state_dict(), about))
        return

    trunk = load_matcher().trunk.to(args.device)
    paths = sorted(args.hints.glob("*.npz"))
    own = [p for p in paths if p.stem[5:-2] in HELD_OUT or (p.stem.startswith("photo") and int(p.stem[6:]) % 25 == 0)]
    data = Found([p for p in paths if p not in own])
    print(f"{len(data.clips)} clips, {len(data.photos)} photographs", flush=True)
    held = {}
    for path in own:
        x = dict(np.load(path))
        if path.stem.startswith("clip"):
            i = len(x["l"]) // 2
            held[path.stem] = np.dstack([x["l"][i] / 2.55, x["ab"][i], x["hint"][i], x["confidence"][i] / 255.0])
            held[path.stem] = held[path.stem].astype(np.float32)
    sheet = Found(own).batch(12, np.random.default_rng(7))["x"]

    def validate(net: torch.nn.Module) -> dict[str, float]:
        preview(net, trunk, sheet, args.run / "preview.png")
        return validation(net, trunk, held)

    schedule = Schedule(steps=args.steps, seconds=args.seconds, lr=args.lr, weight_decay=1e-3, ema=0.998, workers=1)
    train(
        net,
        lambda rng: data.batch(args.batch, rng),
        lambda net, batch: loss(net, trunk, batch),
        args.run,
        schedule,
        args.device,
        validate,
        500,
    )


if __name__ == "__main__":
    main()
