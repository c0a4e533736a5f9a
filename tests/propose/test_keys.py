"""The keys of a film that has none."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from vidcolor import api
from vidcolor.cli import main
from vidcolor.errors import VidcolorError
from vidcolor.plan.checks import check_request
from vidcolor.plan.request import Request
from vidcolor.plan.store import PROPOSED, load
from vidcolor.plan.survey import Survey, survey
from vidcolor.propose.keys import proposed_keys
from vidcolor.settings import Settings


@pytest.mark.slow
def test_a_film_without_reference(film, capsys, monkeypatch):
    """Coloured by what `propose` proposes, resumed with the same bits, and tidied up."""
    assert main.main(["propose", "film.mkv", "--proposals", "1", "-q", "--device", "cpu"]) == 0
    capsys.readouterr()
    options = ["film.mkv", "--size", "64", "--lossless", "-q", "--device", "cpu"]
    assert main.main([*options, "--dry-run"]) == 0
    said = capsys.readouterr()
    assert not list(film.parent.glob("*.vidcolor")) and said.out.count("painted frame") == 2
    assert "no reference: colours are proposed for 2 shots; vidcolor propose MOVIE shows" in said.err
    assert main.main([*options, "--keep-work", "-o", "a.mkv"]) == 0
    work = film.parent / "a.mkv.vidcolor"
    shown = {path.name: path.read_bytes() for path in (work / PROPOSED).glob("*.png")}
    proposed = film.parent / "film.proposed" / "1"
    assert shown == {path.name: path.read_bytes() for path in proposed.glob("*.png")} and len(shown) == 2

    # the same as a folder of keys: the same units
    assert main.main([*options, "--keep-work", "-o", "b.mkv", "--refs", str(proposed)]) == 0
    units = [sorted(p.name for p in (film.parent / f"{n}.mkv.vidcolor" / "units").iterdir()) for n in "ab"]
    assert units[0] == units[1] and len(units[0]) == 2
    assert planes(film.parent / "a.mkv") == planes(film.parent / "b.mkv")

    # again: nothing is looked at anew, nothing is coloured anew
    monkeypatch.setattr("vidcolor.propose.keys.representative_frame", lambda *_: pytest.fail("the pictures are there"))
    result = api.colorize(film, out=film.parent / "a.mkv", overwrite=True, lossless=True, size=64, device="cpu")
    assert result.reused == result.frames == 16
    assert not work.exists()


def test_a_farm_without_reference(film, capsys):
    line = ["plan", "film.mkv", "-o", "c.mkv", "--size", "64", "--lossless", "-q", "--device", "cpu"]
    assert main.main(line) == 0
    plan = load(film.parent / "c.plan.json")
    assert [unit.keys[0].painted for unit in plan.units] == [True, True]
    assert all(Path(unit.keys[0].path).is_file() for unit in plan.units)
    for n in (1, 0):
        assert main.main(["unit", "c.plan.json", str(n), "-q"]) == 0
    assert main.main(["join", "c.plan.json", "-q"]) == 0
    assert not (film.parent / "c.mkv.vidcolor").exists()
    assert colored(film.parent / "c.mkv")


def planes(path):
    """Every plane of every frame."""
    with av.open(str(path)) as container:
        return [bytes(plane) for frame in container.decode(video=0) for plane in frame.planes]


def colored(path):
    """Whether every frame has colour: Cb or Cr more than two codes off neutral on average."""
    found = [np.abs(np.frombuffer(plane, np.uint8).astype(float) - 128).mean() for plane in planes(path)]
    return all(max(found[n + 1 : n + 3]) > 2 for n in range(0, len(found), 3))


def test_other_films_and_seeds_get_pictures_of_their_own(film):
    def surveyed(**settings) -> Survey:
        (film.parent / "scenes.csv").write_text("Start Frame,End Frame\n1,8\n9,16\n")
        request = Request(film, scenes=film.parent / "scenes.csv", end=8, out=film.parent / "w.mkv")
        return survey(check_request(request, Settings(device="cpu", **settings)))

    (first,) = proposed_keys(surveyed())
    path = Path(first.path)
    assert path.parent == film.parent / "w.mkv.vidcolor" / PROPOSED
    assert json.loads((path.parent / "proposed.json").read_text())["frames"] == {"0-8": first.frame}
    path.write_bytes(b"edited by hand")
    (kept,) = proposed_keys(surveyed())
    assert kept.path == first.path and path.read_bytes() == b"edited by hand" and kept.sha256 != first.sha256
    with pytest.raises(VidcolorError, match="not as vidcolor wrote it"):
        proposed_keys(surveyed(seed=5))
    assert path.read_bytes() == b"edited by hand"
    path.unlink()
    (anew,) = proposed_keys(surveyed(seed=5))
    assert anew.sha256 not in (first.sha256, kept.sha256)


def test_the_anchors_model_needs_no_pictures(film, capsys):
    options = ["film.mkv", "--model", "anchors", "--size", "64", "--lossless", "-q", "--device", "cpu"]
    assert main.main([*options, "-o", "d.mkv", "--keep-work"]) == 0
    assert "no reference: the model guesses" in capsys.readouterr().err
    assert not (film.parent / "d.mkv.vidcolor" / PROPOSED).exists()
    assert main.main([*options, "-o", "e.mkv"]) == 0
    assert planes(film.parent / "d.mkv") == planes(film.parent / "e.mkv")
    assert colored(film.parent / "d.mkv")
