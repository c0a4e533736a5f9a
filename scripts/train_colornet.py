"""Train the colorization sub-net: L, hint ab and hint confidence to ab.

    python scripts/train_colornet.py --clips DIR --photos DIR --run runs/colornet --seconds 3600
    python scripts/train_colornet.py ... --ship           writes vidcolor/weights/colornet.safetensors

Hints are empty (a quarter), the paper's patches (a quarter), or dense and as wrong as in use (half). Loss: Huber
with the mask weight inside (Xu et al., Eq. 2), delta one ab unit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.models import hints, weights
from vidcolor.models.colornet import AB_SCALE, ColorizationNet
from vidcolor.training.data import HELD_OUT, Pairs, load_clips, load_photos, rotate_hue
from vidcolor.training.loop import Schedule, train
from vidcolor.training.wrong_hints import spoil

SIZE = (192, 288)
"""Height and width of training crops."""
MASK_WEIGHT = 10.0
"""Lambda of Eq. 2."""
KINDS = ("empty", "patches", "dense")
SHARES = (0.25, 0.25, 0.5)


class Samples:
    """Batches of grey frame, truth, hint, confidence and kind."""

    def __init__(self, pairs: Pairs):
        self.pairs = pairs

    def draw(self, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One sample as (h, w, 6): L, true ab, hint ab, confidence; and Eq. 2's mask (h, w)."""
        pair = self.pairs.draw(rng)
        ab = pair.ab
        if kind != "empty" and rng.random() < 0.3:
            ab = rotate_hue(ab, rng.uniform(-np.pi, np.pi))
        h, w = ab.shape[:2]
        if kind == "empty":
            hint, confidence = np.zeros_like(ab), np.zeros((h, w), np.float32)
        elif kind == "patches":
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            truth = torch.from_numpy(np.ascontiguousarray(ab.transpose(2, 0, 1), np.float32))[None]
            drawn, mask = hints.training_hints(truth, generator)
            hint, confidence = drawn[0].permute(1, 2, 0).numpy(), mask[0, 0].numpy()
        else:
            hint, confidence = spoil(ab, self.pairs.draw(rng).ab, rng)
        weight = confidence if kind == "patches" else np.full((h, w), 0.1 if kind == "dense" else 0.0, np.float32)
        return np.dstack([pair.l, ab, hint, confidence]), weight

    def batch(self, n: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        kinds = rng.choice(len(KINDS), n, p=SHARES)
        drawn = [self.draw(KINDS[k], rng) for k in kinds]
        x = torch.from_numpy(np.stack([d[0] for d in drawn]).transpose(0, 3, 1, 2).astype(np.float32))
        mask = torch.from_numpy(np.stack([d[1] for d in drawn])[:, None])
        return {"x": x, "mask": mask, "kind": torch.from_numpy(kinds)}


def loss(net: torch.nn.Module, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    x = batch["x"]
    ab = net(x[:, :1], x[:, 3:5], x[:, 5:])
    weight = 1 + MASK_WEIGHT * batch["mask"]
    pair = weight * ab / AB_SCALE, weight * x[:, 1:3] / AB_SCALE
    terms = {"loss": F.huber_loss(*pair, delta=1 / AB_SCALE) * AB_SCALE}
    error = (ab.detach() - x[:, 1:3]).norm(dim=1).mean((1, 2))
    for k, name in enumerate(KINDS):
        if (batch["kind"] == k).any():
            terms[f"error_{name}"] = error[batch["kind"] == k].mean()
    return terms


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


def preview(net: torch.nn.Module, batch: dict[str, torch.Tensor], path: Path) -> None:
    """Write a sheet: grey | hint | confidence | result | truth, a sample a row."""
    x = batch["x"]
    with torch.no_grad():
        ab = net(x[:, :1], x[:, 3:5], x[:, 5:])
    rows = []

    def colour(l: np.ndarray, ab: torch.Tensor) -> np.ndarray:
        return cv2.cvtColor(np.dstack([l, ab.permute(1, 2, 0).numpy()]).astype(np.float32), cv2.COLOR_Lab2BGR)

    for i in range(len(x)):
        l = x[i, 0].numpy()
        confidence = np.dstack([x[i, 5].numpy()] * 3)
        shown = (torch.zeros_like(ab[i]), x[i, 3:5] * x[i, 5:], ab[i], x[i, 1:3])
        grey, hint, result, truth = (colour(l, values) for values in shown)
        rows.append(np.hstack([grey, hint, confidence, result, truth]))
    cv2.imwrite(str(path), np.clip(np.vstack(rows) * 255, 0, 255).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--run", type=Path, default=Path("runs/colornet"))
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--fold", type=int, default=2)
    parser.add_argument("--layout", choices=("zhang17", "xu"), default="zhang17")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--ship", action="store_true", help="write the averaged weights into the package and end")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    settings = {"width": args.width, "layout": args.layout, "fold": args.fold}
    net = ColorizationNet(**settings).to(memory_format=torch.channels_last)  # type: ignore
    if args.ship:
        saved = torch.load(args.run / "checkpoint.pt", map_location="cpu", weights_only=True)
        net.load_state_dict(saved["average"])
        plain_norms(net)
        about = {"net": "colornet", "settings": settings, "steps": saved["step"]}
        print(weights.ship("colornet", net.state_dict(), about))
        return

    photos = load_photos(args.photos)
    held_clips = load_clips(args.clips, 4, lambda n: n in HELD_OUT)
    held = Samples(Pairs(held_clips, photos[::25], SIZE, photo_share=0.5))
    clips = load_clips(args.clips, 16, lambda n: n not in HELD_OUT)
    data = Samples(Pairs(clips, [p for i, p in enumerate(photos) if i % 25], SIZE, photo_share=0.7))
    rng = np.random.default_rng(7)
    validation = [held.batch(10, rng) for _ in range(8)]

    def validate(net: torch.nn.Module) -> dict[str, float]:
        rows = [loss(net, batch) for batch in validation]
        preview(net, validation[0], args.run / "preview.png")
        return {f"held_{k}": float(np.mean([float(r[k]) for r in rows if k in r])) for k in rows[0]}

    schedule = Schedule(steps=args.steps, seconds=args.seconds, lr=args.lr, weight_decay=1e-3, ema=0.998, workers=1)
    train(net, lambda rng: data.batch(args.batch, rng), loss, args.run, schedule, args.device, validate, 500)


if __name__ == "__main__":
    main()
