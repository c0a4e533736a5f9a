"""The colour nets of global anchors: sizes, what each part sees, and that they can learn."""

import numpy as np
import pytest
import torch
from scripts_of import script

from vidcolor.models.anchors.net import AnchorsNet, Transformer, positions, rebalance
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
    shares = SPixNet(2).eval()(l).detach()
    colors = color_bins.encode(torch.randn(b * h * w // 256, 2) * 30, color_bins.gamut()).view(b, -1, color_bins.BINS)
    mask = torch.zeros(b, h * w // 256, 1)
    mask[:, ::5] = 1
    maps = [torch.randn(b, c, h // s, w // s) for s, c in CHANNELS.items()]
    return l, shares, colors, mask, maps


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
    l, shares, colors, mask, _ = inputs(32, 48)
    ab, modeled, made = net(l, shares, colors, mask)
    assert ab.shape == (1, 2, 32, 48) and ab.abs().max() <= 110
    assert modeled.shape == made.shape == (1, 6, 313)
    assert net.backbone(l).shape == (1, 64, 32, 48)


def test_the_thin_net_runs_and_needs_the_trunks_maps():
    net = AnchorsNet(**SMALL).eval()
    l, shares, colors, mask, maps = inputs()
    ab, modeled, made = net(l, shares, colors, mask, maps)
    assert ab.shape == (1, 2, 64, 96) and modeled.shape == made.shape == (1, 24, 313)
    other = net(l, shares, colors, mask, [m * 0 for m in maps])[1]
    assert not torch.allclose(other, modeled)
    with pytest.raises(ValueError, match="needs the encoder's maps"):
        net(l, shares, colors, mask)


def test_only_anchors_colors_are_seen_and_by_the_generator_alone():
    net = AnchorsNet(**SMALL).eval()
    l, shares, colors, mask, maps = inputs()
    _, modeled, made = net(l, shares, colors, mask, maps)
    _, modeled2, made2 = net(l, shares, torch.where(mask > 0, colors, colors.flip(1)), mask, maps)
    torch.testing.assert_close(made, made2)
    _, modeled3, made3 = net(l, shares, torch.where(mask > 0, colors.flip(-1), colors), mask, maps)
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


def test_rare_colors_weigh_more():
    prior = torch.tensor([0.7, 0.2, 0.1, 0.0])
    weight = rebalance(prior)
    assert float((weight * prior).sum()) == pytest.approx(1)
    assert weight.diff().gt(0).all()
    assert float(weight[3] / weight[0]) == pytest.approx((0.35 + 0.125) / 0.125)
    flat = rebalance(prior, 1.0)
    torch.testing.assert_close(flat, torch.ones(4))


training = script("train_anchors")


class NoTrunk(torch.nn.Module):
    """Plain averages for the encoder's maps."""

    def forward(self, l):
        return [torch.nn.functional.avg_pool2d(l / 100, s).expand(-1, c, -1, -1) for s, c in CHANNELS.items()]


def patches(n=4, h=64, w=64):
    """Pictures of two halves, each of a lightness and a colour of its own."""
    l, ab = torch.zeros(n, 1, h, w), torch.zeros(n, 2, h, w)
    for i in range(n):
        l[i, :, : h // 2], l[i, :, h // 2 :] = 30 + 8 * i, 60 + 8 * i
        ab[i, :, : h // 2], ab[i, :, h // 2 :] = (
            torch.tensor(c)[:, None, None] for c in ((40.0 - 20 * i, 30.0), (-20.0, 10.0 * i - 30))
        )
    return {"l": l, "clean": l, "ab": ab, "kind": torch.zeros(n, dtype=torch.long)}


def test_the_training_loss_overfits_four_pictures():
    torch.manual_seed(0)
    net = AnchorsNet(**SMALL)
    shares = torch.zeros(4, 9, 64, 64)
    shares[:, 4] = 1
    loss = training.Colors(lambda l: shares, NoTrunk(), torch.full((313,), 1 / 313))
    batch = patches()
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)  # post-norm layers do not bear much more
    rows = []
    for _ in range(40):
        terms = loss.loss(net, batch)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        rows.append({k: float(v.detach()) for k, v in terms.items()})
    assert rows[-1]["ab"] < 0.4 * rows[0]["ab"]
    assert rows[-1]["modeler"] < 0.6 * rows[0]["modeler"]
    assert rows[-1]["generator"] < 0.6 * rows[0]["generator"]


def test_the_superpixel_loss_falls():
    torch.manual_seed(0)
    net, batch = SPixNet(4), patches(2)
    batch = {k: torch.roll(v, 5, 2) if v.ndim == 4 else v for k, v in batch.items()}  # edges inside cells
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    rows = []
    for _ in range(40):
        terms = training.superpixel_loss(net, batch)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        rows.append(float(terms["ab"].detach()))
    assert rows[-1] < 0.6 * rows[0]


def test_training_pictures_are_turned_and_recolored():
    rng = np.random.default_rng(0)
    rgb = np.full((200, 260, 3), (200, 40, 40), np.uint8)
    rgb[:, 130:] = (60, 60, 200)
    data = training.Pictures([rgb], [])
    batch = data.batch(24, rng)
    assert batch["l"].shape == (24, 1, *training.SIZE) and batch["ab"].shape == (24, 2, *training.SIZE)
    assert set(batch["kind"].tolist()) == {0, 1, 2}
    natural = batch["ab"][batch["kind"] == 0]
    assert (natural[:, 0] > 5).all()  # both colours lie on the side of red
    assert (batch["ab"][batch["kind"] == 1][:, 0].amin((1, 2)) < 0).any()
    prior = training.prior_of([rgb])
    assert float(prior.sum()) == pytest.approx(1) and (prior > 0.05).sum() >= 2
