"""A film without keys, and what paints it."""

import pytest
from media import landscapes, write_film

from vidcolor.models.anchors.model import Painter
from vidcolor.models.precision import pick_device


@pytest.fixture
def film(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "film.mkv", landscapes(), tags={"space": 6, "range": 1})
    return tmp_path / "film.mkv"


@pytest.fixture(scope="module")
def painter():
    return Painter(pick_device("cpu"))
