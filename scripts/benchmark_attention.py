"""Dense against sparse attention of `--model sscn`: time and memory by size, quality by what is kept of a reference.

    python scripts/benchmark_attention.py                      time and memory at 256, 512 and 1024
    python scripts/benchmark_attention.py --clips DIR          quality on held-out clips of the training folder

Time and memory are of the alignment alone, at the shipped net's widths, each size and kind in a process of its own, as
peak memory is a process's. Dense attention in one piece is skipped where its scores alone take more than `--most` GB;
in blocks of rows it always works. Quality is at working size, against the truth, with the first frame as the only
reference.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait)

# isort: split
import numpy as np
import torch

from vidcolor.evaluation import metrics
from vidcolor.models import weights
from vidcolor.models.base import Batch
from vidcolor.models.nets import attention
from vidcolor.models.precision import autocast, choose
from vidcolor.models.sscn.model import SscnColorizer
from vidcolor.models.sscn.net import GRID, SSCN
from vidcolor.models.sscn.tokens import Choice, grey_features, sized
from vidcolor.shot import Reference, Shot, quantized
from vidcolor.training.data import fitted, load_clips
from vidcolor.training.preview import rgb

CLIPS = ("hike", "flamingo", "motorbike", "soccerball", "bus")
FRAMES = 5
"""Of each clip, evenly spaced; the first is the reference and is not measured."""
KINDS = ("dense", "dense in blocks", "sparse")
CPU = torch.device("cpu")
COUNTS = (64, 128, 256, 512, 1024)
WIDE = 1 << 30


def once(side: int, kind: str, repeats: int) -> tuple[float, float]:
    """CPU seconds of one alignment (the least of `repeats`), and its peak memory in MB above what was held before."""
    torch.manual_seed(0)
    net, n = weights.load_net(SSCN), (side // GRID) ** 2
    x = torch.nn.functional.normalize(torch.randn(1, n, 15 * net.width + 160), dim=-1).to(choose(CPU))
    value = torch.randn(1, n, 8 * net.width + 3)
    choice = Choice()
    m = choice.significant + choice.others if kind == "sparse" else n  # the paper's 512 at every size
    attention.ROWS = 2048 if kind == "dense in blocks" else WIDE
    bias, times = torch.zeros(1, 1, m), []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with torch.inference_mode(), autocast(CPU):
        for _ in range(repeats):
            start = time.process_time()
            attention.attend(x, x[:, :m], value[:, :m], net.temperature, bias)
            times.append(time.process_time() - start)
    return min(times), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def times(sides: list[int], most: float, repeats: int) -> Iterator[str]:
    """A Markdown table of time and memory."""
    kept = Choice().significant + Choice().others
    yield f"| picture | places | kind | scores, MB | CPU s | peak above start, MB | time against {kept} tokens |"
    yield "|---|---|---|---|---|---|---|"
    for side in sides:
        n, rows = (side // GRID) ** 2, {}
        for kind in reversed(KINDS):
            scores = n * (kept if kind == "sparse" else min(n, 2048) if "blocks" in kind else n) * 4 / 1e6
            scores = n * min(n, kept) * 4 / 1e6 if kind == "sparse" else scores
            if kind == "dense" and scores > 1000 * most:
                yield f"| {side}x{side} | {n} | {kind} | {scores:.0f} | not run | | |"
                continue
            command = [sys.executable, __file__, "--one", str(side), kind, "--repeats", str(repeats if n < 5e4 else 1)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            seconds, peak = (float(x) for x in said.split())
            rows[kind] = seconds
            ratio = seconds / rows["sparse"]
            yield f"| {side}x{side} | {n} | {kind} | {scores:.0f} | {seconds:.3f} | {peak:.0f} | {ratio:.1f} |"


class Scenes:
    """Held-out clips as the program would see them."""

    def __init__(self, folder: Path, names: tuple[str, ...]):
        clips = load_clips(folder, FRAMES, lambda name: name in names)
        self.labs = [np.stack([fitted(x) for x in clip.frames]) for clip in clips]

    def score(self, color: Callable[[Shot, Reference], torch.Tensor]) -> list[float]:
        """PSNR (dB), CIEDE2000 and colourfulness over the truth's, mean over clips, of ab (n, 2, h, w)."""
        rows = []
        for labs in self.labs:
            shot = Shot(quantized(labs[..., 0]), 0)
            ab = color(shot, Reference(labs[0], 0)).permute(0, 2, 3, 1).float().numpy()
            results = [rgb(lab[..., :1], x) for lab, x in zip(labs[1:], ab[1:])]
            truths = [rgb(lab[..., :1], lab[..., 1:]) for lab in labs[1:]]
            each = [
                (metrics.psnr(a, b), metrics.ciede2000(a, b), metrics.relative_colorfulness(a, b))
                for a, b in zip(results, truths)
            ]
            rows.append(np.mean(each, 0))
        return [float(x) for x in np.mean(rows, 0)]


def colored(model: SscnColorizer, part: str) -> Callable[[Shot, Reference], torch.Tensor]:
    """How a part of the model colours a shot: `stage 1`, `copied` (confident or not), `stage 2` or `all`."""

    def whole(shot: Shot, reference: Reference) -> torch.Tensor:
        state = model.prepare(shot, [reference])
        found = []
        for i in range(len(shot)):
            l = torch.from_numpy(shot.grey([i]))[:, None]
            if part in ("stage 2", "all"):
                said = model.colorize(Batch(l, range(i, i + 1)), state)
                found.append(said.ab if part == "all" or said.coarse is None else said.coarse)
                continue
            assert state is not None
            with torch.inference_mode(), autocast(CPU):
                grey = grey_features(model.matcher, l, model.encoder(l))
                first, _ = model.net.transfer(l, state.codes, grey)
                if part == "copied":
                    described = model.net.describe(model.net.style(torch.cat([l, first], 1)), grey)
                    first = sized(model.net.align(described, state.tokens).ab, l.shape[-2:])
                found.append(first)
        return torch.cat(found)

    return whole


def quality(folder: Path) -> Iterator[str]:
    """Markdown tables: parts of the model, counts of places, which places."""
    scenes = Scenes(folder, CLIPS)

    def row(name: str, color: Callable[[Shot, Reference], torch.Tensor]) -> str:
        psnr, ciede, colorful = scenes.score(color)
        return f"| {name} | {psnr:.2f} | {ciede:.2f} | {colorful:.2f} |"

    head = "| PSNR, dB | CIEDE2000 | colourfulness |\n|---|---|---|---|"
    model, dense = SscnColorizer(CPU), SscnColorizer(CPU, choice=None)
    yield f"| part {head}"
    yield row("grey", lambda shot, reference: torch.zeros(len(shot), 2, *shot.lightness.shape[1:]))
    yield row("stage 1", colored(model, "stage 1"))
    yield row("copied, sparse", colored(model, "copied"))
    yield row("copied, dense", colored(dense, "copied"))
    yield row("stage 2, sparse", colored(model, "stage 2"))
    yield row("stage 2, dense", colored(dense, "stage 2"))
    yield row("with the colorization sub-net, sparse", colored(model, "all"))
    yield row("with the colorization sub-net, dense", colored(dense, "all"))
    yield f"\n| places kept {head}"
    for count in COUNTS:
        yield row(
            str(count), colored(SscnColorizer(CPU, choice=Choice(count // 2, count - count // 2, grow=False)), "all")
        )
    yield row("all (dense)", colored(dense, "all"))
    yield f"\n| which 512 {head}"
    for name, choice in {
        "far from the mean + even": Choice(256, 256, "mean"),
        "centres + even": Choice(256, 256, "centres"),
        "centres only": Choice(512, 0, "centres"),
        "even only": Choice(0, 512),
    }.items():
        for gather in (False, True):
            kept = Choice(choice.significant, choice.others, choice.by, gather, grow=False)
            yield row(f"{name}, {'gathered' if gather else 'alone'}", colored(SscnColorizer(CPU, choice=kept), "all"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024], help="sides of square pictures")
    parser.add_argument("--repeats", type=int, default=5, help="of which the quickest counts")
    parser.add_argument(
        "--most", type=float, default=2.0, help="GB of scores that dense attention may take in one piece"
    )
    parser.add_argument("--clips", type=Path, help="folder with the held-out clips: measure quality instead")
    parser.add_argument("--one", nargs=2, metavar=("SIDE", "KIND"), help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.one:
        print(*once(int(args.one[0]), args.one[1], args.repeats))
        return
    for line in quality(args.clips) if args.clips else times(args.sizes, args.most, args.repeats):
        print(line, flush=True)


if __name__ == "__main__":
    main()
