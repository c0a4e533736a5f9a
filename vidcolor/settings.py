"""Every setting of a run: its default, what it takes and its help, from which the command line is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from vidcolor.color.coding import MATRICES
from vidcolor.encode.codecs import CODECS, GRIDS
from vidcolor.errors import VidcolorError
from vidcolor.models.options import MATCHERS, PRECISIONS, SKETCH_OUTPUTS, TRANSFERS
from vidcolor.models.registry import DEFAULT, MODELS, names, spec_of
from vidcolor.text import listed

LEAST_LINES = 256
"""Short side up to which a working frame is enlarged, however small the film is."""
ENLARGED = 1.5
"""Largest working frame, as a multiple of the film's own lines: more shows nothing new."""
COLOUR, COMPUTING, OUTPUT, FILM, SHEETS = "colour", "computing", "output", "film", "inspection sheets"
"""Groups of options in the help."""


@dataclass(frozen=True)
class Option:
    """What a setting takes, and how it looks as an option of the command line."""

    help: str
    """What it does, as a phrase. Names of settings stand in backticks; the default is added where there is one."""
    group: str
    """Heading in the help."""
    choices: tuple[str, ...] = ()
    """The values it takes; of a setting that is True, False or None the words for False and True."""
    least: float = -math.inf
    """Smallest number."""
    most: float = math.inf
    """Largest number."""
    metavar: str | None = None
    """Stands for the value in the help; None for the option's name in capitals."""
    option: str | None = None
    """The option's name where it differs from the setting's."""
    shapes: bool = True
    """Whether it goes into a unit's content hash by itself. Not if it leaves the result as it is, or if it only decides
    what the plan holds anyway: the film's matrix, the working size, the format of the result."""


def _setting(default: Any, help: str, group: str, **more: Any) -> Any:
    return field(default=default, metadata={"option": Option(help, group, **more)})


def _for_models(setting: str) -> str:
    """For which models a setting is, in the spelling of messages: names of settings in backticks."""
    return "with " + listed([f"`model={spec.name}`" for spec in MODELS if setting in spec.options], "or")


def _each(defaults: Mapping[str, object]) -> str:
    """Defaults of codecs or models in words: `16 for x264, 18 for x265`."""
    return ", ".join(
        f"{value} for {listed([name for name in defaults if defaults[name] == value])}"
        for value in dict.fromkeys(defaults.values())
    )


@dataclass(frozen=True)
class Settings:
    """Everything that shapes the result, checked as it is made. A new setting is one field here and its use.

    Raises VidcolorError for a value that cannot work, naming the setting and what it takes.
    """

    model: str = _setting(
        DEFAULT,
        f"model that finds the colours: {'; '.join(f'{spec.name} ({spec.summary})' for spec in MODELS)}",
        COLOUR,
        choices=names(),
    )
    encoder: str | None = _setting(
        None, f"{_for_models('encoder')}: weights of your own in a file, or vgg19 for adain", COLOUR, metavar="NAME"
    )
    matcher: str | None = _setting(
        None,
        f"{_for_models('matcher')}: match by learned descriptors (trained) or by the encoder's own features (plain)",
        COLOUR,
        choices=MATCHERS,
    )
    transfer: str | None = _setting(
        None,
        f"{_for_models('transfer')}: what it transfers, mean and deviation (adain) or the full covariance (wct)",
        COLOUR,
        choices=TRANSFERS,
    )
    sketch_output: str | None = _setting(
        None,
        f"{_for_models('sketch_output')}: paint line art with new luma (fill), keep the luma (ab), or decide by the "
        "shot (auto)",
        COLOUR,
        choices=SKETCH_OUTPUTS,
    )
    quality: bool = _setting(False, "find colours on larger frames: better and slower", COLOUR)
    size: int | None = _setting(
        None,
        "short side in pixels of the frames on which colours are found "
        f"({_each({spec.name: spec.lines[0] for spec in MODELS})}; with `quality` "
        f"{_each({spec.name: spec.lines[1] for spec in MODELS})}; at most {ENLARGED} times the film's own)",
        COLOUR,
        least=32,
        most=4096,
        metavar="N",
        shapes=False,
    )
    strength: float = _setting(
        1.0, "how strong the colours are, from 0 (grey) to 1", COLOUR, least=0, most=1, metavar="0..1"
    )
    temporal: float = _setting(
        1.0, "how much colours are smoothed along motion, from 0 to 1", COLOUR, least=0, most=1, metavar="0..1"
    )
    upsample: str = _setting(
        "edge",
        "how colours get to full size: along the edges of the luma, or by plain interpolation (fast)",
        COLOUR,
        choices=("edge", "fast"),
    )
    seed: int = _setting(0, "random seed, for the models that use one", COMPUTING, least=0, metavar="N")
    device: str = _setting(
        "auto", "where to compute: auto, cpu, cuda, cuda:N or mps", COMPUTING, metavar="NAME", shapes=False
    )
    precision: str = _setting(
        "auto",
        "number format of the networks; auto is the one that the device is fast in",
        COMPUTING,
        choices=PRECISIONS,
    )
    codec: str = _setting(
        "auto",
        "codec of the result; auto takes one of the same kind as the film's",
        OUTPUT,
        choices=("auto", *CODECS),
        shapes=False,
    )
    crf: int | None = _setting(
        None,
        f"quality, 0 is best ({_each({codec.name: codec.crf.default for codec in CODECS.values() if codec.crf})})",
        OUTPUT,
        least=0,
        most=max(codec.crf.worst for codec in CODECS.values() if codec.crf),
        metavar="N",
        shapes=False,
    )
    preset: str | None = _setting(
        None,
        f"speed or profile ({_each({codec.name: codec.preset for codec in CODECS.values() if codec.preset})})",
        OUTPUT,
        metavar="NAME",
        shapes=False,
    )
    lossless: bool = _setting(False, "write FFV1 with checksums: the luma stays bit for bit", OUTPUT, shapes=False)
    chroma: str | None = _setting(
        None, "chroma sampling of the result (the film's own)", OUTPUT, choices=GRIDS, shapes=False
    )
    matrix: str | None = _setting(None, "override the film's matrix tag", FILM, choices=tuple(MATRICES), shapes=False)
    full_range: bool | None = _setting(
        None, "override the film's range tag", FILM, choices=("limited", "full"), option="range", shapes=False
    )
    on_error: str = _setting("stop", "at a corrupt frame: stop, or skip it and report", FILM, choices=("stop", "skip"))
    allow_interlaced: bool = _setting(False, "colour interlaced frames as they are and keep their flags", FILM)
    dump_dir: Path | str | None = _setting(  # noqa: RUF009 (a field, as all others)
        None, "write inspection sheets to this folder", SHEETS, option="dump", metavar="DIR", shapes=False
    )
    dump_every: int | None = _setting(
        None, "one sheet for every N frames (24)", SHEETS, least=1, metavar="N", shapes=False
    )

    def __post_init__(self) -> None:
        for name in OPTIONS:
            if not _fits(name, value := getattr(self, name)):
                shown = value if isinstance(value, str) and kind(name) is str else repr(value)
                raise VidcolorError(f"`{name}` {shown}: {_taken(name)}")
        if self.dump_every is not None and self.dump_dir is None:
            raise VidcolorError("`dump_every` without a folder for the sheets: name it with `dump_dir`")
        self._check_together()

    def _check_together(self) -> None:
        """Raise VidcolorError where one setting would be ignored for another's sake."""
        if self.lossless and self.codec not in ("auto", "ffv1"):
            raise VidcolorError(f"`lossless` means FFV1, not `codec={self.codec}`: leave one of the two out")
        for name in ("crf", "preset"):
            value = getattr(self, name)
            if self.lossless and value is not None:
                raise VidcolorError(f"`{name}` {value}: there is nothing to choose with `lossless`, leave one out")
        if self.quality and self.size and not (model := spec_of(self.model)).two_scale:
            raise VidcolorError(f"`quality` is `size={model.lines[1]}` for `model={self.model}`: leave one of them out")
        if self.sketch_output == "fill" and self.upsample != "edge":
            raise VidcolorError(
                f"`upsample={self.upsample}` does not go with `sketch_output=fill`, which paints at full size"
            )

    def lines(self, own: int) -> int:
        """Short side of the working frame in pixels, for a film whose own one is `own`."""
        fast, fine = spec_of(self.model).lines
        return self.size or min(fine if self.quality else fast, max(LEAST_LINES, round(own * ENLARGED)))

    @property
    def sheet_every(self) -> int:
        """Frames from one inspection sheet to the next; 0 where none are wanted."""
        return 0 if self.dump_dir is None else self.dump_every or 24

    def shaping(self) -> dict[str, Any]:
        """The settings that go into a unit's content hash by themselves (`Option.shapes`)."""
        return {name: getattr(self, name) for name, option in OPTIONS.items() if option.shapes}


OPTIONS: dict[str, Option] = {one.name: one.metadata["option"] for one in fields(Settings)}
"""The option of each setting."""
_HINTS = get_type_hints(Settings)


def kind(name: str) -> type:
    """The type of a setting, None aside: bool, int, float, str or Path."""
    return next(one for one in (*get_args(_HINTS[name]), _HINTS[name]) if one is not NoneType)


def _fits(name: str, value: Any) -> bool:
    option = OPTIONS[name]
    if value is None:
        return NoneType in get_args(_HINTS[name])
    if kind(name) is bool:
        return isinstance(value, bool)
    if number := {int: Integral, float: Real}.get(kind(name)):
        right = isinstance(value, number) and not isinstance(value, bool)
        return right and option.least <= value <= option.most
    if option.choices:
        return value in option.choices
    return isinstance(value, str if kind(name) is str else str | Path)


def _taken(name: str) -> str:
    """What a setting takes, in words."""
    option = OPTIONS[name]
    if kind(name) is bool:
        return "True or False" + (", or None to believe the film" if option.choices else "")
    if option.choices:
        return f"one of {', '.join(option.choices)}"
    if kind(name) in (str, Path):
        return "text" if kind(name) is str else "a path"
    most = "" if option.most == math.inf else f" to {option.most}"
    return f"a {'whole ' if kind(name) is int else ''}number from {option.least}{most}"
