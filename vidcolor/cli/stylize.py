"""`vidcolor stylize`."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from vidcolor.cli.options import add_settings, add_shared, request_of, settings_of
from vidcolor.cli.parser import Parser, tell, whole
from vidcolor.errors import VidcolorError
from vidcolor.settings import OPTIONS
from vidcolor.stylize.request import UNMATCHED, Look, StyleRequest
from vidcolor.text import plural

SETTINGS = ("device", "precision", "codec", "crf", "preset", "lossless")


def command(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    from vidcolor.stylize.stylize import stylize

    request = request_of(StyleRequest, options, look=_look(options))
    done = stylize(request, settings_of(options), progress=not options.quiet)
    if not options.quiet:
        what = f"{plural(done.frames, 'frame')}, {plural(done.shots, 'shot')}, " if done.shots else ""
        tell(f"{what}{plural(len(options.styles), 'style')}, {time.monotonic() - began:.1f} s: {done.out}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        "stylize",
        description="Give a photograph or a film in colour the colours of a picture. The networks work at --size; "
        "their changes are brought to full size along edges, so that detail stays as it is.",
    )
    add = parser.add_argument
    add("content", type=Path, metavar="CONTENT", help="a photograph, or a film (numbered images with --fps)")
    add("styles", type=Path, metavar="STYLE", nargs="+", help="a picture with the wanted colours; several are mixed")
    add("-o", "--out", type=Path, metavar="OUT", help="the result (CONTENT-stem.style.png, .mkv or .mov)")
    add_shared(parser, "overwrite")
    add(
        "--transfer",
        choices=OPTIONS["transfer"].choices,
        help="match mean and deviation (adain, the default), or the full covariance, which is slower (wct)",
    )
    add("--weights", type=_weights, metavar="W,W", help="weights of several styles, equal by default")
    add(
        "--labels",
        type=Path,
        nargs="+",
        metavar="MAP",
        help="label maps: the content's (of a film one map, or a folder of maps named by frame number), then each "
        "style's",
    )
    add(
        "--labels-unmatched",
        choices=UNMATCHED,
        help="labels that no style has: change them like the whole picture, or keep them as they are (global)",
    )
    add("--strength", type=float, metavar="0..1", help="strength of the change; 0 changes nothing")
    add("--keep-luma", action="store_true", help="change colours only, not light and dark")
    add("--size", type=whole, metavar="N", help=f"short side at which the networks work ({Look.size})")
    add("--encoder", metavar="NAME", help="weights of the transfer sub-net: a file of your own, or vgg19")
    add_shared(parser, "fps", "quiet")
    add_settings(parser, SETTINGS)
    return parser


def _look(options: argparse.Namespace) -> Look:
    if options.labels_unmatched is not None and options.labels is None:
        raise VidcolorError("`labels_unmatched`: there are no labels; give maps with `labels` or leave it out")
    return request_of(Look, options)


def _weights(text: str) -> tuple[float, ...]:
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if not values or any(not math.isfinite(v) or v < 0 for v in values) or not sum(values) > 0:
        raise argparse.ArgumentTypeError(f'"{text}" is not a list of numbers from 0, one of them above 0 (2,1)')
    return tuple(values)
