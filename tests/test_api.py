"""`vidcolor.colorize` from a film's file to a film's file, with a model that costs nothing."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import MeanColour
from media import add_tracks, write_film, write_key

import vidcolor
from vidcolor.api import Look, StyleRequest, colorize
from vidcolor.errors import VidcolorError
from vidcolor.render import unit


@pytest.fixture(autouse=True)
def model(mean_colour: MeanColour) -> MeanColour:
    return mean_colour


@pytest.fixture
def film(tmp_path) -> Path:
    """24 frames, cuts at 10 and 17, with keys for frames 2 and 20."""
    write_film(tmp_path / "film.mkv", 24, cuts=(10, 17), tags={"space": 6, "range": 1})
    write_key(tmp_path / "a.png", seed=1)
    write_key(tmp_path / "b.png", seed=2)
    (tmp_path / "refs.csv").write_text("frame,reference\n2,a.png\n20,b.png\n")
    return tmp_path / "film.mkv"


def planes(path: Path) -> tuple[list[np.ndarray], list[np.ndarray], list[float]]:
    luma, chroma, times = [], [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            y, cb = (
                np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
                for plane in frame.planes[:2]
            )
            luma.append(y.copy())
            chroma.append(cb.copy())
            times.append(float(frame.time))
    return luma, chroma, times


def test_a_film_is_coloured_and_its_luma_stays(film, model):
    result = colorize(film, refs=film.parent / "refs.csv", codec="ffv1", size=64)
    assert result.out == film.parent / "film.color.mkv"
    assert (result.frames, result.shots, result.keys, result.reused) == (24, 3, 2, 0)
    before, after = planes(film), planes(result.out)
    assert all(np.array_equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert after[2] == pytest.approx(before[2], abs=0.001)
    assert np.abs(after[1][5].astype(int) - 128).max() > 2
    assert model.prepared == [0, 10, 17]
    assert sorted(path.name for path in film.parent.iterdir()) == [
        "a.png",
        "b.png",
        "film.color.mkv",
        "film.mkv",
        "refs.csv",
    ]


def test_finished_units_are_reused(film, model, monkeypatch):
    options = {"refs": film.parent / "refs.csv", "codec": "ffv1", "size": 64}
    real, calls = unit.write_unit, []

    def stopped(plan, one, *rest):
        calls.append(one.index)
        if one.index == 1:
            raise KeyboardInterrupt
        return real(plan, one, *rest)

    monkeypatch.setattr(unit, "write_unit", stopped)
    with pytest.raises(KeyboardInterrupt):
        colorize(film, **options)
    out = film.parent / "film.color.mkv"
    assert not out.exists()
    monkeypatch.setattr(unit, "write_unit", real)
    model.prepared.clear()
    result = colorize(film, keep_work=True, **options)
    assert result.reused == 10
    assert 0 not in model.prepared
    assert len(planes(out)[0]) == 24
    # One key changed: only its shot is coloured again, and the one beside it, which has none of its own.
    write_key(film.parent / "b.png", seed=7)
    model.prepared.clear()
    result = colorize(film, overwrite=True, **options)
    assert model.prepared == [10, 17]
    assert result.reused == 10
    assert not Path(f"{out}.vidcolor").exists()


def test_what_others_put_into_the_work_folder_stays(film):
    work = film.parent / "film.color.mkv.vidcolor"
    work.mkdir()
    (work / "notes.txt").write_text("mine")
    colorize(film, ref=film.parent / "a.png", size=64)
    assert [path.name for path in work.iterdir()] == ["notes.txt"]


def test_a_part_keeps_its_times(film):
    result = colorize(film, ref=[film.parent / "a.png"], start="0.25s", end=20, codec="ffv1", size=64)
    assert result.frames == 14
    before, after = planes(film), planes(result.out)
    assert all(np.array_equal(a, b) for a, b in zip(before[0][6:20], after[0], strict=True))
    assert after[2] == pytest.approx(before[2][6:20], abs=0.001)


def test_sound_and_chapters_come_along(film):
    tracks = add_tracks(film, film.parent / "tracks.mkv")
    result = colorize(tracks, ref=film.parent / "a.png", size=64)
    with av.open(str(result.out)) as container:
        assert len(container.streams.audio) == 2
        assert len(container.streams.subtitles) == 1
        assert len(container.chapters()) == 2


def test_sheets_are_made_of_finished_units_whose_files_stay(film, model, capsys):
    look, units = film.parent / "look", film.parent / "film.color.mkv.vidcolor" / "units"
    how = {"ref": film.parent / "a.png", "size": 64, "keep_work": True, "overwrite": True}
    colorize(film, **how)
    files = {path.name: path.stat().st_mtime_ns for path in units.iterdir()}

    def again(prepared: list[int], made: list[int], **more) -> None:
        model.prepared.clear()
        before = {path: path.stat().st_mtime_ns for path in look.glob("*")}
        assert colorize(film, **how, **more).reused == 24
        assert model.prepared == prepared
        assert {path.name: path.stat().st_mtime_ns for path in units.iterdir()} == files
        now = sorted(look.glob("*"))
        assert [int(path.name[6:12]) for path in now if before.get(path) != path.stat().st_mtime_ns] == made
        said = f"{len(made)} sheet{'s' * (len(made) > 1)} of {len(prepared)} finished unit{'s' * (len(prepared) > 1)}"
        assert (said in capsys.readouterr().err) == bool(made)

    again([0, 10], [0, 8, 16], dump_every=8, dump_dir=str(look))
    again([], [], dump_every=8, dump_dir=str(look))
    (look / "sheet_000016.vidcolor.png").unlink()
    again([10], [16], dump_every=8, dump_dir=str(look))
    again([0, 10, 17], [4, 12, 20], dump_every=4, dump_dir=str(look))
    again([], [])
    colorize(film, **how, strength=0.5)  # other colours: other units
    sheet = (look / "sheet_000020.vidcolor.png").read_bytes()
    assert colorize(film, **how, strength=0.5, dump_every=20, dump_dir=str(look)).reused == 24
    assert (look / "sheet_000020.vidcolor.png").read_bytes() != sheet


def test_how_an_option_was_said_does_not_make_a_unit_another(film, model):
    how = {"ref": film.parent / "a.png", "overwrite": True, "keep_work": True}
    colorize(film, **how, codec="x264")
    for more in ({"size": 256}, {"crf": 16, "preset": "medium"}, {"matrix": "bt601", "full_range": False}):
        assert colorize(film, **how, codec="x264", **more).reused == 24, more
    for more in ({"size": 64}, {"crf": 30}, {"chroma": "444"}, {"matrix": "bt709"}, {"strength": 0.5}):
        assert colorize(film, **how, codec="x264", **more).reused == 0, more
    colorize(film, **how, lossless=True)
    assert colorize(film, **how, codec="ffv1").reused == 24


def test_nothing_is_left_of_a_run_that_fails(film, monkeypatch):
    def broken(*_, **__):
        raise VidcolorError("the disk is full")

    monkeypatch.setattr("vidcolor.join.join.join_units", broken)
    with pytest.raises(VidcolorError, match="disk is full"):
        colorize(film, ref=film.parent / "a.png", size=64)
    assert not (film.parent / "film.color.mkv").exists()
    assert len(list((film.parent / "film.color.mkv.vidcolor" / "units").iterdir())) == 3


def test_a_setting_that_is_none_is_named(film):
    with pytest.raises(VidcolorError, match="colour: one of"):
        colorize(film, ref=film.parent / "a.png", colour=1)
    with pytest.raises(VidcolorError, match=r"^`codec` h264: one of"):
        colorize(film, ref=film.parent / "a.png", codec="h264")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *[("start", -5), ("start", 5.5), ("end", True), ("first_frame", -1), ("first_frame", 1.5)],
        *[
            ("start", "soon"),
            ("end", "1:2:3:4:5"),
            ("first_frame", "one"),
            ("preset", 6),
            ("encoder", 5),
            ("device", 0),
        ],
        *[("fps", "film"), ("fps", 0), ("fps", float("nan")), ("size", "64"), ("size", 64.5), ("strength", "1")],
        *[("temporal", None), ("crf", "18"), ("seed", "x"), ("dump_every", 0.5), ("lossless", "no")],
        *[("full_range", "limited"), ("quality", 1), ("allow_interlaced", None)],
    ],
)
def test_a_value_of_a_wrong_kind_is_named(film, argument, value):
    with pytest.raises(VidcolorError, match=f"^`{argument}`:? [\"']?{value}[\"']?:? "):
        colorize(film, film.parent / "a.png", **{argument: value})


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ({"transfer": "foo"}, "`transfer` foo: one of adain, wct"),
        ({"strength": 3}, "`strength` 3: a number from 0 to 1"),
        ({"size": 3}, "`size` 3: a whole number from 32"),
        ({"labels_unmatched": "drop"}, "`labels_unmatched` drop: one of global, keep"),
    ],
)
def test_a_look_that_cannot_be_is_named(look, words):
    with pytest.raises(VidcolorError, match=f"^{words}"):
        Look(**look)


def test_a_style_is_needed():
    with pytest.raises(VidcolorError, match=r"^a\.png: no styles; name at least one picture"):
        StyleRequest(Path("a.png"), ())


def test_sheets_need_no_more_than_their_folder(film):
    colorize(film, film.parent / "a.png", size=64, dump_dir=film.parent / "look")
    assert [path.name for path in (film.parent / "look").iterdir()] == ["sheet_000000.vidcolor.png"]


def test_image_sequences(tmp_path):
    from media import write_images

    write_images(tmp_path / "scan", 6)
    write_key(tmp_path / "key.png")
    result = colorize(tmp_path / "scan" / "frame_%04d.png", ref=tmp_path / "key.png", fps=Fraction(18), size=64)
    assert result.frames == 6
    assert result.out == tmp_path / "scan" / "frame.color.mkv"
    assert planes(result.out)[2] == pytest.approx([n / 18 for n in range(6)], abs=0.001)


def test_the_package_offers_it():
    assert vidcolor.colorize is colorize
    with pytest.raises(AttributeError):
        vidcolor.nothing  # noqa: B018


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (16, 1), (1, 100), (31, 17)])
def test_odd_and_tiny_films_from_key_to_sheet(tmp_path, size):
    width, height = size
    tags = {"space": 1, "range": 1}
    film = write_film(
        tmp_path / "film.mkv", 4, width=width, height=height, pix_fmt="gray", tags=tags, options={"slices": "1"}
    )
    write_key(tmp_path / "key.png", width, height)
    (tmp_path / "refs.csv").write_text("frame,reference\n1,key.png\n")
    sheets = {"dump_dir": str(tmp_path / "sheets"), "dump_every": 2}
    result = colorize(film.path, refs=tmp_path / "refs.csv", size=64, **sheets)
    luma, _, _ = planes(result.out)
    assert [plane.tolist() for plane in luma] == [plane.tolist() for plane in film.luma]
    assert len(list((tmp_path / "sheets").iterdir())) == 2
    grey = colorize(film.path, ref=tmp_path / "key.png", size=64, codec="x264", out=tmp_path / "film.mp4")
    assert len(planes(grey.out)[0]) == 4
