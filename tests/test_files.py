"""Files: written whole or not at all, told from text and from each other."""

import os
from pathlib import Path

import pytest

from vidcolor.errors import VidcolorError
from vidcolor.files import is_text, same_file, write_atomic


@pytest.mark.parametrize("links", [True, False])
def test_what_comes_into_being_meanwhile_is_not_replaced(tmp_path, monkeypatch, links: bool):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links here")))
    write_atomic(tmp_path / "new", b"mine", overwrite=False)
    with pytest.raises(VidcolorError, match="exists by now"):
        write_atomic(tmp_path / "new", b"other", overwrite=False)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"mine"]
    write_atomic(tmp_path / "new", b"other")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"other"]


def test_names_that_mean_one_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film = tmp_path / "film.mkv"
    for name in ("film.mkv", "other.mkv"):
        (tmp_path / name).touch()
    (tmp_path / "hard.mkv").hardlink_to(film)
    (tmp_path / "soft.mkv").symlink_to(film)
    assert all(same_file(film, other) for other in (Path("film.mkv"), tmp_path / "hard.mkv", tmp_path / "soft.mkv"))
    assert not same_file(film, tmp_path / "other.mkv")
    assert not same_file(film, tmp_path / "none.mkv")


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", True), ("é".encode(), True), ("a,b".encode("utf-16"), True), (b"a\0b", False), (b"\xff\xd8\xff\xe0", False)],
)
def test_what_text_is(tmp_path, data: bytes, text: bool):
    (tmp_path / "x").write_bytes(data)
    assert is_text(tmp_path / "x") == text
    (tmp_path / "x").write_bytes(b"a" * 65535 + "é".encode())  # cut inside a character
    assert is_text(tmp_path / "x")
