"""Names of files as people have them: signs that mean something to libav, shells or lists; Unicode; no ending."""

import csv
import io
import os
import shutil
import unicodedata
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media import write_film, write_images, write_key
from PIL import Image

from vidcolor import api
from vidcolor.cli import main
from vidcolor.cli.parser import tell
from vidcolor.errors import VidcolorError
from vidcolor.files import LONGEST_NAME, existing
from vidcolor.film import images
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.keys.key_list import read_refs
from vidcolor.outputs.names import default_out, work_folder
from vidcolor.plan.identity import film_identity
from vidcolor.plan.store import load
from vidcolor.shots.scene_list import read_scenes
from vidcolor.stylize.label_maps import ContentMaps, Labels

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
NAMES = {
    "a pattern's": "roll_%06d",
    "printf's": "100% %s",
    "a glob's": "c%[ab]*?",
    "brackets": "a[1]{x}",
    "a dash": "-o",
    "a protocol": "concat:a|b",
    "a line break": "new\nline",
    "quotes": 'it\'s "q"',
    "spaces": " two  spaces ",
    "a dot": ".dot",
    "decomposed": DECOMPOSED,
    "no text": os.fsdecode(b"caf\xe9"),
    "long": "x" * 251,
}


@pytest.fixture
def folder(tmp_path, monkeypatch, mean_colour) -> Path:
    write_key(tmp_path / "key.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    write_film(path, 3, width=48, height=32, tags={"space": 6, "range": 1})
    return path


@pytest.mark.parametrize("kind", NAMES)
def test_a_film_of_any_name_becomes_a_result_of_that_name(folder, film, capsys, kind: str):
    name = NAMES[kind]
    shutil.copy(film, folder / f"{name}.mkv")
    assert main.main([f"./{name}.mkv", "--ref", "key.png", "--size", "32", "-q"]) == 0
    stem = name if kind != "long" else name[: LONGEST_NAME - len(".color.mkv.vidcolor")]
    assert f"{stem}.color.mkv" in os.listdir(folder)
    assert len(os.listdir(folder)) == 3
    assert all(line.startswith("vidcolor: ") for line in capsys.readouterr().err.splitlines())


@pytest.mark.parametrize("kind", ["a pattern's", "a glob's", "a line break", "no text"])
def test_keys_sheets_and_plans_of_any_name(folder, film, kind: str):
    name = NAMES[kind]
    place = folder / name
    place.mkdir()
    shutil.copy(film, place / "film")
    shutil.copy("key.png", place / f"{name} 001.png")
    line = ["plan", f"./{name}/film", "--refs", f"./{name}", "--size", "32", "--dump", f"./{name} sheets", "-q"]
    assert main.main(line) == 0
    plan = place / "film.color.plan.json"
    assert load(plan).units[0].keys[0].path == str(place / f"{name} 001.png")
    assert main.main(["unit", str(plan), "0", "-q"]) == main.main(["join", str(plan), "-q"]) == 0
    assert (place / "film.color.mkv").is_file()
    assert os.listdir(folder / f"{name} sheets") == ["sheet_000000.vidcolor.png"]


def test_a_name_that_is_no_text_is_printed_as_its_bytes():
    for encoding, out in (("utf-8", b"caf\xe9 \xc3\xa9\n"), ("ascii", b"caf\\udce9 \\xe9\n")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding)
        tell(os.fsdecode(b"caf\xe9") + " \u00e9", stream)
        stream.flush()
        assert stream.buffer.getvalue() == out  # type: ignore[attr-defined]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_picture_is_itself_and_not_the_pattern_that_it_is_called(tmp_path, suffix: str):
    """libav would take roll_000 for roll_%03d: the file's name, and a folder's."""
    for name, value in (("roll_%03d", 10), ("roll_000", 200)):
        (tmp_path / name).mkdir()
        picture = Image.fromarray(np.full((32, 48), value, np.uint8))
        for path in (tmp_path / f"{name}{suffix}", tmp_path / name / f"frame_0{suffix}"):
            picture.save(path)
    for movie in (tmp_path / f"roll_%03d{suffix}", tmp_path / "roll_%03d"):
        film = probe(movie, fps=24 if movie.is_dir() else None)
        assert [int(frame.luma[5, 5]) for frame in read(film)] == [10]


def test_a_photograph_that_is_called_like_a_pattern_is_one(folder):
    shutil.copy("key.png", "50%d.png")
    shutil.copy("key.png", "no ending")
    for name, out in (("50%d.png", "50%d.style.png"), ("no ending", "no ending.style.png")):
        assert main.main(["stylize", name, "key.png", "--size", "32", "-q", "--device", "cpu"]) == 0
        assert Path(out).is_file()


@pytest.mark.parametrize(
    ("movie", "out"),
    [
        ("a/film.old.mp4", "a/film.old.color.mkv"),
        ("reel1", "reel1.color.mkv"),
        ("reel.1", "reel.1.color.mkv"),
        ("My.Film.1950", "My.Film.1950.color.mkv"),
        (".mkv", ".mkv.color.mkv"),
        ("a/shot_%04d.png", "a/shot.color.mkv"),
        ("a/%04d.png", "a/a.color.mkv"),
    ],
)
def test_default_results(movie: str, out: str):
    assert default_out(Path(movie)) == Path(out)


def test_long_names_leave_room_for_the_work_folder():
    for letter in ("x", "é", "\U0001f600"):
        movie = Path("/films", letter * (251 // len(letter.encode())) + ".mkv")
        out = default_out(movie)
        assert out.name.endswith(".color.mkv") and len(os.fsencode(work_folder(out).name)) <= LONGEST_NAME
    one, other = (work_folder(Path(f"{'x' * 250}{n}.mkv")) for n in (1, 2))
    assert one != other and len(one.name) <= LONGEST_NAME


def test_the_other_normal_form_is_found(folder, film):
    place = folder / DECOMPOSED
    place.mkdir()
    shutil.copy(film, place / f"{DECOMPOSED}.mkv")
    shutil.copy("key.png", place / f"{DECOMPOSED} 1.png")
    written = unicodedata.normalize("NFC", f"{DECOMPOSED} 1.png")
    (place / "list.csv").write_text(f"frame,reference\n0,{written}\n", encoding="utf-8")
    assert existing(Path(COMPOSED, "list.csv")) == Path(DECOMPOSED, "list.csv")
    assert existing(Path(COMPOSED, "none")) == Path(DECOMPOSED, "none")
    assert main.main([f"{COMPOSED}/{COMPOSED}.mkv", "--refs", f"{COMPOSED}/list.csv", "--size", "32", "-q"]) == 0
    assert (place / f"{DECOMPOSED}.color.mkv").is_file()
    write_images(place / "scan", 2, name=f"{DECOMPOSED}_%02d.png")
    assert len(images.find(place / "scan" / f"{COMPOSED}_%02d.png").files) == 2
    # a copy of a sequence on the other system is the same film
    write_images(folder / "copy", 2, name=f"{COMPOSED}_%02d.png")
    identities = [film_identity(probe(where, fps=Fraction(24))) for where in (place / "scan", folder / "copy")]
    assert identities[0] == identities[1]


@pytest.mark.parametrize("name", [" 1 .png", "a,b 1.png", 'it"s 1.png', "new\nline 1.png", "ends 1", "1"])
def test_a_list_names_it_and_a_folder_holds_it(folder, name: str):
    (folder / "keys").mkdir()
    shutil.copy("key.png", folder / "keys" / name)
    (folder / "keys" / "readme").write_text("no picture")
    with (folder / "list.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["frame", "reference"], ["7", f"keys/{name}"]])
    assert [(key.path, key.place) for key in read_refs(Path("list.csv"))] == [(folder / "keys" / name, 7)]
    assert [(key.path, key.place) for key in read_refs(Path("keys"))] == [(folder / "keys" / name, 1)]


def test_blanks_after_commas_and_backslashes_in_a_list(folder):
    (folder / "keys").mkdir()
    shutil.copy("key.png", "keys/a.png")
    Path("list.csv").write_text("frame , reference\n 2, keys/a.png\n 3, keys\\a.png \n")
    assert [(key.path, key.place) for key in read_refs(Path("list.csv"))] == [
        (folder / "keys" / "a.png", 2),
        (folder / "keys" / "a.png", 3),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_in_the_encodings_that_tables_are_saved_in(folder, encoding: str):
    shutil.copy("key.png", f"{COMPOSED}.png")
    Path("list.csv").write_text(f"frame;reference\n2;{COMPOSED}.png\n", encoding=encoding)
    assert read_refs(Path("list.csv"))[0].path.name == f"{COMPOSED}.png"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"frame,reference\n0,key\0.png\n", "row 2, column 2: a NUL"),
        (b"frame,reference\n\x000,key.png\n", "row 2, column 1: a NUL"),
        (b"frame,reference\n" + b"9" * 5000 + b",key.png\n", "row 2, column 1: 5000 characters"),
        ("frame,reference\n0,key.png\n".encode("utf-16-le"), "row 1, column 1: a NUL"),
        ("frame,reference\n0,caf\u00e9.png\n".encode("latin-1"), "is not UTF-8 text"),
        ("frame,reference\n0,key.png\n".encode("utf-16") + b"\0", "is not UTF-8 text"),
    ],
)
def test_a_list_that_is_no_text_is_one_line(folder, data: bytes, words: str):
    Path("list.csv").write_bytes(data)
    with pytest.raises(VidcolorError, match=words):
        read_refs(Path("list.csv"))
    with pytest.raises(VidcolorError, match=words):
        read_scenes(Path("list.csv"))


@pytest.mark.parametrize("name", ["movie", "ref", "refs", "out", "dump_dir"])
def test_a_nul_from_a_program_is_one_line(folder, film, name: str):
    given = {"movie": film, "ref": "key.png", "out": "out.mkv", "dump_dir": "look", "dump_every": 1, "size": 32}
    with pytest.raises(VidcolorError, match="NUL"):
        api.colorize(**(given | {name: "a\0b.mkv"} | ({"ref": None} if name == "refs" else {})))
    assert os.listdir(folder) == ["key.png"]


def test_a_folder_is_looked_at_anew(folder):
    write_images(folder / "scan", 3)
    assert len(images.find(folder / "scan").files) == 3
    write_images(folder / "scan", 5)
    assert len(images.find(folder / "scan").files) == 5
    assert probe(folder / "scan", fps=Fraction(24)).frames_hint == 5
    maps = folder / "maps"
    maps.mkdir()
    for value in (1, 2):
        Image.fromarray(np.full((4, 4), value, np.uint8)).save(maps / "000000.png")
        assert ContentMaps(maps, Labels([np.array([[1, 2]])])).of(0, (4, 4))[0, 0] == value - 1
