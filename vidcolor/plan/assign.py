"""Which frames the user's keys stand for, and which shots they colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vidcolor.errors import VidcolorError, warn
from vidcolor.film.film import Film
from vidcolor.film.probe import own_timecode
from vidcolor.film.timecode import frame_shown, timecode
from vidcolor.keys.key_list import Key, keys_of_shots, own_keys
from vidcolor.keys.recognise import Match, other_matrix, possible_firsts
from vidcolor.plan.checks import CheckedRequest
from vidcolor.plan.plan import KeyUse
from vidcolor.plan.scan import Scan
from vidcolor.text import plural

Spans = Sequence[tuple[int, int]]
"""[first, stop) of shots or scenes."""


@dataclass(frozen=True)
class ShotKeys:
    """What a shot is coloured from."""

    uses: tuple[KeyUse, ...]
    own: bool
    """Whether a key is the shot's own; else they are those of the nearest shots."""


def assign(
    uses: Sequence[KeyUse], frames: Sequence[int | None], shots: Spans, *, whole_film: bool = False
) -> tuple[ShotKeys, ...]:
    """The keys of every shot: its own, or where it has none those of the nearest shots (`keys_of_shots`).

    frames: the frame that each key stands for, None where it stands for none. whole_film: every shot gets all keys.
    """
    own = own_keys(frames, shots)
    serving = [list(range(len(uses)))] * len(shots) if whole_film else keys_of_shots(own)
    return tuple(
        ShotKeys(tuple(uses[n] for n in served), bool(mine)) for served, mine in zip(serving, own, strict=True)
    )


def assign_listed(checked: CheckedRequest, found: Scan, shots: Spans) -> tuple[ShotKeys, ...]:
    """The user's keys, as a scan recognised them, assigned to shots. Warns of what the user should know about it.

    Raises VidcolorError where a key is given for a frame or scene that the film does not have.
    """
    keys, scenes = checked.keys, checked.scenes or shots
    uses = [
        _of_scene(key, key.scene, use, scenes) if key.scene is not None else _placed(key, use, checked.film, found)
        for key, use in zip(keys, map(_recognised, keys, checked.hashes, found.matches), strict=True)
    ]
    _report(checked, uses, found)
    uses = _one_to_a_frame(uses)
    frames = [
        use.frame if use.frame is not None or key.scene is None else scenes[key.scene - 1][0]
        for key, use in zip(keys, uses, strict=True)
    ]
    whole_film = all(key.place is None and key.scene is None for key in keys)
    return assign(uses, frames, shots, whole_film=whole_film)


def _recognised(key: Key, sha256: str, match: Match) -> KeyUse:
    """A key with the frame that it was found to paint, if any."""
    return KeyUse(str(key.path), sha256, match.frame, match.frame is not None, key.weight, match.align, match.turn)


def _placed(key: Key, use: KeyUse, film: Film, found: Scan) -> KeyUse:
    """A key that paints no frame stands for that of its place. Raises VidcolorError where that lies outside."""
    if key.place is None:
        return use
    pts, first = found.pts, found.first_number
    place = frame_shown(key.place - first if isinstance(key.place, int) else key.place, pts, film.time_base)
    if 0 <= place < len(pts):
        return replace(use, frame=place) if use.frame is None else use
    side = "before its first frame" if place < 0 else "beyond the film's end"
    given, hint = f"frame {key.place}", ""
    if not isinstance(key.place, int):
        given = str(key.counted or timecode(key.place))
        if key.counted and (own := own_timecode(film)):
            hint = f"; `first_frame` {own} for timecodes from the film's own"
    elif not first:
        hint = f"; `first_frame` {max(possible_firsts(film))} for numbers from there"
    numbers = f"frames {first} to {first + len(pts) - 1}{hint}"
    raise VidcolorError(f"{key.placed or key.source}: {given} lies {side} ({numbers})")


def _of_scene(key: Key, scene: int, use: KeyUse, scenes: Spans) -> KeyUse:
    """A key that paints another scene's frame is a plain reference in its own."""
    if scene > len(scenes):
        has = plural(len(scenes), "scene")
        raise VidcolorError(f"{key.placed or key.source}: scene {scene}, but the film has {has}")
    first, stop = scenes[scene - 1]
    if use.frame is None or first <= use.frame < stop:
        return use
    return replace(use, frame=None, painted=False, align=None, turn=None)


def _one_to_a_frame(uses: Sequence[KeyUse]) -> list[KeyUse]:
    """Of keys that paint the same frame the first does; the others are plain references."""
    painted: set[int | None] = set()
    out = []
    for use in uses:
        out.append(replace(use, painted=use.painted and use.frame not in painted))
        painted.update([use.frame] if use.painted else [])
    return out


def _report(checked: CheckedRequest, uses: Sequence[KeyUse], found: Scan) -> None:
    """Warn of what the user should know about how the keys were understood."""
    request, keys, matches, first = checked.request, checked.keys, found.matches, found.first_number
    if any(isinstance(key.place, int) for key in keys) and first and request.first_frame is None:
        named = "count frames from 1" if first == 1 else f"go by the pictures' numbers, from {first} on"
        warn(f"`refs` {request.refs}: found from its pictures to {named}; `first_frame` {first} or 0 decides")
    _report_painted(keys, uses, first)
    for key, use, match in zip(keys, uses, matches, strict=True):
        if key.scene is not None and match.frame is not None and not use.painted:
            number = match.frame + first
            warn(f"key {key.path}: given for scene {key.scene}, paints frame {number} of another: an example only")
    unlike = [key for key, use in zip(keys, uses, strict=True) if key.place is not None and not use.painted]
    if unlike:
        names = ", ".join(key.path.name for key in unlike[:3]) + (", ..." if len(unlike) > 3 else "")
        warn(
            f"{len(unlike)} of {plural(len(keys), 'key')} unlike their frames in detail ({names}): "
            "taken as examples of its colours, not reproduced exactly"
        )
    votes = [match.other_matrix for match in matches if match.frame is not None]
    if votes and sum(votes) * 2 > len(votes):
        other = other_matrix(checked.film)
        warn(f"the film's luma fits its keys better under {other}: consider `matrix` {other}")


def _report_painted(keys: Sequence[Key], uses: Sequence[KeyUse], first_number: int) -> None:
    painted: dict[int, Key] = {}
    for key, use in zip(keys, uses, strict=True):
        if not use.painted or use.frame is None:
            continue
        number = use.frame + first_number
        if isinstance(key.place, int) and number != key.place:
            warn(f"key {key.path}: given for frame {key.place}, but paints frame {number}: used for that")
        if use.turn is not None:
            warn(f"key {key.path}: fits the film as the two are stored, not as they are shown: used as stored")
        if use.frame in painted:
            warn(
                f"keys {painted[use.frame].path} and {key.path} both paint frame {number}: "
                "the first is reproduced there; leave one of them out"
            )
        painted.setdefault(use.frame, key)
