"""The plan: units, content hashes, its file."""

import json
import os
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from media import write_film, write_images, write_key
from PIL import Image
from planning import planned

from vidcolor.errors import VidcolorError
from vidcolor.models import precision
from vidcolor.plan.describe import describe
from vidcolor.plan.identity import check_unchanged, film_identity
from vidcolor.plan.plan import CHUNK, MARGIN, Plan, cut_units
from vidcolor.plan.request import Request
from vidcolor.plan.store import load, save
from vidcolor.settings import Settings


def plan_of(folder: Path, settings: Settings | None = None, fingerprint: str = "model", **request) -> Plan:
    wanted = Request(movie=folder / "film.mkv", **({"refs": folder / "refs.csv"} | request))
    return planned(wanted, settings, fingerprint)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A film of three shots (24 frames, cuts at 10 and 17) with a key for frames 2 and 20."""
    write_film(tmp_path / "film.mkv", 24, cuts=(10, 17))
    write_key(tmp_path / "a.png", seed=1)
    write_key(tmp_path / "b.png", seed=2)
    (tmp_path / "refs.csv").write_text("frame,reference\n2,a.png\n20,b.png\n")
    return tmp_path


def test_units_are_the_shots_with_their_keys(folder):
    plan = plan_of(folder)
    assert plan.shots == ((0, 10), (10, 17), (17, 24))
    assert [(u.first, u.stop, u.warm_first, u.warm_stop) for u in plan.units] == [
        (0, 10, 0, 10),
        (10, 17, 10, 17),
        (17, 24, 17, 24),
    ]
    assert [[Path(k.path).name for k in u.keys] for u in plan.units] == [["a.png"], ["a.png", "b.png"], ["b.png"]]
    assert [k.frame for k in plan.units[2].keys] == [20]
    assert plan.out == folder / "film.color.mkv"
    assert plan.unit_path(plan.units[1]).parent == folder / "film.color.mkv.vidcolor" / "units"


def test_long_shots_become_chunks_with_margins_inside_the_shot():
    long = 2 * CHUNK + 50
    units = cut_units([(0, 10), (10, 10 + long), (10 + long, 700)], 0, 700)
    assert [unit[0] for unit in units] == [0, 1, 1, 1, 2]
    spans = [(first, stop) for _, first, stop, _, _ in units]
    assert spans[0][0] == 0
    assert spans[-1][1] == 700
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert max(stop - first for first, stop in spans) <= CHUNK
    chunks = [unit for unit in units if unit[0] == 1]
    assert [stop - first for _, first, stop, _, _ in chunks] == [CHUNK, CHUNK, 50]
    assert [(first - warm, end - stop) for _, first, stop, warm, end in chunks] == [
        (0, MARGIN),
        (MARGIN, MARGIN),
        (MARGIN, 0),
    ]


def test_a_part_of_the_film(folder):
    plan = plan_of(folder, start=5, end=Fraction(15, 24))
    assert (plan.first, plan.stop) == (5, 15)
    assert [(u.first, u.stop, u.warm_first, u.warm_stop) for u in plan.units] == [(5, 10, 0, 10), (10, 15, 10, 17)]
    with pytest.raises(VidcolorError, match="`start`"):
        plan_of(folder, start=24)
    with pytest.raises(VidcolorError, match="`end`"):
        plan_of(folder, start=8, end=8)


def test_one_reference_serves_the_whole_film(folder):
    film = write_film(folder / "film.mkv", 24, cuts=(10, 17))
    Image.fromarray(np.repeat(film.luma[12][..., None], 3, 2)).save(folder / "frame.png")
    plan = plan_of(folder, refs=None, ref=(folder / "frame.png", folder / "a.png"))
    for unit in plan.units:
        assert [(k.frame, k.painted) for k in unit.keys] == [(12, True), (None, False)]


def test_scene_numbers_and_scene_lists(folder):
    (folder / "scenes.csv").write_text("Start Frame,End Frame\n1,6\n7,24\n")
    (folder / "refs.csv").write_text("scene,reference,weight\n2,b.png,3\n1,a.png,\n")
    plan = plan_of(folder, scenes=folder / "scenes.csv")
    assert plan.shots == ((0, 6), (6, 24))
    assert [[(Path(k.path).name, k.frame, k.weight) for k in u.keys] for u in plan.units] == [
        [("a.png", None, 1.0)],
        [("b.png", None, 3.0)],
    ]
    (folder / "refs.csv").write_text("scene,reference\n3,b.png\n")
    with pytest.raises(VidcolorError, match=r"row 2.*scene 3.*2 scenes"):
        plan_of(folder, scenes=folder / "scenes.csv")


@pytest.mark.parametrize("place", ["frame,reference\n24,a.png\n", "timecode,reference\n00:00:01.100,a.png\n"])
def test_a_key_beyond_the_end_is_an_error(folder, place: str):
    (folder / "refs.csv").write_text(place)
    with pytest.raises(VidcolorError, match=r"row 2.*beyond the film's end"):
        plan_of(folder)


def test_same_input_same_keys(folder):
    assert [u.content_hash for u in plan_of(folder).units] == [u.content_hash for u in plan_of(folder).units]


def test_a_changed_key_changes_only_the_units_that_it_serves(folder):
    before = [unit.content_hash for unit in plan_of(folder).units]
    write_key(folder / "b.png", seed=9)
    after = [unit.content_hash for unit in plan_of(folder).units]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, False]


@pytest.mark.parametrize(
    "changes", [{"strength": 0.5}, {"size": 128}, {"codec": "x264"}, {"seed": 3}, {"matrix": "bt709"}]
)
def test_settings_that_shape_pixels_change_every_key(folder, changes: dict):
    before, after = plan_of(folder), plan_of(folder, Settings(**changes))
    assert all(a.content_hash != b.content_hash for a, b in zip(before.units, after.units, strict=True))


def test_model_and_film_change_every_key(folder):
    before = plan_of(folder)
    assert all(
        a.content_hash != b.content_hash
        for a, b in zip(before.units, plan_of(folder, fingerprint="other").units, strict=True)
    )
    write_film(folder / "film.mkv", 24, cuts=(10, 17), seed=5)
    assert all(a.content_hash != b.content_hash for a, b in zip(before.units, plan_of(folder).units, strict=True))


def test_device_names_and_places_change_no_key(folder, tmp_path_factory):
    before = [unit.content_hash for unit in plan_of(folder, Settings(device="cpu")).units]
    other = tmp_path_factory.mktemp("moved")
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    assert [unit.content_hash for unit in plan_of(other, out=other / "new.mkv").units] == before


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


def test_what_changed_since_the_plan_is_named(folder):
    plan = plan_of(folder)
    write_key(folder / "b.png", seed=9)
    check_unchanged(plan, plan.units[:1])
    with pytest.raises(VidcolorError, match=r"b\.png: changed"):
        check_unchanged(plan, plan.units)
    write_film(folder / "film.mkv", 23)
    with pytest.raises(VidcolorError, match=r"film\.mkv: changed"):
        check_unchanged(plan, ())


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


def test_a_film_of_images(tmp_path):
    write_images(tmp_path / "scan", 12, cuts=(6,))
    write_key(tmp_path / "key.png")
    request = Request(tmp_path / "scan", ref=(tmp_path / "key.png",), fps=Fraction(18))
    plan = planned(request)
    assert plan.shots == ((0, 6), (6, 12))
    assert plan.out == tmp_path / "scan.color.mkv"
    before = film_identity(plan.film)
    Image.new("L", (96, 64), 7).save(tmp_path / "scan" / "frame_0012.png")
    assert film_identity(plan.film) != before


def test_the_plan_in_words(folder):
    words = "\n".join(describe(plan_of(folder)))
    assert "unit 2: frames 17 to 23" in words
    assert "a.png: plain reference for frame 2" in words
    assert "film.color.mkv: 24 frames (0 to 23), ffv1 yuv420p in matroska" in words


def test_interlaced_film_is_refused_with_the_remedy(folder):
    write_film(folder / "film.mkv", 12, codec="libx264", interlaced="tff")
    (folder / "refs.csv").write_text("frame,reference\n2,a.png\n")
    with pytest.raises(VidcolorError, match="`allow_interlaced`"):
        plan_of(folder)
    assert len(plan_of(folder, Settings(allow_interlaced=True)).pts) == 12


def test_a_plan_says_what_its_units_compute_in(folder):
    """So that machines of a farm do not mix; another precision makes other units."""
    exact, reduced = (plan_of(folder, settings=Settings(precision=name)) for name in ("float32", "bfloat16"))
    assert (exact.settings.precision, reduced.settings.precision) == ("float32", "bfloat16")
    assert exact.units[0].content_hash != reduced.units[0].content_hash
    assert plan_of(folder).settings.precision == precision.name(precision.choose(torch.device("cpu")))
