"""The whitening-colouring transform."""

import torch

from vidcolor.models.adain.wct import RIDGE, Covariance, covariance, whiten_and_color


def close(a, b, tolerance=1e-4):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


def features(seed, size=(1, 6, 40, 50)):
    generator = torch.Generator().manual_seed(seed)
    spread = torch.eye(size[1]) + 0.2 * torch.randn(size[1], size[1], generator=generator)
    x = torch.einsum("ij,bjhw->bihw", spread, torch.randn(size, generator=generator))
    return 0.2 * x + torch.randn(size[1], 1, 1, generator=generator)


def unbounded(one: Covariance) -> Covariance:
    return one._replace(low=one.low - 1e6, high=one.high + 1e6)


def sigma(x):
    return torch.stack([torch.cov(one) for one in x.flatten(2)])


def test_wct_gives_the_styles_mean_and_covariance():
    x, y = features(0), features(1)
    result = whiten_and_color(x, covariance(y), unbounded(covariance(x)))
    close(result.mean((2, 3)), y.mean((2, 3)), 1e-3)
    error = (sigma(result) - sigma(y)).norm() / sigma(y).norm()
    assert error < 4 * RIDGE, error
    assert (sigma(x) - sigma(y)).norm() / sigma(y).norm() > 0.3


def test_wct_stays_in_the_contents_range():
    x, y = features(0), 30 * features(1)
    result = whiten_and_color(x, covariance(y), covariance(x))
    assert result.amin() >= x.amin() and result.amax() <= x.amax()
    assert (result == x.amin()).any() and (result == x.amax()).any()


def test_directions_without_variance_are_left_out():
    x = features(0)
    x[:, 3] = x[:, 2]
    x[:, 5] = 7.0
    assert whiten_and_color(x, covariance(features(1)), covariance(x)).isfinite().all()
    constant = torch.full((1, 6, 8, 8), 0.3)
    assert whiten_and_color(constant, covariance(x), covariance(constant)).isfinite().all()
