"""The colour nets of global anchors: sizes, what each part sees, and that they can learn."""

import pytest
import torch

from vidcolor.models.anchors.net import AnchorsNet, Transformer, positions
from vidcolor.models.anchors.superpixels import SPixNet
from vidcolor.models.nets import color_bins
from vidcolor.models.nets.efficientnet_lite import CHANNELS

SMALL = {
    "width": 4, "fold": 4, "semantic": True, "spectral": False,
    "refine_width": 8, "refine_fold": 2, "guided": True, "dropout": 0.0,
}  # fmt: skip


def inputs(h=64, w=96, b=1, seed=0):
    torch.manual_seed(seed)
    l = torch.rand(b, 1, h, w) * 100
    association = SPixNet(2).eval()(l).detach()
    colors = color_bins.encode(torch.randn(b * h * w // 256, 2) * 30, color_bins.gamut()).view(b, -1, color_bins.BINS)
    mask = torch.zeros(b, h * w // 256, 1)
    mask[:, ::5] = 1
    maps = [torch.randn(b, c, h // s, w // s) for s, c in CHANNELS.items()]
    return l, association, colors, mask, maps


def counted(net):
    return sum(p.numel() for p in net.parameters())


def test_the_papers_size():
    net = AnchorsNet()
    assert counted(net) == 39_370_676
    assert counted(net.modeler) == 320_249 and len(net.modeler.layers) == 6
    assert net.told.weight.shape == (64, 64 + 313 + 1) and net.told.bias is None
    assert [block[0].stride for block in net.backbone.down] == [(1, 1), (2, 2), (2, 2), (2, 2)]
    assert hasattr(net.backbone.deep[2][0], "parametrizations")  # spectral norm


def test_the_papers_net_runs():
    torch.manual_seed(0)
    net = AnchorsNet(width=8, refine_width=8).eval()  # its layout, thinner
    l, association, colors, mask, _ = inputs(32, 48)
    ab, modeled, made = net(l, association, colors, mask)
    assert ab.shape == (1, 2, 32, 48) and ab.abs().max() <= 110
    assert modeled.shape == made.shape == (1, 6, 313)
    assert net.backbone(l).shape == (1, 64, 32, 48)


def test_the_thin_net_runs_and_needs_the_trunks_maps():
    net = AnchorsNet(**SMALL).eval()
    l, association, colors, mask, maps = inputs()
    ab, modeled, made = net(l, association, colors, mask, maps)
    assert ab.shape == (1, 2, 64, 96) and modeled.shape == made.shape == (1, 24, 313)
    other = net(l, association, colors, mask, [m * 0 for m in maps])[1]
    assert not torch.allclose(other, modeled)
    with pytest.raises(ValueError, match="needs the encoder's maps"):
        net(l, association, colors, mask)


def test_only_anchors_colors_are_seen_and_by_the_generator_alone():
    net = AnchorsNet(**SMALL).eval()
    l, association, colors, mask, maps = inputs()
    _, modeled, made = net(l, association, colors, mask, maps)
    _, modeled2, made2 = net(l, association, torch.where(mask > 0, colors, colors.flip(1)), mask, maps)
    torch.testing.assert_close(made, made2)
    _, modeled3, made3 = net(l, association, torch.where(mask > 0, colors.flip(-1), colors), mask, maps)
    assert not torch.allclose(made, made3, atol=1e-3)
    torch.testing.assert_close(modeled, modeled2)
    torch.testing.assert_close(modeled, modeled3)


def test_one_anchor_reaches_every_token():
    torch.manual_seed(0)
    net = AnchorsNet(**SMALL).eval()
    _, _, colors, mask, _ = inputs()
    tokens = torch.randn(1, 64, 4, 6)
    mask[:], mask[0, 7] = 0, 1
    other = colors.clone()
    other[0, 7] = colors[0, 8]
    change = (net.generate(tokens, colors, mask)[1] - net.generate(tokens, other, mask)[1]).abs().amax(-1)
    assert (change > 1e-5).all() and change.argmax() == 7


def test_tokens_are_told_where_they_are():
    torch.manual_seed(0)
    net = Transformer(0.0).eval()
    x = torch.randn(1, 12, 64)
    here, elsewhere = positions(3, 4), positions(2, 6)
    assert here.shape == (12, 64) and len(here.unique(dim=0)) == 12
    assert not torch.allclose(net(x, here)[1], net(x, elsewhere)[1], atol=1e-4)
    order = torch.randperm(12)
    torch.testing.assert_close(net(x[:, order], here[order])[1], net(x, here)[1][:, order], atol=1e-4, rtol=1e-4)
