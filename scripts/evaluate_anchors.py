"""Measure global anchors on held-out pictures: python scripts/evaluate_anchors.py --photos DIR --clips DIR

Every 25th photograph and a frame of each held-out clip, at the size at which colours are found. A table of means goes
to stdout: CIEDE2000 and PSNR against the truth, and colourfulness over the truth's. With --flicker also how much the
colours of `--model anchors` flicker on the clips, beside the default model's from a proposed key. --sheet PNG shows
grey, three proposals and the truth.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait)

# isort: split
import cv2
import numpy as np
import torch

from vidcolor.color.delta_e import ciede2000
from vidcolor.color.lab import rgb_to_lab
from vidcolor.evaluation import metrics
from vidcolor.models.anchors import superpixels
from vidcolor.models.anchors.model import DEFAULT, Analysis, Anchors, AnchorsColorizer, Painter, clusters, largest
from vidcolor.models.base import Colorizer
from vidcolor.models.colorize import colorize_shot
from vidcolor.models.exemplar.model import ExemplarColorizer
from vidcolor.propose.proposer import CHOICES, DIFFERENT
from vidcolor.shot import Reference, Shot, quantized
from vidcolor.training.data import HELD_OUT, fitted, load_clips, load_photos, read_lab_clip
from vidcolor.training.preview import rgb

COUNTS = (3, 5, 8, 14)


def measured(l: np.ndarray, ab: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Mean CIEDE2000, PSNR, colourfulness over the truth's."""
    result, true = rgb(l, ab), rgb(l, truth)
    apart = ciede2000(rgb_to_lab(result)[::2, ::2], rgb_to_lab(true)[::2, ::2]).mean()
    return float(apart), metrics.psnr(result, true), metrics.relative_colorfulness(result, true)


def versions(painter: Painter, analysis: Analysis, cells: torch.Tensor, l: np.ndarray) -> tuple[list[np.ndarray], int]:
    """Three proposals as `vidcolor propose` makes them, and among how many likely colours they were chosen."""
    made: list[np.ndarray] = []
    for choice in CHOICES:
        made = [painted(painter, analysis, cells, ab) for ab in painter.propose(analysis, cells, choice)]
        lab = [rgb_to_lab(rgb(l, ab)[::2, ::2]) for ab in made]
        if min(ciede2000(lab[a], lab[b]).mean() for a, b in ((0, 1), (0, 2), (1, 2))) >= DIFFERENT:
            break
    return made, choice


def painted(painter: Painter, analysis: Analysis, cells: torch.Tensor, ab: torch.Tensor) -> np.ndarray:
    return painter.paint(analysis, Anchors(cells, ab)).permute(1, 2, 0).cpu().numpy()


def one(painter: Painter, lab: np.ndarray, rows: dict[str, list], choices: list[int]) -> np.ndarray:
    """Measure a picture (h, w, 3); returns its row of the sheet."""
    l, truth = lab[..., 0], lab[..., 1:]
    analysis = painter.analyse(torch.from_numpy(np.ascontiguousarray(l))[None, None])
    true = superpixels.pool(
        torch.from_numpy(np.ascontiguousarray(truth.transpose(2, 0, 1)))[None], analysis.association
    )
    true = true[0].flatten(1).T
    area = superpixels.areas(analysis.association).flatten()
    cells = painter.place(analysis)
    made, choice = versions(painter, analysis, cells, l)
    choices.append(choice)
    scores = [measured(l, ab, truth) for ab in made]
    rows["grey"].append(measured(l, 0 * truth, truth))
    rows["no anchors"].append(measured(l, painted(painter, analysis, cells[:0], true[:0]), truth))
    rows["first proposal"].append(scores[0])
    rows["second proposal"].append(scores[1])
    rows["third proposal"].append(scores[2])
    rows["best of three"].append(min(scores))
    for count in COUNTS:
        own = painter.place(analysis, count)
        rows[f"true colours, {count} anchors"].append(measured(l, painted(painter, analysis, own, true[own]), truth))
        generator = torch.Generator().manual_seed(count)
        for _ in range(2):
            own = torch.randperm(len(true), generator=generator)[:count]
            rows[f"true colours, {count} at random places"].append(
                measured(l, painted(painter, analysis, own, true[own]), truth)
            )
    for name, points in (("tokens", analysis.points), ("true colours", true)):
        own = largest(clusters(points, DEFAULT), area)
        rows[f"true colours, 8 largest of clusters of {name}"].append(
            measured(l, painted(painter, analysis, own, true[own]), truth)
        )
    return np.hstack([rgb(l, ab) for ab in (0 * truth, *made, truth)])


def flicker(model: Colorizer, shot: Shot, references: list[Reference]) -> tuple[float, float]:
    """Flicker along motion of a model's colours as the program smooths them, and their mean chroma."""
    ab = colorize_shot(model, shot, references).ab
    values, flow, found = ab.astype(np.float32), metrics.LumaFlow(), []
    for n, frame in enumerate(shot.lightness):
        step = flow.step(frame)
        if step is not None:
            found.append(metrics.flicker(values[n], values[n - 1], step))
    return float(np.mean(found)), float(np.hypot(values[..., 0], values[..., 1]).mean())


def clips_flicker(painter: Painter, folder: Path, names: tuple[str, ...], frames: int) -> None:
    model, default, rows = (
        AnchorsColorizer(torch.device("cpu"), painter=painter),
        ExemplarColorizer(torch.device("cpu")),
        [],
    )
    paths = sorted(path for path in folder.iterdir() if path.stem in names)
    if not paths:
        raise SystemExit(f"{folder}: none of the held-out clips ({', '.join(names[:3])}, ...); give their folder")
    for path in paths:
        lab = read_lab_clip(path, frames)
        shot = Shot(quantized(lab[..., 0]), 0)
        middle = len(shot) // 2
        analysis = painter.analyse(torch.from_numpy(shot.grey(middle))[None, None])
        cells = painter.place(analysis)
        ab = painted(painter, analysis, cells, painter.propose(analysis, cells)[0])
        key = Reference(np.dstack([shot.grey(middle), ab]), middle, painted=True)
        row = [flicker(model, shot, []), flicker(default, shot, [key])]
        rows.append(row)
        print(f"{path.stem:16} anchors {row[0][0]:.3f} (chroma {row[0][1]:.1f})"
              f"  default from a proposed key {row[1][0]:.3f} (chroma {row[1][1]:.1f})", flush=True)  # fmt: skip
    mean = np.mean(rows, 0)
    print(f"{'mean':16} anchors {mean[0, 0]:.3f} (chroma {mean[0, 1]:.1f})"
          f"  default from a proposed key {mean[1, 0]:.3f} (chroma {mean[1, 1]:.1f})")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of colour photographs")
    parser.add_argument("--clips", type=Path, required=True, help="folder of colour clips")
    parser.add_argument("--most", type=int, default=60, help="photographs")
    parser.add_argument("--sheet", type=Path, help="PNG of the first pictures")
    parser.add_argument("--rows", type=int, default=12, help="pictures on the sheet")
    parser.add_argument("--flicker", type=int, metavar="N", help="frames of each held-out clip")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    painter = Painter(torch.device("cpu"))
    if args.flicker:
        clips_flicker(painter, args.clips, HELD_OUT, args.flicker)
        return
    pictures = [clip.frames[0] for clip in load_clips(args.clips, 3, lambda name: name in HELD_OUT)]
    pictures = load_photos(args.photos)[::25][: args.most] + pictures
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    choices: list[int] = []
    sheet: list[np.ndarray] = []
    for picture in pictures:
        row = one(painter, fitted(picture), rows, choices)
        if args.sheet and len(sheet) < args.rows:
            sheet.append(cv2.resize(row, (5 * 240, 160), interpolation=cv2.INTER_AREA))
    if args.sheet:
        cv2.imwrite(str(args.sheet), np.rint(np.vstack(sheet)[..., ::-1] * 255).astype(np.uint8))
    print(f"{len(pictures)} pictures{'':30} CIEDE2000    PSNR  colourfulness")
    for name, scores in rows.items():
        apart, psnr, vivid = np.mean(scores, 0)
        print(f"{name:42} {apart:9.2f} {psnr:7.2f} {vivid:8.2f}")
    print("colours among which proposals were chosen:", {n: choices.count(n) for n in sorted(set(choices))})


if __name__ == "__main__":
    main()
