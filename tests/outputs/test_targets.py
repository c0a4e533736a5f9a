"""What is never written over: inputs under whatever name, films and pictures, files without -y."""

import os
import shutil
from pathlib import Path

import pytest
from fakes import MeanColour
from media import write_film, write_images, write_key

from vidcolor.cli import main
from vidcolor.errors import VidcolorError
from vidcolor.outputs.targets import Target, check
from vidcolor.pictures import marks
from vidcolor.plan.store import is_plan

FILM = "film.mkv --refs keys --size 64 -q"


@pytest.fixture(autouse=True)
def model(mean_colour: MeanColour) -> MeanColour:
    return mean_colour


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """film.mkv of two shots; keys/ and refs.csv; scan/ of numbered images; links to the film; other people's files."""
    folder = tmp_path_factory.mktemp("made")
    write_film(folder / "film.mkv", 8, cuts=(4,), tags={"space": 6, "range": 1})
    shutil.copy(folder / "film.mkv", folder / "other.mkv")
    (folder / "keys").mkdir()
    write_key(folder / "keys" / "000002.png", seed=1)
    write_key(folder / "keys" / "000005.png", seed=2)
    write_key(folder / "style.png", seed=3)
    (folder / "refs.csv").write_text("frame,reference\n2,keys/000002.png\n5,keys/000005.png\n")
    (folder / "scenes.csv").write_text("Start Frame,End Frame\n1,4\n5,8\n")
    (folder / "notes.txt").write_text("to do\n")
    (folder / "nothing.json").touch()
    write_images(folder / "scan", 3)
    os.link(folder / "film.mkv", folder / "hard.mkv")
    (folder / "soft.mkv").symlink_to("film.mkv")
    (folder / "nowhere.mkv").symlink_to("gone.mkv")
    (folder / "file.mkv.vidcolor").write_text("a file")
    (folder / "full.mkv.vidcolor" / "units").mkdir(parents=True)
    (folder / "full.mkv.vidcolor" / "plan.json").write_text('{"my": "plan"}')
    (folder / "odd.mkv.vidcolor").mkdir()
    (folder / "odd.mkv.vidcolor" / "units").write_text("a file")
    (folder / "own.mkv.vidcolor").mkdir()
    shutil.copy(folder / "film.mkv", folder / "own.mkv.vidcolor" / "film.mkv")
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch) -> Path:
    shutil.copytree(made, tmp_path / "here", symlinks=True)
    (tmp_path / "here" / "hard.mkv").unlink()
    os.link(tmp_path / "here" / "film.mkv", tmp_path / "here" / "hard.mkv")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def contents(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() or path.is_symlink()
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"{FILM} -o film.mkv -y", ["film.mkv", "the film itself"]),
        (f"{FILM} -o ./keys/../film.mkv -y", ["the film itself"]),
        (f"{FILM} -o hard.mkv -y", ["hard.mkv", "the film itself"]),
        (f"{FILM} -o soft.mkv -y", ["soft.mkv", "the film itself"]),
        ("soft.mkv --refs keys -o film.mkv -y", ["the film itself"]),
        (f"{FILM} -o other.mkv", ["other.mkv", "-y"]),
        (f"{FILM} -o nowhere.mkv", ["nowhere.mkv", "-y"]),
        (f"{FILM} -o keys", ["keys", "a folder"]),
        (f"{FILM} -o none/out.mkv", ["no folder"]),
        (f"{FILM} -o notes.txt/out.mkv", ["notes.txt"]),
        (f"{FILM} -o file.mkv", ["file.mkv.vidcolor", "not a folder"]),
        (f"{FILM} -o full.mkv", ["full.mkv.vidcolor/plan.json", "not vidcolor's"]),
        (f"{FILM} -o odd.mkv", ["odd.mkv.vidcolor/units"]),
        ("own.mkv.vidcolor/film.mkv --refs keys -o own.mkv", ["own.mkv.vidcolor/film.mkv", "copy it"]),
        (f"{FILM} -o {'x' * 252}.mkv", ["too long"]),
        (f"{FILM} --dump keys", ["--dump", "keys: holds 000002.png"]),
        (f"{FILM} --dump scan", ["scan: holds frame_0001.png"]),
        (f"{FILM} --dump .", ["style.png"]),
        (f"{FILM} --dump notes.txt", ["notes.txt", "not a folder"]),
        (f"{FILM} --dump film.mkv/sheets", ["film.mkv", "not a folder"]),
        (f"{FILM} -o new.mkv --dump new.mkv", ["the sheets and the result"]),
        (f"{FILM} -o new.mkv --dump new.mkv/sheets", ["the sheets and the result"]),
        ("scan/frame_%04d.png --fps 24 --ref style.png -q --dump scan", ["scan: holds frame_0001.png"]),
        (f"plan {FILM} --plan film.mkv -y", ["film.mkv", "is text"]),
        (f"plan {FILM} --plan other.mkv -y", ["other.mkv", "is text"]),
        (f"plan {FILM} --plan keys/000002.png -y", ["keys/000002.png"]),
        (f"plan {FILM} --plan new.png", ["new.png"]),
        (f"plan {FILM} --plan notes.txt", ["notes.txt", "-y"]),
        (f"plan {FILM} --plan none/plan.json", ["no folder"]),
        (f"plan {FILM} --plan keys", ["keys", "a folder"]),
        (f"plan {FILM} --plan /dev/null -y", ["/dev/null", "not a regular file"]),
        (f"plan {FILM} -o new.mkv --plan new.mkv.vidcolor", ["the plan and the work folder"]),
        (f"plan {FILM} --dump new --plan new", ["cannot both"]),
        ("plan film.mkv --refs refs.csv --plan refs.csv -y", ["refs.csv", "the list of references"]),
        ("plan film.mkv --refs keys --scenes scenes.csv --plan scenes.csv -y", ["scenes.csv", "the scene list"]),
        ("scenes film.mkv -o keys/000002.png -y", ["keys/000002.png"]),
        ("scenes film.mkv -o film.mkv -y", ["film.mkv"]),
        ("scenes film.mkv -o refs.csv", ["refs.csv", "-y"]),
        ("scenes film.mkv -o none/x.csv", ["no folder"]),
        ("stylize film.mkv style.png -o film.mkv -y", ["film.mkv", "CONTENT"]),
        ("stylize film.mkv style.png -o hard.mkv -y", ["hard.mkv", "CONTENT"]),
        ("stylize keys/000002.png style.png -o style.png -y", ["style.png", "a style"]),
        ("stylize keys/000002.png style.png -o keys/000002.png -y", ["CONTENT"]),
        ("stylize keys/000002.png style.png --labels keys/000005.png style.png -o keys/000005.png -y", ["a label map"]),
        ("stylize keys/000002.png style.png -o keys/000005.png", ["keys/000005.png", "-y"]),
        ("stylize scan/frame_%04d.png style.png --fps 24 -o scan/frame_0002.png -y", ["a picture of the film"]),
        ("propose film.mkv -o keys", ["keys", "-y"]),
        ("propose film.mkv -o notes.txt -y", ["notes.txt", "not a folder"]),
        ("propose film.mkv -o none/new", ["no folder"]),
        ("propose scan --fps 24 -o scan -y", ["scan", "own pictures"]),
    ],
)
def test_it_is_refused_and_nothing_changes(folder, capsys, model, line: str, words: list[str]):
    before = contents(folder)
    assert main.main(line.split()) == 2
    last = capsys.readouterr().err.rstrip("\n").splitlines()[-1]
    assert all(word in last for word in words), last
    assert contents(folder) == before
    assert model.prepared == []


def test_text_in_disguise_is_known_by_what_it_holds(folder, capsys):
    shutil.copy("other.mkv", "film.json")
    shutil.copy("style.png", "list.csv")
    before = contents(folder)
    assert main.main(f"plan {FILM} --plan film.json -y".split()) == 2
    assert "film.json: not a text file" in capsys.readouterr().err
    assert main.main(["scenes", "film.mkv", "-o", "list.csv", "-y"]) == 2
    assert "list.csv: not a text file" in capsys.readouterr().err
    assert contents(folder) == before


def test_with_leave_a_file_that_is_no_input_is_replaced(folder):
    shutil.copy("other.mkv", "kept.mkv")
    assert main.main(f"{FILM} -o other.mkv -y".split()) == 0
    assert Path("other.mkv").read_bytes() != Path("kept.mkv").read_bytes()
    for name in ("notes.txt", "nothing.json"):
        assert main.main(f"plan {FILM} --plan {name} -y".split()) == 0
        assert is_plan(Path(name))
    assert main.main(["scenes", "film.mkv", "-o", "refs.csv", "-y", "-q"]) == 0
    assert "Start Frame" in Path("refs.csv").read_text()


def test_a_sheet_that_was_drawn_on_stays(folder, capsys):
    assert main.main(f"{FILM} --dump look --dump-every 4".split()) == 0
    from PIL import Image

    sheet = Path("look/sheet_000004.vidcolor.png")
    Image.open(sheet).rotate(180).save(sheet)
    before = sheet.read_bytes()
    Path("look/sheet_000000.vidcolor.png").unlink()
    capsys.readouterr()
    assert main.main(f"{FILM} --dump look --dump-every 4 -y".split()) == 2
    assert "sheet_000004.vidcolor.png, which is no sheet" in capsys.readouterr().err
    assert sheet.read_bytes() == before


def test_a_link_as_the_result_is_replaced_and_not_what_it_leads_to(folder):
    Path("link.mkv").symlink_to("other.mkv")
    before = Path("other.mkv").read_bytes()
    assert main.main(f"{FILM} -o link.mkv -y".split()) == 0
    assert not Path("link.mkv").is_symlink()
    assert Path("other.mkv").read_bytes() == before


def test_the_same_plan_may_be_made_again_another_needs_leave(folder, capsys):
    assert main.main(f"plan {FILM}".split()) == 0
    first = Path("film.color.plan.json").read_bytes()
    assert main.main(f"plan {FILM}".split()) == 0
    assert main.main(f"plan {FILM} --strength 0.5".split()) == 2
    assert "another plan" in capsys.readouterr().err
    assert Path("film.color.plan.json").read_bytes() == first
    assert main.main(f"plan {FILM} --strength 0.5 -y".split()) == 0
    assert Path("film.color.plan.json").read_bytes() != first


def test_a_result_that_appears_meanwhile_is_kept(folder, capsys, monkeypatch):
    from vidcolor.render import unit

    def render(*arguments, **more):
        shutil.copy("style.png", "new.mkv")
        return real(*arguments, **more)

    real = unit.render_all
    monkeypatch.setattr("vidcolor.api.render_all", render)
    assert main.main(f"{FILM} -o new.mkv".split()) == 2
    assert "exists already" in capsys.readouterr().err
    assert Path("new.mkv").read_bytes() == Path("style.png").read_bytes()
    assert main.main(f"{FILM} -o new.mkv -y".split()) == 0  # from the finished units


def test_other_peoples_files_in_the_work_folder_stay(folder):
    names = ("notes.txt", "units/00000-holiday.mkv", "units/00000-0123456789abcdef.mkv.bak", "proposed/000001.png")
    own = [f"film.color.mkv.vidcolor/{name}" for name in names]
    for name in own:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("style.png", name)
    assert main.main(FILM.split()) == 0
    assert sorted(str(path) for path in Path("film.color.mkv.vidcolor").rglob("*") if path.is_file()) == sorted(own)


def test_sheets_are_never_keys(folder, capsys):
    assert main.main(f"{FILM} --dump look --dump-every 4".split()) == 0
    sheets = sorted(Path("look").iterdir())
    assert [sheet.name for sheet in sheets] == ["sheet_000000.vidcolor.png", "sheet_000004.vidcolor.png"]
    assert main.main(f"{FILM} --dump look --dump-every 2 -y".split()) == 0  # sheets replace sheets
    assert len(list(Path("look").iterdir())) == 4
    capsys.readouterr()
    shutil.copy(sheets[0], "renamed.png")
    Path("list.csv").write_text("frame,reference\n0,renamed.png\n")
    for line in ("--ref renamed.png", "--refs list.csv", "--refs look", f"--ref {sheets[0]}"):
        assert main.main(f"film.mkv {line} -o new.mkv -q".split()) == 2
        assert "vidcolor's" in capsys.readouterr().err
    assert main.main(["stylize", "style.png", "renamed.png"]) == 2
    assert "inspection sheet" in capsys.readouterr().err
    shutil.copy(sheets[0], "keys/000007.png")
    assert main.main(f"{FILM} -o new.mkv".split()) == 0
    assert "1 sheet of vidcolor's own left out" in capsys.readouterr().err


def test_a_mark_tells_what_is_as_it_was_written(folder):
    import cv2

    picture = cv2.imread("style.png")
    path = folder / "x.png"
    path.write_bytes(marks.marked(cv2.imencode(".png", picture)[1].tobytes(), marks.PROPOSAL))
    assert (cv2.imread("x.png") == picture).all()
    assert marks.kind_of(path) == marks.PROPOSAL
    assert marks.is_untouched(path, marks.PROPOSAL)
    assert not marks.is_untouched(path, marks.CONTACT)
    from PIL import Image, PngImagePlugin

    with Image.open(path) as image:
        kept = PngImagePlugin.PngInfo()
        kept.add_text("vidcolor", image.text["vidcolor"])
        painted = image.copy()
    painted.putpixel((3, 3), (1, 2, 3))
    painted.save(path, pnginfo=kept)  # as an editor does that keeps text chunks
    assert marks.kind_of(path) == marks.PROPOSAL
    assert not marks.is_untouched(path, marks.PROPOSAL)
    assert marks.kind_of(folder / "style.png") == marks.kind_of(folder / "none.png") == ""


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    monkeypatch.setattr("vidcolor.outputs.targets.os.access", lambda *_: False)  # root may write anywhere
    for kind in ("file", "folder"):
        with pytest.raises(VidcolorError, match="cannot be written to"):
            check([Target(tmp_path / "new" if kind == "folder" else tmp_path / "x.mkv", "it", "-o", kind)], [])
