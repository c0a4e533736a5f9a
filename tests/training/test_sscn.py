"""What SSCN is trained on, and that its loss can be learned."""

import cv2
import numpy as np
import pytest
import torch

from vidcolor.models.sscn import net as sscn_net
from vidcolor.models.sscn.net import SSCN
from vidcolor.models.sscn.tokens import Choice
from vidcolor.training import sscn


@pytest.mark.slow
def test_four_pictures_can_be_learned_by_heart(monkeypatch):
    monkeypatch.setattr(sscn_net, "STYLE_SIDE", 128)  # a quarter of the time
    torch.manual_seed(0)
    net = SSCN(width=4, fold=2, residuals=1)
    l = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 100
    ab = torch.nn.functional.interpolate(torch.randn(4, 2, 4, 4) * 30, size=32, mode="bilinear")
    data = {"l": l, "ab": ab, "key": torch.cat([l, ab], 1)}
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    errors = []
    for _ in range(50):
        terms = sscn.loss(net, None, data, Choice(16, 16, "mean", gather=False))
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        errors.append({name: float(value.detach()) for name, value in terms.items()})
    assert errors[-1]["second"] < 0.35 * errors[0]["second"]
    assert errors[-1]["first"] < 0.5 * errors[0]["first"]
    assert errors[-1]["entropy"] < errors[0]["entropy"] - 1
    untouched = [name for name, p in net.named_parameters() if p.grad is None]
    assert untouched == ["confidence_weight", "fade_weight"]


def test_a_reference_of_oneself_is_bent_and_sometimes_cut_up():
    rough = np.random.default_rng(0).uniform((20, -40, -40), (80, 40, 40), (8, 8, 3)).astype(np.float32)
    lab = cv2.resize(rough, (64, 64), interpolation=cv2.INTER_NEAREST)
    near = []
    for seed in range(30):
        other = sscn.self_reference(lab, np.random.default_rng(seed))
        assert other.shape == lab.shape and not np.array_equal(other, lab)
        near.append(np.linalg.norm(other.mean((0, 1)) - lab.mean((0, 1))))
    assert np.median(near) < 5


def test_confidence_is_fitted_to_what_was_right_and_the_share_to_what_is_nearer():
    net = SSCN(width=4, fold=2, residuals=1)

    class Known:
        def evidence(self, net, see):
            generator = torch.Generator().manual_seed(0)
            x = torch.rand(4, 2000, 2, generator=generator)
            right = torch.rand(4, 2000, generator=generator) < torch.sigmoid(-2 + 6 * x[..., 0] - 3 * x[..., 1])
            copied = torch.where(right, 3.0, 30.0)[..., None].expand(-1, -1, 2)
            return {"evidence": x, "copied": copied, "first": copied * 0 + 12, "truth": copied * 0}

    said = sscn.fit_confidence(net, None, Known())
    torch.testing.assert_close(net.confidence_weight.data, torch.tensor([-2.0, 6.0, -3.0]), atol=0.5, rtol=0)
    share = net.fade_weight
    assert share[1] > 0 > share[2]
    before, after = (np.exp(float(x)) for x in said.split("square error ")[1].split(" -> "))
    assert after < 0.7 * before
