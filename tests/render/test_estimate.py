"""Progress: over both passes, with a time left that can be believed."""

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from media import write_film, write_images, write_key

from vidcolor import api
from vidcolor.film.probe import expected_frames, probe
from vidcolor.plan.plan import KeyUse, Unit
from vidcolor.render.estimate import COSTS, SECOND, Estimate

KEY = KeyUse("key.png", "", 3, painted=True)


def run(lengths, costs, codec="x264", quality=False):
    """Time in all, and (time, remaining) after every step of a film of such units whose steps take so many seconds."""
    units, first = [], 0
    for n, length in enumerate(lengths):
        units.append(
            Unit(n, n, first, first + length, first, first + length, keys=(KEY,), own_key=True, content_hash="")
        )
        first += length
    plan = SimpleNamespace(settings=SimpleNamespace(model="exemplar", codec=codec, temporal=1.0, quality=quality))
    now = [0.0]
    estimate = Estimate(plan, units, clock=lambda: now[0])
    steps, coloured, written = [], 0.0, 0.0
    for unit, expected in zip(units, estimate.expected, strict=True):
        for kind in COSTS:
            for _ in range(expected[kind]):
                coloured += costs[kind]
                steps.append((coloured, unit, kind))
        coloured = written = max(coloured, written)  # handed over when the unit before is written
        held = expected["close"] * costs["close"]
        for kind, count, cost in (("finish", len(unit), costs["finish"]), ("close", 1, held)):
            for _ in range(count):
                written += cost
                steps.append((written, unit, kind))
    told = []
    for at, unit, kind in sorted(steps, key=lambda step: step[0]):
        now[0] = at
        estimate.step(unit, kind)
        told.append((at, estimate.remaining(), estimate.share()))
    return written, told


USUAL = {kind: cost / 60 for kind, cost in COSTS.items()} | {"finish": 0.06, "close": 0.08}


@pytest.mark.parametrize("lengths", [[24], [240], [90, 12, 150], [60] * 12])
@pytest.mark.parametrize(
    "costs",
    [
        USUAL,
        {kind: cost / 10 for kind, cost in USUAL.items()},
        USUAL | {"read": 0.07, "finish": 0.3, "close": 0.3},  # a large film
        USUAL | {"match": 0.15, "colour": 0.9},
    ],
    ids=["usual", "quick", "large", "other"],
)
def test_the_time_left_is_right_after_a_tenth(lengths, costs):
    whole, told = run(lengths, costs)
    at, left, _ = next(step for step in told if step[0] >= whole / 10)
    assert 0.7 < left / (whole - at) < 1.3
    shares = [share for at, _, share in told if at >= whole / 10]
    assert all(b > a - 0.1 for a, b in pairwise(shares)) and shares[-1] == 1


def test_the_bar_waits_until_more_than_reading_was_seen():
    _, told = run([24], USUAL | {"read": 0.001})
    assert not any(share for _, _, share in told[:25])
    assert 0 < told[25][2] < 0.03


def test_the_second_size_of_quality_is_counted():
    assert run([24], USUAL, quality=True)[0] > run([24], USUAL)[0] + 3
    whole, told = run([24], USUAL, quality=True)
    at, left, _ = next(step for step in told if step[0] >= whole / 10)
    assert 0.7 < left / (whole - at) < 1.3


def test_the_bar_moves_in_both_passes_and_ends_full(tmp_path, monkeypatch, mean_colour, capsys):
    monkeypatch.setattr("vidcolor.render.estimate.PAUSE", 0.0)
    seen = []
    step = Estimate.step
    monkeypatch.setattr(Estimate, "step", lambda self, unit, kind: (seen.append(kind), step(self, unit, kind)))
    write_film(tmp_path / "film.mkv", 24, cuts=(10,), tags={"space": 6, "range": 1})
    write_key(tmp_path / "a.png")
    api.colorize(tmp_path / "film.mkv", ref=tmp_path / "a.png", size=64, progress=True)
    assert [seen.count(kind) for kind in ("read", "colour", "finish", "close")] == [24, 7, 24, 2]
    assert set(seen) <= {*COSTS, *SECOND}
    last = capsys.readouterr().err.split("\r")[-1]
    assert re.search(r"colour: 100%\|.*\| 24/24 \[\d\d:\d\d<00:00, ", last), last


def test_about_how_many_frames_a_film_has(tmp_path):
    write_film(tmp_path / "film.mkv", 24, rate=Fraction(24000, 1001))
    assert probe(tmp_path / "film.mkv").frames_hint == 0
    assert expected_frames(probe(tmp_path / "film.mkv")) in (23, 24, 25)
    write_images(tmp_path / "scan", 5)
    assert expected_frames(probe(Path(tmp_path / "scan"), fps=24)) == 5
