"""Pictures and features at random, and their statistics, for the transfer of colours."""

import torch

from vidcolor.models.adain.wct import Covariance


def picture(seed, size=(48, 64)):
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed))


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
