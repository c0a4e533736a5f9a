"""`vidcolor scenes`."""

from __future__ import annotations

from pathlib import Path

from vidcolor.cli.options import add_settings, add_shared, settings_of
from vidcolor.cli.parser import Parser, tell
from vidcolor.text import plural


def command(arguments: list[str]) -> int:
    parser = Parser("scenes")
    add_shared(parser, "movie")
    parser.add_argument("-o", "--out", type=Path, metavar="CSV", help="the scene list (MOVIE-stem.scenes.csv)")
    add_shared(parser, "overwrite", "fps", "quiet")
    add_settings(parser, ["on_error"])
    options = parser.parse_args(arguments)
    from vidcolor.film.probe import expected_frames, probe
    from vidcolor.outputs.names import default_out
    from vidcolor.outputs.targets import Target, check, inputs_of_film
    from vidcolor.plan.scan import ScanOptions
    from vidcolor.plan.scan_cache import scanned
    from vidcolor.progress import FramesBar
    from vidcolor.shots.detector import shots_of
    from vidcolor.shots.scene_list import write_scenes

    film = probe(options.movie, fps=options.fps)
    out = options.out or default_out(film.path, ".scenes.csv")
    check([Target(out, "the scene list", "`out`", "text", options.overwrite)], inputs_of_film(film.path))
    with FramesBar("scan", not options.quiet, expected_frames(film), leave=False) as bar:
        how = ScanOptions(allow_interlaced=True, on_error=settings_of(options).on_error)
        found = scanned(film, options=how, on_frame=bar)
    shots = shots_of(found.cuts, len(found.pts))
    write_scenes(out, shots, found.pts, film.time_base, film.frame_rate, overwrite=options.overwrite)
    if not options.quiet:
        tell(f"{plural(len(found.pts), 'frame')}, {plural(len(shots), 'shot')}: {out}")
    return 0
