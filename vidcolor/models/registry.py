"""Every model behind one contract (`contract.py`): `names()` lists them, `create()` builds one."""

from __future__ import annotations

import os

import torch

from vidcolor.errors import VidcolorError
from vidcolor.models.base import Colorizer
from vidcolor.models.precision import choose
from vidcolor.settings import Settings

DEFAULT = "exemplar"


def names() -> tuple[str, ...]:
    """What `--model` takes, the default first."""
    return (DEFAULT, "adain", "sscn", "anchors", "sketch")


def needs_reference(name: str) -> bool:
    """Whether a model has colours from references only; for the others a film may have none."""
    return name not in ("anchors", "sketch")


def draws(name: str) -> bool:
    """Whether a model draws anything at random, so that the seed counts."""
    return name in ("adain", "anchors")


def cautious(name: str) -> bool:
    """Whether a model takes from keys of another shot only what surely matches (`borrowed`)."""
    return name in (DEFAULT, "sscn")


def create(
    name: str = DEFAULT,
    *,
    device: str = "auto",
    encoder: str | None = None,
    seed: int = 0,
    transfer: str | None = None,
    sketch_output: str | None = None,
    quality: bool = False,
    precision: str = "auto",
) -> Colorizer:
    """Build a model with its shipped weights.

    encoder: a model's own variant (`vgg19`: the paper-size transfer sub-net of `adain`), or a file of weights for
    `adain` or `sscn`. transfer: how `adain` transfers statistics, `adain` (None too) or `wct`. sketch_output: `auto`
    (None too), `fill` or `ab`, of `sketch`. quality: the default model at two sizes. precision: as `precision.choose`
    takes it.
    Raises VidcolorError for an unknown model, an option that it does not have, a device or precision that is not there,
    weights that are missing or changed.
    """
    where = pick_device(device)
    if where.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))  # the others decode, carry and encode meanwhile
    dtype = choose(where, precision)
    if name not in names():
        raise VidcolorError(f"--model {name}: there is no such model; one of {', '.join(names())}")
    if encoder is not None and name not in ("adain", "sscn"):
        raise VidcolorError(f"--encoder {encoder}: --model {name} has one encoder only; use --model adain")
    if transfer is not None and name != "adain":
        raise VidcolorError(f"--transfer {transfer}: --model {name} transfers no statistics; use --model adain")
    if sketch_output is not None and name != "sketch":
        raise VidcolorError(f"--sketch-output {sketch_output}: only --model sketch has it; leave it out")
    if name == "adain":
        from vidcolor.models.adain.model import AdainColorizer

        return AdainColorizer(where, encoder=encoder, seed=seed, method=transfer or "adain", dtype=dtype)
    if name == "sscn":
        from vidcolor.models.sscn.model import SscnColorizer

        return SscnColorizer(where, encoder=encoder, seed=seed, dtype=dtype)
    if name == "anchors":
        from vidcolor.models.anchors.model import AnchorsColorizer

        return AnchorsColorizer(where, seed, dtype=dtype)
    if name == "sketch":
        from vidcolor.models.sketch.model import SketchColorizer

        return SketchColorizer(where, sketch_output or "auto", seed, dtype=dtype)
    from vidcolor.models.exemplar.model import ExemplarColorizer
    from vidcolor.models.exemplar.two_scale import TwoScaleColorizer

    return TwoScaleColorizer(where, seed, dtype) if quality else ExemplarColorizer(where, seed, dtype=dtype)


def computing(settings: Settings) -> tuple[torch.device, torch.dtype]:
    """The device of the settings and what nets compute in there. Raises VidcolorError where it has either not."""
    device = pick_device(settings.device)
    return device, choose(device, settings.precision)


def pick_device(name: str) -> torch.device:
    """`auto` (cuda, then mps, then cpu), `cpu`, `cuda`, `cuda:N` or `mps` to a device that is there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise VidcolorError(f"--device {name}: no such device; one of auto, cpu, cuda, cuda:N, mps")
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[device.type]:
        raise VidcolorError(f"--device {name}: not available on this machine; use --device cpu")
    return device


def create_for(settings: Settings) -> Colorizer:
    """The model of the settings on its device. Raises VidcolorError where either is not to be had."""
    options = ("device", "encoder", "seed", "transfer", "sketch_output", "quality", "precision")
    return create(settings.model, **{name: getattr(settings, name) for name in options})
