"""Trained weights: safetensors inside the package, half precision on disk, single in memory, SHA-256 checked.

A file `NAME.safetensors` carries its own description under the metadata key `vidcolor`: a JSON object with at
least `net` (what the weights are for) and `settings` (the constructor's arguments of that net).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import nn

from vidcolor.errors import VidcolorError
from vidcolor.files import write_atomic
from vidcolor.models.precision import STORED
from vidcolor.reasons import reason

FOLDER = Path(__file__).resolve().parent.parent / "weights"
"""Where the weights that come with the package lie."""
SUMS = "SHA256SUMS"
"""Name of the checksum list in that folder, in the layout of `sha256sum`."""
SUFFIX = ".safetensors"
COUNTER = "num_batches_tracked"
"""Counter of batch norms in training: not written, and not missed when weights are loaded."""
_MISFIT = "{}: weights do not fit this version's net; give another file or install vidcolor again"


class TrainedNet(nn.Module):
    """A net with a file of trained weights."""

    weights_name: ClassVar[str]
    """The `net` in the metadata of every file of its weights, and the name of the shipped one, without suffix."""

    def optimize(self) -> None:
        """Make the net faster without changing its results; called in eval mode, after weights are loaded."""


Net = TypeVar("Net", bound=TrainedNet)


def load(name: str | os.PathLike[str], net: str | None = None) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read weights as (state_dict, metadata), floating tensors as float32.

    name: a shipped file's name without suffix (`colornet`), whose SHA-256 must be the one in `SHA256SUMS`; or
    the path of a user's own `.safetensors` file, of which only the metadata is checked.
    net: the metadata's `net` must be this; by default the shipped name itself, anything for a user's file.
    Raises VidcolorError where the file is missing, was changed, or is not weights of that net.
    """
    data, path, shipped = _read(name)
    metadata = _metadata(data, path)
    wanted = net if net is not None else (str(name) if shipped else None)
    if wanted is not None and metadata["net"] != wanted:
        raise VidcolorError(f"{path}: holds weights of '{metadata['net']}', not of '{wanted}'; give a file made for it")
    try:
        tensors = load_bytes(data)
    except SafetensorError as error:
        raise VidcolorError(f"{path}: not a readable safetensors file ({error}); replace the file") from None
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}, metadata


def load_net(kind: type[Net], name: str | os.PathLike[str] | None = None) -> Net:
    """A trained net on the CPU, in eval mode, frozen, channels last.

    kind: its class; the metadata's `settings` are its constructor's arguments. name: as `load` takes it; None for
    the shipped weights. Raises VidcolorError as `load` does, and where the weights do not fit the net.
    """
    name = kind.weights_name if name is None else name
    state, metadata = load(name, kind.weights_name)
    try:
        net = kind(**metadata["settings"])
    except (TypeError, ValueError, RuntimeError):
        raise VidcolorError(_MISFIT.format(name)) from None
    load_into(net, state, name)
    net.eval().optimize()
    return net.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def load_into(net: nn.Module, state: Mapping[str, torch.Tensor], name: str | os.PathLike[str]) -> None:
    """Put a state dict into a net; only batch norms' counters may be missing from it.

    Raises VidcolorError where names or shapes do not fit.
    """
    try:
        missing, unexpected = net.load_state_dict(state, strict=False)
    except RuntimeError:
        missing, unexpected = ["shapes"], []
    if unexpected or any(not key.endswith(COUNTER) for key in missing):
        raise VidcolorError(_MISFIT.format(name))


def save(path: str | os.PathLike[str], state_dict: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> str:
    """Write weights with floating tensors as float16, whole or not at all; returns the file's SHA-256 (hex).

    metadata: JSON values, with at least `net` and `settings`. Raises VidcolorError where a value is beyond
    half precision, where `net` or `settings` is missing, or where the file cannot be written.
    """
    path = Path(path)
    for key in ("net", "settings"):
        if key not in metadata:
            raise VidcolorError(f"{path}: the metadata of weights needs '{key}'; add it")
    tensors = {}
    for key, value in state_dict.items():
        if key.endswith(COUNTER):
            continue
        value = value.detach().cpu().contiguous()
        if value.is_floating_point():
            value = value.to(STORED)
            if not torch.isfinite(value).all():
                raise VidcolorError(f"{path}: tensor '{key}' holds values beyond half precision; train it again")
        tensors[key] = value
    data = save_bytes(tensors, {"vidcolor": json.dumps(dict(metadata), sort_keys=True)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except OSError as error:
        raise VidcolorError(f"{path}: the weights cannot be written: {reason(error)}") from None
    return hashlib.sha256(data).hexdigest()


def digest(settings: str, *nets: torch.nn.Module | None) -> str:
    """SHA-256 (hex) of settings and of the weights of nets as they are in memory, for a model's fingerprint."""
    total = hashlib.sha256(settings.encode())
    for net in filter(None, nets):
        for key, value in net.state_dict().items():
            total.update(key.encode() + value.cpu().numpy().tobytes())
    return total.hexdigest()


def available() -> list[str]:
    """Names of the weights that come with the package."""
    return sorted(file.removesuffix(SUFFIX) for file in sums())


def _read(name: str | os.PathLike[str]) -> tuple[bytes, Path, bool]:
    """A weights file's bytes, its path, and whether it is one of the package's."""
    shipped = not str(name).endswith(SUFFIX) and not isinstance(name, os.PathLike) and os.sep not in name
    path = FOLDER / f"{name}{SUFFIX}" if shipped else Path(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        remedy = "install vidcolor again" if shipped else f"give an existing {SUFFIX} file"
        raise VidcolorError(f"{path}: the weights cannot be read: {reason(error, remedy)}") from None
    if shipped:
        expected = sums().get(path.name)
        if expected is None:
            raise VidcolorError(f"{path}: no SHA-256 of these weights in {FOLDER / SUMS}; install vidcolor again")
        if hashlib.sha256(data).hexdigest() != expected:
            raise VidcolorError(
                f"{path}: the weights were changed (SHA-256 differs from {SUMS}); install vidcolor again"
            )
    return data, path, shipped


def sums() -> dict[str, str]:
    """File name to SHA-256, as `SHA256SUMS` has it."""
    path = FOLDER / SUMS
    if not path.exists():
        return {}
    rows = (line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip())
    return {file.lstrip("*"): digest for digest, file in rows}


def _metadata(data: bytes, path: Path) -> dict[str, Any]:
    """The JSON object under `vidcolor` in a safetensors header (8 bytes of length, then JSON)."""
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = json.loads(header["__metadata__"]["vidcolor"])
        if not (isinstance(metadata["net"], str) and isinstance(metadata["settings"], dict)):
            raise TypeError
    except (ValueError, KeyError, TypeError, OverflowError):
        raise VidcolorError(
            f"{path}: no vidcolor weights (no metadata of net and settings); give another file"
        ) from None
    return metadata
