"""Shots without a key of their own: what is said of them, and --strict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import MeanColour
from media import write_film, write_key
from PIL import Image
from planning import planned

from vidcolor import api
from vidcolor.cli import main
from vidcolor.errors import VidcolorError
from vidcolor.plan import keyless
from vidcolor.plan.describe import describe
from vidcolor.plan.plan import KeyUse, Plan
from vidcolor.plan.request import Request
from vidcolor.settings import Settings

SECOND = "1 of 3 shots has no key of its own: 2 (frames 10 to 16, 00:00:00.417)"


@pytest.fixture
def model(mean_colour: MeanColour) -> MeanColour:
    return mean_colour


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Where the user stands: film.mkv (24 frames, cuts at 10 and 17), paintings of frames 2, 12 and 20."""
    film = write_film(tmp_path / "film.mkv", 24, cuts=(10, 17))
    for frame in (2, 12, 20):
        write_painting(film.luma[frame], tmp_path / f"{frame}.png")
    write_key(tmp_path / "plain.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_painting(luma: np.ndarray, path: Path) -> None:
    color = np.clip(luma[..., None] + np.array([30, 0, -30]), 0, 255).astype(np.uint8)
    Image.fromarray(color).save(path)


def plan_of(rows: str = "", **request) -> Plan:
    if rows:
        Path("refs.csv").write_text(rows)
        request |= {"refs": Path("refs.csv")}
    return planned(Request(movie=Path("film.mkv"), **request))


def refs(*numbers: str) -> tuple[Path, ...]:
    return tuple(Path(f"{number}.png") for number in numbers)


def test_a_shot_has_the_keys_that_paint_it_or_that_a_list_assigns_to_it(folder):
    cases = [
        (plan_of("frame,reference\n2,2.png\n12,plain.png\n20,20.png\n"), []),
        (plan_of("scene,reference\n3,plain.png\n"), [0, 1]),
        (plan_of("frame,reference\n2,2.png\n20,20.png\n"), [1]),
        (plan_of("frame,reference\n2,12.png\n"), [1, 2]),  # no painting of frame 2: an example for its shot
        (plan_of(ref=refs("12")), [0, 2]),
        (plan_of(ref=refs("2", "20", "plain")), [1]),
        (plan_of(ref=refs("plain")), [0, 1, 2]),
        (plan_of(ref=refs("12"), start=10, end=17), []),
    ]
    for plan, without in cases:
        assert keyless.without_key(plan) == without
        assert [unit.shot for unit in plan.units if not unit.own_key] == without


def test_a_key_behind_the_end_that_begins_the_next_shot_is_not_the_last_ones_own(folder):
    write_key(Path("10.png"))
    plan = plan_of("frame,reference\n10,10.png\n", end=9)
    assert (plan.shots[0], keyless.without_key(plan)) == ((0, 10), [0])


def test_the_same_keys_give_another_unit_where_they_are_the_shots_own(folder):
    assigned, given = plan_of("scene,reference\n1,plain.png\n"), plan_of(ref=refs("plain"))
    assert [a.keys == b.keys for a, b in zip(assigned.units, given.units, strict=True)] == [True] * 3
    assert [a.content_hash == b.content_hash for a, b in zip(assigned.units, given.units, strict=True)] == [
        False,
        True,
        True,
    ]


def test_plan_warning_and_summary_say_which(folder, capsys, model):
    Path("refs.csv").write_text("frame,reference\n2,2.png\n20,20.png\n")
    assert main.main(["film.mkv", "--refs", "refs.csv", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert f"keyless {SECOND}" in said.out.splitlines()
    unit = said.out.splitlines().index(next(line for line in said.out.splitlines() if line.startswith("unit 1:")))
    keys = said.out.splitlines()[unit + 1 : unit + 3]
    assert [line.endswith(f"painted frame {n}, not of this shot") for line, n in zip(keys, (2, 20))] == [True, True]
    assert f"vidcolor: {SECOND}; there, colours of keys are taken only where they surely match" in said.err
    assert "paint a frame of each, or assign references to them with --refs\n" in said.err
    assert main.main(["film.mkv", "--refs", "refs.csv", "--size", "64"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [SECOND]
    result = api.colorize("film.mkv", refs="refs.csv", overwrite=True, size=64)
    assert result.keyless == (2,)
    assert main.main(["film.mkv", "--refs", "refs.csv", "--size", "64", "-y", "--model", "adain"]) == 0
    assert "--model adain colours them from the keys there are" in capsys.readouterr().err


def test_nothing_is_said_where_all_have_their_own(folder, capsys, model):
    Path("refs.csv").write_text("frame,reference\n2,2.png\n12,12.png\n20,20.png\n")
    assert main.main(["film.mkv", "--refs", "refs.csv", "--size", "64", "-v", "--strict"]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1
    assert "own" not in said.out + said.err and "not of this shot" not in said.err


def test_hundreds_of_shots_are_one_line(folder):
    plan = plan_of("frame,reference\n2,2.png\n")
    shots = tuple((4 * n, 4 * n + 4) for n in range(300))
    units = tuple(
        replace(plan.units[0], index=n, shot=n, first=a, stop=b, own_key=n % 5 == 0) for n, (a, b) in enumerate(shots)
    )
    plan = replace(plan, shots=shots, units=units, pts=np.arange(1200) * 42, stop=1200)
    words = keyless.words(plan)
    assert words.startswith(
        "240 of 300 shots have no key of their own: 2 to 5 (frames 4 to 19, 00:00:00.168), 7 to 10 "
    )
    assert words.endswith(", 216 more")
    assert len(words) < 400


@pytest.mark.parametrize("step", ["", "plan ", "dry"])
def test_strict_refuses_before_anything_is_written(folder, capsys, model, step: str):
    before = sorted(folder.iterdir())
    line = f"{step.replace('dry', '')}film.mkv --ref 2.png --ref 20.png --strict {'--dry-run' * (step == 'dry')}"
    assert main.main(line.split()) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"vidcolor: --strict: {SECOND}; paint a frame of each, or assign references to them with --refs"
    )
    assert sorted(folder.iterdir()) == before and model.prepared == []


def test_strict_without_any_reference(folder, model):
    with pytest.raises(VidcolorError, match=r"^`strict`: there is no reference; give keys of all shots with `refs`$"):
        api.colorize("film.mkv", strict=True, size=64)
    assert not Path("film.color.mkv.vidcolor").exists()


def test_proposals_are_of_the_shots_they_were_made_for(folder, monkeypatch, model):
    keys = [KeyUse(f"{n}.png", "hash", n, painted=True) for n in (2, 12, 20)]
    monkeypatch.setattr(api, "proposed_keys", lambda survey, dry: keys)
    plan, _ = api.plan_film(Request(movie=Path("film.mkv")), Settings(), progress=False)
    assert keyless.words(plan) is None
    assert [unit.keys for unit in plan.units] == [(key,) for key in keys]
    assert not any("not of this shot" in line for line in describe(plan))
