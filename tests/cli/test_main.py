"""The command line: options, steps, messages and exit codes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fakes import MeanColour
from media import write_film, write_images, write_key

from vidcolor.cli import main
from vidcolor.models import precision
from vidcolor.plan.store import load


@pytest.fixture(autouse=True)
def model(mean_colour: MeanColour) -> MeanColour:
    return mean_colour


def test_a_line_sums_a_run_up_and_another_names_shots_without_a_key(folder, capsys):
    assert main.main(["film.mkv", "--refs", "refs.csv", "--size", "64", "-o", "out.mkv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("24 frames, 3 shots, 2 keys, ")
    assert lines[0].endswith("out.mkv")
    assert lines[1].startswith("1 of 3 shots has no key of its own: 2 (frames 10 to 16")


def test_quiet_says_nothing(folder, capsys):
    assert main.main(["film.mkv", "--refs", "refs.csv", "--size", "64", "-q"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "frame/s" not in said.err


def test_a_dry_run_prints_the_plan_and_writes_nothing(folder, capsys, model):
    before = sorted(folder.iterdir())
    assert main.main(["film.mkv", "--refs", "refs.csv", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "unit 2: frames 17 to 23" in said
    assert "b.png: plain reference for frame 20" in said
    assert sorted(folder.iterdir()) == before
    assert model.prepared == []


def test_the_plan_of_a_part_does_not_call_what_was_scanned_the_film(folder, capsys):
    for end, words in ((["--end", "5"], "14 frames scanned, "), ([], "24 frames, ")):
        assert main.main(["film.mkv", "--ref", "b.png", "--dry-run", *end]) == 0
        assert f"film    film.mkv: {words}" in capsys.readouterr().out


def test_a_dry_run_shows_the_plan_where_the_result_exists(folder, capsys):
    write_film(folder / "film.color.mkv", 2)
    before = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    assert main.main(["film.mkv", "--refs", "refs.csv", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert "unit 2: frames 17 to 23" in said.out
    assert "film.color.mkv: exists already; overwrite it with -y" in said.err
    assert main.main(["film.mkv", "--refs", "refs.csv", "--dry-run", "-y"]) == 0
    assert "exists already" not in capsys.readouterr().err
    assert [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())] == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-o film.mkv", "the film itself"),
        ("-o none/out.mkv", "no folder"),
        ("-o .", "a folder"),
        ("-o blocked.mkv", "blocked.mkv.vidcolor"),
        ("-o /proc/out.mkv", "/proc"),
        ("-o out.mp4 --codec ffv1", ".mp4"),
        ("-o out.avi", "out.avi"),
        ("--codec prores --crf 5 -o out.mov", "--crf"),
        ("--dump .", "a.png"),
        ("--dump a.png", "a.png"),
        ("--dump /proc/sheets", "/proc"),
        ("--device cuda:99", "cuda"),
        ("--model none", "--model none"),
        ("--encoder vgg19", "--encoder"),
        ("--scenes deep.csv", "deep.csv"),
        ("--start 99", "--start"),
    ],
)
def test_a_dry_run_refuses_what_the_real_run_refuses(folder, capsys, monkeypatch, line: str, words: str):
    monkeypatch.undo()  # the real models
    monkeypatch.chdir(folder)
    (folder / "blocked.mkv.vidcolor").write_text("")
    before = sorted(folder.rglob("*"))
    said = []
    for dry in (["--dry-run"], []):
        assert main.main(["film.mkv", "--refs", "refs.csv", "--device", "cpu", "-q", *line.split(), *dry]) == 2
        said.append(capsys.readouterr().err.splitlines()[-1])
    assert said[0] == said[1]
    assert words in said[0]
    assert sorted(folder.rglob("*")) == before


def test_the_steps_one_by_one(folder, capsys, model):
    assert main.main(["plan", "film.mkv", "--refs", "refs.csv", "--size", "64", "--codec", "ffv1", "--commands"]) == 0
    commands = capsys.readouterr().out.splitlines()
    assert commands == [f"vidcolor unit {folder}/film.color.plan.json {n}" for n in range(3)]
    assert main.main(["join", "film.color.plan.json"]) == 2
    said = capsys.readouterr().err
    assert "3 units missing (0-2 of 3)" in said
    assert f"vidcolor unit film.color.plan.json {0}" in said
    for command in (*commands, commands[0]):
        assert main.main(command.split()[1:]) == 0
    assert model.prepared == [0, 10, 17]  # the fourth command found its unit finished
    assert "finished before" in capsys.readouterr().out
    assert main.main(["join", "film.color.plan.json"]) == 0
    assert (folder / "film.color.mkv").exists()
    assert not (folder / "film.color.mkv.vidcolor").exists()
    assert main.main(["unit", "film.color.plan.json", "3"]) == 2
    assert "no unit 3" in capsys.readouterr().err
    assert main.main(["join", "film.color.plan.json"]) == 2
    assert "overwrite it with -y or name another with `vidcolor plan -o`" in capsys.readouterr().err  # join has no -o


def test_a_farm_works_in_whatever_folder_the_project_lies_by_now(folder, capsys, monkeypatch):
    (folder / "reel").mkdir()
    monkeypatch.chdir(folder / "reel")
    write_images(Path(), 8, name="scan_%06d.png", cuts=(4,))
    write_key(Path("key.png"))
    Path("keys.csv").write_text("frame,reference\n1,key.png\n5,key.png\n")
    Path("scenes.csv").write_text("Start Frame,End Frame\n1,4\n5,8\n")
    line = "plan scan_%06d.png --fps 24 --refs keys.csv --codec prores -o reel.mov --size 64 --dump look"
    assert main.main([*line.split(), "--scenes", "scenes.csv", "--commands"]) == 0
    units = [command.split()[-1] for command in capsys.readouterr().out.splitlines()]
    assert units == ["0", "1"]
    there = (folder / "reel").rename(folder / "moved")
    for unit, where in zip(units, (Path("/"), there / ".."), strict=True):
        monkeypatch.chdir(where)
        assert main.main(["unit", os.path.relpath(there / "reel.plan.json"), unit, "-q"]) == 0
    assert main.main(["join", str(there / "reel.plan.json"), "-q"]) == 0
    assert (there / "reel.mov").is_file() and (there / "look" / "sheet_000000.vidcolor.png").is_file()
    assert not (there / "reel.mov.vidcolor").exists() and not (folder / "reel").exists()


def test_a_plan_for_another_model_is_refused(folder, capsys, model):
    assert main.main(["plan", "film.mkv", "--refs", "refs.csv"]) == 0
    model.fingerprint = "other weights"
    assert main.main(["unit", "film.color.plan.json", "0"]) == 2
    assert "another model" in capsys.readouterr().err


def test_scenes_are_written_and_read_back(folder, capsys):
    assert main.main(["scenes", "film.mkv"]) == 0
    assert "3 shots" in capsys.readouterr().out
    lines = (folder / "film.scenes.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines[2:]] == ["1", "11", "18"]
    assert main.main(["plan", "film.mkv", "--refs", "refs.csv", "--scenes", "film.scenes.csv"]) == 0
    assert load(folder / "film.color.plan.json").shots == ((0, 10), (10, 17), (17, 24))
    assert main.main(["scenes", "film.mkv"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_film_that_is_called_like_a_step(folder):
    (folder / "film.mkv").rename(folder / "scenes")
    assert main.main(["./scenes", "--ref", "a.png", "--size", "64", "-q"]) == 0
    assert (folder / "scenes.color.mkv").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ["MOVIE"]),
        ("film.mkv --ref a.png --refs refs.csv", ["not both"]),
        ("none.mkv --ref a.png", ["none.mkv"]),
        ("a.png --ref a.png -o film.mkv", ["film.mkv"]),
        ("film.mkv --ref none.png", ["none.png"]),
        ("film.mkv --ref refs.csv", ["refs.csv", "--refs"]),
        ("film.mkv --refs none.csv", ["none.csv"]),
        ("film.mkv --ref a.png -o film.mkv -y", ["film.mkv", "replace the film"]),
        ("film.mkv --ref a.png -o b.png", ["b.png", "-y"]),
        ("film.mkv --ref a.png -o none/out.mkv", ["none"]),
        ("film.mkv --ref a.png -o out.avi", ["out.avi"]),
        ("film.mkv --ref a.png -o out.mp4 --codec ffv1", ["out.mp4"]),
        ("film.mkv --ref a.png --codec h264", ["--codec", "x264"]),
        ("film.mkv --ref a.png --strength 2", ["--strength", "0 to 1"]),
        ("film.mkv --ref a.png --size 3", ["--size"]),
        ("film.mkv --ref a.png --crf x", ["--crf"]),
        ("film.mkv --ref a.png --start soon", ["--start", "soon"]),
        ("film.mkv --ref a.png --start 99", ["--start", "24 frames (0 to 23)"]),
        ("film.mkv --ref a.png --dump-every 3", ["--dump"]),
        ("film.mkv --ref a.png --fps 0", ["--fps"]),
        ("film.mkv --ref a.png --scenes refs.csv", ["refs.csv", "Start Frame"]),
        ("film.mkv --ref a.png --colour", ["--colour"]),
        ("film.mkv --ref a.png --lossless --codec x265", ["--lossless", "--codec x265", "leave one"]),
        ("film.mkv --ref a.png --lossless --crf 12", ["--lossless", "--crf 12", "leave one"]),
        ("film.mkv --ref a.png --lossless --preset slow", ["--lossless", "--preset slow", "leave one"]),
        ("film.mkv --ref a.png --codec ffv1 --crf 12", ["--crf", "ffv1"]),
        ("film.mkv --ref a.png --codec ffv1 --preset slow", ["--preset", "ffv1"]),
        ("film.mkv --ref a.png --codec prores -o out.mov --crf 12", ["--crf", "prores"]),
        ("film.mkv --ref a.png --codec prores -o out.mov --preset slow", ["--preset slow", "hq"]),
        ("film.mkv --ref a.png --codec x265 --preset hq", ["--preset hq", "slower"]),
        ("film.mkv --ref a.png --model adain --quality --size 128", ["--quality", "--size", "leave one"]),
        ("film.mkv --ref a.png --sketch-output fill --upsample fast", ["--upsample", "--sketch-output fill"]),
        ("propose film.mkv --anchors a.csv --scenes refs.csv", ["--scenes", "--anchors", "leave one"]),
        ("propose film.mkv --anchors a.csv --seed 0", ["--seed", "--anchors", "leave one"]),
        ("stylize a.png b.png --crf 0", ["--crf", "photograph", "leave it out"]),
        ("stylize a.png b.png --lossless", ["--lossless", "photograph", "leave it out"]),
        ("stylize a.png b.png --labels-unmatched global", ["--labels-unmatched", "--labels"]),
        ("stylize film.mkv b.png --lossless --codec x264", ["--lossless", "--codec x264", "leave one"]),
        ("unit none.json 0", ["none.json"]),
        ("unit refs.csv 0", ["refs.csv", "not a plan"]),
        ("unit refs.csv x", ["whole number"]),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(folder, capsys, line: str, words: list[str]):
    before = sorted(path.name for path in folder.iterdir())
    assert main.main(line.split()) == 2
    said = capsys.readouterr()
    last = said.err.rstrip("\n").splitlines()[-1]
    assert last.startswith("vidcolor: ")
    assert all(word in last for word in words), last
    assert "Traceback" not in said.err
    assert sorted(path.name for path in folder.iterdir()) == before


def test_options_of_other_models_are_errors(folder, capsys, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    for line, words in {
        "--transfer adain": ["--transfer adain", "--model exemplar", "use --model adain"],
        "--model sscn --transfer wct": ["--transfer wct", "--model sscn", "use --model adain"],
        "--sketch-output auto": ["--sketch-output auto", "use --model sketch"],
        "--model sketch --encoder vgg19": ["--encoder vgg19", "--model sketch", "use --model adain"],
    }.items():
        assert main.main(["film.mkv", "--ref", "a.png", *line.split()]) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert all(word in said for word in words), said


def test_a_seed_that_changes_nothing_is_said(folder, capsys):
    for model, wanted in (("exemplar", 1), ("adain", 0)):
        assert main.main(["film.mkv", "--ref", "a.png", "--dry-run", "--seed", "7", "--model", model]) == 0
        assert capsys.readouterr().err.count("--seed 7: --model") == wanted


def test_range_against_rgb_pictures_is_an_error(folder, capsys):
    write_key(folder / "f1.png", seed=1)
    line = ["f%d.png", "--fps", "24", "--ref", "a.png", "--dry-run", "--range"]
    assert main.main([*line, "limited"]) == 2
    assert "RGB pictures have the full range" in capsys.readouterr().err
    assert main.main([*line, "full"]) == 0


def test_a_plan_is_printed_where_it_is_wanted(folder, capsys):
    assert main.main(["plan", "film.mkv", "--ref", "a.png", "-q", "-v"]) == 0
    assert "unit 2: frames 17 to 23" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(folder, capsys, monkeypatch):
    monkeypatch.setattr("vidcolor.outputs.targets.os.access", lambda *_: False)  # root may write anywhere
    assert main.main(["film.mkv", "--ref", "a.png"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_full_disk_is_one_line(folder, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "out.mkv")

    monkeypatch.setattr("vidcolor.api.render_all", full)
    assert main.main(["film.mkv", "--ref", "a.png", "-q"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("vidcolor: out.mkv: no space left on the disk; free")


def program(*arguments: str, folder: Path, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vidcolor", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, **options)


@pytest.mark.slow
def test_the_program_itself(folder):
    assert program("--version", folder=folder).stdout.startswith("vidcolor ")
    assert "--refs LIST" in program("--help", folder=folder).stdout
    done = program("film.mkv", "--ref", "none.png", folder=folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "none.png" in done.stderr
    done = program("film.mkv", "--ref", "a.png", "--end", "4", "--size", "32", "-q", folder=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "film.color.mkv").exists()


def test_a_worker_that_cannot_compute_as_planned_says_so(folder, monkeypatch, capsys):
    assert main.main(["plan", "film.mkv", "--refs", "refs.csv", "--precision", "bfloat16", "-q"]) == 0
    monkeypatch.setattr(precision, "_can", lambda device, dtype: dtype == torch.float32)
    assert main.main(["unit", "film.color.plan.json", "0", "-q"]) == 2
    assert re.fullmatch(
        r"vidcolor: film\.color\.plan\.json: --precision bfloat16: cpu .* cannot compute in it; use another "
        r"--device or --precision \w+",
        capsys.readouterr().err.strip().splitlines()[-1],
    )


def test_verbose_says_device_precision_and_threads(folder, capsys):
    assert main.main(["film.mkv", "--refs", "refs.csv", "--precision", "float32", "--dry-run"]) == 0
    assert re.search(r"^compute cpu \(.+\), float32, \d+ threads? of \d+$", capsys.readouterr().out, re.M)
