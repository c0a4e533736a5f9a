"""The encoder with its batch norms, activations and paddings folded in is the same function."""

import pytest
import torch
from torch import nn

from vidcolor.models.matching.base import KeyTokens
from vidcolor.models.matching.cosine import CANDIDATES
from vidcolor.models.matching.trained import TrainedMatcher
from vidcolor.models.nets import fused_conv
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    plain, folded = EfficientNetLite().eval(), EfficientNetLite().eval()
    for m in plain.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.normal_(m.running_mean, 0, 0.1)
            nn.init.uniform_(m.running_var, 0.5, 2)
    folded.load_state_dict(plain.state_dict())
    folded.optimize()
    return plain.requires_grad_(False), folded.requires_grad_(False)


def grey(h: int = 64, w: int = 96) -> torch.Tensor:
    return torch.rand(1, 1, h, w, generator=torch.Generator().manual_seed(1)) * 100


def test_folded_is_the_same_in_float32(pair):
    plain, folded = (net(grey()) for net in pair)
    for a, b in zip(plain, folded):
        assert a.shape == b.shape and (a - b).abs().max() < 1e-4 * a.abs().max()


def test_folded_is_the_same_in_bfloat16_with_and_without_one_call(pair, monkeypatch):
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        one = pair[1](grey())
        monkeypatch.setattr(fused_conv, "one_call", lambda dtype: False)
        two = pair[1](grey())
    for a, b, exact in zip(one, two, pair[0](grey())):
        assert a.dtype == b.dtype == torch.bfloat16
        assert (a - b).abs().max() < 0.02 * exact.abs().max() and (a - exact).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize("dtype, near", [(torch.float32, 1e-4), (torch.bfloat16, 0.005)])
def test_candidates_are_the_best_places_but_for_neighbours_in_a_group(dtype, near):
    torch.manual_seed(2)
    net = TrainedMatcher().requires_grad_(False)
    coarse, query = (nn.functional.normalize(torch.randn(n, 96), dim=1) for n in (1792, 40))
    bias = torch.zeros(1792)
    bias[:896] = -1e4  # a half that says nothing
    where = net.candidates(query, KeyTokens(coarse.T, torch.empty(0, dtype=dtype), torch.empty(0), bias))
    cosine = query @ coarse.T + bias
    assert where.shape == (40, CANDIDATES) and where.min() >= 896
    assert all(len(set(row.tolist())) == CANDIDATES for row in where)
    best = cosine.topk(CANDIDATES).values
    found = cosine.gather(1, where)
    assert (best[:, 0] - found.amax(1)).max() < near  # the best one, or one as good to `dtype`
    assert (best.mean(1) - found.mean(1)).max() < 0.02
