"""The colorization sub-net: sizes, layouts, hints."""

import pytest
import torch

from vidcolor.models.nets.colornet import AB_SCALE, GATE, ColorizationNet
from vidcolor.models.nets.efficientnet_lite import CHANNELS


@pytest.mark.parametrize("layout", ["zhang17", "xu"])
def test_paper_size_has_the_papers_parameters(layout):
    with torch.device("meta"):
        net = ColorizationNet(layout=layout)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(34.2e6, rel=0.02)


@pytest.mark.parametrize("layout", ["zhang17", "xu"])
@pytest.mark.parametrize("fold", [1, 2])
@pytest.mark.parametrize("size", [(64, 96), (45, 61)])
def test_any_size_comes_back_as_it_went_in(layout, fold, size):
    net = ColorizationNet(width=4, layout=layout, fold=fold).eval()
    ab = net(torch.rand(2, 1, *size) * 100, torch.zeros(2, 2, *size), torch.zeros(2, 1, *size))
    assert ab.shape == (2, 2, *size)
    assert ab.abs().max() <= AB_SCALE


def test_a_hint_without_mask_is_not_seen_and_one_with_mask_is():
    torch.manual_seed(0)
    net = ColorizationNet(width=4, fold=2).eval()
    l, none = torch.rand(1, 1, 32, 32) * 100, torch.zeros(1, 1, 32, 32)
    hint = torch.randn(1, 2, 32, 32) * 40
    empty = net(l, torch.zeros_like(hint), none)
    assert torch.equal(net(l, hint, none), empty)
    assert not torch.allclose(net(l, hint, none + 1), empty)


@pytest.mark.slow
def test_learns_to_copy_hints():
    """Four pictures, overfitted: the net must be able to follow dense hints."""
    torch.manual_seed(0)
    net = ColorizationNet(width=8, fold=2)
    l = torch.rand(4, 1, 32, 32) * 100
    ab = torch.nn.functional.interpolate(torch.randn(4, 2, 4, 4) * 30, size=32, mode="bilinear")
    mask = torch.ones(4, 1, 32, 32)
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    first = last = 0.0
    for step in range(120):
        error = (net(l, ab, mask) - ab).abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        first, last = (error.item(), 0.0) if step == 0 else (first, error.item())
    assert last < 0.35 * first


def test_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="zhang17 or xu"):
        ColorizationNet(layout="other")  # type: ignore[arg-type]


def test_semantic_net_sees_the_maps_and_passes_dense_hints_on():
    torch.manual_seed(0)
    net = ColorizationNet(width=4, fold=2, semantic=True).eval()
    torch.nn.init.zeros_(net.out.weight)
    torch.nn.init.zeros_(net.out.bias)  # type: ignore[arg-type]
    l, hint, mask = torch.rand(1, 1, 64, 96) * 100, torch.full((1, 2, 32, 48), 40.0), torch.ones(1, 1, 32, 48)
    maps = [torch.randn(1, CHANNELS[stride], 64 // stride, 96 // stride) for stride in (4, 8, 16)]
    passed = net(l, hint, mask, maps)
    assert passed.shape == (1, 2, 64, 96)
    assert torch.allclose(passed, 40 * torch.sigmoid(torch.tensor(GATE)).expand_as(passed), atol=1e-3)
    assert net(l, hint, torch.zeros_like(mask), maps).abs().max() == 0
    torch.nn.init.normal_(net.out.weight)
    assert not torch.allclose(net(l, hint, mask, maps), net(l, hint, mask, [m * 0 for m in maps]))
    with pytest.raises(ValueError, match="needs the encoder's maps"):
        net(l, hint, mask)
