"""Fit how far colours from another shot's key are trusted (`vidcolor/models/matching/borrowed.py`), and measure it.

    python scripts/fit_borrowed.py --clips DIR --photos DIR [--measure]

Pairs of a frame and a key: of unrelated clips, of a clip and a photograph, and of one clip (another time, the other
side of the picture, nearer or farther, mirrored, lighter or darker). Figures are fitted on clips that are not held out
(`vidcolor.training.data.HELD_OUT`) and printed; `--measure` prints the mean CIEDE2000 of the shipped ones on the
held-out clips instead: of grey, of all matches, and of those that are trusted.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait)

# isort: split
import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.color.delta_e import ciede2000
from vidcolor.color.lab import rgb_to_lab
from vidcolor.models.colorize import colorize_shot
from vidcolor.models.exemplar.model import ExemplarColorizer
from vidcolor.models.matching import borrowed
from vidcolor.shot import Reference, Shot, quantized
from vidcolor.training.data import HELD_OUT, Clip, fitted, load_clips, load_photos
from vidcolor.training.fit import logistic
from vidcolor.training.preview import rgb

KINDS = ("other", "photo", "other", "time", "beside", "zoom", "mirror", "light")
WRONG = KINDS[:2]
"""Kinds of which the key shows another scene."""
OFF = 10.0
"""ab units from which a copied colour is wrong."""
RIDGE = 1e-4
"""Penalty on the squared weights of the logistic models."""


def pairs(
    clips: list[Clip], photos: list[np.ndarray], count: int, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Kind, frame and key, as Lab at working size."""
    for n in range(count):
        kind, own = KINDS[n % len(KINDS)], int(rng.integers(len(clips)))
        other = rng.choice([i for i, clip in enumerate(clips) if not related(clip.name, clips[own].name)])
        frames = clips[own].frames
        first, last = frames[rng.integers(len(frames) // 3 + 1)], frames[-1 - rng.integers(len(frames) // 3 + 1)]
        frame, key = (first, last) if rng.random() < 0.5 else (last, first)
        h, w = frame.shape[:2]
        if kind == "other":
            key = clips[other].frames[rng.integers(len(clips[other].frames))]
        elif kind == "photo":
            key = photos[rng.integers(len(photos))]
        elif kind == "beside":
            frame, key = frame[:, : round(0.62 * w)], key[:, round(0.38 * w) :]
        elif kind == "zoom":
            y, x = rng.integers(h // 2), rng.integers(w // 2)
            frame = frame[y : y + h // 2, x : x + w // 2]
        elif kind == "mirror":
            key = key[:, ::-1]
        lab, key_lab = fitted(np.ascontiguousarray(frame)), fitted(np.ascontiguousarray(key))
        if kind == "light":
            key_lab[..., 0] = 100 * (key_lab[..., 0] / 100) ** np.exp(rng.normal(0, 0.25)) * rng.uniform(0.85, 1)
        yield kind, lab, key_lab


def related(a: str, b: str) -> bool:
    """Whether clips of these names may show the same: parts of a series, or of one clip from two sources."""
    return not set(re.split(r"[_-]", a)).isdisjoint(re.split(r"[_-]", b))


def grey_shot(lab: np.ndarray, own_key: bool) -> Shot:
    return Shot(quantized(lab[None, ..., 0].clip(0, 100)), 0, motion=0.0, own_key=own_key)


@torch.inference_mode()
def evidence(model: ExemplarColorizer, lab: np.ndarray, key: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """How much the scenes are alike; cosine and spread (n, 2) of the frame's places; which (n,) colours are right."""
    grey = torch.from_numpy(grey_shot(lab, False).grey([0]))[:, None]
    tokens = model._keys([Reference(key, None)], *lab.shape[:2]).tokens
    frame = model.matcher.describe(grey, model.encoder(grey))
    match = model.matcher.match(frame, tokens)
    truth = F.avg_pool2d(torch.from_numpy(lab[..., 1:].copy()).permute(2, 0, 1), 4)
    right = (match.ab.float() - truth).norm(dim=0) < OFF
    places = match.evidence[[0, 3]].float().flatten(1).T
    alike = borrowed.alike(frame, tokens, match)
    return float(alike), places[::23].numpy(), right.flatten()[::23].numpy()


def fit(model: ExemplarColorizer, found: Iterator[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """Print `SCENE` and `RIGHT`."""
    kinds, alike, places, right = zip(*((kind, *evidence(model, lab, key)) for kind, lab, key in found))
    same = torch.tensor([float(kind not in WRONG) for kind in kinds]).double()
    evident = torch.tensor(alike).double()
    scene, _ = logistic(evident[:, None], same, RIDGE)
    shares = torch.sigmoid(scene[0] + scene[1] * evident).tolist()
    x = np.concatenate([np.column_stack([p, np.full(len(p), s)]) for p, s in zip(places, shares)])
    of_places, _ = logistic(torch.from_numpy(x).double(), torch.from_numpy(np.concatenate(right)).double(), RIDGE)
    print("SCENE", scene.numpy().round(2), "RIGHT", of_places.numpy().round(3))


def measure(model: ExemplarColorizer, found: Iterator[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """Print CIEDE2000 (mean; 99th percentile) of grey, of all matches, and of those that are trusted, by kind."""
    rows: dict[str, list[list[float]]] = {}
    for kind, lab, key in found:
        shown = [np.zeros_like(lab[..., 1:])]
        for own_key in (True, False):
            shot = grey_shot(lab, own_key)
            shown.append(colorize_shot(model, shot, [Reference(key, None)]).ab[0].astype(np.float32))
        errors = [ciede2000(rgb_to_lab(rgb(lab[..., 0], ab))[::2, ::2], lab[::2, ::2]) for ab in shown]
        rows.setdefault(kind, []).append([float(f) for e in errors for f in (e.mean(), np.percentile(e, 99))])
    for kind, values in rows.items():
        grey, every, trusted = np.mean(values, 0).reshape(3, 2).round(2)
        print(f"{kind:7} {len(values):3}  grey {grey}  all matches {every}  trusted {trusted}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=320)
    parser.add_argument("--measure", action="store_true", help="measure the shipped figures on the held-out clips")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    model, rng = ExemplarColorizer(torch.device("cpu")), np.random.default_rng(7)
    clips = load_clips(args.clips, 12, lambda name: (name in HELD_OUT) == args.measure)
    photos = load_photos(args.photos)
    (measure if args.measure else fit)(model, pairs(clips, photos, args.pairs, rng))


if __name__ == "__main__":
    main()
