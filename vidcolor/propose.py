"""`vidcolor propose MOVIE`: colours for films that have no coloured reference, to choose from and to correct.

One key frame a shot, three versions of each, and the anchors that they were made of in a file. The pictures of a
version are a folder of keys: `vidcolor MOVIE --refs DIR/1`. A film that is coloured without any reference gets the
first version of every shot as its keys, in the work folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import part
from .anchors_file import MOST, PROPOSALS, Anchor, read, replace, write
from .errors import VidcolorError
from .film import Film
from .keyframes import key_frame
from .marks import CONTACT, PROPOSAL, is_untouched
from .names import default_out
from .options import Parser, count, frame_rate, point, tell, whole
from .outputs import Target, check, of_film, same_file
from .plan import PROPOSED_RECORD, film_identity
from .proposals import Proposer, check_replaced, row_of_sheet, size_of, write_picture
from .references import Key
from .scenes import cuts_of_scenes, read_scenes
from .settings import Settings
from .shots import shots_of
from .timecode import Label, Point
from .whole import write_whole

if TYPE_CHECKING:
    from .models.anchors import Painter
    from .progress import FramesBar

FEWEST, DEFAULT = 3, 8
"""Anchors of a frame: at least, and where nothing is said."""
ANCHORS, SHEET = "anchors.csv", "sheet.png"
ROWS = 40
"""Frames on a contact sheet; more go on sheet-2.png and so on."""
_FORMAT = 1
"""Raised when the same film would get other proposals, so that older pictures are not reused."""


@dataclass(frozen=True)
class Proposed:
    """What `propose` did."""

    out: Path
    """The folder."""
    frames: tuple[int, ...]
    """The film's frames of which there are pictures."""
    proposals: int
    """Versions of each."""


def propose(
    movie: Path,
    out: Path | None = None,
    *,
    proposals: int = PROPOSALS,
    anchors_per_frame: int = DEFAULT,
    anchors: Path | None = None,
    scenes: Path | None = None,
    start: Point | Label | None = None,
    end: Point | Label | None = None,
    fps: Fraction | None = None,
    seed: int = 0,
    settings: Settings | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Proposed:
    """Write proposals for a film into a folder: `1/000123.png` and so on, `anchors.csv`, `sheet.png`.

    out: `MOVIE-stem.proposed` beside the film by default; an existing folder must be allowed by `overwrite`, or be the
    one that holds `anchors`. anchors: make the pictures again from this file, those that it names and no others.
    settings: of which device, precision, matrix, full_range, on_error and allow_interlaced count.
    Raises VidcolorError, one line, for whatever can be put right.
    """
    from .film import probe
    from .kept import scanned
    from .progress import expected_frames

    if not 1 <= proposals <= PROPOSALS:
        raise VidcolorError(f"--proposals {proposals}: from 1 to {PROPOSALS}")
    if not FEWEST <= anchors_per_frame <= MOST:
        raise VidcolorError(f"--anchors-per-frame {anchors_per_frame}: from {FEWEST} to {MOST}")
    settings = settings or Settings()
    film = probe(movie, fps=fps, matrix=settings.matrix, full_range=settings.full_range)
    movie = film.path
    begin, stop = part.points(start, end, film)
    folder = (out or default_out(movie, ".proposed")).absolute()
    rows = [] if anchors is None else read(anchors, None, size_of(film))
    _check_folder(folder, movie, anchors, rows, scenes, overwrite)
    listed = read_scenes(scenes) if scenes else None
    with _bar("scan", progress, expected_frames(film)) as bar:
        found = scanned(
            film,
            until=max(row.frame for row in rows) if rows else stop if listed is None else None,
            detect=listed is None and anchors is None,
            allow_interlaced=settings.allow_interlaced,
            on_error=settings.on_error,
            on_frame=bar,
        )
    proposer = Proposer(film, _painter(settings), seed)
    if anchors is not None:
        rows = read(anchors, len(found.pts), proposer.size)  # now with the film's end
        frames = sorted({row.frame for row in rows})
        spans: list[tuple[int, int]] = [(frame, frame + 1) for frame in frames]
    else:
        cuts = found.cuts if listed is None else cuts_of_scenes(listed, len(found.pts), scenes or Path())
        first, last = part.frames(begin, stop, found.pts, film)
        spans = part.clipped(shots_of(cuts, len(found.pts)), first, last)
    _make(folder)
    if anchors is None:
        _empty(folder)
    sheets = _Sheets(folder)
    kept: list[Anchor] = []
    frames = []
    with _bar("propose", progress, len(spans)) as bar:
        for span in spans:
            frame = key_frame(film, found.pts, span, settings.on_error)
            seen = proposer.see(frame)
            if anchors is None:
                own = proposer.anchors(seen, anchors_per_frame, proposals)
            else:
                own = [row for row in rows if row.frame == frame.index]
            versions = [
                [anchor for anchor in own if anchor.proposal == number]
                for number in sorted({anchor.proposal for anchor in own})
            ]
            pictures = [proposer.picture(seen, version) for version in versions]
            for version, picture in zip(versions, pictures, strict=True):
                write_picture(folder / str(version[0].proposal) / f"{frame.index:06d}.png", picture)
            sheets.add(row_of_sheet([proposer.grey(seen), *pictures], versions, frame.index))
            kept += own
            frames.append(frame.index)
            bar(frame.index)
    sheets.close()
    if anchors is None:
        write(folder / ANCHORS, kept)
    elif not same_file(anchors, folder / ANCHORS):
        replace(folder / ANCHORS, anchors.read_bytes())
    return Proposed(folder, tuple(frames), len({anchor.proposal for anchor in kept}))


def keys_of_film(
    film: Film, pts: np.ndarray, spans: Sequence[tuple[int, int]], settings: Settings, folder: Path
) -> list[Key]:
    """The first proposal of every span as a key, `NNNNNN.png` in `folder`; what is there already is taken as it is.

    The same film, weights and seed give the same pictures, bit by bit.
    """
    painter = _painter(settings)
    facts = [_FORMAT, film_identity(film), painter.fingerprint, str(painter.dtype), settings.seed]
    facts += [film.matrix, film.full_range]
    made_of = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    record = folder / PROPOSED_RECORD
    made = _made(record, made_of)
    proposer = Proposer(film, painter, settings.seed)
    keys = []
    for first, last in spans:
        name = f"{first}-{last}"
        path = folder / f"{made[name]:06d}.png" if name in made else None
        if path is None or not path.is_file():
            frame = key_frame(film, pts, (first, last), settings.on_error)
            seen = proposer.see(frame)
            path = folder / f"{frame.index:06d}.png"
            write_picture(path, proposer.picture(seen, proposer.anchors(seen, DEFAULT, 1)))
            made[name] = frame.index
            write_whole(record, json.dumps({"made of": made_of, "frames": made}).encode())
        keys.append(Key(path, made[name], source=f"proposed for shot from frame {first}"))
    return keys


class _Sheets:
    """The contact sheet, written as it fills."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number, self.rows = folder, 0, []  # type: Path, int, list[np.ndarray]

    def add(self, row: np.ndarray) -> None:
        self.rows.append(row)
        if len(self.rows) == ROWS:
            self.close()

    def close(self) -> None:
        """Write what has come since the last sheet."""
        if not self.rows:
            return
        self.number += 1
        width = max(row.shape[1] for row in self.rows)
        rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in self.rows]
        name = SHEET if self.number == 1 else SHEET.replace(".", f"-{self.number}.")
        write_picture(self.folder / name, np.vstack(rows), CONTACT)
        self.rows = []


def _empty(folder: Path) -> None:
    """Remove an earlier run's pictures, which would be taken for keys of this one's; those of others stay."""
    for path, kind in _pictures(folder):
        if is_untouched(path, kind):
            path.unlink()


def _pictures(folder: Path) -> list[tuple[Path, str]]:
    """What has the names of a run's pictures, and the kind that it should be."""
    found = []
    for number in range(1, PROPOSALS + 1):
        found += [(file, PROPOSAL) for file in _named(folder / str(number), r"\d{6,}\.png")]
    return found + [(file, CONTACT) for file in _named(folder, r"sheet(-\d+)?\.png")]


def _named(folder: Path, shape: str) -> list[Path]:
    return sorted(file for file in folder.iterdir() if re.fullmatch(shape, file.name)) if folder.is_dir() else []


def _made(record: Path, made_of: str) -> dict[str, int]:
    """Which frame each span's picture is of, as far as pictures were made of the same."""
    try:
        facts = json.loads(record.read_text())
        if facts["made of"] == made_of:
            return {str(span): int(frame) for span, frame in facts["frames"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return {}


def _painter(settings: Settings) -> Painter:
    from .models import computing
    from .models.anchors import Painter

    device, dtype = computing(settings)
    return Painter(device, dtype=dtype)


def _check_folder(
    folder: Path, movie: Path, anchors: Path | None, rows: Sequence[Anchor], scenes: Path | None, overwrite: bool
) -> None:
    """Raise VidcolorError where the proposals must not go into a folder. rows: those of `anchors`."""
    again = anchors is not None and same_file(anchors, folder / ANCHORS)
    if folder.is_dir() and any(folder.iterdir()) and not overwrite and not again:
        raise VidcolorError(f"{folder}: exists already; replace its proposals with -y or name another folder with -o")
    if not folder.parent.is_dir():
        raise VidcolorError(f"{folder}: there is no folder {folder.parent}")
    if movie.is_dir() and same_file(folder, movie):
        raise VidcolorError(f"{folder}: holds the film's own pictures; name another folder with -o")
    targets = [Target(folder, "the proposals", "-o", "folder")]
    targets += [Target(folder / str(number), "the proposals", "-o", "folder") for number in range(1, PROPOSALS + 1)]
    inputs = of_film(movie) + ([] if scenes is None else [("the scene list", scenes)])
    if folder.is_dir() and not again:
        targets.append(Target(folder / ANCHORS, "the anchors", "-o", "text", overwrite))
        inputs += [] if anchors is None else [("the list of anchors", anchors)]
    check(targets, inputs)
    rewritten = {folder / str(row.proposal) / f"{row.frame:06d}.png" for row in rows}
    for path, kind in _pictures(folder):
        if anchors is None or kind == CONTACT or path in rewritten:
            check_replaced(path, kind)


def _make(folder: Path) -> None:
    from .api import make_folder

    make_folder(folder)


def _bar(title: str, shown: bool, total: int | None) -> FramesBar:
    from .progress import FramesBar

    return FramesBar(title, shown, total, leave=False)


def command(arguments: list[str]) -> int:
    """`vidcolor propose`, as the command line runs it."""
    from .settings import MATRICES, PRECISIONS

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
        tell(f"{count(len(done.frames), 'frame')} in {count(done.proposals, 'version')}: {done.out}")
    return 0
