"""A transfer sub-net small enough for tests."""

import pytest
import torch

from vidcolor.models.adain.transfer import TransferNet


@pytest.fixture
def net():
    torch.manual_seed(0)
    return TransferNet((4, 6, 8, 10)).eval().requires_grad_(False)
