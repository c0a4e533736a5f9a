"""Train a net on pictures of your own: python scripts/train.py NET --photos DIR --clips DIR [options]

`python scripts/train.py NET --help` says what a net learns from; docs/fine-tuning.md has the recipes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait)

# isort: split
import torch

from vidcolor.training import anchors, colornet, matcher, sketch, sscn, transfer

NETS = {
    "matcher": matcher,
    "colornet": colornet,
    "transfer": transfer,
    "sscn": sscn,
    "anchors": anchors,
    "sketch": sketch,
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="net", metavar="NET", required=True)
    for name, module in NETS.items():
        about = module.__doc__ or ""
        own = commands.add_parser(
            name, help=about.splitlines()[0], description=about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_options(own)
    args = parser.parse_args(argv)
    args.run = args.run or Path("runs") / (getattr(args, "stage", None) or args.net)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    NETS[args.net].run(args)


if __name__ == "__main__":
    main()
