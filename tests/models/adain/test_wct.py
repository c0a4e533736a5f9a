"""The whitening-colouring transform."""

import torch
from statistics_of import close, features, sigma, unbounded

from vidcolor.models.adain.wct import RIDGE, covariance, whiten_and_color


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
