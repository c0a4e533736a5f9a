"""Scans that are kept: made once, never taken for another film's."""

import gzip
import json
import os
import time
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media import write_film, write_images, write_key

from vidcolor.cli import main
from vidcolor.film.probe import probe
from vidcolor.keys.key_list import from_files
from vidcolor.plan import scan_cache
from vidcolor.plan.scan import ScanOptions


@pytest.fixture
def looks(monkeypatch) -> list[Path]:
    """The films that were looked through."""
    seen = []
    inner = scan_cache.scan

    def scan(film, *how):
        seen.append(film.path)
        return inner(film, *how)

    monkeypatch.setattr(scan_cache, "scan", scan)
    return seen


@pytest.fixture
def stand(tmp_path, monkeypatch, mean_colour) -> Path:
    write_film(tmp_path / "film.mkv", 12, cuts=(5,), tags={"space": 6, "range": 1})
    write_key(tmp_path / "a.png", seed=1)
    write_key(tmp_path / "b.png", seed=2)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def same(a, b) -> bool:
    return all(
        np.array_equal(x, y) if isinstance(x, np.ndarray) else x == y
        for x, y in ((getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    )


def test_one_look_serves_every_command(stand, looks, capsys):
    for line in (
        "film.mkv --ref a.png --dry-run",
        "film.mkv --ref a.png --size 64 -q",
        "film.mkv --ref a.png --size 64 -q -y --codec ffv1",
        "plan film.mkv --ref a.png -y -q",
        "scenes film.mkv -q",
    ):
        assert main.main(line.split()) == 0, capsys.readouterr().err
        assert len(looks) == 1, line
    assert main.main(["film.mkv", "--ref", "b.png", "--dry-run"]) == 0
    assert len(looks) == 2, "another key may paint any frame"


def test_what_is_kept_is_what_was_found(stand, looks):
    (stand / "key.png").write_bytes((stand / "a.png").read_bytes())
    film, keys = probe(stand / "film.mkv"), from_files([stand / "key.png"])
    found = scan_cache.scanned(film, keys)
    again = scan_cache.scanned(film, keys)
    assert len(looks) == 1 and same(found, again)
    assert again.pts.dtype == np.int64 and len(again.pts) == 12 and again.cuts == [5] and len(again.matches) == 1
    scan_cache.scanned(film, keys, options=ScanOptions(until=Fraction(1, 8)))
    scan_cache.scanned(film, keys, options=ScanOptions(on_error="skip"))
    assert len(looks) == 3
    write_key(stand / "key.png", seed=3)
    scan_cache.scanned(film, keys)
    assert len(looks) == 4


def test_a_changed_film_is_looked_at_again_whatever_its_time_stamps_say(stand, looks, monkeypatch):
    monkeypatch.setattr(scan_cache, "film_identity", lambda film: "the blocks that it looks at are the same")
    path = stand / "film.mkv"
    scan_cache.scanned(probe(path))
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    with path.open("r+b") as file:  # in place: the same inode and size
        file.write(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    scan_cache.scanned(probe(path), options=ScanOptions(on_error="skip"))
    scan_cache.scanned(probe(path), options=ScanOptions(on_error="skip"))
    assert len(looks) == 2
    folder = stand / "scan"
    write_images(folder, 12)
    for _ in range(2):
        scan_cache.scanned(probe(folder, fps=24))
    write_images(folder, 12, cuts=(5,))
    assert scan_cache.scanned(probe(folder, fps=24)).cuts == [5]
    assert len(looks) == 4


def test_what_a_scan_warned_of_is_said_again(stand, looks, capsys):
    data = bytearray((stand / "film.mkv").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    (stand / "film.mkv").write_bytes(data)
    said = []
    for _ in range(2):
        scan_cache.scanned(probe(stand / "film.mkv"), options=ScanOptions(on_error="skip"))
        said.append(capsys.readouterr().err)
    assert len(looks) == 1 and said[0] == said[1] and "damaged" in said[0]


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
def test_a_kept_scan_that_is_damaged_is_made_again(stand, looks, damage):
    film = probe(stand / "film.mkv")
    found = scan_cache.scanned(film)
    for file in scan_cache.folder().iterdir():
        data = file.read_bytes()
        middle = len(data) // 2
        file.write_bytes(
            {
                "empty": b"",
                "cut": data[:middle],
                "flipped": data[:middle] + bytes([data[middle] ^ 8]) + data[middle + 1 :],
                "other": gzip.compress(json.dumps({"scan": {"pts": "x"}, "warnings": []}).encode()),
            }[damage]
        )
    assert same(scan_cache.scanned(film), found) and len(looks) == 2
    scan_cache.scanned(film)
    assert len(looks) == 2, "and kept anew"


@pytest.mark.parametrize("where", ["", "/dev/null/none", "film.mkv"])
def test_without_a_cache_every_run_looks(stand, looks, monkeypatch, where):
    monkeypatch.setenv(scan_cache.VARIABLE, where)
    before = sorted(stand.iterdir())
    for _ in range(2):
        assert len(scan_cache.scanned(probe(stand / "film.mkv")).pts) == 12
    assert len(looks) == 2 and sorted(stand.iterdir()) == before


def test_the_cache_is_bounded_and_where_the_user_has_caches(stand, monkeypatch):
    monkeypatch.setattr(scan_cache, "MOST", 3)
    film = probe(stand / "film.mkv")
    theirs = scan_cache.folder() / "backup.json.gz"  # in a folder that the user chose
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_bytes(b"the user's")
    for end in range(2, 9):
        scan_cache.scanned(film, options=ScanOptions(until=end))
        time.sleep(0.01)
    assert theirs.exists() and len(list(scan_cache.folder().iterdir())) == 3 + 1
    monkeypatch.delenv(scan_cache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(stand / "caches"))
    if os.name == "posix" and os.uname().sysname == "Linux":
        assert scan_cache.folder() == stand / "caches" / "vidcolor" / "scans"


def test_a_playlist_is_no_film_of_its_own(stand, looks):
    (stand / "list.ffconcat").write_text("ffconcat version 1.0\nfile film.mkv\n")
    for _ in range(2):
        scan_cache.scanned(probe(stand / "list.ffconcat"))
    assert len(looks) == 2
