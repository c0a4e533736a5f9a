"""From what the user asks for to a plan: probe, check everything that can fail early, scan, assign keys."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from vidcolor.encode.losses import say_lost
from vidcolor.errors import VidcolorError, warn
from vidcolor.film.film import Film
from vidcolor.film.probe import own_timecode
from vidcolor.film.timecode import Label, counted_rate, frame_shown, timecode
from vidcolor.keys.key_list import Key, keys_of_shots, own_keys
from vidcolor.keys.recognise import Match, other_matrix, possible_firsts
from vidcolor.outputs.names import default_out, work_folder
from vidcolor.plan import keyless, part
from vidcolor.plan.identity import content_hash, file_hash, film_identity
from vidcolor.plan.plan import KeyUse, Plan, Unit, cut_units
from vidcolor.plan.request import Request, read_keys
from vidcolor.plan.scan_cache import scanned
from vidcolor.plan.store import PROPOSED
from vidcolor.plan.targets import check_targets
from vidcolor.settings import Settings
from vidcolor.shots.detector import shots_of
from vidcolor.shots.scene_list import cuts_of_scenes, read_scenes
from vidcolor.text import plural


def make_plan(
    request: Request,
    settings: Settings,
    fingerprint: Callable[[], str],
    *,
    on_film: Callable[[Film], None] | None = None,
    on_frame: Callable[[int], None] | None = None,
    dry: bool = False,
) -> Plan:
    """Decide all that is decided before the first frame is coloured; reads the film once.

    fingerprint: gives the model's; asked once all quick checks are passed. on_film: called as the scan
    begins; on_frame: with each frame's number. dry: write nothing; else, where there is no reference and the
    model needs one, pictures are proposed in the work folder.
    Raises VidcolorError for whatever the user can put right, as early as it can be known.
    """
    from vidcolor.encode.choose import choose_codec
    from vidcolor.encode.format import output_format
    from vidcolor.film.probe import probe
    from vidcolor.join.join import foresee
    from vidcolor.models.precision import computing, name

    film = probe(request.movie, fps=request.fps, matrix=settings.matrix, full_range=settings.full_range)
    codec = choose_codec(film, settings, request.out)
    settings = replace(settings, codec=codec.name)
    out = (request.out or default_out(film.path, ".color" + codec.suffixes[0])).absolute()
    work = work_folder(out)
    request = replace(request, movie=film.path)
    start, end = part.points(request.start, request.end, film, request.first_frame)
    keys = read_keys(request, counted_rate(film))
    if request.strict and not keys:
        raise VidcolorError("--strict: there is no reference; give keys of all shots with --refs")
    check_targets(request, settings, keys, out, work, dry=dry)
    fmt = output_format(film, settings, out)
    _check_tools(film, settings)
    hashes, identity = [file_hash(key.path) for key in keys], film_identity(film)  # before the film is read
    scenes = read_scenes(request.scenes) if request.scenes else None
    model = fingerprint()
    settings = replace(settings, precision=name(computing(settings.device, settings.precision)[1]))
    _check_seed(settings, bool(keys))
    if on_film:
        on_film(film)
    found = scanned(
        film,
        keys,
        until=None if scenes else end,
        detect=scenes is None,
        allow_interlaced=settings.allow_interlaced,
        on_error=settings.on_error,
        first_number=request.first_frame if isinstance(request.first_frame, int) else None,
        on_frame=on_frame,
    )
    film = found.beside.with_fields(film)
    fmt = output_format(film, settings, out)
    say_lost(film, fmt, found.beside, out)
    foresee(film, fmt, out)
    pts = found.pts
    cuts = found.cuts if scenes is None else cuts_of_scenes(scenes, len(pts), request.scenes or Path())
    shots = shots_of(cuts, len(pts))
    first, stop = part.frames(start, end, pts, film, request.first_frame)
    if isinstance(request.start, Label) or isinstance(request.end, Label) or any(key.counted for key in keys):
        part.say_what_timecodes_mean(film, pts)
    matches = found.matches
    if not keys:
        keys, hashes, matches = _proposed(film, pts, part.clipped(shots, first, stop), settings, work, dry)
    uses = [
        _use(key, sha256, match, film, pts, scenes or shots, found.first_number)
        for key, sha256, match in zip(keys, hashes, matches, strict=True)
    ]
    _report(request, keys, uses, matches, film, found.first_number)
    uses = _one_to_a_frame(uses)
    own, serving = _serving(keys, uses, shots, scenes or shots)
    units = []
    for index, (shot, *span) in enumerate(cut_units(shots, first, stop)):
        used = tuple(uses[n] for n in serving[shot])
        a, b, warm_a, warm_b = span
        key = content_hash(identity, model, settings, film, fmt, pts, (a, b, warm_a, warm_b), used, own[shot])
        units.append(Unit(index, shot, a, b, warm_a, warm_b, used, own[shot], key))
    plan = Plan(
        film=film,
        settings=settings,
        pts=pts,
        first=first,
        stop=stop,
        shots=shots,
        units=tuple(units),
        out=out,
        work=work,
        identity=identity,
        fingerprint=model,
    )
    keyless.check(plan, request.strict)
    return plan


def _check_seed(settings: Settings, keys: bool) -> None:
    """Say so where the seed changes nothing. keys: whether there are any; else they are proposed, by the seed."""
    from vidcolor.models.registry import spec_of

    model = spec_of(settings.model)
    if settings.seed and not model.draws and (keys or not model.needs_reference):
        warn(f"--seed {settings.seed}: --model {settings.model} draws nothing at random, so it changes nothing")


def _check_tools(film: Film, settings: Settings) -> None:
    """Raise VidcolorError where what the later steps need is not to be had, or does not take this film."""
    from vidcolor.film import reader
    from vidcolor.join import mux

    mux.program()
    if settings.reader == "decord":
        reader.read_decord(film, [0])


def _proposed(
    film: Film, pts: np.ndarray, spans: Sequence[tuple[int, int]], settings: Settings, work: Path, dry: bool
) -> tuple[list[Key], list[str], list[Match]]:
    """What stands in for references where there are none: the first proposal of each span, a painting of its frame."""
    from vidcolor.models.registry import spec_of
    from vidcolor.propose.keys import keys_of_film

    if not spec_of(settings.model).needs_reference:
        warn("no reference: the model guesses the colours; vidcolor propose MOVIE shows three versions to choose from")
        return [], [], []
    warn(
        f"no reference: colours are proposed for {plural(len(spans), 'shot')}; "
        "vidcolor propose MOVIE shows three versions to choose from and to correct"
    )
    folder = work / PROPOSED
    with tempfile.TemporaryDirectory() if dry else nullcontext(folder) as where:
        if dry and folder.is_dir():
            shutil.copytree(folder, where, dirs_exist_ok=True)
        keys = keys_of_film(film, pts, spans, settings, Path(where))
        hashes = [file_hash(key.path) for key in keys]
    keys = [replace(key, path=folder / key.path.name) for key in keys]
    return keys, hashes, [Match(key.place if isinstance(key.place, int) else None, 1.0) for key in keys]


def _use(
    key: Key,
    sha256: str,
    match: Match,
    film: Film,
    pts: np.ndarray,
    scenes: Sequence[tuple[int, int]],
    first_number: int,
) -> KeyUse:
    """What a key is in this film. Raises VidcolorError where its place lies outside."""
    frame, painted, align, turn = match.frame, match.frame is not None, match.align, match.turn
    if key.place is not None:
        numbered = isinstance(key.place, int)
        number = key.place - first_number if isinstance(key.place, int) else key.place
        place = frame_shown(number, pts, film.time_base)
        if not 0 <= place < len(pts):
            if isinstance(key.place, int):
                given = f"frame {key.place}"
            else:
                given = str(key.counted or timecode(key.place))
            side = "before its first frame" if place < 0 else "beyond the film's end"
            numbers = f"frames {first_number} to {first_number + len(pts) - 1}"
            hint = ""
            if numbered and not first_number:
                hint = f"; --first-frame {max(possible_firsts(film))} for numbers from there"
            elif key.counted and (own := own_timecode(film)):
                hint = f"; --first-frame {own} for timecodes from the film's own"
            raise VidcolorError(f"{key.placed or key.source}: {given} lies {side} ({numbers}{hint})")
        frame = place if frame is None else frame
    elif key.scene is not None:
        if key.scene > len(scenes):
            has = plural(len(scenes), "scene")
            raise VidcolorError(f"{key.placed or key.source}: scene {key.scene}, but the film has {has}")
        first, stop = scenes[key.scene - 1]
        if frame is not None and not first <= frame < stop:
            frame, painted, align, turn = None, False, None, None  # paints another scene's: a plain reference here
    return KeyUse(str(key.path), sha256, frame, painted, key.weight, align, turn)


def _serving(
    keys: Sequence[Key],
    uses: Sequence[KeyUse],
    shots: Sequence[tuple[int, int]],
    scenes: Sequence[tuple[int, int]],
) -> tuple[list[bool], list[list[int]]]:
    """For every shot whether it has a key of its own, and the positions of the keys that it is coloured from."""
    frames = [
        use.frame if use.frame is not None or key.scene is None else scenes[key.scene - 1][0]
        for key, use in zip(keys, uses, strict=True)
    ]
    own = own_keys(frames, shots)
    whole_film = all(key.place is None and key.scene is None for key in keys)
    serving = [list(range(len(keys)))] * len(shots) if whole_film else keys_of_shots(own)
    return [bool(found) for found in own], serving


def _one_to_a_frame(uses: Sequence[KeyUse]) -> list[KeyUse]:
    """Of keys that paint the same frame the first does; the others are plain references."""
    painted: set[int | None] = set()
    out = []
    for use in uses:
        out.append(replace(use, painted=use.painted and use.frame not in painted))
        painted.update([use.frame] if use.painted else [])
    return out


def _report(
    request: Request,
    keys: Sequence[Key],
    uses: Sequence[KeyUse],
    matches: Sequence[Match],
    film: Film,
    first_number: int,
) -> None:
    """Say what a user would want to know of how the keys were taken."""
    if any(isinstance(key.place, int) for key in keys) and first_number and request.first_frame is None:
        named = "count frames from 1" if first_number == 1 else f"go by the pictures' numbers, from {first_number} on"
        warn(f"--refs {request.refs}: found from its pictures to {named}; --first-frame {first_number} or 0 decides")
    painted: dict[int, Key] = {}
    for key, use in zip(keys, uses, strict=True):
        if not use.painted or use.frame is None:
            continue
        number = use.frame + first_number
        if isinstance(key.place, int) and number != key.place:
            warn(f"reference {key.path}: given for frame {key.place}, paints frame {number}; taken for that")
        if use.turn is not None:
            warn(f"reference {key.path}: fits the film as the two are stored, not as they are shown; taken so")
        if use.frame in painted:
            warn(
                f"references {painted[use.frame].path} and {key.path} both paint frame {number}: "
                "the first is reproduced there; leave one of them out"
            )
        painted.setdefault(use.frame, key)
    for key, use, match in zip(keys, uses, matches, strict=True):
        if key.scene is not None and match.frame is not None and not use.painted:
            number = match.frame + first_number
            warn(
                f"reference {key.path}: given for scene {key.scene}, paints frame {number} of another: an example only"
            )
    unlike = [key for key, use in zip(keys, uses, strict=True) if key.place is not None and not use.painted]
    if unlike:
        names = ", ".join(key.path.name for key in unlike[:3]) + (", ..." if len(unlike) > 3 else "")
        warn(
            f"{len(unlike)} of {plural(len(keys), 'reference')} not like the frame in detail ({names}): "
            "taken as examples of its colours, not reproduced exactly"
        )
    votes = [match.other_matrix for match in matches if match.frame is not None]
    if votes and sum(votes) * 2 > len(votes):
        other = other_matrix(film)
        warn(f"the film's luma fits its references better under {other}: consider --matrix {other}")
