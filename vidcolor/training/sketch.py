"""The sketch net (SCFT), from drawings made by rule and from photographs.

Self-reference (Lee et al., CVPR 2020, section 3.2): the reference is the target itself in shifted colours, bent by a
thin-plate spline, so that every place in it is known; of drawings, half of the references show the same figures in
other poses. Loss: L1, the similarity triplets at known places (section 3.4), and, late, LSGAN. The target of a drawing
is its fill without lines, as the program multiplies it with the film's own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from vidcolor.evaluation import metrics
from vidcolor.models import weights
from vidcolor.models.nets import attention
from vidcolor.models.precision import autocast
from vidcolor.models.sketch import xdog
from vidcolor.models.sketch.scft import PAPER, THIN, Scft, nothing
from vidcolor.shot import PER_L
from vidcolor.training import drawings, tps
from vidcolor.training.data import HELD_OUT, age, cover, load_clips, load_photos
from vidcolor.training.loop import Schedule, to_device, train
from vidcolor.training.losses import PatchGan, sampled, triplet
from vidcolor.training.options import add_data, add_schedule, add_size
from vidcolor.training.preview import hwc, write_sheet
from vidcolor.training.shipping import averaged, ship

L1_WEIGHT, OWN_WEIGHT, TRIPLET_WEIGHT, CRITIC_WEIGHT = 30.0, 15.0, 1.0, 1.0
"""Weights of L1 of the result, of L1 of the decoder's own colours (not in the paper), of triplets, and of LSGAN."""
EMPTY = 0.1
"""Fraction of examples without a reference."""
APART = 40
"""Pixels between a positive and a negative, at least."""
QUERIES = 96
"""Places of each example that the triplets compare."""


class Example(NamedTuple):
    """A sketch, its colours and a reference, with places in both that show the same thing."""

    sketch: np.ndarray
    """(h, w) 0..1."""
    target: np.ndarray
    """(h, w, 3) uint8 RGB."""
    reference: np.ndarray
    """(h, w, 3) uint8 RGB."""
    query: np.ndarray
    """(n, 2) x, y in the target, pixels."""
    positive: np.ndarray
    """(n, 2) x, y in the reference of the same thing."""
    known: np.ndarray
    """(n,) bool: whether it is known."""


class Examples:
    """Endless random examples, each drawing with figures of its own."""

    def __init__(self, photos: Sequence[np.ndarray], size: tuple[int, int], drawn: float = 0.7) -> None:
        self.photos, self.size, self.drawn = photos, size, drawn

    def draw(self, rng: np.random.Generator) -> Example:
        if not self.photos or rng.random() < self.drawn:
            return drawing(rng, self.size)
        return photograph(self.photos[int(rng.integers(len(self.photos)))], rng, self.size)

    def batch(self, n: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        return stacked([self.draw(rng) for _ in range(n)], rng.random(n) < EMPTY, rng)


def stacked(examples: Sequence[Example], empty: np.ndarray, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Examples as tensors: `sketch` (n, 1, h, w), `target`, `reference` (n, 3, h, w) 0..1, `query`, `positive`,
    `negative` (n, m, 2) pixels, `known` (n, m) 0 or 1."""
    h, w = examples[0].sketch.shape
    positive = np.stack([e.positive for e in examples])
    negative = rng.uniform((0, 0), (w - 1, h - 1), positive.shape)
    far = np.abs(negative - positive).max(-1) >= APART
    known = np.stack([e.known for e in examples]) & far & ~empty[:, None]
    reference = _pictures([e.reference for e in examples])
    reference[torch.from_numpy(empty)] = nothing(reference[:1])
    maps = {"query": np.stack([e.query for e in examples]), "positive": positive, "negative": negative, "known": known}
    return {
        "sketch": torch.from_numpy(np.stack([e.sketch for e in examples]))[:, None],
        "target": _pictures([e.target for e in examples]),
        "reference": reference,
        **{name: torch.from_numpy(x.astype(np.float32)) for name, x in maps.items()},
    }


def _pictures(pictures: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def jitter(rng: np.random.Generator) -> np.ndarray:
    """What is added to each channel: the appearance transform a(.) of Lee et al., section 3.2."""
    return rng.uniform(-50, 50, 3)


def _jittered(rgb: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return np.clip(rgb + shift, 0, 255).astype(np.uint8)


def photograph(rgb: np.ndarray, rng: np.random.Generator, size: tuple[int, int]) -> Example:
    """A photograph in shifted colours, its bent copy, and its lines."""
    rgb = cover(rgb, size, rng, 1 + max(0.0, rng.normal(0, 0.2)))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)[..., 0].astype(np.float32) / PER_L
    target = _jittered(rgb, jitter(rng))
    return Example(xdog.sketch(age(grey, rng) if rng.random() < 0.5 else grey), target, *bent(target, rng))


def drawing(rng: np.random.Generator, size: tuple[int, int], posed: bool | None = None) -> Example:
    """A drawing's lines, its fill, and its bent copy or (`posed`; by default half of the time) another drawing of the
    same figures."""
    posed = bool(rng.random() < 0.5) if posed is None else posed
    target, other = drawings.example(rng, size, posed)
    if rng.random() < 0.3:
        shift = jitter(rng)
        target, other = (d._replace(fill=_jittered(d.fill, shift)) for d in (target, other))
    colored = target.colored()
    if rng.random() < 0.6:  # line art
        white = rng.uniform(0.7, 1)
        grey = target.ink.astype(np.float32) / PER_L * np.float32(white)
    else:
        grey = cv2.cvtColor(colored, cv2.COLOR_RGB2Lab)[..., 0].astype(np.float32) / PER_L
    if rng.random() < 0.4:
        grey = age(grey, rng)
    if posed:
        return Example(xdog.sketch(grey), target.fill, other.colored(), *same_part(target.parts, other.parts, rng))
    return Example(xdog.sketch(grey), target.fill, *bent(colored, rng))


def bent(rgb: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A bent copy; places of the original, where they lie in the copy (found by iteration), and which are known."""
    h, w = rgb.shape[:2]
    coarse = tps.bend(h // 4, w // 4, rng.uniform(0.05, 0.25), rng) * 4 + np.float32(1.5)
    at = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC)  # as good, and ten times as quick
    query = _places(h, w, rng)
    place = found = query
    for _ in range(12):
        found = cv2.remap(at, place[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]  # type: ignore[call-overload]
        place = place + np.float32(0.7) * (query - found)
    inside = (place >= 0).all(1) & (place <= (w - 1, h - 1)).all(1)
    return tps.bent(rgb, at), query, place, inside & (np.abs(query - found).max(1) < 2)


def same_part(
    parts: np.ndarray, others: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of a drawing; for each, a place of the same figure's same part in the other drawing; which have one."""
    h, w = parts.shape
    query = _places(h, w, rng)
    place, known = query.copy(), np.zeros(len(query), bool)
    for n, (x, y) in enumerate(query.astype(int)):
        where = np.flatnonzero(others == parts[y, x])
        if len(where):
            place[n], known[n] = np.divmod(where[rng.integers(len(where))], w)[::-1], True
    return query, place, known


def _places(h: int, w: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) float32 x, y in pixels, anywhere."""
    return rng.uniform((0, 0), (w - 1, h - 1), (QUERIES, 2)).astype(np.float32)


class Both(nn.Module):
    """The net and its critic as one, for one loop: each part of the loss moves one of them only."""

    def __init__(self, net: Scft, critic: PatchGan) -> None:
        super().__init__()
        self.net, self.critic = net, critic
        self.steps: torch.Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))


def loss(both: Any, batch: Mapping[str, torch.Tensor], critic_from: int) -> dict[str, torch.Tensor]:
    """The paper's terms but the perceptual ones. LSGAN sets in after `critic_from` steps."""
    net, sketch, target = both.net, batch["sketch"], batch["target"]
    maps = net.sketch_maps(sketch)
    place, given = net.tokens(maps), net.reference_tokens(batch["reference"])
    out, own = net.draw(maps, net.mixed(place, given))
    terms = {"l1": 2 * (out - target).abs().mean()}  # of -1..1, as the paper counts
    total = L1_WEIGHT * terms["l1"]
    if net.copy:
        terms["own"] = 2 * (own - target).abs().mean()
        total = total + OWN_WEIGHT * terms["own"]
    if net.transfer == "attention":
        query, key = net.query(attention.tokens(place)), net.keys(given)[0]
        maps_of = [x.transpose(1, 2).reshape(place.shape).float() for x in (query, key)]
        at = {name: (batch[name] + 0.5) / net.grid - 0.5 for name in ("query", "positive", "negative")}
        asked = sampled(maps_of[0], at["query"])
        apart = triplet(asked, sampled(maps_of[1], at["positive"]), sampled(maps_of[1], at["negative"]))
        terms["triplet"] = (apart * batch["known"]).sum() / batch["known"].sum().clamp_min(1)
        total = total + TRIPLET_WEIGHT * terms["triplet"]
    both.steps += 1
    if int(both.steps) > critic_from:
        fixed = {k: v.detach() for k, v in both.critic.named_parameters()}
        fooled = functional_call(both.critic, fixed, (sketch, out)).float()
        real, drawn = both.critic(sketch, target).float(), both.critic(sketch, out.detach()).float()
        terms["critic"] = ((real - 1).square().mean() + drawn.square().mean()) / 2
        terms["fooled"] = (fooled - 1).square().mean()
        total = total + CRITIC_WEIGHT * terms["fooled"] + terms["critic"]
    return {"loss": total, **terms}


class Validation:
    """L1, PSNR and CIEDE2000 on held-out drawings and pictures: with their reference (a drawing's shows other poses),
    with none, and with another's."""

    def __init__(self, photos: Sequence[np.ndarray], size: tuple[int, int], folder: Path, count: int = 24) -> None:
        rng = np.random.default_rng((7, 7))
        none = np.zeros(count, bool)
        makers: dict[str, Callable[[int], Example]] = {
            "drawing": lambda n: drawing(np.random.default_rng((1 << 40, n)), size, True)
        }
        if photos:
            makers["photo"] = lambda n: photograph(photos[n % len(photos)], np.random.default_rng((1 << 41, n)), size)
        self.sets = {k: stacked([make(n) for n in range(count)], none, rng) for k, make in makers.items()}
        self.folder = folder

    @torch.no_grad()
    def figures(self, net: Scft) -> dict[str, float]:
        out, sheet, device = {}, [], next(net.parameters()).device
        for kind, held in self.sets.items():
            batch = to_device(held, device)
            other = batch["reference"].roll(1, 0)
            ways: dict[str, Callable[[slice], torch.Tensor]] = {
                "with": lambda at, b=batch: net(b["sketch"][at], b["reference"][at]),  # type: ignore[misc]
                "without": lambda at, b=batch: net.alone(b["sketch"][at]),  # type: ignore[misc]
                "other": lambda at, b=batch, r=other: net(b["sketch"][at], r[at]),  # type: ignore[misc]
            }
            columns = [held["sketch"].expand(-1, 3, -1, -1), held["reference"]]
            truth = held["target"].permute(0, 2, 3, 1).numpy()
            for way, color in ways.items():
                with autocast(device):
                    rgb = torch.cat([color(slice(n, n + 8)) for n in range(0, len(truth), 8)]).float().cpu()
                columns.append(rgb)
                found = rgb.permute(0, 2, 3, 1).numpy()
                out[f"{kind} {way} l1"] = float(np.abs(found - truth).mean())
                out[f"{kind} {way} psnr"] = float(np.mean([metrics.psnr(a, b) for a, b in zip(found, truth)]))
                out[f"{kind} {way} de2000"] = float(np.mean([metrics.ciede2000(a, b) for a, b in zip(found, truth)]))
            columns.append(held["target"])
            sheet += [[hwc(x) for x in row] for row in zip(*(c[:6] for c in columns))]
        write_sheet(self.folder / "preview.png", sheet)
        return out


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `scripts/train.py sketch`."""
    add_data(parser, required=False)
    add_schedule(parser, steps=10**6, seconds=2400, batch=4, lr=1e-3)
    add_size(parser, (192, 256))
    parser.add_argument("--critic-from", type=int, default=1500, help="steps before LSGAN sets in (%(default)s)")
    parser.add_argument("--transfer", choices=("attention", "adain", "addition"), default="attention")
    parser.add_argument("--plain", action="store_true", help="without copied colours, as in the paper")
    parser.add_argument("--paper", action="store_true", help="the paper's size instead of the shipped one's")
    parser.add_argument("--validate-every", type=int, default=500, help="steps (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ship", action="store_true", help="write the result into the package, not into --run")


def run(args: argparse.Namespace) -> None:
    """Train the sketch net. Without photographs and clips it learns from drawings alone."""
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    size = tuple(args.size)
    settings = PAPER if args.paper else THIN | ({"copy": False} if args.plain else {})
    net = Scft(**settings, transfer=args.transfer)
    both = Both(net, PatchGan(64 if args.paper else 24)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    learn, held = pictures(args.photos, args.clips)
    args.run.mkdir(parents=True, exist_ok=True)
    examples, validation = Examples(learn, size), Validation(held, size, args.run)
    schedule = Schedule(
        args.steps, args.lr, args.seconds, ema=0.998, clip=10.0, seed=args.seed, validate_every=args.validate_every
    )
    state = train(
        both,
        lambda rng: examples.batch(args.batch, rng),
        lambda n, batch: loss(n, batch, args.critic_from),
        args.run,
        schedule,
        args.device,
        lambda n: validation.figures(n.net),  # type: ignore[arg-type,union-attr]
    )
    both.load_state_dict(state)
    figures = validation.figures(net.eval())
    for name, value in figures.items():
        print(f"{name:24} {value:.4g}", flush=True)
    metadata = {
        "net": "sketch",
        "settings": net.settings,
        "steps": averaged(args.run)[1],
        "held_out": {k: round(v, 3) for k, v in figures.items()},
    }
    if args.ship:
        print(ship("sketch", net.state_dict(), metadata))
    else:
        weights.save(args.run / "sketch.safetensors", net.state_dict(), metadata)


def pictures(photos: Path | None, clips: Path | None) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Photographs and some frames of clips, to learn from and held out."""
    every = load_photos(photos) if photos else []
    learn, held = [p for n, p in enumerate(every) if n % 25], every[::25]
    if clips:
        learn += [f for c in load_clips(clips, 3, lambda name: name not in HELD_OUT) for f in c.frames]
        held = [f for c in load_clips(clips, 1, lambda name: name in HELD_OUT) for f in c.frames] + held
    return learn, held
