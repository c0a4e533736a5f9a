"""Every choice of a run, with its default: one frozen record from the command line down to the encoder."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from vidcolor.errors import VidcolorError
from vidcolor.models.options import PRECISIONS, SKETCH_OUTPUTS, TRANSFERS
from vidcolor.models.registry import spec_of

CODECS = ("auto", "x264", "x265", "ffv1", "prores")
CHROMA = ("420", "422", "444")
MATRICES = ("bt601", "bt709", "bt2020", "smpte240m", "fcc")
_CHOICES: dict[str, tuple[str, ...]] = {
    "codec": CODECS,
    "chroma": CHROMA,
    "transfer": TRANSFERS,
    "upsample": ("edge", "fast"),
    "reader": ("av", "decord"),
    "precision": PRECISIONS,
    "on_error": ("stop", "skip"),
    "sketch_output": SKETCH_OUTPUTS,
    "matrix": MATRICES,
}
_OPTIONAL = ("chroma", "transfer", "sketch_output", "matrix")
"""Of them, those of which nothing need be said."""
_NOT_IN_PIXELS = (
    *("device", "dump_every", "dump_dir", "matrix", "full_range", "size"),
    *("codec", "crf", "preset", "lossless", "chroma"),
)


LEAST_LINES = 256
"""Short side of a working frame up to which a film is enlarged however small it is."""
ENLARGED = 1.5
"""Times a film's own lines that a larger working frame has at most: more shows nothing new."""


@dataclass(frozen=True)
class Settings:
    """All options that shape the result, checked as they are made.

    Raises VidcolorError where a value cannot work, naming the option and what it takes.
    """

    model: str = "exemplar"
    """Name of the model, one of `vidcolor.models.names()`."""
    size: int | None = None
    """Short side of the working frame in pixels, the size at which colours are found; None: see `lines`."""
    codec: str = "auto"
    """`x264`, `x265`, `ffv1` or `prores`; `auto` for one of the film's own class (`encode.choose`)."""
    crf: int | None = None
    """Constant rate factor of x264 and x265 (0..51, lower is better); None for the codec's default here."""
    preset: str | None = None
    """Preset of x264 and x265, profile name of ProRes; None for the default here."""
    lossless: bool = False
    """FFV1 level 3 with slice CRCs."""
    chroma: str | None = None
    """Chroma sampling of the result: `420`, `422`, `444`; None for the film's own, or `420` where it has none."""
    strength: float = 1.0
    """Factor on ab, 0 (grey) to 1 (as the model says)."""
    temporal: float = 1.0
    """How far colours are smoothed along motion inside a shot, 0 (not at all) to 1."""
    seed: int = 0
    """Seed of whatever a model draws at random."""
    upsample: str = "edge"
    """`edge`: chroma follows luma's edges on its way to full size; `fast`: plain interpolation."""
    matrix: str | None = None
    """The user's YCbCr matrix against the film's tag; None to believe the film."""
    full_range: bool | None = None
    """The user's range against the film's tag; None to believe the film."""
    encoder: str | None = None
    """A model's own variant, e.g. `vgg19`; None for the model's default."""
    transfer: str | None = None
    """How `--model adain` transfers statistics: `adain` (None too; mean, deviation) or `wct` (mean, covariance)."""
    sketch_output: str | None = None
    """What `--model sketch` gives: `fill` (colour under the lines, luma anew), `ab` (luma stays), `auto` (by the shot);
    None for `auto`."""
    quality: bool = False
    """Find colours on larger frames, the default model on smaller ones too: better and slower."""
    reader: str = "av"
    """`av`, or `decord` for the working pass."""
    on_error: str = "stop"
    """What a corrupt frame does: `stop`, or `skip` and report."""
    allow_interlaced: bool = False
    """Go on where frames are flagged interlaced, and keep their flags."""
    dump_every: int = 0
    """Every Nth frame gets an inspection sheet; 0 for none."""
    dump_dir: str | None = None
    """Folder of the inspection sheets."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`. Not part of a content hash."""
    precision: str = "auto"
    """What the nets compute in: `float32`, `bfloat16`, `float16`, or `auto`, the device's own. A plan holds which."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices and not (value is None and name in _OPTIONAL):
                raise VidcolorError(f"{_option(name)} {value}: one of {', '.join(choices)}")
        for name in ("strength", "temporal"):
            value = getattr(self, name)
            if not (_is(value, Real) and math.isfinite(value) and 0 <= value <= 1):
                raise VidcolorError(f"{_option(name)} {value!r}: a number from 0 to 1")
        if self.size is not None and not (_is(self.size, Integral) and 32 <= self.size <= 4096):
            raise VidcolorError(f"--size {self.size!r}: pixels of the short side, from 32 to 4096")
        if self.crf is not None and not (_is(self.crf, Integral) and 0 <= self.crf <= 51):
            raise VidcolorError(f"--crf {self.crf!r}: a whole number from 0 (best) to 51")
        if not (_is(self.seed, Integral) and self.seed >= 0):
            raise VidcolorError(f"--seed {self.seed!r}: a whole number from 0")
        if not (_is(self.dump_every, Integral) and self.dump_every >= 0):
            raise VidcolorError(f"--dump-every {self.dump_every!r}: a whole number from 1")
        for name in ("lossless", "quality", "allow_interlaced"):
            if not isinstance(value := getattr(self, name), bool):
                raise VidcolorError(f"{_option(name)} {value!r}: True or False")
        if not (self.full_range is None or isinstance(self.full_range, bool)):
            raise VidcolorError(f"--range {self.full_range!r}: True, False, or None to believe the film")
        if self.dump_every and self.dump_dir is None:
            raise VidcolorError("--dump-every without a folder: name it with --dump DIR")
        self._check_together()

    def _check_together(self) -> None:
        """Raise VidcolorError where one option would be ignored for another's sake."""
        if self.lossless and self.codec not in ("auto", "ffv1"):
            raise VidcolorError(f"--lossless is FFV1, not --codec {self.codec}: leave one of the two out")
        for name in ("crf", "preset"):
            value = getattr(self, name)
            if self.lossless and value is not None:
                raise VidcolorError(
                    f"{_option(name)} {value}: nothing to choose with --lossless, leave one of them out"
                )
        if self.quality and self.size and not (model := spec_of(self.model)).two_scale:
            raise VidcolorError(f"--quality is --size {model.lines[1]} for --model {self.model}: leave one of them out")
        if self.sketch_output == "fill" and self.upsample != "edge":
            raise VidcolorError(f"--upsample {self.upsample}: not with --sketch-output fill, which paints at full size")
        if self.reader == "decord" and self.on_error == "skip":
            raise VidcolorError("--reader decord does not skip corrupt frames: use --reader av with --on-error skip")

    def lines(self, own: int) -> int:
        """Short side of the working frame in pixels, for a film whose own one is `own`."""
        fast, fine = spec_of(self.model).lines
        return self.size or min(fine if self.quality else fast, max(LEAST_LINES, round(own * ENLARGED)))

    def shaping(self) -> dict[str, Any]:
        """What of the settings shapes a unit's file, for its content hash.

        Left out are the device (any device may finish a film), the inspection sheets, and what the film's matrix
        and range, the working size and the format of the result say, however they were asked for.
        """
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_IN_PIXELS}


def _is(value: Any, kind: type) -> bool:
    """Whether a value of Python's is a number of this kind, which a truth value is not."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
