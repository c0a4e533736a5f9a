"""From a finished run to a file of weights in the package."""

import pytest
import torch

from vidcolor.models import weights
from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.training.shipping import absorb_statistics, restore_statistics, ship

STATE = {"a": torch.ones(2)}
METADATA = {"net": "thing", "settings": {}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    return tmp_path


def test_a_second_net_keeps_the_first_ones_sum(folder):
    ship("thing", STATE, METADATA)
    ship("other", STATE, {**METADATA, "net": "other"})
    ship("thing", {"b": torch.ones(1)}, METADATA)
    assert weights.available() == ["other", "thing"]
    assert weights.load("thing")[0].keys() == {"b"}
    assert weights.load("other")[0].keys() == STATE.keys()


def test_absorbed_and_restored_statistics_keep_the_function():
    torch.manual_seed(0)
    net = ColorizationNet(4, fold=2).eval()
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        for x, low in ((norm.weight, 0.5), (norm.bias, -1), (norm.running_mean, -1), (norm.running_var, 0.5)):
            torch.nn.init.uniform_(x, low, low + 1)
    inputs = torch.rand(2, 1, 64, 64) * 100, torch.randn(2, 2, 32, 32) * 20, torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        expected = net(*inputs)
        absorb_statistics(net)
        torch.testing.assert_close(net(*inputs), expected, rtol=1e-3, atol=1e-3)
        restore_statistics(net, lambda: net(*inputs))
        torch.testing.assert_close(net(*inputs), expected, rtol=1e-3, atol=1e-3)
        for norm in norms:
            norm.train()  # these inputs' own statistics
        torch.testing.assert_close(net(*inputs), expected, rtol=1e-3, atol=1e-3)
