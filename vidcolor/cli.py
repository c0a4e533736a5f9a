"""The command line: `vidcolor MOVIE`, and its steps `plan`, `unit`, `join`, `scenes`, `propose`, `stylize`."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import VidcolorError, one_line
from .options import USAGE, Parser, count, first_frame, frame_rate, point, tell, whole
from .reasons import reason
from .settings import CHROMA, CODECS, MATRICES, PRECISIONS, SKETCH, TRANSFERS, Settings
from .signals import Ended, heard
from .version import __version__

if TYPE_CHECKING:
    from .plan import Plan

NO_MEMORY = "out of memory; close other programs or use a smaller --size"
KEPT = "; finished units are kept, the same command goes on from there"
"""What is said of a film whose run was interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 an error in one line, 128 and the signal's number where
    one ended it (130 after Ctrl-C)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with heard():
            return _run(arguments)
    except Ended as ended:
        with contextlib.suppress(OSError):  # the terminal may be what has gone
            _say("interrupted" + (KEPT if not arguments or arguments[0] not in _STEPS else ""))
        return ended.code


def _run(arguments: list[str]) -> int:
    """The step that is asked for; whatever a user can put right is said in one line."""
    try:
        step = _STEPS.get(arguments[0]) if arguments else None
        if step:
            return step(arguments[1:])
        _check_step(arguments)
        return _colour(arguments)
    except VidcolorError as error:
        return _say(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nobody to tell
        return 1
    except OSError as error:
        return _say(f"{error.filename or ''}: {reason(error)}".removeprefix(": "))
    except MemoryError:
        return _say(NO_MEMORY)
    except RuntimeError as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, not imported for this alone
            return _say("out of device memory; use a smaller --size, or --device cpu")
        if "can't allocate memory" in str(error):  # torch's, of the CPU
            return _say(NO_MEMORY)
        raise


def _check_step(arguments: list[str]) -> None:
    """Raise VidcolorError where what stands in a film's place is a step misspelt, and no such file is there."""
    word = arguments[0] if arguments else ""
    if not word.replace("-", "").isalpha() or word.startswith("-") or Path(word).exists():
        return
    near = difflib.get_close_matches(word.lower(), [*_STEPS, *_MEANT], 1, 0.7)
    if near:
        raise VidcolorError(f"no film {word}, and no such step; did you mean vidcolor {_MEANT.get(near[0], near[0])}?")


def _colour(arguments: list[str]) -> int:
    parser = _film_parser("vidcolor", __doc__ or "")
    parser.add_argument("-V", "--version", action="version", version=f"vidcolor {__version__}")
    parser.add_argument("--dry-run", action="store_true", help="print the plan, write nothing")
    parser.add_argument("--keep-work", action="store_true", help="keep the work folder (OUT.vidcolor)")
    options = parser.parse_args(arguments)
    from . import api

    began = time.monotonic()
    request, settings = request_of(options), settings_of(options)
    plan, model = api.plan_film(request, settings, progress=not options.quiet, dry=options.dry_run)
    if options.dry_run or options.verbose:
        from .models.precision import describe as describe_computing
        from .planning import describe

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
            f"{count(result.frames, 'frame')}{reused}, {count(result.shots, 'shot')}, {count(result.keys, 'key')}, "
            f"{result.seconds:.1f} s, {result.fps:.1f} fps: {result.out}"
        )
        _tell_keyless(plan)
    return 0


def _tell_keyless(plan: Plan) -> None:
    """The summary's line on shots without a key of their own, where there are any."""
    from .keyless import words

    if line := words(plan):
        tell(line)


def _plan(arguments: list[str]) -> int:
    parser = _film_parser("vidcolor plan", "Write the plan of a film as JSON, for `vidcolor unit` and `join`.")
    parser.add_argument("--plan", type=Path, metavar="JSON", help="where the plan goes (OUT-stem.plan.json)")
    parser.add_argument("--commands", action="store_true", help="print one command line for each unit")
    options = parser.parse_args(arguments)
    from . import api
    from .plan import save

    request = replace(request_of(options), stepwise=True, plan=options.plan)
    plan, _ = api.plan_film(request, settings_of(options), progress=not options.quiet)
    path = request.plan_file(plan.out)
    save(plan, path, overwrite=request.overwrite)
    if options.verbose:
        from .planning import describe

        tell("\n".join(describe(plan)), sys.stderr)
    if options.commands:
        lines = [f"vidcolor unit {shlex.quote(str(path))} {unit.index}" for unit in plan.units]
    else:
        lines = [] if options.quiet else [f"{count(len(plan.units), 'unit')}: {path}"]
    if lines:
        tell("\n".join(lines))
    return 0


def _unit(arguments: list[str]) -> int:
    parser = Parser("vidcolor unit", description="Colour one unit of a plan.", allow_abbrev=False)
    parser.add_argument("plan", type=Path, metavar="PLAN", help="JSON of `vidcolor plan`")
    parser.add_argument("number", type=whole, metavar="N", help="number of the unit, from 0")
    parser.add_argument("--device", default=None, help="auto, cpu, cuda, cuda:N or mps (as planned)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar, no summary")
    options = parser.parse_args(arguments)
    from . import api
    from .models import computing
    from .plan import load
    from .unit import missing_sheets

    plan = load(options.plan)
    if options.number >= len(plan.units):
        raise VidcolorError(f"{options.plan}: no unit {options.number}, the last is {len(plan.units) - 1}")
    unit = plan.units[options.number]
    path = plan.unit_path(unit)
    reused = path.is_file()
    if not reused or missing_sheets(plan, unit):
        settings = replace(plan.settings, device=options.device or plan.settings.device)
        try:
            computing(settings)
        except VidcolorError as error:
            raise VidcolorError(f"{options.plan}: {error}") from None
        api.render_units(plan, api.create_model(settings), [unit], progress=not options.quiet)
    if not options.quiet:
        tell(f"unit {unit.index}: {count(len(unit), 'frame')}{' (finished before)' if reused else ''}: {path}")
    return 0


def _join(arguments: list[str]) -> int:
    parser = Parser("vidcolor join", description="Join the finished units of a plan.", allow_abbrev=False)
    parser.add_argument("plan", type=Path, metavar="PLAN", help="JSON of `vidcolor plan`")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace an existing result")
    parser.add_argument("--keep-work", action="store_true", help="keep the work folder (OUT.vidcolor)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary")
    options = parser.parse_args(arguments)
    from .join import clean, join
    from .plan import check, load

    plan = load(options.plan)
    check(plan, ())
    join(plan, options.plan, overwrite=options.overwrite)
    if not options.keep_work:
        clean(plan)
    if not options.quiet:
        tell(f"{count(plan.last - plan.first, 'frame')}, {count(len(plan.units), 'unit')}: {plan.out}")
        _tell_keyless(plan)
    return 0


def _scenes(arguments: list[str]) -> int:
    parser = Parser(
        "vidcolor scenes",
        description="Find the shots and write them as PySceneDetect does.",
        allow_abbrev=False,
    )
    parser.add_argument("movie", type=Path, metavar="MOVIE", help="a film, or numbered images with --fps")
    parser.add_argument("-o", "--out", type=Path, metavar="CSV", help="default: MOVIE-stem.scenes.csv")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace an existing list")
    parser.add_argument("--fps", type=frame_rate, help="frame rate of numbered images")
    parser.add_argument("--on-error", choices=("stop", "skip"), default="stop", help="at a corrupt frame")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar, no summary")
    options = parser.parse_args(arguments)
    from .film import probe
    from .kept import scanned
    from .names import default_out
    from .outputs import Target, check, of_film
    from .progress import FramesBar, expected_frames
    from .scenes import write_scenes
    from .shots import shots_of

    film = probe(options.movie, fps=options.fps)
    out = options.out or default_out(film.path, ".scenes.csv")
    check([Target(out, "the scene list", "-o", "text", options.overwrite)], of_film(film.path))
    with FramesBar("scan", not options.quiet, expected_frames(film), leave=False) as bar:
        found = scanned(film, allow_interlaced=True, on_error=options.on_error, on_frame=bar)
    shots = shots_of(found.cuts, len(found.pts))
    write_scenes(out, shots, found.pts, film.time_base, film.frame_rate, overwrite=options.overwrite)
    if not options.quiet:
        tell(f"{count(len(found.pts), 'frame')}, {count(len(shots), 'shot')}: {out}")
    return 0


def _stylize(arguments: list[str]) -> int:
    from .stylize import step

    return step(arguments)


def _propose(arguments: list[str]) -> int:
    from .propose import command

    return command(arguments)


_STEPS: dict[str, Callable[[list[str]], int]] = {
    "plan": _plan,
    "unit": _unit,
    "join": _join,
    "scenes": _scenes,
    "stylize": _stylize,
    "propose": _propose,
}
"""Steps that stand alone. A film of such a name is written ./plan."""
_MEANT = dict.fromkeys(("color", "colour", "colorize", "colourise"), "MOVIE") | {
    "help": "--help",
    "version": "--version",
}
"""What is tried as a step, and what to write."""


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
    add("--sketch-output", choices=SKETCH, help="--model sketch: fill (luma anew), ab (luma kept), auto by the shot")
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
    from .planning import Request

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


def _say(message: str) -> int:
    tell("vidcolor: " + one_line(" ".join(message.splitlines())), sys.stderr)
    return USAGE
