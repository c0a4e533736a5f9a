"""What the anchors' nets are trained on, and that their losses can be learned."""

import numpy as np
import pytest
import torch

from vidcolor.models.anchors.net import AnchorsNet
from vidcolor.models.anchors.superpixels import SPixNet
from vidcolor.models.nets.efficientnet_lite import CHANNELS
from vidcolor.training import anchors

SMALL = {
    "width": 4, "fold": 4, "semantic": True, "spectral": False,
    "refine_width": 8, "refine_fold": 2, "guided": True, "dropout": 0.0,
}  # fmt: skip


def test_rare_colors_weigh_more():
    prior = torch.tensor([0.7, 0.2, 0.1, 0.0])
    weight = anchors.rebalance(prior)
    assert float((weight * prior).sum()) == pytest.approx(1)
    assert weight.diff().gt(0).all()
    assert float(weight[3] / weight[0]) == pytest.approx((0.35 + 0.125) / 0.125)
    flat = anchors.rebalance(prior, 1.0)
    torch.testing.assert_close(flat, torch.ones(4))


class NoEncoder(torch.nn.Module):
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


@pytest.mark.slow
def test_the_training_loss_overfits_four_pictures():
    torch.manual_seed(0)
    net = AnchorsNet(**SMALL)
    association = torch.zeros(4, 9, 64, 64)
    association[:, 4] = 1
    loss = anchors.Colors(lambda l: association, NoEncoder(), torch.full((313,), 1 / 313))
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


@pytest.mark.slow
def test_the_superpixel_loss_falls():
    torch.manual_seed(0)
    net, batch = SPixNet(4), patches(2)
    batch = {k: torch.roll(v, 5, 2) if v.ndim == 4 else v for k, v in batch.items()}  # edges inside cells
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    rows = []
    for _ in range(40):
        terms = anchors.superpixel_loss(net, batch)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        rows.append(float(terms["ab"].detach()))
    assert rows[-1] < 0.6 * rows[0]


def test_training_pictures_are_turned_and_recolored():
    rng = np.random.default_rng(0)
    rgb = np.full((200, 260, 3), (200, 40, 40), np.uint8)
    rgb[:, 130:] = (60, 60, 200)
    data = anchors.Pictures([rgb], [])
    batch = data.batch(24, rng)
    assert batch["l"].shape == (24, 1, *anchors.SIZE) and batch["ab"].shape == (24, 2, *anchors.SIZE)
    assert set(batch["kind"].tolist()) == {0, 1, 2}
    natural = batch["ab"][batch["kind"] == 0]
    assert (natural[:, 0] > 5).all()  # both colours lie on the side of red
    assert (batch["ab"][batch["kind"] == 1][:, 0].amin((1, 2)) < 0).any()
    prior = anchors.prior_of([rgb])
    assert float(prior.sum()) == pytest.approx(1) and (prior > 0.05).sum() >= 2
