"""Every model, in one table. Free of torch until a model is built, so that a command line can list them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidcolor.errors import VidcolorError

if TYPE_CHECKING:
    import torch

    from vidcolor.models.base import Colorizer


@dataclass(frozen=True)
class ModelSpec:
    """What the program knows of a model without building it."""

    name: str
    """As in `--model`."""
    summary: str
    """What it is good for, in a phrase."""
    build: Callable[..., Colorizer]
    """(device, dtype, seed, quality, **options) -> the model with its shipped weights."""
    options: tuple[str, ...] = ()
    """The settings that it takes and most others do not."""
    lines: tuple[int, int] = (256, 384)
    """Short side of the working frame in pixels, without and with `--quality`."""
    two_scale: bool = False
    """`--quality` finds colours at two sizes; with the others it only means larger frames."""
    needs_reference: bool = True
    """It has no colours without references."""
    draws: bool = False
    """It draws something at random, so the seed counts."""
    cautious: bool = False
    """From keys of another shot it takes only what surely matches."""
    follows_motion: bool = False
    """It follows motion while it colours; for the others colours are smoothed afterwards (`propagate.steady`)."""


def _exemplar(device: torch.device, dtype: torch.dtype, seed: int, quality: bool, matcher: str | None) -> Colorizer:
    from vidcolor.models.exemplar.model import ExemplarColorizer
    from vidcolor.models.exemplar.two_scale import TwoScaleColorizer
    from vidcolor.models.matching.plain import PlainMatcher

    matchers = {"plain": PlainMatcher}  # the model's own is the trained one
    own = None if matcher in (None, "trained") else matchers[matcher]
    kind = TwoScaleColorizer if quality else ExemplarColorizer
    return kind(device, dtype=dtype, matcher=own().to(device) if own else None)


def _adain(
    device: torch.device, dtype: torch.dtype, seed: int, quality: bool, encoder: str | None, transfer: str | None
) -> Colorizer:
    from vidcolor.models.adain.model import AdainColorizer

    return AdainColorizer(device, encoder=encoder, seed=seed, method=transfer or "adain", dtype=dtype)


def _sscn(device: torch.device, dtype: torch.dtype, seed: int, quality: bool, encoder: str | None) -> Colorizer:
    from vidcolor.models.sscn.model import SscnColorizer

    return SscnColorizer(device, encoder=encoder, dtype=dtype)


def _anchors(device: torch.device, dtype: torch.dtype, seed: int, quality: bool) -> Colorizer:
    from vidcolor.models.anchors.model import AnchorsColorizer

    return AnchorsColorizer(device, seed, dtype=dtype)


def _sketch(device: torch.device, dtype: torch.dtype, seed: int, quality: bool, sketch_output: str | None) -> Colorizer:
    from vidcolor.models.sketch.model import SketchColorizer

    return SketchColorizer(device, sketch_output or "auto", dtype=dtype)


MODELS = (
    ModelSpec(
        "exemplar",
        "the keys' colours, found by place and carried along motion",
        _exemplar,
        options=("matcher",),
        lines=(320, 480),  # 0.24 and 0.14 dB better than 256 and 384 on eight films of 480 lines
        two_scale=True,
        cautious=True,
        follows_motion=True,
    ),
    ModelSpec(
        "adain",
        "the look of pictures that need not match the film by place",
        _adain,
        options=("encoder", "transfer"),
        draws=True,
    ),
    ModelSpec(
        "sscn",
        "local colours of references that resemble the shot",
        _sscn,
        options=("encoder",),
        cautious=True,
    ),
    ModelSpec(
        "anchors",
        "a few anchor colours decide a picture's; needs no reference",
        _anchors,
        needs_reference=False,
        draws=True,
    ),
    ModelSpec(
        "sketch",
        "drawn film and line art, from coloured model sheets",
        _sketch,
        options=("sketch_output",),
        needs_reference=False,
    ),
)
"""The default first."""
DEFAULT = MODELS[0].name
OPTIONS = tuple(dict.fromkeys(option for spec in MODELS for option in spec.options))
"""The settings that some models take and others do not."""


def names() -> tuple[str, ...]:
    """What `--model` takes, the default first."""
    return tuple(spec.name for spec in MODELS)


def spec_of(name: str) -> ModelSpec:
    """The model of this name. Raises VidcolorError where there is none."""
    for spec in MODELS:
        if spec.name == name:
            return spec
    raise VidcolorError(f"`model={name}`: there is no such model; one of {', '.join(names())}")


def check_options(name: str, **options: str | None) -> None:
    """Raise VidcolorError for the first option that is given, not None, and that the model does not take."""
    for option, value in options.items():
        if value is not None and option not in spec_of(name).options:
            others = " or ".join(f"`model={spec.name}`" for spec in MODELS if option in spec.options)
            raise VidcolorError(f"`{option}={value}`: `model={name}` does not take it; use {others}, or leave it out")


def create(
    name: str = DEFAULT,
    *,
    device: str = "auto",
    precision: str = "auto",
    seed: int = 0,
    quality: bool = False,
    **options: str | None,
) -> Colorizer:
    """Build a model with its shipped weights.

    device, precision: as `precision.computing` takes them. quality: as `--quality`. options: those of some models only,
    None for the model's own default. `encoder`: `vgg19` (the paper-size transfer sub-net of `adain`), or a file of
    weights for `adain` or `sscn`; `matcher`: one of `options.MATCHERS`; `transfer`: one of `options.TRANSFERS`;
    `sketch_output`: one of `options.SKETCH_OUTPUTS`.
    Raises VidcolorError for an unknown model, an option that it does not take, a device or precision that is not there,
    weights that are missing or changed.
    """
    from vidcolor.models.precision import computing

    spec = spec_of(name)
    check_options(name, **options)
    where, dtype = computing(device, precision)
    return spec.build(where, dtype, seed, quality, **{option: options.get(option) for option in spec.options})
