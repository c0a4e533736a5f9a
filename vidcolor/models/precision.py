"""The device and the number format that nets compute in, chosen once from what the hardware reports.

Weights, colours and the outputs of nets stay float32; a reduced format is for the layers between.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

from vidcolor.errors import VidcolorError, warn
from vidcolor.models.options import PRECISIONS

DTYPES = {name: getattr(torch, name) for name in PRECISIONS if name != "auto"}
STORED = torch.float16
"""Format of weights in files and of features kept for a whole shot: it halves their size and is not computed in."""

_CPU_FEATURES = {
    torch.bfloat16: ("avx512_bf16", "amx_bf16", "avx10_2", "bf16", "sve_bf16"),
    torch.float16: ("avx512_fp16", "amx_fp16", "avx10_2", "fp16_arith"),
}
"""Names under which CPUs report arithmetic in a reduced format (`torch.cpu.get_capabilities`: x86-64, then ARM)."""


def computing(device: str = "auto", precision: str = "auto") -> tuple[torch.device, torch.dtype]:
    """A device by its name (`pick_device`) and the format that nets compute in there (`choose`)."""
    where = pick_device(device)
    return where, choose(where, precision)


def pick_device(name: str) -> torch.device:
    """`auto` (cuda, then mps, then cpu), `cpu`, `cuda`, `cuda:N` or `mps` to a device that is there.

    Raises VidcolorError for any other name, or where this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise VidcolorError(f"`device={name}`: no such device; one of auto, cpu, cuda, cuda:N, mps")
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[device.type]:
        raise VidcolorError(f"`device={name}`: not available on this machine; use `device=cpu`")
    return device


def leave_cores(device: torch.device) -> None:
    """Limit nets on a CPU to half of its cores, because decoding, motion and encoding run at the same time.

    OMP_NUM_THREADS overrides it. It holds for the whole process: call it once, at the start of a run.
    """
    if device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


def choose(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """The format in which nets compute on `device`: `wanted`, or what is quick there and safe.

    auto: a CPU's bfloat16 where it has instructions or matrix units for it, else float32; CUDA's bfloat16 from compute
    capability 8 on, float16 on 7.x, float32 before; float32 on MPS, whose GPUs compute as fast in it and cannot
    overflow. Raises VidcolorError for an unknown name, or a format that the device cannot compute in.
    """
    if wanted == "auto":
        return _automatic(device)
    if wanted not in DTYPES:
        raise VidcolorError(f"`precision={wanted}`: one of auto, {', '.join(DTYPES)}")
    dtype = DTYPES[wanted]
    if not _can(device, dtype):
        remedy = f"use another `device` or `precision={name(_automatic(device))}`"
        raise VidcolorError(f"`precision={wanted}`: {_called(device)} cannot compute in it; {remedy}")
    if device.type == "cpu" and dtype == torch.bfloat16 and not _cpu_has(dtype):
        warn("`precision=bfloat16`: this CPU only imitates it, many times slower than float32")
    return dtype


def name(dtype: torch.dtype) -> str:
    """Name of a format in `--precision`."""
    return next(name for name, one in DTYPES.items() if one == dtype)


def autocast(device: torch.device, dtype: torch.dtype | None = None) -> torch.autocast:
    """A context in which nets with float32 weights compute in `dtype`, or in the device's own."""
    dtype = dtype or choose(device)
    return torch.autocast(device.type, dtype if dtype != torch.float32 else None, enabled=dtype != torch.float32)


def training_autocast(device: torch.device, enabled: bool = True) -> torch.autocast:
    """The same for training: bfloat16 where it is quick, else float32, because gradients exceed float16's range."""
    dtype = _automatic(device)
    return autocast(device, dtype if enabled and dtype == torch.bfloat16 else torch.float32)


def current(device: torch.device) -> torch.dtype:
    """The format of the enclosing autocast context, float32 outside of any."""
    if torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    return torch.float32


def describe(device: torch.device, dtype: torch.dtype) -> str:
    """Device, precision and threads in words, for `--verbose`."""
    threads = torch.get_num_threads()
    return f"{_called(device)}, {name(dtype)}, {threads} thread{'' if threads == 1 else 's'} of {os.cpu_count()}"


@cache
def one_call(dtype: torch.dtype) -> bool:
    """Whether torch and the CPU can compute a convolution and its activation in one call, in `dtype`."""
    return hasattr(torch.ops.mkldnn, "_convolution_pointwise") and _onednn_has(dtype)


def _automatic(device: torch.device) -> torch.dtype:
    if device.type == "cpu" and _cpu_has(torch.bfloat16) and _onednn_has(torch.bfloat16):
        return torch.bfloat16
    if device.type == "cuda":
        major = torch.cuda.get_device_capability(device)[0]
        return torch.bfloat16 if major >= 8 else torch.float16 if major == 7 else torch.float32
    return torch.float32


def _can(device: torch.device, dtype: torch.dtype) -> bool:
    if dtype == torch.float32 or (device.type == "cpu" and dtype == torch.bfloat16):
        return True
    if device.type == "cpu":
        return _onednn_has(dtype)
    if device.type == "cuda" and dtype == torch.bfloat16:
        return torch.cuda.get_device_capability(device)[0] >= 8
    return True


def _cpu_has(dtype: torch.dtype) -> bool:
    return any(_cpu_capabilities().get(feature) for feature in _CPU_FEATURES[dtype])


def _onednn_has(dtype: torch.dtype) -> bool:
    """Whether oneDNN, which does a CPU's convolutions, computes in `dtype` here; ONEDNN_MAX_CPU_ISA may forbid it."""
    asked = {torch.bfloat16: "_is_mkldnn_bf16_supported", torch.float16: "_is_mkldnn_fp16_supported"}
    try:
        return dtype not in asked or bool(getattr(torch.ops.mkldnn, asked[dtype])())
    except AttributeError:
        return False


def _cpu_capabilities() -> Mapping[str, Any]:
    """What the CPU reports about itself; an older torch knows only the one feature that counts on x86-64."""
    if hasattr(torch.cpu, "get_capabilities"):
        return torch.cpu.get_capabilities()
    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return {"avx512_bf16": asked()}


def _called(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({_cpu_capabilities().get('cpu_name') or 'unnamed'})"
    return str(device)
