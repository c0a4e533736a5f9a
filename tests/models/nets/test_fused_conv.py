"""Convolutions with their activation in one call: the same function."""

import pytest
import torch

from vidcolor.models.nets import fused_conv
from vidcolor.models.nets.colornet import ColorizationNet


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    plain, made = (ColorizationNet(width=8, fold=2).eval().requires_grad_(False) for _ in range(2))
    made.load_state_dict(plain.state_dict())
    fused_conv.fuse(made)
    return plain, made


def inputs():
    generator = torch.Generator().manual_seed(1)
    l, hint = torch.rand(1, 1, 64, 96, generator=generator) * 100, torch.randn(1, 2, 64, 96, generator=generator) * 40
    return l, hint, torch.ones(1, 1, 64, 96)


def test_every_convolution_is_fused_and_no_activation_is_lost_or_done_twice(pair):
    plain, made = pair
    convs = [m for m in made.modules() if isinstance(m, fused_conv.FusedConv)]
    assert len(convs) == sum(isinstance(m, torch.nn.Conv2d) for m in plain.modules())
    relus = sum(isinstance(m, torch.nn.ReLU) for m in plain.modules())
    assert sum(c.act == "relu" for c in convs) == relus > 0
    assert not any(isinstance(m, torch.nn.ReLU) for m in made.modules())


def test_the_same_in_float32(pair):
    assert torch.equal(pair[0](*inputs()), pair[1](*inputs()))


@pytest.mark.parametrize("one_call", [True, False])
def test_the_same_in_bfloat16_with_and_without_one_call(pair, one_call, monkeypatch):
    if not one_call:
        monkeypatch.setattr(fused_conv, "one_call", lambda dtype: False)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        a, b = (net(*inputs()) for net in pair)
    torch.testing.assert_close(a, b, rtol=0, atol=0.5)  # ab units; on some CPUs the calls add up in another order
    assert a.abs().max() > 1


def test_fusing_twice_changes_nothing(pair):
    before = pair[1](*inputs())
    fused_conv.fuse(pair[1])
    assert torch.equal(pair[1](*inputs()), before)
