"""Which frames the keys stand for, counted from 0, from 1, as scans or timecodes are, and which shots they colour."""

from pathlib import Path

import numpy as np
import pytest
from media import ffmpeg, write_film, write_images
from PIL import Image
from planning import plan_of, planned

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import parse_point
from vidcolor.plan.request import Request
from vidcolor.settings import Settings


def keys_of(movie, **request):
    """Frame and whether it is painted, of each key of the plan, by the order of frames."""
    plan = planned(Request(movie=movie, **request), Settings(allow_interlaced=True), dry=True)
    uses = {key for unit in plan.units for key in unit.keys}
    return sorted((key.frame, key.painted) for key in uses), (plan.first, plan.stop)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A film of two shots, the same as numbered images from 86400 on, and two of its frames as keys."""
    counted = tmp_path_factory.mktemp("counting")
    film = write_film(counted / "film.mkv", 16, cuts=(9,), width=128, height=96)
    write_images(counted / "scan", film.luma, name="scan_%06d.png", start=86400)
    for frame in (3, 12):
        Image.fromarray(film.luma[frame]).save(counted / f"k{frame}.png")
    return counted


def listed(counted, text: str):
    path = counted / "list.csv"
    path.write_text(text)
    return path


def test_a_list_from_1_is_found_out_and_said(counted, capsys):
    refs = listed(counted, "frame,reference\n4,k3.png\n13,k12.png\n")
    assert keys_of(counted / "film.mkv", refs=refs)[0] == [(3, True), (12, True)]
    said = capsys.readouterr().err
    assert "count frames from 1" in said
    assert "given for frame" not in said


def test_the_last_frame_of_a_list_from_1_is_in_the_film(counted):
    refs = listed(counted, "frame,reference\n4,k3.png\n16,k3.png\n")
    assert keys_of(counted / "film.mkv", refs=refs)[0] == [(3, True), (15, False)]
    with pytest.raises(VidcolorError, match=r"frame 16 lies beyond the film's end \(frames 0 to 15; `first_frame` 1"):
        keys_of(counted / "film.mkv", refs=refs, first_frame=0)
    with pytest.raises(VidcolorError, match=r"frame 17 lies beyond the film's end \(frames 1 to 16\)"):
        keys_of(counted / "film.mkv", refs=listed(counted, "frame,reference\n4,k3.png\n17,k3.png\n"))


def test_the_first_frame_counts_for_start_and_end_too(counted):
    refs = listed(counted, "frame,reference\n4,k3.png\n")
    assert keys_of(counted / "film.mkv", refs=refs, first_frame=1, start=2, end=10)[1] == (1, 9)
    with pytest.raises(VidcolorError, match="`start`: 0 lies before the film's first frame, 1"):
        keys_of(counted / "film.mkv", refs=refs, first_frame=1, start=0)


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ("86403,k3.png\n86412,k12.png\n", None),
        ("3,k3.png\n12,k12.png\n", None),
        ("4,k3.png\n13,k12.png\n", None),
        ("86403,k3.png\n86412,k12.png\n", 86400),
    ],
)
def test_pictures_of_a_scan_by_their_own_numbers(counted, rows, first):
    refs = listed(counted, "frame,reference\n" + rows)
    assert keys_of(counted / "scan", refs=refs, first_frame=first)[0] == [(3, True), (12, True)]


def test_plain_references_by_a_scans_own_numbers(counted, capsys):
    refs = listed(counted, "frame,reference\n86412,k3.png\n")
    assert keys_of(counted / "scan", refs=refs)[0] == [(12, False)]
    assert "from 86400 on" in capsys.readouterr().err
    with pytest.raises(VidcolorError, match=r"frame 3 lies before its first frame \(frames 86400 to 86415\)"):
        keys_of(counted / "scan", refs=listed(counted, "frame,reference\n3,k3.png\n"), first_frame=86400)


def test_timecodes_of_a_list_and_of_the_films_own(counted, tmp_path):
    refs = listed(counted, "timecode,reference\n00:00:00:03,k3.png\n00:00:00.500,k12.png\n")
    found = keys_of(counted / "film.mkv", refs=refs, start=parse_point("00:00:00:02"), end=parse_point("00:00:00:14"))
    assert found == ([(3, True), (12, True)], (2, 14))
    ffmpeg("-i", counted / "film.mkv", "-c:v", "mpeg4", "-q", 2, "-timecode", "01:00:00:00", tmp_path / "own.mov")
    refs = listed(counted, "timecode,reference\n01:00:00:03,k3.png\n")
    with pytest.raises(VidcolorError, match=r"01:00:00:03 lies beyond.*`first_frame` 01:00:00:00"):
        keys_of(tmp_path / "own.mov", refs=refs)
    assert keys_of(tmp_path / "own.mov", refs=refs, first_frame=parse_point("01:00:00:00"))[0] == [(3, True)]


def test_a_timecode_beyond_the_end_is_named_as_it_was_written(counted, tmp_path):
    ffmpeg("-r", "30000/1001", "-i", counted / "film.mkv", "-c:v", "mpeg4", "-q", 2, tmp_path / "drop.mov")
    refs = listed(counted, "timecode,reference\n01:00:00;03,k3.png\n")
    with pytest.raises(VidcolorError, match="01:00:00;03 lies beyond"):
        keys_of(tmp_path / "drop.mov", refs=refs)


def test_two_keys_of_one_frame(counted, capsys):
    (counted / "again.png").write_bytes((counted / "k3.png").read_bytes())
    found = keys_of(counted / "film.mkv", ref=(counted / "k3.png", counted / "again.png"))[0]
    assert found == [(3, False), (3, True)]
    assert "k3.png and " in capsys.readouterr().err


def test_a_key_that_paints_a_frame_of_another_scene_is_named(counted, capsys):
    refs = listed(counted, "scene,reference\n2,k3.png\n")
    assert keys_of(counted / "film.mkv", refs=refs)[0] == [(None, False)]
    assert "given for scene 2, paints frame 3 of another" in capsys.readouterr().err


def test_a_variable_rate_says_what_timecodes_mean(tmp_path, capsys):
    pts = [0, 1, 2, *range(30, 40)]
    film = write_film(tmp_path / "film.mkv", len(pts), pts=pts, width=128, height=96)
    Image.fromarray(film.luma[2]).save(tmp_path / "k2.png")
    refs = listed(tmp_path, "timecode,reference\n00:00:01:00,k2.png\n")
    assert keys_of(film.path, refs=refs)[0] == [(2, True)]
    assert "taken for the time at 24 frames a second" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("14", "2", "frame 2 does not lie after `start`, frame 14$"),
        ("12", "12", "frame 12 does not lie after `start`, frame 12$"),
        ("0.5s", "0.25s", "00:00:00.250 does not lie after `start`, 00:00:00.500$"),
        ("00:00:00:12", "00:00:00:03", "00:00:00:03 does not lie after `start`, 00:00:00:12$"),
        ("0.6s", "2", "frame 2 does not lie after `start`"),
    ],
)
def test_an_end_before_the_start(counted, start, end, said):
    with pytest.raises(VidcolorError, match=f"`end`: {said}"):
        keys_of(counted / "film.mkv", ref=(counted / "k3.png",), start=parse_point(start), end=parse_point(end))


def test_what_lies_beyond_the_end_is_said_in_the_users_numbers(counted):
    with pytest.raises(VidcolorError, match=r"`start`: lies beyond the end of .* \(1 to 16\)"):
        keys_of(counted / "film.mkv", ref=(counted / "k3.png",), first_frame=1, start=17)
    with pytest.raises(VidcolorError, match="`end`: frame 4 does not lie after `start`, frame 6"):
        keys_of(counted / "film.mkv", ref=(counted / "k3.png",), first_frame=1, start=6, end=4)
    with pytest.raises(VidcolorError, match=r"\(0 to 15; `first_frame` 86400 for the pictures' own numbers\)"):
        keys_of(counted / "scan", ref=(counted / "k3.png",), start=86402)
    assert keys_of(counted / "scan", ref=(counted / "k3.png",), first_frame=86400, start=86402)[1] == (2, 16)


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
