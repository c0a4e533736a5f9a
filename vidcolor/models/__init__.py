"""Every model behind one contract (`contract.py`): `names()` lists them, `create()` builds one."""

from __future__ import annotations

import os

import torch

from vidcolor.errors import VidcolorError
from vidcolor.models.contract import Colorizer

DEFAULT = "exemplar"


def names() -> tuple[str, ...]:
    """What `--model` takes, the default first."""
    return (DEFAULT, "adain", "sscn")


def create(name: str = DEFAULT, *, device: str = "auto", encoder: str | None = None, seed: int = 0) -> Colorizer:
    """Build a model with its shipped weights.

    encoder: a model's own variant (`vgg19`: the paper-size transfer sub-net of `adain`), or a file of weights for
    `adain` or `sscn`.
    Raises VidcolorError for an unknown model, a device that is not there, weights that are missing or changed.
    """
    where = pick_device(device)
    if where.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))  # the others decode, carry and encode meanwhile
    if name == "exemplar":
        if encoder is not None:
            raise VidcolorError(f"--encoder {encoder}: --model exemplar has one encoder only; use --model adain")
        from vidcolor.models.exemplar import Exemplar

        return Exemplar(where, seed)
    if name == "adain":
        from vidcolor.models.xu import Xu

        return Xu(where, encoder=encoder, seed=seed)
    if name == "sscn":
        from vidcolor.models.sscn import Sscn

        return Sscn(where, encoder=encoder, seed=seed)
    raise VidcolorError(f"--model {name}: there is no such model; one of {', '.join(names())}")


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
