"""A plan's file, wherever it and its material go."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planning import plan_of, planned

from vidcolor.errors import VidcolorError
from vidcolor.plan.identity import check_unchanged
from vidcolor.plan.plan import Plan
from vidcolor.plan.request import Request
from vidcolor.plan.store import load, save
from vidcolor.settings import Settings


def test_a_plan_comes_back_from_its_file(folder):
    plan = plan_of(folder, Settings(codec="ffv1", crf=None, full_range=True), start=3)
    save(plan, folder / "film.plan.json")
    back = load(folder / "film.plan.json")
    assert np.array_equal(back.pts, plan.pts)
    assert replace(back, pts=()).__dict__ == replace(plan, pts=()).__dict__
    check_unchanged(back, back.units)
    assert not list(folder.glob("*.part"))


def paths_of(plan: Plan) -> list[Path]:
    keys = [Path(key.path) for unit in plan.units for key in unit.keys]
    return [plan.film.path, plan.out, plan.work, Path(str(plan.settings.dump_dir)), *keys]


@pytest.mark.parametrize("name", ["film.plan.json", "plans/film.json", "film.color.mkv.vidcolor/plan.json"])
def test_a_plan_moves_with_its_material(folder, tmp_path_factory, monkeypatch, name: str):
    """Whatever the folder it was made in or is read in: its paths are those of the material beside it."""
    (folder / "plans").mkdir()
    monkeypatch.chdir(folder)
    settings = Settings(dump_dir="look", dump_every=4)
    request = Request(Path("film.mkv"), refs=Path("refs.csv"), out=Path("film.color.mkv"))
    save(planned(request, settings), Path(name))
    stored = json.loads(Path(name).read_text())
    assert name.startswith("plans/") or not Path(stored["film"]["path"]).is_absolute()
    there = tmp_path_factory.mktemp("there") / "project"
    monkeypatch.chdir("/")
    assert all(path.is_relative_to(folder) for path in paths_of(load(folder / name)))
    folder.rename(there)
    back = load(there / name)
    assert paths_of(back) == [
        *(there / part for part in ("film.mkv", "film.color.mkv", "film.color.mkv.vidcolor", "look")),
        *(there / part for part in ("a.png", "a.png", "b.png", "b.png")),
    ]
    check_unchanged(back, back.units)
    monkeypatch.chdir(there / "plans")
    assert paths_of(load(Path(os.path.relpath(there / name)))) == paths_of(back)


def test_material_elsewhere_is_found_from_wherever_the_plan_goes(folder, tmp_path_factory):
    there = tmp_path_factory.mktemp("there")
    save(plan_of(folder), there / "a.json")
    (there / "deep" / "er").mkdir(parents=True)
    (there / "a.json").rename(there / "deep" / "er" / "b.json")
    back = load(there / "deep" / "er" / "b.json")
    assert back.film.path == folder / "film.mkv" and back.out == folder / "film.color.mkv"
    check_unchanged(back, back.units)


def test_a_file_that_is_no_plan_is_an_error(folder):
    with pytest.raises(VidcolorError, match="no such file"):
        load(folder / "none.json")
    for text in ("hello", "[]", "{}"):
        (folder / "x.json").write_text(text)
        with pytest.raises(VidcolorError, match="not a plan"):
            load(folder / "x.json")
    save(plan_of(folder), folder / "x.json")
    facts = json.loads((folder / "x.json").read_text())
    (folder / "x.json").write_text(json.dumps(facts | {"version": "0.0.0"}))
    with pytest.raises(VidcolorError, match=r"made by vidcolor 0\.0\.0"):
        load(folder / "x.json")
    del facts["units"]
    (folder / "x.json").write_text(json.dumps(facts))
    with pytest.raises(VidcolorError, match="damaged"):
        load(folder / "x.json")
