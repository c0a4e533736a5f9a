"""Options, the settings and requests made of them, and messages that name them."""

import ast
import re
from fractions import Fraction
from pathlib import Path

import pytest
from media import write_film, write_key

from vidcolor.cli import main, options
from vidcolor.errors import one_run, warn
from vidcolor.plan.request import Request
from vidcolor.settings import Settings


def said(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_the_command_line_shows_its_options(capsys):
    with one_run(options.with_options):
        warn("`seed` 7 changes nothing with `model=exemplar`")
    assert said(capsys) == ["vidcolor: --seed 7 changes nothing with --model exemplar"]
    for text, shown in {
        "use `codec=x265` or `lossless`": "use --codec x265 or --lossless",
        "replace it with `overwrite=True` or name another `out`": "replace it with -y or name another -o",
        "`full_range=False` and `dump_dir`": "--range limited and --dump",
        "`first_frame=01:00:00:00`": "--first-frame 01:00:00:00",
        "run `vidcolor plan -o` again": "run `vidcolor plan -o` again",
    }.items():
        assert options.with_options(text) == shown


def parsed(*arguments: str) -> Settings:
    return options.settings_of(options.film_parser().parse_args(["film.mkv", *arguments]))


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        ("--model adain", "model", "adain"),
        ("--encoder vgg19", "encoder", "vgg19"),
        ("--transfer wct", "transfer", "wct"),
        ("--size 384", "size", 384),
        ("--codec prores", "codec", "prores"),
        ("--crf 12", "crf", 12),
        ("--preset slow", "preset", "slow"),
        ("--lossless", "lossless", True),
        ("--chroma 444", "chroma", "444"),
        ("--strength 0.4", "strength", 0.4),
        ("--temporal 0", "temporal", 0.0),
        ("--seed 7", "seed", 7),
        ("--upsample fast", "upsample", "fast"),
        ("--matrix bt709", "matrix", "bt709"),
        ("--range full", "full_range", True),
        ("--range limited", "full_range", False),
        ("--on-error skip", "on_error", "skip"),
        ("--allow-interlaced", "allow_interlaced", True),
        ("--device cuda:1", "device", "cuda:1"),
        ("--precision float32", "precision", "float32"),
        ("--dump d --dump-every 5", "dump_every", 5),
        ("--dump d", "dump_dir", "d"),
    ],
)
def test_every_option_reaches_its_setting(arguments: str, field: str, value):
    assert getattr(parsed(*arguments.split()), field) == value
    assert getattr(Settings(), field) != value


def test_what_is_not_said_keeps_its_default():
    assert parsed() == Settings()


def test_the_request_is_what_was_asked():
    line = "film.mkv --ref a.png --ref b.png -o x.mkv -y --scenes s.csv --start 10 --end 1:02.5 --fps 24000/1001"
    request = options.request_of(Request, options.film_parser().parse_args(line.split()))
    assert request.ref == (Path("a.png"), Path("b.png"))
    assert (request.out, request.scenes, request.overwrite) == (Path("x.mkv"), Path("s.csv"), True)
    assert (request.start, request.end) == (10, Fraction(125, 2))
    assert request.fps == Fraction(24000, 1001)


BACKTICKS = ("`out`.mkv", "a `crf` b.mkv", "`codec=x265`.mkv")


@pytest.mark.parametrize("name", BACKTICKS)
def test_a_name_with_backticks_stays_as_it_is(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main.main([name, "--ref", "a.png"]) == 2
    assert f"vidcolor: {name}: no such file" in capsys.readouterr().err
    write_film(tmp_path / name, 3, tags={"space": 6, "range": 1})
    write_key(tmp_path / "a.png")
    result = Path(name).stem + ".color.mkv"
    (tmp_path / result).touch()
    assert main.main([f"./{name}", "--ref", "a.png"]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/{result}: exists already; overwrite it with -y or name another with -o\n" in said


def test_only_arguments_become_options():
    assert options.with_options("`hello`.png and `vgg19`: use `size`") == "`hello`.png and `vgg19`: use --size"


def test_messages_name_arguments_in_backticks():
    package = Path(options.__file__).parents[1]
    messages = 0
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0]
        if room == "training":
            continue
        tree = ast.parse(path.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        ]
        for text in texts:
            for found in re.findall(r"`[a-z_]+(?:=[^`]*)?`", text):
                messages += 1
                assert options.with_options(found).startswith("-"), (path, found)
            if room != "cli":
                assert not re.search(r"(?<!\S)--[a-z]", text) or "scripts/" in text, (path, text)
    assert messages > 100
