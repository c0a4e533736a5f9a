"""A unit from plan to file, with a model whose colours are known."""

import threading

import av
import cv2
import numpy as np
import pytest
import torch
from media import write_film
from planning import planned

from vidcolor.errors import VidcolorError
from vidcolor.models.base import Colored
from vidcolor.plan.request import Request
from vidcolor.render import colors, unit
from vidcolor.settings import Settings


class Flat:
    """Every frame the same ab; remembers what it was asked."""

    name, fingerprint, device = "flat", "flat", torch.device("cpu")

    def __init__(self, a=20.0, b=-10.0):
        self.ab, self.shots, self.batches = (a, b), [], []

    def prepare(self, shot, references):
        self.shots.append((shot.first, len(shot), len(references)))
        return "state"

    def colorize(self, batch, state):
        assert state == "state"
        self.batches.append(batch.positions)
        n, _, h, w = batch.lightness.shape
        ab = torch.tensor(self.ab).reshape(1, 2, 1, 1).expand(n, 2, h, w)
        return Colored(ab, torch.ones(n, 1, h, w), ab)

    def finish(self, shot, references, colors):
        pass


def plan_of(tmp_path, refs="frame,reference\n3,key.png\n", frames=24, cuts=(10, 17), **settings):
    film = write_film(tmp_path / "film.mkv", frames, cuts=cuts)
    colour = np.full((64, 96, 3), (60, 120, 200), np.uint8)
    cv2.imwrite(str(tmp_path / "key.png"), colour[..., ::-1])
    (tmp_path / "refs.csv").write_text(refs)
    plan = planned(
        Request(movie=film.path, refs=tmp_path / "refs.csv"),
        Settings(lossless=True, size=64, **settings),
        "flat",
    )
    return film, plan


def rendered(plan, one, on_frame=lambda frame: None):
    """The file of one unit."""
    unit.render_all(plan, Flat(), [one], on_frame)
    return plan.unit_path(one)


def decoded(path):
    with av.open(str(path)) as container:
        return [f.to_ndarray() for f in container.decode(video=0)]


def test_a_unit_holds_its_frames_with_the_films_luma(tmp_path):
    film, plan = plan_of(tmp_path)
    seen = []
    path = rendered(plan, plan.units[1], seen.append)
    frames = decoded(path)
    assert seen == list(range(10, 17)) and len(frames) == 7
    for frame, luma in zip(frames, film.luma[10:17]):
        assert np.array_equal(frame[:64], luma)
    assert frames[0][64:].std() > 0 or frames[0][64:].flat[0] != 128  # chroma is no longer grey


@pytest.mark.parametrize("name", ["film.mkv", "key.png"])
def test_what_changes_while_a_unit_is_made_leaves_no_unit(tmp_path, name):
    _, plan = plan_of(tmp_path, cuts=())
    other = write_film(tmp_path / "other.mkv", 24, cuts=(5,)).path
    changed = other.read_bytes() if name == "film.mkv" else (tmp_path / name).read_bytes() + b"\0"

    def change(frame):
        if frame == 3:
            (tmp_path / "new").write_bytes(changed)
            (tmp_path / "new").replace(tmp_path / name)

    with pytest.raises(VidcolorError, match=f"{name}: changed since the plan was made"):
        rendered(plan, plan.units[0], change)
    assert list((plan.work / "units").iterdir()) == []


def test_every_unit_is_prepared_once_and_every_frame_coloured_once(tmp_path):
    _, plan = plan_of(tmp_path)
    model = Flat()
    timings = unit.render_all(plan, model, plan.units)
    assert model.shots == [(u.warm_first, u.warm_stop - u.warm_first, 1) for u in plan.units]
    assert [p for positions in model.batches for p in positions] == [*range(10), *range(7), *range(7)]
    assert all(plan.unit_path(u).is_file() for u in plan.units)
    assert {"decode", "resize", "model", "upsample", "encode"} <= set(timings)


def test_strength_0_leaves_grey(tmp_path):
    _, plan = plan_of(tmp_path, strength=0.0)
    frames = decoded(rendered(plan, plan.units[0]))
    assert all((f[64:] == 128).all() for f in frames)


def test_dumped_frames_get_a_sheet(tmp_path):
    _, plan = plan_of(tmp_path, dump_every=5, dump_dir=str(tmp_path / "dump"))
    unit.render_all(plan, Flat(), plan.units)
    names = [f"sheet_{n:06d}.vidcolor.png" for n in (0, 5, 10, 15, 20)]
    assert sorted(p.name for p in (tmp_path / "dump").iterdir()) == names


def test_an_error_of_the_encoder_comes_out_and_leaves_no_file(tmp_path, monkeypatch):
    _, plan = plan_of(tmp_path)

    def full(self, frame, cb, cr):
        raise VidcolorError("disk full")

    monkeypatch.setattr(unit.Encoder, "write", full)
    with pytest.raises(VidcolorError, match="disk full"):
        rendered(plan, plan.units[0])
    assert not plan.unit_path(plan.units[0]).exists()
    assert not any(t.name == "ahead" for t in threading.enumerate())


def test_an_interruption_does_not_wait_for_the_unit_that_is_being_written(tmp_path, monkeypatch):
    _, plan = plan_of(tmp_path)
    writing, real = threading.Event(), colors.find_colors

    def write(self, frame, cb, cr):
        writing.set()
        threading.Event().wait(0.2)

    def find(plan, unit, *rest):
        if unit.index == 1:
            assert writing.wait(10)
            raise KeyboardInterrupt
        return real(plan, unit, *rest)

    monkeypatch.setattr(unit.Encoder, "write", write)
    monkeypatch.setattr(unit, "find_colors", find)
    frames: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        unit.render_all(plan, Flat(), plan.units, frames.append)
    assert len(frames) <= 1
    assert not plan.unit_path(plan.units[0]).exists()
