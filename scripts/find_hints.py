"""What the default model finds on training clips and photographs, kept as hints to train the colorization net on.

    python scripts/find_hints.py --clips DIR --photos DIR --out runs/hints

Every clip is matched and carried along flow twice, from its first frame and, aged, from its last; every photograph
once, from a warped copy of itself or, a fifth of them, from another photograph. An `.npz` each: `l` (n, h, w) uint8,
L as in `Shot`; `ab` (n, h, w, 2) int8, Lab units; at half size `hint` (n, h/2, w/2, 2) int8, its `confidence`
(n, h/2, w/2) uint8, times 255, and `traced` (n, h/2, w/2, 4) int8, what the net gets of painted keys' traced colours
(`traced_maps`, alpha times 127). Files that are already there are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait)

# isort: split
import numpy as np
import torch

from vidcolor.models.exemplar.model import ExemplarColorizer, traced_maps
from vidcolor.shot import Reference, Shot, quantized
from vidcolor.training.data import age, fitted, load_photos, read_clip, warp

UNRELATED = 0.2
"""Share of photographs whose key is another photograph, of which nothing should be believed."""


def found(
    model: ExemplarColorizer, l: np.ndarray, lab: np.ndarray, keys: list[Reference], step: int
) -> dict[str, np.ndarray]:
    """Hints for every `step`th of the frames that the model infers, without the keys' own.

    l: (n, h, w) 0..100 as the film has it; lab: (n, h, w, 3), the truth.
    """
    shot = Shot(quantized(l), 0)
    state = model.prepare(shot, keys)
    own = {key.frame for key in keys if key.painted}
    at = [i for i in state.inferred[::step] if i not in own]
    hint, confidence = (x[at].astype(np.float32) for x in (state.hint, state.confidence))
    traced = np.zeros((*confidence.shape, 4), np.float32)
    if state.traced is not None:
        traced = np.stack([traced_maps(state.traced, t).permute(1, 2, 0).numpy() for t in at]) * (1, 1, 127, 1)
    return {
        "l": shot.lightness[at],
        "ab": np.rint(lab[at, ..., 1:]).astype(np.int8),
        "hint": np.rint(hint).astype(np.int8),
        "confidence": np.rint(confidence * 255).astype(np.uint8),
        "traced": np.rint(traced).clip(-127, 127).astype(np.int8),
    }


def clip_hints(
    model: ExemplarColorizer, frames: np.ndarray, backwards: bool, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The key is the first frame, or (backwards) the last of an aged film."""
    lab = np.stack([fitted(frame) for frame in frames])
    l, at = lab[..., 0], 0
    if backwards:
        at, seed = len(lab) - 1, int(rng.integers(2**31))
        l = np.stack([age(x, np.random.default_rng(seed)) for x in l])  # the same fault in every frame
        l = np.clip(l + rng.normal(0, rng.uniform(0, 2.5), l.shape), 0, 100).astype(np.float32)  # but fresh grain
    return found(model, l, lab, [Reference(lab[at], at, painted=True)], 2)


def photo_hints(
    model: ExemplarColorizer, photo: np.ndarray, other: np.ndarray, aged: bool, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    lab = fitted(photo)
    key = fitted(other) if other is not photo else warp(lab, rng)
    l = age(lab[..., 0], rng) if aged else lab[..., 0]
    return found(model, l[None], lab[None], [Reference(key, None)], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/hints"))
    parser.add_argument("--frames", type=int, default=40, help="of each clip, at its beginning")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = ExemplarColorizer(torch.device(args.device))

    def keep(name: str, hints: dict[str, np.ndarray]) -> None:
        part = args.out / f"{name}.part.npz"
        np.savez(part, **hints)  # type: ignore[arg-type]
        part.rename(args.out / f"{name}.npz")

    for n, path in enumerate(sorted(args.clips.glob("*.mp4"))):
        missing = [b for b in (0, 1) if not (args.out / f"clip-{path.stem}-{b}.npz").exists()]
        if missing:
            frames = read_clip(path, args.frames, spread=False)
        for b in missing:
            rng = np.random.default_rng((n, b))
            keep(f"clip-{path.stem}-{b}", clip_hints(model, frames, bool(b), rng))
        print(path.stem, flush=True)
    photos = load_photos(args.photos)
    for n, photo in enumerate(photos):
        if not (args.out / f"photo-{n:05d}.npz").exists():
            rng = np.random.default_rng((n, 2))
            other = photos[rng.integers(len(photos))] if rng.random() < UNRELATED else photo
            keep(f"photo-{n:05d}", photo_hints(model, photo, other, n % 2 == 1, rng))


if __name__ == "__main__":
    main()
