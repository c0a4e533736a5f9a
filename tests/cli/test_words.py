"""What is said where something was mistyped or fails: what is wrong and what to do, in plain words."""

import errno
import os
from pathlib import Path

import av
import pytest
from media import write_film, write_images, write_key

from vidcolor.api import colorize
from vidcolor.cli import main
from vidcolor.errors import VidcolorError
from vidcolor.reasons import reason

RAW = (
    "File exists",
    "Function not implemented",
    "Invalid argument",
    "Is a directory",
    "Not a directory",
    "Operation not permitted",
    "Permission denied",
    "No such file or directory",
    "Errno",
)


@pytest.fixture(autouse=True)
def stand(tmp_path, monkeypatch, mean_colour) -> Path:
    """film.mkv (24 frames), one.mkv (1 frame), keys a.png and keys/, scan/s_000007.png and so on."""
    write_film(tmp_path / "film.mkv", 24, cuts=(10,), tags={"space": 6, "range": 1})
    write_film(tmp_path / "one.mkv", 1, tags={"space": 6, "range": 1})
    write_key(tmp_path / "a.png", seed=1)
    (tmp_path / "keys").mkdir()
    write_key(tmp_path / "keys" / "000003.png", seed=2)
    write_images(tmp_path / "scan", 4, name="s_%06d.png", start=7)
    (tmp_path / "refs.csv").write_text("frame,reference\n2,a.png\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys, line: str) -> str:
    assert main.main(line.split()) == 2
    last = capsys.readouterr().err.rstrip("\n").splitlines()[-1]
    assert last.startswith("vidcolor: ") and not any(raw in last for raw in RAW), last
    return last


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("film.mkv --refs a.png", ["--refs a.png", "give it with --ref "]),
        ("film.mkv --ref refs.csv", ["--ref refs.csv", "give it with --refs"]),
        ("film.mkv --ref keys", ["--ref keys", "give it with --refs"]),
        ("scene film.mkv", ["no film scene", "vidcolor scenes?"]),
        ("Propose film.mkv", ["vidcolor propose?"]),
        ("jion film.color.plan.json", ["vidcolor join?"]),
        ("colorize film.mkv --ref a.png", ["vidcolor MOVIE?"]),
        ("help", ["vidcolor --help?"]),
        ("film.mkv --ref a.png --ouput x.mkv", ["--ouput", "did you mean --out?"]),
        ("film.mkv --ref a.png --loseless", ["did you mean --lossless?"]),
        ("film.mkv --ref a.png -out x.mkv", ["did you mean --out?"]),
        ("film.mkv --reference a.png", ["did you mean --ref"]),
        ("stylize a.png a.png --wieghts 1", ["did you mean --weights?"]),
        ("film.mkv --ref a.png --frobnicate", ["--frobnicate", "--help"]),
        ("scan/s_######.png --ref a.png", ["scan/s_%06d.png"]),
        ("scan/s_*.png --ref a.png", ["scan/s_%06d.png"]),
        ("scan/s_*.png --ref a.png --fps 24", ["scan/s_%06d.png"]),
        ("scan/s_??????.png --ref a.png", ["scan/s_%06d.png"]),
        ("scan/s_[000007-000010].png --ref a.png", ["scan/s_%06d.png"]),
        ("scan/s_{:06d}.png --ref a.png", ["scan/s_%06d.png"]),
        ("scan/s_%6d.png --ref a.png", ["no picture matches this pattern", "write scan/s_%06d.png"]),
        ("scan/s_%d.png --ref a.png", ["write scan/s_%06d.png"]),
        ("none/s_####.png --ref a.png", ["none/s_%04d.png"]),
        ("scan/s_000007.png scan/s_000008.png --ref a.png", ["'scan/s_%06d.png'"]),
        ("none.mkv --ref a.png", ["none.mkv: no such file", "check the name"]),
        ("film.mkv --ref none.png", ["none.png", "no such file", "check the name"]),
        ("film.mkv --refs none.csv", ["none.csv", "no such file", "check the name"]),
        ("film.mkv --ref a.png --scenes keys", ["scene list keys", "a folder, not a file"]),
        ("unit none.json 0", ["none.json", "no such file"]),
        ("refs.csv --ref a.png", ["refs.csv: not a film that can be read"]),
        ("film.mkv --ref a.png --start 24", ["24 frames (0 to 23)"]),
        ("one.mkv --ref a.png --start 1", ["1 frame (0 to 0)"]),
        ("stylize a.png a.png --weights 1,2", ["2 numbers for 1 style"]),
    ],
)
def test_what_was_meant_is_said(capsys, line, words):
    last = said(capsys, line)
    assert all(word in last for word in words), last


def test_a_film_that_is_there_is_no_step_misspelt(stand, capsys):
    (stand / "film.mkv").rename(stand / "scene")
    assert main.main(["scene", "--ref", "a.png", "--dry-run"]) == 0


def test_one_of_a_thing_is_no_plural(stand, capsys):
    assert main.main(["plan", "one.mkv", "--ref", "a.png"]) == 0
    assert main.main(["join", "one.color.plan.json"]) == 2
    assert main.main(["unit", "one.color.plan.json", "0"]) == 0
    assert main.main(["join", "one.color.plan.json"]) == 0
    assert main.main(["one.mkv", "--ref", "a.png", "-y", "-v"]) == 0
    assert main.main(["scenes", "one.mkv"]) == 0
    told = "".join(capsys.readouterr())
    for words in ("1 unit missing (0 of 1)", "unit 0: 1 frame:", "1 frame, 1 unit:", "1 frame, 1 shot, 1 key"):
        assert words in told, told
    assert not [words for words in ("1 frames", "1 units", "1 shots", "1 keys") if words in told], told


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("frame,reference\n2,a.png\n\n99,a.png\n", ['row 4, column "frame"', "frames 0 to 23"]),
        ("frame,reference\n2,none.png\n", ['row 2, column "reference"', "none.png"]),
        ('reference,frame,note\na.png,2,"two\nlines"\na.png,x,\n', ['row 3 (line 4), column "frame"', '"x"']),
        ('frame,reference,weight\n2,a.png,"1\n"\n3,a.png,0\n', ['row 3 (line 4), column "weight"', '"0"']),
        ("timecode,reference\n0:00:09.0,a.png\n", ['row 2, column "timecode"', "00:00:09"]),
        ("scene,reference\n3,a.png\n", ['row 2, column "scene"', "2 scenes"]),
        ("frame,frame,reference\n2,3,a.png\n", ["column 2", 'a second "frame"']),
        ("frame,reference\n2,a.png,7\n", ["row 2, column 3", "more cells"]),
    ],
)
def test_a_list_is_blamed_by_row_and_column(stand, capsys, rows, words):
    (stand / "refs.csv").write_text(rows)
    last = said(capsys, "film.mkv --refs refs.csv --dry-run")
    assert all(word in last for word in words), last


def test_a_column_that_is_not_read_is_said(stand, capsys):
    (stand / "refs.csv").write_text("frame,reference,wieght,who\n2,a.png,3,me\n")
    assert main.main(["film.mkv", "--refs", "refs.csv", "--dry-run"]) == 0
    told = capsys.readouterr().err
    assert 'column 3: "wieght" is not read; did you mean "weight"?' in told and "who" not in told


def test_every_failure_has_words():
    for number in sorted(errno.errorcode):
        words = reason(OSError(number, os.strerror(number)))
        assert not any(raw in words.replace('"', "") for raw in RAW[:-1]) or words.startswith('"'), words
    common = ("ENOENT", "EACCES", "EPERM", "EEXIST", "EISDIR", "ENOTDIR", "ENOSPC", "EINVAL", "EIO", "EROFS")
    for number in (getattr(errno, name) for name in common):
        words = reason(OSError(number, os.strerror(number)))
        assert ";" in words and os.strerror(number) not in words
        assert os.strerror(number) not in reason(av.error.FFmpegError(number, os.strerror(number)))
    for kind in (av.error.InvalidDataError, av.error.NotImplementedError, av.error.ArgumentError, av.error.EOFError):
        words = reason(kind(1, "raw words"))
        assert ";" in words and "raw words" not in words
    assert reason(OSError(28, ""), "use another disk") == "no space left on the disk; use another disk"


def test_the_library_names_arguments(stand):
    with pytest.raises(VidcolorError, match=r"^`size` 3: a whole number from 32 to 4096"):
        colorize("film.mkv", ref="a.png", size=3)
    with pytest.raises(VidcolorError, match=r"^`dump_every` without a folder for the sheets: name it with `dump_dir`"):
        colorize("film.mkv", ref="a.png", dump_every=3)
    (stand / "film.color.mkv").write_bytes(b"x")
    with pytest.raises(VidcolorError, match=r"overwrite it with `overwrite=True` or name another with `out`$"):
        colorize("film.mkv", ref="a.png")
