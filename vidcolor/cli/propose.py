"""`vidcolor propose`."""

from __future__ import annotations

from pathlib import Path

from vidcolor.cli.parser import Parser, frame_rate, point, tell, whole
from vidcolor.errors import VidcolorError
from vidcolor.propose.anchors_file import PROPOSALS
from vidcolor.propose.propose import propose
from vidcolor.propose.proposer import DEFAULT
from vidcolor.settings import Settings
from vidcolor.text import plural


def command(arguments: list[str]) -> int:
    """`vidcolor propose`, as the command line runs it."""
    from vidcolor.models.options import PRECISIONS
    from vidcolor.settings import MATRICES

    parser = Parser(
        "vidcolor propose",
        description="Propose colours: pictures of one frame a shot in three versions, and a file of their anchors.",
        epilog="Then: vidcolor MOVIE --refs DIR/1. To correct: edit DIR/anchors.csv (frame,proposal,x,y,color) and run "
        "vidcolor propose MOVIE -o DIR --anchors DIR/anchors.csv.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("movie", type=Path, metavar="MOVIE", help="a film, or numbered images with --fps")
    add("-o", "--out", type=Path, metavar="DIR", help="where they go (MOVIE-stem.proposed beside the film)")
    add("-y", "--overwrite", action="store_true", help="replace the proposals in an existing folder")
    add("--proposals", type=whole, metavar="1..3", help="versions of each frame (3)")
    add("--anchors-per-frame", type=whole, metavar="3..14", help="places that are given a colour (8)")
    add("--anchors", type=Path, metavar="CSV", help="make the pictures again from this file")
    add("--scenes", type=Path, metavar="CSV", help="PySceneDetect's scene list instead of looking for cuts")
    add("--start", type=point, metavar="T", help="first frame: a number from 0, 12.5s, HH:MM:SS.nnn or HH:MM:SS:FF")
    add("--end", type=point, metavar="T", help="first frame that is left out, written as --start")
    add("--fps", type=frame_rate, help="frame rate of numbered images (24, 24000/1001)")
    add("--seed", type=whole, help="of the choice of anchors")
    add("--matrix", choices=MATRICES, help="YCbCr matrix, against the film's tag")
    add("--range", choices=("limited", "full"), help="range of the code values, against the film's tag")
    add("--on-error", choices=("stop", "skip"), default="stop", help="at a corrupt frame")
    add("--allow-interlaced", action="store_true", help="take interlaced frames as they are")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--precision", choices=PRECISIONS, default="auto", help="of the nets: auto is what the device is quick in")
    add("-q", "--quiet", action="store_true", help="no progress bar, no summary")
    given = parser.parse_args(arguments)
    for name in ("proposals", "anchors_per_frame", "scenes", "start", "end", "seed"):
        if given.anchors is not None and getattr(given, name) is not None:
            option = "--" + name.replace("_", "-")
            raise VidcolorError(f"{option}: --anchors CSV says which frames and anchors; leave one of them out")
    settings = Settings(
        matrix=given.matrix,
        full_range=None if given.range is None else given.range == "full",
        on_error=given.on_error,
        allow_interlaced=given.allow_interlaced,
        device=given.device,
        precision=given.precision,
    )
    done = propose(
        given.movie,
        given.out,
        proposals=PROPOSALS if given.proposals is None else given.proposals,
        anchors_per_frame=DEFAULT if given.anchors_per_frame is None else given.anchors_per_frame,
        anchors=given.anchors,
        scenes=given.scenes,
        start=given.start,
        end=given.end,
        fps=given.fps,
        seed=given.seed or 0,
        settings=settings,
        overwrite=given.overwrite,
        progress=not given.quiet,
    )
    if not given.quiet:
        tell(f"{plural(len(done.frames), 'frame')} in {plural(done.proposals, 'version')}: {done.out}")
    return 0
