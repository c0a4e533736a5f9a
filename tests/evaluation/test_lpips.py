"""LPIPS: what equal, alike and unlike pictures get. The authors' own example pairs gave 0.722 and 0.138 with these
weights, as in their README; they are not in this repository."""

import numpy as np
import pytest
import torch
from skimage import data

from vidcolor.errors import VidcolorError
from vidcolor.evaluation import lpips as module
from vidcolor.evaluation.lpips import Lpips, lpips, net


def picture():
    return data.astronaut()[64:320, 64:320].astype(np.float32) / 255


def test_equal_pictures_are_nothing_apart_and_order_does_not_count():
    a = picture()
    grey = np.repeat(a.mean(-1, keepdims=True), 3, -1)
    assert lpips(a, a) == 0
    assert lpips(a, grey) == lpips(grey, a) > 0.1


def test_what_looks_worse_is_farther_where_the_error_is_the_same():
    a = picture()
    noise = np.random.default_rng(0).normal(0, 0.1, a.shape).astype(np.float32)
    shifted = np.clip(a + 0.1, 0, 1)
    assert lpips(np.clip(a + noise, 0, 1), a) > 3 * lpips(shifted, a) > 0
    weaker = [lpips(np.clip(a + k * noise, 0, 1), a) for k in (0.25, 0.5, 1)]
    assert weaker == sorted(weaker)


def test_distances_are_weighed_means_of_squares():
    """One channel counts, in one layer: by hand from the features."""
    torch.manual_seed(0)
    net = Lpips()
    for n, weight in enumerate(net.weight):
        weight.data.zero_()
        if n == 2:
            weight.data[7] = 2.0
    a, b = torch.rand(2, 1, 3, 64, 80)
    x, y = net._features(a)[2], net._features(b)[2]
    assert torch.allclose(x.square().sum(1), torch.ones(1, *x.shape[2:]), atol=1e-4)
    torch.testing.assert_close(net(a, b), 2 * (x[:, 7] - y[:, 7]).square().mean()[None])


def test_the_authors_weights_weigh_no_channel_below_nothing():
    assert min(float(w.min()) for w in net().weight) >= 0 and sum(float(w.sum()) for w in net().weight) > 1


def test_without_the_weights_it_says_where_they_are(tmp_path, monkeypatch):
    net.cache_clear()
    monkeypatch.setattr(module, "WEIGHTS", tmp_path / "lpips.safetensors")
    with pytest.raises(VidcolorError, match="weights come with a checkout only; run `pip install -e"):
        net()
