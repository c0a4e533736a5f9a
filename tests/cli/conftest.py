"""Where the user of the command line stands."""

from pathlib import Path

import pytest
from media import write_film, write_key


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: film.mkv (24 frames, cuts at 10 and 17), keys a.png and b.png, refs.csv."""
    write_film(tmp_path / "film.mkv", 24, cuts=(10, 17), tags={"space": 6, "range": 1})
    write_key(tmp_path / "a.png", seed=1)
    write_key(tmp_path / "b.png", seed=2)
    (tmp_path / "refs.csv").write_text("frame,reference\n2,a.png\n20,b.png\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path
