"""What each part of the default model and of the transfer sub-net brings, on clips that training never saw.

    python scripts/ablate.py --clips DIR [--frames 30] [--only hints,parts,matching,transfer]

The held-out clips in DIR (`vidcolor.training.data.HELD_OUT`), at working size, key = first frame, which is left out.
Every row switches parts of the shipped program off; nothing is trained again, so a row says what a part does in this
program, not how well a program made without it could do. PSNR is of float RGB with the true lightness, colourfulness
over the truth's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait)

# isort: split
import cv2
import numpy as np
import torch

from vidcolor.evaluation import metrics
from vidcolor.models.adain.model import AdainColorizer
from vidcolor.models.adain.style_layers import Layers
from vidcolor.models.base import Colorizer
from vidcolor.models.colorize import colorize_shot
from vidcolor.models.exemplar import model as exemplar
from vidcolor.models.exemplar.model import ExemplarColorizer, Keys
from vidcolor.models.exemplar.two_scale import TwoScaleColorizer
from vidcolor.models.matching import base as matching
from vidcolor.models.matching import cosine
from vidcolor.models.matching.cosine import CosineMatcher
from vidcolor.models.registry import create
from vidcolor.motion import propagate, smooth
from vidcolor.shot import Reference, Shot, quantized
from vidcolor.training.data import HELD_OUT, read_lab_clip
from vidcolor.training.preview import rgb

Colors = Callable[[Shot, Reference], np.ndarray]
"""From a shot and its key to ab (n, h, w, 2)."""


@dataclass(frozen=True)
class Row:
    """A line of a table."""

    name: str
    colors: Colors
    patches: Sequence[tuple[object, str, object]] = ()
    """Owner, name and value of each attribute that is replaced while it runs."""
    enlarged: float = 1.0
    """Factor of the frames it works on; the colours are scaled back."""


def finished(model: Colorizer, shot: Shot, key: Reference, keyless: bool = False) -> np.ndarray:
    """Colours of the whole program at working size."""
    return colorize_shot(model, shot, [] if keyless else [key]).ab


def hinted(model: ExemplarColorizer, shot: Shot, key: Reference) -> np.ndarray:
    """The hints alone."""
    hint = model.prepare(shot, [key]).hint.astype(np.float32)
    return np.stack([cv2.resize(ab, shot.lightness.shape[:0:-1], interpolation=cv2.INTER_LINEAR) for ab in hint])


def untraced(model: ExemplarColorizer, shot: Shot, key: Reference) -> np.ndarray:
    """The whole program without the key's colours followed along motion."""
    with patch.object(propagate, "track", lambda *args: None):
        return finished(model, shot, key)


def traced_only(model: ExemplarColorizer, shot: Shot, key: Reference) -> np.ndarray:
    """The whole program with nothing found by matching."""
    with patch.object(CosineMatcher, "confidence", lambda self, match: torch.zeros_like(match.ab[:1])):
        return finished(model, shot, key)


def transferred(model: AdainColorizer, layers: Layers, shot: Shot, key: Reference) -> np.ndarray:
    """The transfer sub-net's coarse colours alone, with its transform at these style layers."""
    transfer = partial(model.transferring.transfer, layers=layers)
    with patch.object(model.transferring, "transfer", transfer):
        coarse = colorize_shot(model, shot, [key], inspected=range(len(shot))).coarse
    return np.stack([coarse[t] for t in range(len(shot))])


def one_way(step: int) -> tuple[object, str, object]:
    """Hints are carried from earlier frames only (step 1), or from later ones (-1), or not at all (0)."""
    inner = smooth._Passes.warped

    def warped(self: smooth._Passes, state: np.ndarray | None, t: int, source: int | None) -> np.ndarray:
        return inner(self, state if source is not None and t - source == step else None, t, source)

    return smooth._Passes, "warped", warped


def kept(share: int) -> tuple[object, str, object]:
    """Keep one in `share` of the key's places, evenly."""
    inner = ExemplarColorizer._keys

    def keys(self: ExemplarColorizer, references: Sequence[Reference], h: int, w: int) -> Keys:
        found = inner(self, references, h, w)
        at = torch.arange(0, len(found.owner), share)
        return replace(found, tokens=found.tokens[at], owner=found.owner[at], positions=found.positions[at])

    return ExemplarColorizer, "_keys", keys


def coarse_only() -> tuple[object, str, object]:
    """Stride 8 alone: all places of a candidate's window count the same."""
    inner = CosineMatcher.choose

    def choose(self: CosineMatcher, query, children, key, where=None, cost=0.0):  # type: ignore[no-untyped-def]
        return inner(self, query, torch.zeros_like(children), key, where, cost)

    return CosineMatcher, "choose", choose


def hint_rows(model: ExemplarColorizer, every: ExemplarColorizer) -> Iterator[Row]:
    """Where hints come from."""
    yield Row("grey", lambda shot, key: np.zeros((*shot.lightness.shape, 2), np.float32))
    yield Row("copied key", lambda shot, key: np.repeat(key.lab[None, ..., 1:], len(shot), 0))
    hints = partial(hinted, every)
    yield Row("matching alone", hints, [one_way(0)])
    yield Row("carried along flow from earlier frames", hints, [one_way(1)])
    yield Row("carried from later frames", hints, [one_way(-1)])
    yield Row("carried both ways", hints)


def part_rows(model: ExemplarColorizer, every: ExemplarColorizer) -> Iterator[Row]:
    """The parts of the program."""
    yield Row("colorization sub-net alone (no key)", partial(finished, model, keyless=True))
    yield Row("traced key and colorization sub-net, no matching", partial(traced_only, every))
    yield Row(
        "matching and colorization sub-net, hints not carried, no tracing", partial(untraced, every), [one_way(0)]
    )
    yield Row("the same, hints carried", partial(untraced, every))
    yield Row("all, hints not carried", partial(finished, every), [one_way(0)])
    yield Row("all", partial(finished, every))
    yield Row("all, two frames of three inferred: the default", partial(finished, model))
    yield Row("on frames 1.5 times as large", partial(finished, model), enlarged=1.5)
    yield Row("at both sizes: `--quality`", partial(finished, TwoScaleColorizer(torch.device("cpu"))), enlarged=1.5)


def matching_rows(model: ExemplarColorizer, every: ExemplarColorizer) -> Iterator[Row]:
    """Matching alone, hints not carried."""
    hints, alone = partial(hinted, every), one_way(0)
    yield Row("stride 8 alone", hints, [alone, coarse_only()])
    yield Row("strides 8 and 4", hints, [alone])
    for n in (1, 2, 4, 16):
        yield Row(f"{n} candidates, not {cosine.CANDIDATES}", hints, [alone, (cosine, "CANDIDATES", n)])
    for n in (2, 4, 16):
        yield Row(f"one in {n} of the key's places", hints, [alone, kept(n)])
    yield Row("the key at one size", hints, [alone, (exemplar, "VIEWS", exemplar.VIEWS[:1])])
    yield Row(
        "places not expected along motion", hints, [alone, (matching, "FAR", 0.0), (matching, "FAR_SQUARED", 0.0)]
    )


def transfer_rows(model: ExemplarColorizer, every: ExemplarColorizer) -> Iterator[Row]:
    """The transfer sub-net alone, and the paper's whole way."""
    xu = create("adain", device="cpu")
    assert isinstance(xu, AdainColorizer)
    where: tuple[Layers, ...] = ("encoder", "decoder", "both")
    for layers in where:
        yield Row(f"transfer sub-net alone, AdaIN in {layers}", partial(transferred, xu, layers))
    wct = create("adain", device="cpu", transfer="wct")
    assert isinstance(wct, AdainColorizer)
    yield Row("transfer sub-net alone, WCT in both", partial(transferred, wct, "both"))
    yield Row("colorization sub-net alone (no key)", partial(finished, model, keyless=True))
    yield Row("both sub-nets: `--model adain`", partial(finished, xu))


TABLES = {"hints": hint_rows, "parts": part_rows, "matching": matching_rows, "transfer": transfer_rows}


def judged(row: Row, lab: np.ndarray) -> tuple[float, float]:
    """PSNR and colourfulness against the truth of one clip, Lab (n, h, w, 3)."""
    seen = lab
    if row.enlarged != 1:
        h, w = (round(side * row.enlarged / 32) * 32 for side in lab.shape[1:3])
        seen = np.stack([cv2.resize(x, (w, h), interpolation=cv2.INTER_CUBIC) for x in lab])
    shot = Shot(quantized(seen[..., 0]), 0)
    with ExitStack() as stack, torch.inference_mode():
        for owner, name, value in row.patches:
            stack.enter_context(patch.object(owner, name, value))
        ab = row.colors(shot, Reference(seen[0], 0, painted=True)).astype(np.float32)
    figures = []
    for truth, found in list(zip(lab, ab))[1:]:
        if row.enlarged != 1:
            found = cv2.resize(found, truth.shape[1::-1], interpolation=cv2.INTER_AREA)
        true, result = (rgb(truth[..., 0], ab) for ab in (truth[..., 1:], found))
        figures.append((metrics.psnr(result, true), metrics.relative_colorfulness(result, true)))
    return tuple(np.mean(figures, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips, HELD_OUT among them")
    parser.add_argument("--frames", type=int, default=30, help="of each clip, at its beginning")
    parser.add_argument("--only", default=",".join(TABLES), help="tables, with commas")
    args = parser.parse_args()
    paths = [path for name in HELD_OUT if (path := args.clips / f"{name}.mp4").exists()]
    clips = [read_lab_clip(path, args.frames) for path in paths]
    model = ExemplarColorizer(torch.device("cpu"))
    every = ExemplarColorizer(torch.device("cpu"), every_frame=True)
    for name in args.only.split(","):
        print(f"\n| {(TABLES[name].__doc__ or name).rstrip(chr(46))} | PSNR | colourfulness |\n|---|---|---|")
        for row in TABLES[name](model, every):
            psnr, colorfulness = np.mean([judged(row, lab) for lab in clips], 0)
            print(f"| {row.name} | {psnr:.2f} | {colorfulness:.2f} |", flush=True)


if __name__ == "__main__":
    main()
