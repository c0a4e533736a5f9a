"""The command line options that every training has."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def add_data(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """`--photos` and `--clips`."""
    parser.add_argument("--photos", type=Path, required=required, help="folder of colour photographs")
    parser.add_argument("--clips", type=Path, required=required, help="folder of colour clips")


def add_schedule(
    parser: argparse.ArgumentParser, *, steps: int, seconds: float | None, batch: int, lr: float, threads: int = 1
) -> None:
    """How long, how fast and where to train, with a net's own defaults."""
    parser.add_argument("--run", type=Path, help="checkpoints, log and preview (default: runs/ and the net's name)")
    parser.add_argument("--steps", type=int, default=steps, help="of the optimizer (%(default)s)")
    limit = "none" if seconds is None else "%(default)s"
    parser.add_argument("--seconds", type=float, default=seconds, help=f"of the whole run ({limit})")
    parser.add_argument("--batch", type=int, default=batch, help="samples a step (%(default)s)")
    parser.add_argument("--lr", type=float, default=lr, help="peak learning rate (%(default)s)")
    parser.add_argument("--threads", type=int, default=threads, help="of the CPU (%(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:N or mps")


def add_size(parser: argparse.ArgumentParser, default: Sequence[int], note: str = "") -> None:
    """`--size`: of training crops."""
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("H", "W"), default=default, help=f"of training crops{note} (%(default)s)"
    )
