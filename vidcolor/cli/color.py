"""`vidcolor MOVIE`."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.cli.parser import Parser, first_frame, frame_rate, point, tell, whole
from vidcolor.errors import VidcolorError
from vidcolor.models.options import PRECISIONS, SKETCH_OUTPUTS, TRANSFERS
from vidcolor.settings import CHROMA, CODECS, MATRICES, Settings
from vidcolor.text import plural
from vidcolor.version import __version__

if TYPE_CHECKING:
    from vidcolor.plan.plan import Plan


DESCRIPTION = "The command line: `vidcolor MOVIE` and its steps `plan`, `unit`, `join`, `scenes`, `propose`, `stylize`."


def command(arguments: list[str]) -> int:
    parser = _film_parser("vidcolor", DESCRIPTION)
    parser.add_argument("-V", "--version", action="version", version=f"vidcolor {__version__}")
    parser.add_argument("--dry-run", action="store_true", help="print the plan, write nothing")
    parser.add_argument("--keep-work", action="store_true", help="keep the work folder (OUT.vidcolor)")
    options = parser.parse_args(arguments)
    from vidcolor import api

    began = time.monotonic()
    request, settings = request_of(options), settings_of(options)
    plan, model = api.plan_film(request, settings, progress=not options.quiet, dry=options.dry_run)
    if options.dry_run or options.verbose:
        from vidcolor.models.precision import describe as describe_computing
        from vidcolor.plan.describe import describe

        where = describe_computing(model.device, model.dtype)
        tell("\n".join([*describe(plan), f"compute {where}"]), sys.stdout if options.dry_run else sys.stderr)
    if options.dry_run:
        return 0
    result = api.finish(
        plan,
        model,
        began=began,
        overwrite=request.overwrite,
        keep_work=options.keep_work,
        progress=not options.quiet,
    )
    if not options.quiet:
        reused = f" ({result.reused} reused)" if result.reused else ""
        tell(
            f"{plural(result.frames, 'frame')}{reused}, {plural(result.shots, 'shot')}, {plural(result.keys, 'key')}, "
            f"{result.seconds:.1f} s, {result.fps:.1f} fps: {result.out}"
        )
        tell_keyless(plan)
    return 0


def tell_keyless(plan: Plan) -> None:
    """The summary's line on shots without a key of their own, where there are any."""
    from vidcolor.plan.keyless import words

    if line := words(plan):
        tell(line)


def _film_parser(prog: str, description: str) -> argparse.ArgumentParser:
    parser = Parser(
        prog,
        description=description,
        allow_abbrev=False,
        epilog="Steps on their own: vidcolor plan MOVIE ..., vidcolor unit PLAN N, vidcolor join PLAN, "
        "vidcolor scenes MOVIE, vidcolor propose MOVIE, vidcolor stylize CONTENT STYLE. A film that is called like a "
        "step is written ./plan.",
    )
    add = parser.add_argument
    add(
        "movie",
        type=Path,
        metavar="MOVIE",
        help="a film, or numbered images (folder, name_%%06d.png) with --fps",
    )
    add(
        "--ref",
        type=Path,
        action="append",
        metavar="KEY",
        help="coloured picture for the whole film (repeatable)",
    )
    add(
        "--refs",
        type=Path,
        metavar="LIST",
        help="CSV (frame|timecode|scene, reference, weight) or folder of keys",
    )
    add(
        "--first-frame",
        type=first_frame,
        metavar="N",
        help="what lists, names of keys, --start and --end call the film's first frame: 0, 1, a scan's own number or a "
        "timecode (of keys found out from their pictures)",
    )
    add("-o", "--out", type=Path, metavar="OUT", help="the result (MOVIE-stem.color.mkv beside the film, ProRes .mov)")
    add("-y", "--overwrite", action="store_true", help="replace an existing result")
    add("--strict", action="store_true", help="refuse a film with shots that have no key of their own")
    add("--scenes", type=Path, metavar="CSV", help="PySceneDetect's scene list instead of looking for cuts")
    add("--start", type=point, metavar="T", help="first frame: a number from 0, 12.5s, HH:MM:SS.nnn or HH:MM:SS:FF")
    add("--end", type=point, metavar="T", help="first frame that is left out, written as --start")
    add("--fps", type=frame_rate, help="frame rate of numbered images (24, 24000/1001)")
    look = parser.add_argument_group("colour")
    add = look.add_argument
    add("--model", help="which model colours")
    add("--encoder", help="a model's own variant, e.g. vgg19")
    add("--transfer", choices=TRANSFERS, help="statistics that --model adain transfers")
    add(
        "--sketch-output",
        choices=SKETCH_OUTPUTS,
        help="--model sketch: fill (luma anew), ab (luma kept), auto by the shot",
    )
    add("--quality", action="store_true", default=None, help="colours found at two sizes, 480 and 320: better, slower")
    add("--size", type=whole, help="short side of the frame on which colours are found")
    add("--strength", type=float, metavar="0..1", help="of the colours")
    add("--temporal", type=float, metavar="0..1", help="smoothing of colours along motion")
    add("--upsample", choices=("edge", "fast"), help="how colours come to full size")
    add("--seed", type=whole, help="of whatever a model draws at random")
    add("--device", help="auto, cpu, cuda, cuda:N or mps")
    add("--precision", choices=PRECISIONS, help="of the nets: auto is what the device is quick in")
    output = parser.add_argument_group("output")
    add = output.add_argument
    add("--codec", choices=CODECS, help="of the result (auto: of the film's own class)")
    add("--crf", type=whole, help="quality of x264 and x265, 0 is best")
    add("--preset", help="of x264 and x265 (medium), or ProRes profile (hq)")
    add("--lossless", action="store_true", default=None, help="FFV1 level 3 with slice CRCs, in Matroska")
    add("--chroma", choices=CHROMA, help="chroma sampling of the result (the film's own)")
    film = parser.add_argument_group("film")
    add = film.add_argument
    add("--matrix", choices=MATRICES, help="YCbCr matrix, against the film's tag")
    add("--range", choices=("limited", "full"), help="range of the code values, against the film's tag")
    add("--reader", choices=("av", "decord"), help="decoder of the working pass")
    add("--on-error", choices=("stop", "skip"), help="at a corrupt frame: stop, or go on and report")
    add(
        "--allow-interlaced",
        action="store_true",
        default=None,
        help="colour interlaced frames, keep their flags",
    )
    watch = parser.add_argument_group("to look at")
    add = watch.add_argument
    add("--dump", type=Path, metavar="DIR", help="write inspection sheets (PNG) there")
    add("--dump-every", type=whole, metavar="N", help="of every Nth frame (24)")
    add("-q", "--quiet", action="store_true", help="no progress bar, no summary")
    add("-v", "--verbose", action="store_true", help="print the plan before it is carried out")
    return parser


def request_of(options: argparse.Namespace) -> Any:
    """The Request in parsed options."""
    from vidcolor.plan.request import Request

    return Request(
        movie=options.movie,
        ref=tuple(options.ref or ()),
        refs=options.refs,
        out=options.out,
        scenes=options.scenes,
        start=options.start,
        end=options.end,
        fps=options.fps,
        overwrite=options.overwrite,
        first_frame=options.first_frame,
        strict=options.strict,
    )


def settings_of(options: argparse.Namespace) -> Settings:
    """The Settings in parsed options; what is not given keeps its default."""
    given = {field.name: getattr(options, field.name, None) for field in fields(Settings)}
    if options.range:
        given["full_range"] = options.range == "full"
    if options.dump_every is not None and options.dump is None:
        raise VidcolorError("--dump-every: name the folder for the sheets with --dump DIR")
    if options.dump is not None:
        given["dump_dir"] = str(options.dump.absolute())
        given["dump_every"] = 24 if options.dump_every is None else options.dump_every
        if given["dump_every"] == 0:
            raise VidcolorError("--dump-every 0: a whole number from 1")
    return Settings(**{name: value for name, value in given.items() if value is not None})
