"""What every test may rely on."""

import os

# before torch is imported: threads that spin while they wait starve the encoder's on few cores
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
from fakes import MeanColour

from vidcolor import api


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test finds the scan of another, nor of the user."""
    monkeypatch.setenv("VIDCOLOR_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def mean_colour(monkeypatch: pytest.MonkeyPatch) -> MeanColour:
    """The model of every run in this process: quick, and without weights."""
    fake = MeanColour()
    monkeypatch.setattr(api, "create_model", lambda settings: fake)
    return fake
