"""What every test may rely on."""

import os

# before torch is imported: threads that spin while they wait starve the encoder's on few cores
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest

from vidcolor import errors


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings are said once in a process; each test is to hear its own."""
    monkeypatch.setattr(errors, "_said", set())
