"""Logistic models are found again, whatever the scale of what they go by."""

import torch

from vidcolor.training.fit import logistic, minimize


def test_a_least_cost_is_found():
    x, least = minimize(lambda x: (x - torch.tensor([1.0, -2.0])).square().sum() + 3, torch.zeros(2))
    torch.testing.assert_close(x, torch.tensor([1.0, -2.0]), atol=1e-3, rtol=0)
    assert abs(least - 3) < 1e-5


def test_bias_and_weights_are_found_on_the_inputs_own_scale():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(20000, 2, generator=generator) * torch.tensor([1.0, 100.0])
    truth = torch.tensor([-1.0, 4.0, -0.02])
    y = (torch.rand(20000, generator=generator) < torch.sigmoid(truth[0] + x @ truth[1:])).float()
    found, entropy = logistic(x, y)
    torch.testing.assert_close(found, truth, atol=0.15, rtol=0.1)
    assert entropy < 0.69
    assert logistic(x, y, ridge=1.0)[0][1] < found[1]
