"""Everything about a request that can be checked before the film is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vidcolor.encode.choose import choose_codec
from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError, warn
from vidcolor.film.film import Film
from vidcolor.film.probe import probe
from vidcolor.film.timecode import Point, counted_rate
from vidcolor.keys.key_list import Key
from vidcolor.models.precision import computing, name
from vidcolor.models.registry import spec_of
from vidcolor.outputs.names import default_out, work_folder
from vidcolor.plan import part
from vidcolor.plan.identity import file_hash, film_identity
from vidcolor.plan.request import Request, read_keys
from vidcolor.plan.targets import check_targets
from vidcolor.settings import Settings
from vidcolor.shots.scene_list import read_scenes


@dataclass(frozen=True)
class CheckedRequest:
    """A request that can be carried out, as far as can be told before the film is read."""

    request: Request
    film: Film
    settings: Settings
    """The settings with codec and precision resolved."""
    out: Path
    """The result, absolute."""
    work: Path
    """The work folder beside it."""
    start: Point | None
    """`--start` as a frame from 0 or seconds from the first frame."""
    end: Point | None
    """`--end`, likewise."""
    keys: tuple[Key, ...]
    """The user's keys; empty where there are none."""
    hashes: tuple[str, ...]
    """SHA-256 of each key's file."""
    identity: str
    """`identity.film_identity` of the film."""
    scenes: tuple[tuple[int, int], ...] | None
    """[first, stop) of every scene of the user's list; None to look for cuts."""


def check_request(request: Request, settings: Settings, *, dry: bool = False) -> CheckedRequest:
    """Probe the film, resolve the settings, read keys and lists, and check what will be written.

    dry: nothing will be written; an existing result is then warned of instead of being an error.
    Raises VidcolorError for anything the user can put right.
    """
    film = probe(request.movie, fps=request.fps, matrix=settings.matrix, full_range=settings.full_range)
    codec = choose_codec(film, settings, request.out)
    settings = replace(settings, codec=codec.name)
    out = (request.out or default_out(film.path, ".color" + codec.suffixes[0])).absolute()
    work = work_folder(out)
    request = replace(request, movie=film.path)
    start, end = part.points(request.start, request.end, film, request.first_frame)
    keys = read_keys(request, counted_rate(film))
    if request.strict and not keys:
        raise VidcolorError("`strict`: there is no reference; give keys of all shots with `refs`")
    check_targets(request, settings, keys, out, work, dry=dry)
    output_format(film, settings, out)
    hashes = tuple(file_hash(key.path) for key in keys)
    identity = film_identity(film)
    scenes = tuple(read_scenes(request.scenes)) if request.scenes else None
    settings = replace(settings, precision=name(computing(settings.device, settings.precision)[1]))
    _say_what_guides(settings, bool(keys))
    return CheckedRequest(request, film, settings, out, work, start, end, tuple(keys), hashes, identity, scenes)


def _say_what_guides(settings: Settings, keys: bool) -> None:
    """Warn of a seed that changes nothing, and where a model guesses. keys: whether the user gave any."""
    model = spec_of(settings.model)
    guesses = not keys and not model.needs_reference  # else keys are proposed, by the seed
    if settings.seed and not model.draws and (keys or guesses):
        warn(f"`seed` {settings.seed}: `model` {settings.model} draws nothing at random, so it changes nothing")
    if guesses:
        warn("no reference: the model guesses the colours; vidcolor propose MOVIE shows three versions to choose from")
