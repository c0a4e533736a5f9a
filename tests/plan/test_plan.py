"""The units of a plan."""

from itertools import pairwise
from pathlib import Path

from planning import plan_of

from vidcolor.plan.plan import CHUNK, MARGIN, cut_units


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
