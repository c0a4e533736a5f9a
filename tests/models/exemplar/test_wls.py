"""Weighted least squares on a grid."""

import numpy as np
import pytest
import torch

from vidcolor.models.exemplar import wls


@pytest.mark.parametrize("h, w", [(7, 10), (16, 9), (3, 2)])
def test_the_solution_is_that_of_the_linear_equations(h, w):
    random = torch.Generator().manual_seed(h)
    precision = 10 ** (4 * torch.rand(h, w, generator=random) - 2)
    right, below = (100 * torch.rand(s, generator=random) ** 4 for s in ((h, w - 1), (h - 1, w)))
    values = 50 * torch.randn(2, h, w, generator=random)
    left, place = np.diag(precision.double().numpy().ravel()), np.arange(h * w).reshape(h, w)
    for affinity, ones, others in ((right, place[:, :-1], place[:, 1:]), (below, place[:-1], place[1:])):
        for w_ij, i, j in zip(affinity.double().numpy().ravel(), ones.ravel(), others.ravel()):
            left[[i, j], [i, j]] += w_ij
            left[[i, j], [j, i]] -= w_ij
    expected = [np.linalg.solve(left, (precision * v).double().numpy().ravel()).reshape(h, w) for v in values]
    found = wls.solve(values, precision, right, below, iterations=40)
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=2e-3)
