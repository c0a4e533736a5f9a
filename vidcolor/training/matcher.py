"""The matcher's descriptors, from pairs of frames and of photographs; the encoder stays as ImageNet left it.

Pairs: two frames of one clip, any distance apart, one in six of them aged as old film is; and photographs with warped
copies of themselves. Loss: negative log likelihood of the true ab under the mixture of copied colours (Gaussian, sigma
4 fine and 6 coarse, floored so that what the key does not show costs little), and Huber on the mixture's mean.
`--ship` mixes the trained weights with the first ones and fits the confidence on held-out clips.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from vidcolor.models import weights
from vidcolor.models.matching.base import KeyTokens, Tokens
from vidcolor.models.matching.cosine import children, windows
from vidcolor.models.matching.trained import Describer, TrainedMatcher
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.precision import STORED, autocast
from vidcolor.training.data import HELD_OUT, Clip, age, fitted, load_clips, load_photos, warp
from vidcolor.training.fit import logistic
from vidcolor.training.loop import Schedule, to_device, train
from vidcolor.training.options import add_data, add_schedule
from vidcolor.training.shipping import averaged, ship

AGED = 5
"""One frame of a clip in this many is used a second time, aged as old film is."""
PHOTO_SHARE = 0.05
"""Fraction of pairs that are a photograph and its warped copy."""
PARENTS = 64
"""Random stride-8 places of a pair, with the four stride-4 places in each, that the loss is computed on."""
RIGHT = 8.0
"""A copied colour within this many ab units of the truth counts as right (for the confidence)."""
HUBER = 10.0
"""ab units up to which the loss of the mixture's mean is quadratic, as PSNR is."""
FLOOR = -6.0
"""Lowest log likelihood: beyond it a wrong colour costs no more, as the key may not show the thing at all."""


@dataclass(frozen=True)
class TrainingKey(KeyTokens):
    """A key that gathers its windows from the map of fine descriptors when they are needed, which saves gradients."""

    fine: torch.Tensor
    """(h4 * w4, 64); `windows` holds the places' numbers, (n, 16, 1)."""

    def near(self, where: torch.Tensor) -> torch.Tensor:
        return self.fine[self.windows[where, :, 0].flatten()]


def training_key(key: Tokens, ab: torch.Tensor) -> TrainingKey:
    """From a key's tokens (b = 1) and its ab (1, 2, h4, w4)."""
    h4, w4 = key.fine.shape[-2:]
    places = windows(torch.arange(h4 * w4, dtype=torch.float32).reshape(1, 1, h4, w4)).long()
    return TrainingKey(
        coarse=key.coarse[0].flatten(1),
        windows=places,
        colors=windows(ab),
        bias=torch.zeros(h4 * w4 // 4),
        fine=key.fine[0].flatten(1).T,
    )


def log_likelihood(weight: torch.Tensor, copied: torch.Tensor, truth: torch.Tensor, sigma: float) -> torch.Tensor:
    """log of the sum of weight * exp(-|copied - truth|^2 / 2 sigma^2), floored.

    weight (..., q, m), copied (..., m, 2), truth (..., q, 2)."""
    near = torch.exp(-(torch.cdist(truth, copied) ** 2) / (2 * sigma**2))
    return ((weight * near).sum(-1) + np.exp(FLOOR)).log()


def pair_loss(
    net: TrainedMatcher, tokens: Tokens, ab: torch.Tensor, key: KeyTokens, key_ab8: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Loss of one pair: tokens and truth ab (1, 2, h4, w4) of the target, the key's and its ab at stride 8."""
    h4, w4 = tokens.fine.shape[-2:]
    picked = torch.randperm(h4 * w4 // 4)[:PARENTS]
    query = tokens.coarse[0].flatten(1).T[picked]
    truth = children(ab)[picked]
    weight, copied, _ = net.choose(query, children(tokens.fine)[picked], key)
    fine = log_likelihood(weight, copied, truth, 4.0)
    coarse_weight = torch.softmax((query * net.log_scale[0].exp()) @ key.coarse, -1)
    coarse = log_likelihood(coarse_weight, key_ab8, truth.mean(1), 6.0)
    mean = torch.bmm(weight, copied)
    huber = F.huber_loss(mean, truth, delta=HUBER) / HUBER
    error = (mean - truth).norm(dim=-1).mean()
    return {"fine": -fine.mean(), "coarse": -coarse.mean(), "huber": huber, "error": error}


class Cached:
    """Pairs of pictures of which only the frozen encoder's features are kept: a step then costs a tenth.

    All frames of every clip, one in `AGED` of them aged as well; every photograph with a warped copy.
    """

    def __init__(self, clips: list[Clip], photos: list[np.ndarray], rng: np.random.Generator):
        self.encoder = weights.load_net(EfficientNetLite)
        self.groups = [self._clip(clip, rng) for clip in clips]
        self.photos = [self._photo(photo, rng) for photo in photos]

    def draw(self, rng: np.random.Generator) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Target and key: `at8` (1, 176, h8, w8), `at4`, `ab` (1, 2, h4, w4)."""
        if self.photos and (not self.groups or rng.random() < PHOTO_SHARE):
            target, key = self.photos[rng.integers(len(self.photos))]
            return (target, key) if rng.random() < 0.5 else (key, target)
        frames = self.groups[rng.integers(len(self.groups))]
        i, j = rng.integers(len(frames), size=2)
        return frames[i], frames[j]

    def _clip(self, clip: Clip, rng: np.random.Generator) -> list[dict[str, torch.Tensor]]:
        labs = [fitted(frame) for frame in clip.frames]
        frames = [self._entry(lab[..., 0], lab[..., 1:]) for lab in labs]
        return frames + [self._entry(age(lab[..., 0], rng), lab[..., 1:]) for lab in labs[::AGED]]

    def _photo(self, photo: np.ndarray, rng: np.random.Generator) -> list[dict[str, torch.Tensor]]:
        lab = fitted(photo)
        copy = warp(lab, rng)
        return [self._entry(x[..., 0], x[..., 1:]) for x in (lab, copy)]

    @torch.no_grad()
    def _entry(self, l: np.ndarray, ab: np.ndarray) -> dict[str, torch.Tensor]:
        grey = torch.from_numpy(np.ascontiguousarray(l, np.float32))[None, None]
        with autocast(torch.device("cpu")):
            at8, at4 = Describer.features(grey, self.encoder(grey))
        color = F.avg_pool2d(torch.from_numpy(np.ascontiguousarray(ab, np.float32)).permute(2, 0, 1)[None], 4)
        return {"at8": at8.to(STORED), "at4": at4.to(STORED), "ab": color}


def loss(net: torch.nn.Module, batch: list) -> dict[str, torch.Tensor]:
    assert isinstance(net, TrainedMatcher)
    terms: dict[str, list[torch.Tensor]] = {}
    for target, key in batch:
        tokens, key_tokens = (net.describer(one["at8"].float(), one["at4"].float()) for one in (target, key))
        with torch.autocast(target["ab"].device.type, enabled=False):
            ab8 = F.avg_pool2d(key["ab"], 2)[0].flatten(1).T
            rows = pair_loss(net, tokens, target["ab"], training_key(key_tokens, key["ab"]), ab8)
        for name, value in rows.items():
            terms.setdefault(name, []).append(value)
    mean = {name: torch.stack(values).mean() for name, values in terms.items()}
    return {"loss": 0.1 * (mean["fine"] + mean["coarse"] + mean["huber"]), **mean}


@torch.no_grad()
def fit_confidence(net: TrainedMatcher, batches: list[list]) -> float:
    """Fit the logistic confidence on held-out pairs; returns its cross entropy (0.69 says nothing)."""
    evidence, right = [], []
    for target, key in (pair for batch in batches for pair in batch):
        tokens = net.describer(key["at8"].float(), key["at4"].float())
        match = net.match(
            net.describer(target["at8"].float(), target["at4"].float()), net.key_tokens(tokens, key["ab"])
        )
        evidence.append(match.evidence.flatten(1).T[::7])
        right.append(((match.ab - target["ab"][0]).norm(dim=0) < RIGHT).float().flatten()[::7])
    x, y = torch.cat(evidence), torch.cat(right)
    weight, entropy = logistic(x, y)
    net.confidence_weight.copy_(weight)
    print(f"confidence: right {y.mean():.3f}, cross entropy {entropy:.3f}")
    return entropy


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `scripts/train.py matcher`."""
    add_data(parser)
    add_schedule(parser, steps=6000, seconds=None, batch=8, lr=1e-3)
    parser.add_argument("--projection", type=Path, help="a first linear projection at stride 8 (safetensors)")
    parser.add_argument("--frames", type=int, default=16, help="of each clip (%(default)s)")
    parser.add_argument("--photo-step", type=int, default=5, help="take one photograph in this many (%(default)s)")
    parser.add_argument(
        "--share",
        type=float,
        default=0.45,
        help="of the trained weights against the first ones when shipping; between them lies better than either",
    )
    parser.add_argument("--ship", action="store_true", help="write the averaged weights into the package, and end")


def run(args: argparse.Namespace) -> None:
    """Train the matcher, or ship what a run has learned."""
    net = _new_net(args.projection)
    rng = np.random.default_rng(7)
    held = Cached(load_clips(args.clips, 8, lambda n: n in HELD_OUT), [], rng)
    validation = [[held.draw(rng) for _ in range(8)] for _ in range(12)]
    if args.ship:
        _ship(net, args.run, args.share, validation)
        return
    clips = load_clips(args.clips, args.frames, lambda n: n not in HELD_OUT)
    data = Cached(clips, load_photos(args.photos)[:: args.photo_step], rng)
    print(f"{len(clips)} clips, {sum(len(c.frames) for c in clips)} frames, {len(data.photos)} photographs", flush=True)

    def validate(net: torch.nn.Module) -> dict[str, float]:
        torch.manual_seed(1)
        with autocast(torch.device(args.device)):
            rows = [loss(net, to_device(batch, args.device)) for batch in validation]
        return {f"held_{k}": float(np.mean([r[k] for r in rows])) for k in rows[0]}

    schedule = Schedule(
        steps=args.steps, seconds=args.seconds, lr=args.lr, validate_every=250, weight_decay=1e-4, ema=0.998
    )
    batch = partial(_batch, data, args.batch)
    train(net, batch, loss, args.run, schedule, args.device, validate)


def _batch(data: Cached, n: int, rng: np.random.Generator) -> list:
    return [data.draw(rng) for _ in range(n)]


def _new_net(projection: Path | None) -> TrainedMatcher:
    net = TrainedMatcher()
    if projection:
        first = load_file(projection)
        net.describer.coarse.weight.data = first["weight"][:, :, None, None].clone()
        net.describer.coarse.bias.data = first["bias"].clone()  # type: ignore[union-attr]
    net.confidence_weight.requires_grad_(False)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _ship(net: TrainedMatcher, run: Path, share: float, validation: list[list]) -> None:
    """Mix the first weights, `net`'s, with a run's, fit the confidence, and write them into the package."""
    state, steps = averaged(run)
    for name, value in net.state_dict().items():
        if name.startswith(("describer", "log_scale")):
            value.lerp_(state[name], share)
    entropy = fit_confidence(net.eval(), validation)
    about = {"net": "matcher", "settings": {}, "steps": steps, "share": share, "confidence_entropy": entropy}
    print(ship("matcher", net.state_dict(), about))
