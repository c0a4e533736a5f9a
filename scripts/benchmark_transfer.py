"""AdaIN against WCT in the transfer sub-net: python scripts/benchmark_transfer.py [--paper 256 512]

The stylisation table of Xu et al. 2020 (seconds on a GTX 1080 Ti at 256, 512 and 1024 squared: AdaIN 0.04, 0.14,
0.59; WCT 0.68, 1.22, 2.18) as ratios on this machine. Each figure is the median of several passes after a warm-up,
with the device synchronised; pictures are noise, already on the device. The style's statistics are computed beforehand,
as for a film.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait)

# isort: split
import torch

from vidcolor.models import weights
from vidcolor.models.adain import transfer
from vidcolor.models.adain.style_layers import Style
from vidcolor.models.adain.transfer import PAPER, THIN, TransferNet
from vidcolor.models.precision import choose, pick_device

SAMPLE = 8
"""Frames from which a shot's statistics are taken, as in `vidcolor stylize`."""
PAPERS = {256: 0.68 / 0.04, 512: 1.22 / 0.14, 1024: 2.18 / 0.59}
"""WCT's seconds over AdaIN's in the paper's table."""


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Timer:
    """Medians of repeated passes."""

    def __init__(self, device: torch.device, clock: str, repeats: int) -> None:
        self.device, self.clock, self.repeats = device, CLOCKS[clock], repeats

    def __call__(self, work: Callable[[], object]) -> float:
        """Seconds of one pass."""
        times = []
        for _ in range(self.repeats + 1):
            start = self.clock()
            work()
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            times.append(self.clock() - start)
        return statistics.median(times[1:])


def row(net: TransferNet, size: int, median: Timer) -> str:
    """A line of the table: seconds of each pass at size x size."""
    generator = torch.Generator().manual_seed(0)
    content, reference = (torch.rand(1, 3, size, size, generator=generator).to(median.device) for _ in range(2))
    large = size * net.widths[0] > 512 * THIN[0]  # a frame stands for the shot: memory, and minutes
    shot = content if large else content.expand(SAMPLE, -1, -1, -1)
    seconds = {"plain": median(partial(net.reconstruct, content))}
    for name, measure in (("AdaIN", net.reference_statistics), ("WCT", net.reference_covariances)):
        style: Style = measure(reference)
        own = net.content_statistics(content, style)
        seconds[f"{name} style"] = median(partial(measure, reference))
        seconds[f"{name} shot"] = median(partial(net.content_statistics, shot, style))
        seconds[name] = median(partial(net.transfer, content, style))
        seconds[f"{name} frozen"] = median(partial(net.transfer, content, style, content=own))
    columns = ("plain", "AdaIN", "WCT", "AdaIN frozen", "WCT frozen", "AdaIN style", "WCT style")
    cells = [f"{seconds[name]:.3f}" for name in columns]
    shots = [f"{seconds[f'{name} shot'] / len(shot):.3f}" for name in ("AdaIN", "WCT")]
    ratios = [seconds["WCT"] / seconds["AdaIN"], seconds["WCT frozen"] / seconds["AdaIN frozen"], PAPERS.get(size)]
    told = ["-" if ratio is None else f"{ratio:.1f}" for ratio in ratios]
    return "| " + " | ".join([str(size), *cells, *shots, *told]) + " |"


def table(name: str, net: TransferNet, sizes: Sequence[int], median: Timer) -> None:
    print(f"\n{name} ({median.device}, {torch.get_num_threads()} threads); seconds for one picture of size x size\n")
    head = ["size", "plain", "AdaIN", "WCT", "AdaIN, shot's own", "WCT, shot's own", "AdaIN: style's statistics"]
    head += ["WCT: style's", "AdaIN: shot's, a frame", "WCT: shot's, a frame"]
    head += ["WCT/AdaIN", "with the shot's statistics", "paper"]
    print("| " + " | ".join(head) + " |")
    print("|" + "---:|" * len(head), flush=True)
    for size in sizes:
        print(row(net, size, median), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=(256, 512, 1024), help="of the real-time net")
    parser.add_argument("--paper", type=int, nargs="*", default=(256,), help="sizes of the paper-size net")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: processor time, where others work too")
    parser.add_argument("--threads", type=int, help="of the processor")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = pick_device(args.device)
    timer = Timer(device, args.clock, args.repeats)
    with torch.inference_mode():
        dtype = choose(device)
        table(
            "real-time net, shipped weights",
            weights.load_net(transfer.TransferNet).in_precision(dtype).to(device),
            args.sizes,
            timer,
        )
        if args.paper:
            torch.manual_seed(0)
            net = TransferNet(PAPER).eval().in_precision(dtype).to(device)
            table("paper-size net, random weights", net, args.paper, timer)


if __name__ == "__main__":
    main()
