"""SSCN, from pairs of a grey target and a coloured reference.

Pairs: photographs with thin-plate copies of themselves (four in five mild, the rest violent and with patches shuffled),
and two frames of one clip. Loss: that of Bai et al. (ECCV 2022) without its class term, as there are no labels: both
stages' ab, total variation, and the cross entropy of 529 bins of colour. `--ship` and `--out` fit the confidences
first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.evaluation import metrics
from vidcolor.models import weights
from vidcolor.models.matching.trained import TrainedMatcher
from vidcolor.models.nets import color_bins
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.precision import autocast
from vidcolor.models.sscn.net import AB_SCALE, SSCN
from vidcolor.models.sscn.tokens import Aligned, Choice, GreyFeatures, grey_features, sized
from vidcolor.training.data import HELD_OUT, Pairs, age, cover, fitted, load_clips, load_photos, rotate_hue, to_lab
from vidcolor.training.distributed import own_device
from vidcolor.training.fit import logistic, minimize
from vidcolor.training.loop import Schedule, train
from vidcolor.training.options import add_data, add_schedule, add_size
from vidcolor.training.preview import hwc, rgb, write_sheet
from vidcolor.training.shipping import absorb_statistics, averaged, ship
from vidcolor.training.tps import bend, bent

THIN = {"width": 16, "fold": 2, "semantic": True, "residuals": 1, "temperature": 0.02}
PAPER: dict[str, Any] = {}
CHOICE = {True: Choice(0, 256), False: Choice(256, 256, "mean", gather=False)}
"""Places kept in training, of a semantic net (of a crop's 1,600) and of the paper's."""
MILD, VIOLENT, VIOLENT_SHARE = 0.1, 0.4, 0.2
"""Jitter (`tps.bend`) of mild and of violent copies, and the fraction of violent ones."""
PATCHES = 4
"""Patches along each side of a violent copy, which are shuffled."""
PHOTO_SHARE = 0.4
BETA = 0.1
"""Error in ab / 110 at which SmoothL1 becomes linear: 11 units; at torch's own 1 it is a mean square, which fades."""
TESTED = ("hike", "flamingo", "motorbike", "soccerball", "bus")
"""Held-out clips on which nothing is fitted either: `benchmark_attention.py` measures there."""
PLACES = 2000
"""Of each frame, on which confidences are fitted."""
RIGHT = 8.0
"""ab units within which a copied colour counts as right, for the confidence."""


class Samples:
    """Batches of grey target, truth and reference."""

    def __init__(self, clips: Pairs, photos: list[np.ndarray], size: tuple[int, int]):
        self.clips, self.photos, self.size = clips, photos, size

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """l (h, w, 1), ab (h, w, 2), key (h, w, 3)."""
        if self.photos and (not self.clips.clips or rng.random() < PHOTO_SHARE):
            picture = self.photos[rng.integers(len(self.photos))]
            target = to_lab(cover(picture, self.size, rng, 1 + max(0.0, rng.normal(0, 0.2))))
            key = self_reference(target, rng)
            l, ab = age(target[..., 0], rng), target[..., 1:]
        else:
            pair = self.clips.draw(rng)
            l, ab, key = pair.l, pair.ab, pair.key
        if rng.random() < 0.3:  # so that the net follows the reference, not habit
            angle, scale = rng.uniform(-np.pi, np.pi), np.float32(rng.uniform(0.7, 1.2))
            ab = rotate_hue(ab, angle) * scale
            key = np.dstack([key[..., :1], rotate_hue(key[..., 1:], angle) * scale])
        return l[..., None], ab, key

    def batch(self, n: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """`l` (n, 1, h, w), `ab` (n, 2, h, w), `key` (n, 3, h, w)."""
        drawn = zip(*(self.draw(rng) for _ in range(n)))
        maps = (np.ascontiguousarray(np.stack(x).transpose(0, 3, 1, 2), np.float32) for x in drawn)
        return {name: torch.from_numpy(x) for name, x in zip(("l", "ab", "key"), maps)}


def self_reference(lab: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A thin-plate copy of a picture, sometimes so bent and cut up that little of it matches."""
    h, w = lab.shape[:2]
    violent = rng.random() < VIOLENT_SHARE
    key = bent(lab, bend(h, w, VIOLENT if violent else MILD, rng))
    if not violent:
        return key
    ph, pw = h // PATCHES, w // PATCHES
    cut = [key[y * ph : (y + 1) * ph, x * pw : (x + 1) * pw] for y in range(PATCHES) for x in range(PATCHES)]
    order = rng.permutation(len(cut))
    rows = [np.hstack([cut[order[y * PATCHES + x]] for x in range(PATCHES)]) for y in range(PATCHES)]
    return cv2.resize(np.vstack(rows), (w, h), interpolation=cv2.INTER_LINEAR)


See = Callable[[torch.Tensor], GreyFeatures]
"""What the frozen encoder and the matcher see of l (b, 1, h, w)."""


def seeing(device: torch.device) -> See:
    """The shipped encoder and matcher on a device."""
    encoder, matcher = weights.load_net(EfficientNetLite).to(device), weights.load_net(TrainedMatcher).to(device)
    return lambda l: grey_features(matcher, l, encoder(l))


def color(
    net: SSCN,
    see: See | None,
    batch: Mapping[str, torch.Tensor],
    choice: Choice | None,
    generator: torch.Generator | None = None,
    classes: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, Aligned]:
    """Both stages: ab of the first, ab of the second, the bins' logits and what was aligned."""
    l, key = batch["l"], batch["key"]
    with autocast(l.device):
        seen = None if see is None else see(l)
        known = None if see is None else see(key[:, :1].contiguous())
    first, content = net.transfer(l, net.style.code(key), seen)
    maps = net.style(key)
    tokens = net.tokens(maps, net.describe(maps, known), key[:, 1:], choice, generator=generator)
    target = net.style(torch.cat([l, first], 1))
    aligned = net.align(net.describe(target, seen), tokens)
    ab, logits = net.refine(target, content, aligned, first, classes)
    return first, ab, logits, aligned


def loss(
    net: SSCN, see: See | None, batch: Mapping[str, torch.Tensor], choice: Choice | None = None
) -> dict[str, torch.Tensor]:
    """The paper's weights, without its class term. choice: of places; the net's own by default."""
    choice = CHOICE[net.semantic] if choice is None else choice
    first, ab, logits, _ = color(net, see, batch, choice, torch.default_generator, classes=True)
    truth = batch["ab"]
    stages = [F.smooth_l1_loss(x / AB_SCALE, truth / AB_SCALE, beta=BETA) for x in (first, ab)]
    across, down = (ab[..., 1:] - ab[..., :-1]).abs().mean(), (ab[..., 1:, :] - ab[..., :-1, :]).abs().mean()
    variation = (across + down) / AB_SCALE
    assert logits is not None
    small = sized(truth, logits.shape[-2:]).permute(0, 2, 3, 1).flatten(0, 2)
    wanted = color_bins.encode(small, color_bins.square())
    entropy = -(wanted * logits.float().log_softmax(1).permute(0, 2, 3, 1).flatten(0, 2)).sum(1).mean()
    error = (ab - truth).detach().norm(dim=1).mean()
    return {
        "loss": 100 * stages[0] + 100 * stages[1] + 10 * variation + entropy,
        "first": stages[0],
        "second": stages[1],
        "variation": variation,
        "entropy": entropy,
        "error": error,
    }


class Held:
    """Clips by name: the first frame is the reference of a later one."""

    def __init__(self, folder: Path, names: tuple[str, ...], frames: int = 5):
        self.pairs: dict[str, list[dict[str, torch.Tensor]]] = {}
        for clip in load_clips(folder, frames, lambda name: name in names):
            key, *others = (torch.from_numpy(fitted(x).transpose(2, 0, 1).copy())[None] for x in clip.frames)
            self.pairs[clip.name] = [{"l": x[:, :1].contiguous(), "ab": x[:, 1:], "key": key} for x in others]

    @torch.no_grad()
    def figures(self, net: SSCN, see: See | None, sheet: Path | None) -> dict[str, float]:
        """PSNR (dB, float RGB) of stage 1, of copied colours and of stage 2, and stage 2's colourfulness against the
        truth's, mean over the clips' middle frames."""
        rows, shown = [], []
        for pairs in self.pairs.values():
            batch = pairs[len(pairs) // 2]
            with autocast(batch["l"].device):
                first, ab, _, aligned = color(net, see, batch, Choice())
            small = aligned.ab
            copied = F.interpolate(small, size=ab.shape[-2:], mode="bilinear", align_corners=False)
            l, truth, key = hwc(batch["l"][0]), hwc(batch["ab"][0]), hwc(batch["key"][0])
            views = [rgb(l, 0 * truth), *(rgb(l, hwc(x[0])) for x in (first, copied, ab)), rgb(l, truth)]
            errors = [metrics.psnr(x, views[-1]) for x in views[1:-1]]
            rows.append([*errors, metrics.relative_colorfulness(views[3], views[4])])
            confidence = hwc(F.interpolate(net.confidence(aligned).float(), size=ab.shape[-2:])[0])
            views = [rgb(key[..., :1], key[..., 1:]), *views[:3], np.dstack([confidence] * 3), *views[3:]]
            shown.append([cv2.resize(x, (224, 128), interpolation=cv2.INTER_AREA) for x in views])
        if sheet is not None:
            write_sheet(sheet, shown)
        return dict(zip(("held_first", "held_copied", "held_second", "held_colorfulness"), np.mean(rows, 0).tolist()))

    @torch.no_grad()
    def evidence(self, net: SSCN, see: See | None) -> dict[str, torch.Tensor]:
        """At n = `PLACES` places of each of k frames, (k, n, .): `evidence`, and ab `copied`, of stage 1 (`first`), and
        `truth`."""
        found: dict[str, list[torch.Tensor]] = {"evidence": [], "copied": [], "first": [], "truth": []}
        for batch in (pair for pairs in self.pairs.values() for pair in pairs):
            with autocast(batch["l"].device):
                first, _, _, aligned = color(net, see, batch, Choice())
            small = (sized(x, aligned.ab.shape[-2:]) for x in (first, batch["ab"]))
            for rows, x in zip(found.values(), (aligned.evidence, aligned.ab, *small)):
                places = x.float().flatten(2)[0].T
                rows.append(places[torch.linspace(0, len(places) - 1, PLACES).round().long()])
        return {name: torch.stack(rows) for name, rows in found.items()}


def fit_confidence(net: SSCN, see: See | None, held: Held) -> str:
    """Fit the net's two logistic models: whether a copied colour is right, and the share of it, against stage 1's, that
    leaves the least error (mean log of the frames' mean squares, which is PSNR's). Returns a report in one line."""
    seen = held.evidence(net, see)
    x, copied, first, truth = seen.values()
    right = ((copied - truth).norm(dim=-1) < RIGHT).float()

    def left(logit: torch.Tensor) -> torch.Tensor:
        weight = torch.sigmoid(logit)[..., None]
        square = (weight * copied + (1 - weight) * first - truth).square().mean((1, 2))
        return (square + 0.3).log().mean() + 1e-4 * logit.square().mean()

    w, _ = logistic(x.flatten(0, 1), right.flatten())
    net.confidence_weight.data.copy_(w)
    fade, after = minimize(lambda v: left(v[0] + x @ v[1:]), net.fade_weight)
    net.fade_weight.data.copy_(fade)
    before = float(left(torch.full_like(right, 20.0)))
    confidence = torch.sigmoid(w[0] + x @ w[1:])
    parts = [
        f"{float(right[(confidence >= a) & (confidence < a + 0.2)].mean()):.2f}" for a in (0.0, 0.2, 0.4, 0.6, 0.8)
    ]
    return (
        f"confidence {[round(v, 2) for v in w.tolist()]}, right at 0-.2 .. .8-1: {' '.join(parts)}; "
        f"fade {[round(v, 2) for v in fade.tolist()]}, log of square error {before:.3f} -> {after:.3f}"
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `scripts/train.py sscn`."""
    add_data(parser)
    add_schedule(parser, steps=20000, seconds=None, batch=8, lr=8e-4)
    add_size(parser, (160, 160), ", multiples of 32")
    parser.add_argument("--width", type=int, default=THIN["width"], help="channels of the first level (%(default)s)")
    parser.add_argument("--paper", action="store_true", help="the paper's size (the paper: --lr 1e-4 --size 256 256)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--ship", action="store_true", help="write the averaged weights into the package, and end")
    where.add_argument("--out", type=Path, help="write the averaged weights to a file, and end")


def run(args: argparse.Namespace) -> None:
    """Train SSCN, or ship what a run has learned."""
    settings = PAPER if args.paper else {**THIN, "width": args.width}
    net = SSCN(**settings).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    see = None if args.paper else seeing(own_device(args.device))
    if args.ship or args.out:
        state, steps = averaged(args.run)
        net.load_state_dict(state)
        names = sorted(path.stem for path in args.clips.iterdir())
        some = [name for name in names if name not in HELD_OUT][::3] + [name for name in HELD_OUT if name not in TESTED]
        said = fit_confidence(net.eval(), see, Held(args.clips, tuple(some), 3))
        print(said)
        absorb_statistics(net)
        about = {"net": "sscn", "settings": settings, "steps": steps, "fit": said}
        if args.ship:
            print(ship("sscn", net.state_dict(), about))
        else:
            print(weights.save(args.out, net.state_dict(), about), args.out)
        return
    args.run.mkdir(parents=True, exist_ok=True)
    held = Held(args.clips, HELD_OUT)
    clips = load_clips(args.clips, 20, lambda name: name not in HELD_OUT)
    photos = [p for i, p in enumerate(load_photos(args.photos)) if i % 25]
    print(f"{len(clips)} clips, {len(photos)} photographs", flush=True)
    size = tuple(args.size)
    data = Samples(Pairs(clips, [], size, 0.0), photos, size)
    schedule = Schedule(
        steps=args.steps, seconds=args.seconds, lr=args.lr, validate_every=300, weight_decay=1e-4, ema=0.995
    )
    train(
        net,
        lambda rng: data.batch(args.batch, rng),
        lambda net, batch: loss(net, see, batch),  # type: ignore[arg-type]
        args.run,
        schedule,
        args.device,
        lambda net: held.figures(net, see, args.run / "preview.png"),  # type: ignore[arg-type]
    )
