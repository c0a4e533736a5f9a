"""`vidcolor propose`."""

from __future__ import annotations

from pathlib import Path

from vidcolor.cli.options import add_settings, add_shared, request_of, settings_of
from vidcolor.cli.parser import Parser, tell, whole
from vidcolor.errors import VidcolorError
from vidcolor.propose.request import DEFAULT, FEWEST, MOST, PROPOSALS, ProposalRequest
from vidcolor.text import plural

SETTINGS = ("seed", "device", "precision", "matrix", "full_range", "on_error", "allow_interlaced")
EPILOG = (
    "Then: vidcolor MOVIE --refs DIR/1. To correct: edit DIR/anchors.csv (frame,proposal,x,y,color) and run "
    "vidcolor propose MOVIE -o DIR --anchors DIR/anchors.csv."
)


def command(arguments: list[str]) -> int:
    parser = Parser("propose", epilog=EPILOG)
    add_shared(parser, "movie")
    add = parser.add_argument
    add("-o", "--out", type=Path, metavar="DIR", help="folder of the proposals (MOVIE-stem.proposed beside the film)")
    add("-y", "--overwrite", action="store_true", help="replace the proposals in an existing folder")
    add("--proposals", type=whole, metavar=f"1..{PROPOSALS}", help=f"versions of each frame ({PROPOSALS})")
    add(
        "--anchors-per-frame",
        type=whole,
        metavar=f"{FEWEST}..{MOST}",
        help=f"places of a frame that are given a colour ({DEFAULT})",
    )
    add("--anchors", type=Path, metavar="CSV", help="make the pictures again from this file")
    add_shared(parser, "scenes", "start", "end", "fps", "quiet")
    add_settings(parser, SETTINGS)
    given = parser.parse_args(arguments)
    for name in ("proposals", "anchors_per_frame", "scenes", "start", "end", "seed"):
        if given.anchors is not None and getattr(given, name) is not None:
            raise VidcolorError(f"`{name}`: `anchors` says which frames and colours to make; leave one of them out")
    from vidcolor.propose.propose import propose

    done = propose(request_of(ProposalRequest, given), settings_of(given), progress=not given.quiet)
    if not given.quiet:
        tell(f"{plural(len(done.frames), 'frame')} in {plural(done.proposals, 'version')}: {done.out}")
    return 0
