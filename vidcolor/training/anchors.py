"""The nets of global anchors: first superpixels, then colours.

    python scripts/train.py anchors superpixels --photos DIR --clips DIR --seconds 500 --ship
    python scripts/train.py anchors colors --photos DIR --clips DIR --seconds 2100 --ship

Superpixels: ab and lightness, pooled and diffused, must come back, and superpixels stay compact. Colours: anchors are
the largest superpixels of clusters of true ab (Xia et al., SIGGRAPH Asia 2022) and have their true colours. Loss: cross
entropy of modeler and generator, weighted towards rare colours, and the distance of the RefineNet's ab from the truth
instead of the paper's perceptual term. In some pictures all hues are turned, and in some one thing gets another colour,
so that the net follows an anchor even if its colour is unlikely.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.models import weights
from vidcolor.models.anchors import superpixels
from vidcolor.models.anchors.model import DEFAULT, FEWEST, MOST, clusters, largest
from vidcolor.models.anchors.net import AB_SCALE, THIN, AnchorsNet
from vidcolor.models.anchors.superpixels import SPixNet
from vidcolor.models.nets import color_bins
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.precision import autocast
from vidcolor.training.data import HELD_OUT, Clip, age, cover, load_clips, load_photos, rotate_hue, to_lab
from vidcolor.training.distributed import own_device
from vidcolor.training.loop import Schedule, to_device, train
from vidcolor.training.options import add_data, add_schedule
from vidcolor.training.preview import hwc, rgb, write_sheet
from vidcolor.training.shipping import averaged, ship

SIZE = (192, 256)
"""Height and width of training crops."""
PHOTO_SHARE = 0.6
"""Fraction of photographs; the rest are frames of clips."""
NATURAL, TURNED, RECOLORED = range(3)
KINDS = (0.7, 0.15, 0.15)
"""Fractions of pictures as they are, with turned hues, and with one thing recoloured."""


class Pictures:
    """Endless random crops of photographs and of single frames."""

    def __init__(self, photos: list[np.ndarray], clips: list[Clip], aged: float = 0.5) -> None:
        self.photos, self.clips, self.aged = photos, clips, aged

    def batch(self, n: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """`l` (n, 1, h, w) 0..100 with faults of film, `clean` the same without them, `ab` (n, 2, h, w), `kind`
        (n,)."""
        drawn = [self.draw(rng) for _ in range(n)]
        l, clean, ab = (np.stack([d[i] for d in drawn]).astype(np.float32) for i in range(3))
        return {
            "l": torch.from_numpy(l)[:, None],
            "clean": torch.from_numpy(clean)[:, None],
            "ab": torch.from_numpy(np.ascontiguousarray(ab.transpose(0, 3, 1, 2))),
            "kind": torch.tensor([d[3] for d in drawn]),
        }

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """`l`, `clean` (h, w), `ab` (h, w, 2) and `kind` of one crop."""
        if self.photos and (not self.clips or rng.random() < PHOTO_SHARE):
            rgb = self.photos[rng.integers(len(self.photos))]
        else:
            frames = self.clips[rng.integers(len(self.clips))].frames
            rgb = frames[rng.integers(len(frames))]
        lab = to_lab(cover(rgb, SIZE, rng, 1 + max(0.0, rng.normal(0, 0.2))))
        clean, ab = lab[..., 0], lab[..., 1:]
        kind = int(rng.choice(3, p=KINDS))
        if kind == TURNED:
            ab = rotate_hue(ab, rng.uniform(-np.pi, np.pi)) * np.float32(rng.uniform(0.7, 1.3))
        elif kind == RECOLORED:
            ab = recolored(ab, rng)
        return (age(clean, rng) if rng.random() < self.aged else clean), clean, ab, kind


def recolored(ab: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """ab (h, w, 2) in which everything of the colour of one random pixel gets another colour."""
    h, w = ab.shape[:2]
    away = np.square(ab - ab[rng.integers(h), rng.integers(w)]).sum(-1, keepdims=True)
    shift = rng.uniform(15, 45) * np.exp(1j * rng.uniform(-np.pi, np.pi))
    share = np.exp(-away / (2 * rng.uniform(5, 12) ** 2)).astype(np.float32)
    return ab + share * np.array([shift.real, shift.imag], np.float32)


def superpixel_loss(net: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What pooling and diffusing lose of ab and of lightness (whose edges a grey frame shows), and the distance of
    pixels from the middles of their superpixels."""
    association = net(batch["l"])
    maps = [batch["ab"] / AB_SCALE, batch["clean"] / 100, _positions(batch["l"]).expand(len(association), -1, -1, -1)]
    lost = [(superpixels.diffuse(superpixels.pool(m, association), association) - m).norm(dim=1).mean() for m in maps]
    loss = 10 * lost[0] + 3 * lost[1] + 0.003 / superpixels.CELL * lost[2]
    return {"loss": loss, "ab": lost[0] * AB_SCALE, "lightness": lost[1] * 100, "pixels": lost[2]}


def _positions(like: torch.Tensor) -> torch.Tensor:
    """(1, 2, h, w) y and x of every pixel."""
    sides = (torch.arange(float(s), device=like.device) for s in like.shape[-2:])
    return torch.stack(torch.meshgrid(*sides, indexing="ij"))[None]


class Colors:
    """The loss of the colour nets, on frozen superpixels and encoder."""

    def __init__(self, spix: SPixNet, encoder: torch.nn.Module, prior: torch.Tensor) -> None:
        self.spix, self.encoder, self.weight, self.bins = spix, encoder, rebalance(prior), color_bins.gamut()

    @torch.no_grad()
    def given(self, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
        """Association, the encoder's maps, and the superpixels' true ab (b, n, 2)."""
        association, maps = self.spix(batch["l"]), self.encoder(batch["l"])
        with torch.autocast(association.device.type, enabled=False):
            ab = superpixels.pool(batch["ab"], association).flatten(2).transpose(1, 2)
        return association, maps, ab

    def anchors(self, ab: torch.Tensor, association: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """(b, n, 1), 1 at anchors. They stand for clusters in ab; in one picture of six they are random superpixels,
        and one picture of twelve has none."""
        mask = torch.zeros(*ab.shape[:2], 1)
        for n, points in enumerate(ab):
            count = int(torch.randint(FEWEST, MOST + 1, (1,), generator=rng))
            how = float(torch.rand(1, generator=rng))
            if how < 3 / 4:
                own = clusters(points, count, int(torch.randint(2**31, (1,), generator=rng)), 1)
                mask[n, largest(own, superpixels.areas(association[n : n + 1]).flatten())] = 1
            elif how < 11 / 12:
                mask[n, torch.randperm(len(points), generator=rng)[:count]] = 1
        return mask.to(ab.device)

    def loss(self, net: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Terms of a batch (`Pictures.batch`)."""
        association, maps, true = self.given(batch)
        wanted = color_bins.encode(true.flatten(0, 1), self.bins).view(*true.shape[:2], -1)
        generator = torch.Generator().manual_seed(int(torch.randint(2**31, (1,))))
        mask = self.anchors(true, association, generator)
        ab, modeled, made = net(batch["l"], association, wanted, mask, maps)
        weight = self.weight[wanted.argmax(-1)]
        likely = (batch["kind"] == NATURAL)[:, None].float().expand_as(weight)
        modeler = _cross_entropy(modeled, wanted, weight * likely)
        generated = _cross_entropy(made, wanted, weight)
        distance = ((ab - batch["ab"]).square().sum(1) + 0.1).sqrt().mean()
        return {
            "loss": 2 * modeler + generated + 0.4 * distance,
            "modeler": modeler,
            "generator": generated,
            "ab": distance,
        }


def _cross_entropy(logits: torch.Tensor, wanted: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return -((wanted * logits.log_softmax(-1)).sum(-1) * weight).mean()


def rebalance(prior: torch.Tensor, share: float = 0.5) -> torch.Tensor:
    """(313,) weights of colours in the loss: 1 / ((1 - share) prior + share / 313), scaled to mean 1 over the prior."""
    weight = 1 / ((1 - share) * prior + share / len(prior))
    return weight / (weight * prior).sum()


def prior_of(pictures: list[np.ndarray]) -> torch.Tensor:
    """(313,) frequencies of colours over pictures (h, w, 3) uint8 RGB."""
    total = torch.zeros(color_bins.BINS)
    for picture in pictures:
        ab = cv2.resize(to_lab(picture), (24, 24), interpolation=cv2.INTER_AREA)[..., 1:].reshape(-1, 2)
        total += color_bins.encode(torch.from_numpy(ab), color_bins.gamut()).sum(0)
    return total / total.sum()


class Validation:
    """Figures on fixed crops of held-out pictures, and a sheet of them, `preview.png`."""

    def __init__(self, held: Pictures, folder: Path, count: int = 48) -> None:
        self.folder = folder
        batches = [held.batch(8, np.random.default_rng((7, n))) for n in range(count // 8)]
        self.batches = [{**b, "kind": torch.full_like(b["kind"], NATURAL)} for b in batches]

    def superpixels(self, net: torch.nn.Module) -> dict[str, float]:
        rows = []
        device = next(net.parameters()).device
        for batch in self.batches:
            with autocast(device):
                rows.append({f"held_{k}": float(v) for k, v in superpixel_loss(net, to_device(batch, device)).items()})
        association = net(self.batches[0]["l"].to(device)).cpu()
        l, ab = self.batches[0]["clean"], self.batches[0]["ab"]
        owner = superpixels.ids(association)
        edge = F.pad(owner[:, :, 1:] != owner[:, :, :-1], (0, 1)) | F.pad(owner[:, 1:] != owner[:, :-1], (0, 0, 0, 1))
        again = superpixels.diffuse(superpixels.pool(ab, association), association)
        outlined = torch.where(edge[:, None], 100.0, l)
        self._sheet([(outlined, 0 * ab), (l, again), (l, ab)])
        return _mean(rows)

    def colors(self, net: torch.nn.Module, training: Colors) -> dict[str, float]:
        """Distance of ab from the truth in Lab units with anchors in their true colours, and with none; colourfulness
        (mean chroma) of both against the truth's."""
        rows, sheet = [], []
        device = next(net.parameters()).device
        for number, held in enumerate(self.batches):
            batch = to_device(held, device)
            association, maps, true = training.given(batch)
            wanted = color_bins.encode(true.flatten(0, 1), training.bins).view(*true.shape[:2], -1)
            row = {}
            for name in ("anchors", "none"):
                mask = torch.zeros(*true.shape[:2], 1, device=device)
                for n, points in enumerate(true if name == "anchors" else ()):
                    own = clusters(points, DEFAULT)
                    mask[n, largest(own, superpixels.areas(association[n : n + 1]).flatten())] = 1
                with autocast(device):
                    ab = net(batch["l"], association, wanted, mask, maps)[0]
                row[f"held_ab_{name}"] = float((ab - batch["ab"]).norm(dim=1).mean())
                row[f"held_chroma_{name}"] = float(ab.norm(dim=1).mean() / batch["ab"].norm(dim=1).mean())
                if number == 0:
                    sheet.append((held["l"], ab.cpu()))
            rows.append(row)
        first = self.batches[0]
        self._sheet([(first["l"], 0 * first["ab"]), *sheet, (first["clean"], first["ab"])])
        return _mean(rows)

    def _sheet(self, columns: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """A column for each l (n, 1, h, w) and ab (n, 2, h, w), a row for each picture."""
        shown = [[rgb(hwc(l), hwc(ab)) for l, ab in zip(*column)] for column in columns]
        write_sheet(self.folder / "preview.png", list(zip(*shown)))


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {k: float(np.mean([row[k] for row in rows])) for k in rows[0]}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `scripts/train.py anchors`."""
    parser.add_argument("stage", choices=("superpixels", "colors"), help="superpixels come first")
    add_data(parser)
    add_schedule(parser, steps=10**6, seconds=2100, batch=8, lr=1e-3)
    parser.add_argument("--width", type=int, default=8, help="of SPixNet (%(default)s); 16 is the paper's")
    parser.add_argument("--superpixels", default="superpixels", help="weights that the colour stage stands on")
    parser.add_argument("--ship", action="store_true", help="write the result into the package")


def run(args: argparse.Namespace) -> None:
    """Train one stage."""
    args.run.mkdir(parents=True, exist_ok=True)
    photos = load_photos(args.photos)
    held = Pictures(photos[::25], load_clips(args.clips, 4, lambda name: name in HELD_OUT))
    learn = Pictures(
        [p for i, p in enumerate(photos) if i % 25], load_clips(args.clips, 16, lambda name: name not in HELD_OUT)
    )
    print(f"{len(learn.photos)} photographs, {len(learn.clips)} clips", flush=True)
    validation = Validation(held, args.run)
    net: SPixNet | AnchorsNet
    if args.stage == "superpixels":
        net, loss, validate = SPixNet(args.width), superpixel_loss, validation.superpixels
    else:
        net = AnchorsNet(**THIN)
        net.prior.copy_(prior_of(learn.photos + [f for clip in learn.clips for f in clip.frames[::4]]))
        device = own_device(args.device)
        spix, encoder = (weights.load_net(*n).to(device) for n in ((SPixNet, args.superpixels), (EfficientNetLite,)))
        colors = Colors(spix, encoder, net.prior.clone().to(device))
        loss, validate = colors.loss, partial(validation.colors, training=colors)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    schedule = Schedule(
        steps=args.steps, seconds=args.seconds, lr=args.lr, validate_every=250, weight_decay=1e-3, ema=0.998
    )
    batch = partial(learn.batch, args.batch)
    state = train(net, batch, loss, args.run, schedule, args.device, validate)
    if args.ship:
        name = net.weights_name
        print(ship(name, state, {"net": name, "settings": net.settings, "steps": averaged(args.run)[1]}))
