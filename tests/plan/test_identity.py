"""Content hashes: equal hash, equal file."""

import pytest
from media import write_film, write_key
from planning import plan_of

from vidcolor.errors import VidcolorError
from vidcolor.plan.identity import check_unchanged
from vidcolor.settings import Settings


def test_the_same_input_gives_the_same_hashes(folder):
    assert [u.content_hash for u in plan_of(folder).units] == [u.content_hash for u in plan_of(folder).units]


def test_a_changed_key_changes_only_the_units_that_it_serves(folder):
    before = [unit.content_hash for unit in plan_of(folder).units]
    write_key(folder / "b.png", seed=9)
    after = [unit.content_hash for unit in plan_of(folder).units]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, False]


@pytest.mark.parametrize(
    "changes", [{"strength": 0.5}, {"size": 128}, {"codec": "x264"}, {"seed": 3}, {"matrix": "bt709"}]
)
def test_settings_that_shape_pixels_change_every_hash(folder, changes: dict):
    before, after = plan_of(folder), plan_of(folder, Settings(**changes))
    assert all(a.content_hash != b.content_hash for a, b in zip(before.units, after.units, strict=True))


def test_model_and_film_change_every_hash(folder):
    before = plan_of(folder)
    assert all(
        a.content_hash != b.content_hash
        for a, b in zip(before.units, plan_of(folder, fingerprint="other").units, strict=True)
    )
    write_film(folder / "film.mkv", 24, cuts=(10, 17), seed=5)
    assert all(a.content_hash != b.content_hash for a, b in zip(before.units, plan_of(folder).units, strict=True))


def test_device_names_and_places_change_no_hash(folder, tmp_path_factory):
    before = [unit.content_hash for unit in plan_of(folder, Settings(device="cpu")).units]
    other = tmp_path_factory.mktemp("moved")
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    assert [unit.content_hash for unit in plan_of(other, out=other / "new.mkv").units] == before


def test_what_changed_since_the_plan_is_named(folder):
    plan = plan_of(folder)
    write_key(folder / "b.png", seed=9)
    check_unchanged(plan, plan.units[:1])
    with pytest.raises(VidcolorError, match=r"b\.png: changed"):
        check_unchanged(plan, plan.units)
    write_film(folder / "film.mkv", 23)
    with pytest.raises(VidcolorError, match=r"film\.mkv: changed"):
        check_unchanged(plan, ())
