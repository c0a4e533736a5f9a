"""What a device computes in: chosen from what the hardware reports, the same colours in all of them."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import vidcolor
from vidcolor.color.delta_e import ciede2000
from vidcolor.color.lab import rgb_to_lab
from vidcolor.errors import VidcolorError
from vidcolor.models import precision, registry
from vidcolor.models.base import Batch
from vidcolor.settings import Settings
from vidcolor.shot import Reference, Shot, quantized

CPU, CUDA, MPS = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))
KEY = Path(__file__).parents[2] / "samples" / "keys" / "ref_000048.png"
SIZE = (64, 96)
ACTIVATIONS = 65504 / 8
"""A float16's largest number, less room for films that are not tried here."""


def reports(monkeypatch, *features, onednn=True):
    """A CPU that reports these features."""
    monkeypatch.setattr(precision, "_cpu_capabilities", lambda: dict.fromkeys(features, True))
    monkeypatch.setattr(precision, "_onednn_has", lambda dtype: dtype == torch.float32 or onednn)


@pytest.mark.parametrize(
    "features, wanted",
    [
        (("avx2",), torch.float32),  # Zen 2 and 3, Core 12 to 14
        (("avx2", "avx_vnni", "avx_ne_convert"), torch.float32),  # converts, but does not multiply
        (("avx2", "avx512_f", "avx512_bw", "avx512_vnni"), torch.float32),  # Ice Lake
        (("avx2", "avx512_bf16"), torch.bfloat16),  # Zen 4
        (("avx2", "amx_tile", "amx_bf16"), torch.bfloat16),  # Sapphire Rapids
        (("neon", "fp16_arith"), torch.float32),
        (("neon", "fp16_arith", "bf16"), torch.bfloat16),  # Graviton 3
    ],
)
def test_a_cpu_computes_in_bfloat16_where_it_reports_instructions_for_it(monkeypatch, features, wanted):
    reports(monkeypatch, *features)
    assert precision.choose(CPU) == wanted


def test_a_cpu_whose_onednn_may_not_use_its_bfloat16_computes_in_float32(monkeypatch):
    reports(monkeypatch, "avx512_bf16", onednn=False)
    assert precision.choose(CPU) == torch.float32


@pytest.mark.parametrize(
    "capability, wanted",
    [
        ((6, 1), torch.float32),
        ((7, 0), torch.float16),
        ((7, 5), torch.float16),
        ((8, 0), torch.bfloat16),
        ((12, 0), torch.bfloat16),
    ],
)
def test_a_gpu_computes_in_what_its_generation_is_quick_in(monkeypatch, capability, wanted):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.choose(CUDA) == wanted


def test_mps_computes_in_float32():
    assert precision.choose(MPS) == torch.float32


def test_the_user_has_the_last_word_where_the_device_can(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    assert precision.choose(CUDA, "float32") == torch.float32
    with pytest.raises(VidcolorError, match=r"`precision=bfloat16`: cuda \(Tesla T4\) cannot .* `precision=float16`"):
        precision.choose(CUDA, "bfloat16")
    reports(monkeypatch, "avx2", onednn=False)
    with pytest.raises(VidcolorError, match=r"`precision=float16`: cpu .* `precision=float32`"):
        precision.choose(CPU, "float16")
    with pytest.raises(VidcolorError, match="`precision=int8`: one of auto, float32"):
        precision.choose(CPU, "int8")


def test_imitated_bfloat16_is_said(monkeypatch, capsys):
    reports(monkeypatch, "avx2")
    assert precision.choose(CPU, "bfloat16") == torch.bfloat16
    assert "only imitates" in capsys.readouterr().err


def test_training_is_in_bfloat16_or_float32_never_in_float16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert not precision.training_autocast(CUDA)._enabled
    reports(monkeypatch, "avx512_bf16")
    for enabled in (True, False):
        with precision.training_autocast(CPU, enabled):
            assert precision.current(CPU) == (torch.bfloat16 if enabled else torch.float32)


def test_one_file_names_reduced_formats():
    package = Path(vidcolor.__file__).parent
    named = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if re.search(r"bfloat16|torch\.(float16|half)\b|\.half\(\)", file.read_text())
    }
    assert named == {"models/options.py", "models/precision.py"}


def scene():
    """Three frames of a shot, and the key of another view of it."""
    lab = rgb_to_lab(cv2.imread(str(KEY))[..., ::-1].astype(np.float32) / 255)
    views = [cv2.resize(lab[n : n + 180, 2 * n :], SIZE[::-1], interpolation=cv2.INTER_AREA) for n in (0, 2, 4, 6)]
    lightness = np.stack([quantized(view[..., 0]) for view in views[1:]])
    return Shot(lightness, 1), Reference(views[0], 0)


def colors_of(model):
    """(3, h, w, 3) Lab: what a model makes of the scene."""
    shot, key = scene()
    state = model.prepare(shot, [key])
    l = torch.from_numpy(shot.grey(slice(None)))[:, None]
    ab = model.colorize(Batch(l, range(3)), state).ab.float()
    return torch.cat([l, ab], 1).permute(0, 2, 3, 1).numpy()


CASES = [(name, {}) for name in registry.names()] + [("exemplar", {"quality": True}), ("adain", {"transfer": "wct"})]


@pytest.mark.parametrize("name, options", CASES)
def test_every_model_has_the_same_colours_in_float32_and_bfloat16(name, options):
    exact, reduced = (registry.create(name, device="cpu", precision=p, **options) for p in ("float32", "bfloat16"))
    assert (exact.dtype, reduced.dtype) == (torch.float32, torch.bfloat16)
    a, b = colors_of(exact), colors_of(reduced)
    apart = ciede2000(a, b)
    assert a[..., 1:].std() > 1, "there are colours"
    # anchors are chosen one by one: the least difference may choose a neighbour
    assert 0 < apart.mean() < (4 if name == "anchors" else 0.5), "of one another in CIEDE2000"


@pytest.mark.parametrize("name, options", CASES)
def test_no_model_leaves_the_range_of_float16(name, options):
    model = registry.create(name, device="cpu", precision="float32", **options)
    largest = []

    def hook(module, given, made):
        largest.extend(float(x.abs().max()) for x in (made,) if isinstance(x, torch.Tensor) and x.numel())

    watching = torch.nn.modules.module.register_module_forward_hook(hook)
    try:
        colors_of(model)
    finally:
        watching.remove()
    assert len(largest) > 20 and max(largest) < ACTIVATIONS


@pytest.mark.skipif(not precision._can(CPU, torch.float16), reason="this CPU does not compute in float16")
def test_float16_gives_the_same_colours():
    exact, reduced = (registry.create("exemplar", device="cpu", precision=p) for p in ("float32", "float16"))
    assert ciede2000(colors_of(exact), colors_of(reduced)).mean() < 0.3


def test_precision_shapes_a_unit_and_the_device_does_not():
    plain = Settings(precision="float32")
    assert replace(plain, precision="bfloat16").shaping() != plain.shaping()
    assert replace(plain, device="cuda").shaping() == plain.shaping()
