"""Options that several commands share, each described once. Those of settings are made from `Settings`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from vidcolor.cli.parser import Parser, first_frame, frame_rate, point, whole
from vidcolor.encode.codecs import names_with
from vidcolor.settings import OPTIONS, Settings, kind
from vidcolor.text import listed

T = TypeVar("T")


def _argument(*flags: str, **how: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """What `add_argument` takes."""
    return flags, how


_SHARED = {
    "movie": _argument(
        "movie", type=Path, metavar="MOVIE", help="a film, or numbered images (folder, name_%%06d.png) with --fps"
    ),
    "plan": _argument("plan", type=Path, metavar="PLAN", help="JSON of `vidcolor plan`"),
    "ref": _argument(
        "--ref", type=Path, action="append", metavar="KEY", help="coloured picture for the whole film (repeatable)"
    ),
    "refs": _argument(
        "--refs",
        type=Path,
        metavar="LIST",
        help="list (CSV) or folder of keys, each for the shot that it belongs to",
    ),
    "first_frame": _argument(
        "--first-frame",
        type=first_frame,
        metavar="N",
        help="number or timecode of the film's first frame in lists, names of keys, --start and --end (found from the "
        "keys' pictures, else 0)",
    ),
    "overwrite": _argument(
        "-y",
        "--overwrite",
        action="store_true",
        help="replace an existing result (never a file that the run reads)",
    ),
    "strict": _argument("--strict", action="store_true", help="refuse a film with shots that have no key of their own"),
    "scenes": _argument("--scenes", type=Path, metavar="CSV", help="take the cuts from PySceneDetect's scene list"),
    "start": _argument(
        "--start",
        type=point,
        metavar="T",
        help="start at this frame: a number from 0, 12.5s, HH:MM:SS.nnn or HH:MM:SS:FF",
    ),
    "end": _argument("--end", type=point, metavar="T", help="stop before this frame, written as --start"),
    "fps": _argument("--fps", type=frame_rate, metavar="RATE", help="frame rate of numbered images (24, 24000/1001)"),
    "keep_work": _argument(
        "--keep-work", action="store_true", help="keep the work folder, OUT.vidcolor, with the finished units"
    ),
    "quiet": _argument("-q", "--quiet", action="store_true", help="no progress bar and no summary"),
    "verbose": _argument("-v", "--verbose", action="store_true", help="print the plan before it is carried out"),
}
"""The arguments of several commands, by the name of the library's argument."""
_ARGUMENTS = frozenset(
    (
        *OPTIONS,
        *_SHARED,
        *("out", "proposals", "anchors", "anchors_per_frame", "weights", "labels", "labels_unmatched"),
    )
)
"""The library's arguments that messages name."""
_SHORT = {"out": "-o", "overwrite": "-y"}
"""Arguments that messages call by their short option."""


def add_shared(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add some of the shared arguments to a parser."""
    for name in names:
        flags, how = _SHARED[name]
        parser.add_argument(*flags, **how)


def add_settings(parser: argparse.ArgumentParser, names: Iterable[str] = OPTIONS) -> None:
    """Add options for settings to a parser, in their groups. An option that is not given parses to None."""
    groups: dict[str, Any] = {}
    for name in names:
        option = OPTIONS[name]
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        how: dict[str, Any] = {"dest": name, "help": help_of(name)}
        if kind(name) is bool and not option.choices:
            how |= {"action": "store_true", "default": None}
        elif kind(name) is bool:
            how["choices"] = option.choices
        else:  # the choices are shown here and checked by Settings
            how["metavar"] = f"{{{','.join(option.choices)}}}" if option.choices else option.metavar
            how["type"] = {int: whole, float: float}.get(kind(name), str)
        groups[option.group].add_argument(option_of(name), **how)


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings from parsed options. What is not given keeps its default."""
    given = {name: value for name in OPTIONS if (value := getattr(options, name, None)) is not None}
    for name, value in given.items():
        if kind(name) is bool and value is not True:  # one of the words for False and True
            given[name] = value == OPTIONS[name].choices[1]
    return Settings(**given)


def help_of(name: str) -> str:
    """The help text of a setting, with its default."""
    default = getattr(Settings, name)
    return with_options(OPTIONS[name].help) + ("" if default is None or default is False else f" (default: {default})")


def option_of(name: str) -> str:
    """How the command line spells an argument of the library: `--dump-every` for `dump_every`."""
    spelled = OPTIONS[name].option if name in OPTIONS else None
    return _SHORT.get(name) or "--" + (spelled or name).replace("_", "-")


def with_options(text: str, names: Collection[str] = ()) -> str:
    """A message of the library with options in place of arguments in backticks: `` `codec=x265` `` becomes
    `--codec x265`.

    names: names of files that have backticks themselves (`names_in`); they stay as they are.
    """

    def shown(found: re.Match[str]) -> str:
        name, value = found["name"], found["value"]
        return " ".join(_spelled(name, value)) if name in _ARGUMENTS else found[0]

    kept = [re.escape(name) for name in sorted(names, key=len, reverse=True)]
    return re.sub("|".join([*kept, r"`(?P<name>[a-z_]+)(?:=(?P<value>[^`]*))?`"]), shown, text)


def names_in(arguments: Iterable[str]) -> set[str]:
    """The names of files with backticks in a command line, and how the names of results made from them begin."""
    parts = {part for argument in arguments for part in re.split(r"[/\\=]", argument) if "`" in part}
    return parts | {Path(part).stem + "." for part in parts}


def _spelled(name: str, value: str | None) -> list[str]:
    """An argument of the library as the command line has it."""
    words = OPTIONS[name].choices if name in OPTIONS and kind(name) is bool else ()
    if words and value in ("False", "True"):
        value = words[value == "True"]
    return [option_of(name), *([value] if value not in (None, "True") else [])]


def film_parser(command: str = "", **how: Any) -> Parser:
    """The parser of `vidcolor MOVIE` and `vidcolor plan`."""
    parser = Parser(command, **how)
    add_shared(parser, "movie", "ref", "refs", "first_frame")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="OUT",
        help=f"the result (MOVIE-stem.color.mkv beside the film, .mov for {_of_mov()})",
    )
    add_shared(parser, "overwrite", "strict", "scenes", "start", "end", "fps", "quiet", "verbose")
    add_settings(parser)
    return parser


def _of_mov() -> str:
    """The codecs whose usual container is MOV, in words."""
    return listed(names_with(lambda codec: codec.suffixes[0] == ".mov"))


def request_of(what: type[T], options: argparse.Namespace, **more: Any) -> T:
    """A request from parsed options, which are called like its fields. What is not given keeps its default."""
    given = {field.name: getattr(options, field.name, None) for field in fields(what)}  # type: ignore[arg-type]
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return what(**{name: value for name, value in given.items() if value is not None} | more)
