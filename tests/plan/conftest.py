"""A film to plan."""

from pathlib import Path

import pytest
from media import write_film, write_key


@pytest.fixture
def folder(tmp_path) -> Path:
    """A film of three shots (24 frames, cuts at 10 and 17) with a key for frames 2 and 20."""
    write_film(tmp_path / "film.mkv", 24, cuts=(10, 17))
    write_key(tmp_path / "a.png", seed=1)
    write_key(tmp_path / "b.png", seed=2)
    (tmp_path / "refs.csv").write_text("frame,reference\n2,a.png\n20,b.png\n")
    return tmp_path
