"""`vidcolor stylize`."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.parser import Parser, frame_rate, tell, whole
from vidcolor.errors import VidcolorError
from vidcolor.models.options import PRECISIONS, TRANSFERS
from vidcolor.settings import CODECS, Settings
from vidcolor.stylize.photo import stylize
from vidcolor.text import plural

if TYPE_CHECKING:
    from vidcolor.stylize.stylist import Look


def command(arguments: list[str]) -> int:
    """The command `vidcolor stylize`; returns the exit code."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    look, settings = _look(options), _settings(options)
    out, frames, shots = stylize(
        options.content,
        options.styles,
        options.out,
        look,
        settings=settings,
        weights=options.weights,
        labels=options.labels,
        fps=options.fps,
        overwrite=options.overwrite,
        progress=not options.quiet,
    )
    if not options.quiet:
        what = f"{plural(frames, 'frame')}, {plural(shots, 'shot')}, " if shots else ""
        tell(f"{what}{plural(len(options.styles), 'style')}, {time.monotonic() - began:.1f} s: {out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "vidcolor stylize",
        description="Give a photograph or a film in colour the colours of a picture. The transfer sub-net works at "
        "--size; what it changes is brought to full size along edges, so that detail stays as it is.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("content", type=Path, metavar="CONTENT", help="a photograph, or a film (numbered images with --fps)")
    add("styles", type=Path, metavar="STYLE", nargs="+", help="a picture with the wanted colours; several are mixed")
    add(
        "-o", "--out", type=Path, metavar="OUT", help="the result (CONTENT-stem.style.png, a film's .style.mkv or .mov)"
    )
    add("-y", "--overwrite", action="store_true", help="replace an existing result")
    add("--transfer", choices=TRANSFERS, default="adain", help="mean and deviation, or full covariance (slower)")
    add("--weights", type=_weights, metavar="W,W", help="of several styles, equal by default")
    add(
        "--labels",
        type=Path,
        nargs="+",
        metavar="MAP",
        help="label maps, the content's (a film's: one, or a folder named by frame number), then each style's",
    )
    add("--labels-unmatched", choices=("global", "keep"), help="labels that no style has")
    add("--strength", type=float, default=1.0, metavar="0..1", help="of the change; 0 changes nothing")
    add("--keep-luma", action="store_true", help="change colours only, not light and dark")
    add("--size", type=whole, default=256, help="short side at which the sub-net works (256)")
    add("--encoder", help="vgg19, or a file of weights of the transfer sub-net")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--precision", choices=PRECISIONS, default="auto", help="of the nets: auto is what the device is quick in")
    add("-q", "--quiet", action="store_true", help="no progress bar, no summary")
    film = parser.add_argument_group("of a film")
    film.add_argument("--codec", choices=CODECS, default="auto", help="of the result (auto: of the film's own class)")
    film.add_argument("--crf", type=whole, help="quality of x264 and x265, 0 is best")
    film.add_argument("--preset", help="of x264 and x265 (medium), or ProRes profile (hq)")
    film.add_argument("--lossless", action="store_true", help="FFV1 in Matroska")
    film.add_argument("--fps", type=frame_rate, help="frame rate of numbered images")
    return parser


def _look(options: argparse.Namespace) -> Look:
    from vidcolor.stylize.stylist import Look

    unmatched = options.labels_unmatched
    if unmatched is not None and options.labels is None:
        raise VidcolorError("--labels-unmatched: there are no labels; give maps with --labels or leave it out")
    return Look(options.transfer, options.strength, options.keep_luma, options.size, unmatched or "global")


def _settings(options: argparse.Namespace) -> Settings:
    """The options that a film's run has too, checked as there."""
    names = ("codec", "crf", "preset", "lossless", "encoder", "device", "precision")
    given = {name: getattr(options, name) for name in names}
    return replace(Settings(**given), strength=options.strength, size=options.size)


def _weights(text: str) -> list[float]:
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if not values or any(not math.isfinite(v) or v < 0 for v in values) or not sum(values) > 0:
        raise argparse.ArgumentTypeError(f'"{text}" is not a list of numbers from 0, one of them above 0 (2,1)')
    return values
