"""probe: what a film is, and what is said where it cannot be one."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media import add_tracks, depth_of, ffmpeg, grey_frames, video_frame, write_film, write_images
from PIL import Image

from vidcolor.errors import VidcolorError, one_run
from vidcolor.film.planes import layout, luma_plane
from vidcolor.film.probe import probe

BT709 = {"space": 1, "primaries": 1, "transfer": 1, "range": 1}


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]):
    """What was warned of so far."""
    return lambda: capsys.readouterr().err


def test_tags_shape_and_clock_are_read(tmp_path: Path) -> None:
    written = write_film(
        tmp_path / "a.mp4",
        8,
        codec="libx264",
        pix_fmt="yuv420p10le",
        rate=Fraction(24000, 1001),
        time_base=Fraction(1, 24000),
        tags={"space": 9, "primaries": 9, "transfer": 14, "range": 1},
        sar=Fraction(16, 15),
        rotation=90,
        options={"chroma_sample_location": "topleft"},
    )
    film = probe(written.path)
    assert (film.kind, film.codec, film.width, film.height) == ("video", "h264", 96, 64)
    assert (film.pix_fmt, film.depth, film.chroma) == ("yuv420p10le", 10, "420")
    assert (film.time_base, film.frame_rate) == (Fraction(1, 24000), Fraction(24000, 1001))
    assert film.sample_aspect_ratio == Fraction(16, 15)
    assert film.rotation == 90 and len(film.display_matrix) == 9
    assert film.matrix == "bt2020" and not film.full_range and film.untagged == ()
    assert film.color_tags == {"space": 9, "primaries": 9, "transfer": 14, "range": 1, "chroma_location": 3}
    assert film.frames_hint == 8 and film.field_order == "progressive"
    assert film.display_aspect == pytest.approx(96 / 64 * 16 / 15)


@pytest.mark.parametrize(("height", "matrix", "name"), [(64, "bt601", "BT.601"), (720, "bt709", "BT.709")])
def test_untagged_film_follows_the_rule_and_says_so_once(
    tmp_path: Path, said, height: int, matrix: str, name: str
) -> None:
    path = write_film(tmp_path / "a.mkv", 2, height=height, width=64).path
    with one_run():
        film = probe(path)
        probe(path)
    assert film.matrix == matrix and set(film.untagged) == {"matrix", "range"} and not film.full_range
    assert film.color_tags["space"] == 2  # chroma of its own: what nobody said stays unsaid
    assert said().count(name) == 1
    chosen = probe(path, matrix="bt709", full_range=True)
    assert chosen.matrix == "bt709" and chosen.full_range
    assert chosen.color_tags["space"] == 1 and chosen.color_tags["range"] == 2
    assert said() == ""


def test_grey_film_declares_the_matrix_of_its_first_chroma(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 2, pix_fmt="gray").path)
    assert film.chroma == "400" and film.color_tags["space"] == 6
    tagged = probe(write_film(tmp_path / "b.mkv", 2, pix_fmt="gray", tags=BT709).path)
    assert tagged.matrix == "bt709" and tagged.color_tags["space"] == 1 and tagged.untagged == ()


def test_full_range_is_seen(tmp_path: Path) -> None:
    jpeg = probe(write_film(tmp_path / "a.mkv", 2, pix_fmt="yuvj420p", codec="mjpeg").path)
    assert jpeg.full_range and jpeg.color_tags["range"] == 2 and "range" not in jpeg.untagged
    tagged = probe(write_film(tmp_path / "b.mkv", 2, tags={"range": 2}).path)
    assert tagged.full_range


def test_colour_pq_and_hlg_are_said(tmp_path: Path, said) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 2, chroma=(90, 160), tags=BT709 | {"transfer": 16}).path)
    lines = said()
    assert "PQ" in lines and "colours of its own" in lines
    assert film.color_tags["transfer"] == 16
    probe(write_film(tmp_path / "b.mkv", 2, tags=BT709 | {"transfer": 18}).path)
    lines = said()
    assert "HLG" in lines and "colours of its own" not in lines


def test_numbered_images(tmp_path: Path, said) -> None:
    write_images(tmp_path / "scans", 4, start=37, depth=16)
    (tmp_path / "scans" / "notes.txt").write_text("of no concern")
    film = probe(tmp_path / "scans")
    assert "24 frames a second" in said()
    assert (film.kind, film.depth, film.full_range, film.chroma) == ("images", 16, True, "400")
    assert film.frames_hint == 4 and film.time_base == Fraction(1, 24)
    film = probe(tmp_path / "scans" / "frame_%04d.png", fps="24000/1001")
    assert film.frame_rate == Fraction(24000, 1001) and film.color_tags["range"] == 2
    assert "frames a second" not in said()


def test_faulty_sequences_name_what_is_wrong(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 4, start=998, name="s%d.png")
    (tmp_path / "scans" / "s1000.png").unlink()
    with pytest.raises(VidcolorError, match=r"1000 is missing \(after s999.png\)"):
        probe(tmp_path / "scans" / "s%d.png", fps=24)
    with pytest.raises(VidcolorError, match="1000 is missing"):
        probe(tmp_path / "scans", fps=24)
    with pytest.raises(VidcolorError, match="no picture matches this"):
        probe(tmp_path / "scans" / "t%03d.png", fps=24)
    (tmp_path / "empty").mkdir()
    with pytest.raises(VidcolorError, match="no numbered pictures"):
        probe(tmp_path / "empty", fps=24)
    write_images(tmp_path / "two", 2, name="a%d.png")
    write_images(tmp_path / "two", 2, name="b%d.png")
    with pytest.raises(VidcolorError, match="several sequences"):
        probe(tmp_path / "two", fps=24)
    write_images(tmp_path / "twice", 2, name="a%d.png")
    write_images(tmp_path / "twice", 2, name="a%03d.png")
    with pytest.raises(VidcolorError, match="same number"):
        probe(tmp_path / "twice", fps=24)
    for fps in ("no", 0, "1/0", -24):
        with pytest.raises(VidcolorError, match="`fps`"):
            probe(tmp_path / "two" / "a%d.png", fps=fps)


def test_what_is_no_film_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.mkv").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("this is not a film\n" * 100)
    film = write_film(tmp_path / "a.mkv", 12).path
    add_tracks(film, tmp_path / "b.mkv")
    ffmpeg("-i", tmp_path / "b.mkv", "-map", "0:a", "-c", "copy", tmp_path / "sound.mka")
    ffmpeg(
        *("-i", tmp_path / "b.mkv", "-i", tmp_path / "cover.png", "-map", "0:a:0", "-map", "1", "-c", "copy"),
        *("-disposition:v", "attached_pic", tmp_path / "cover.m4a"),
    )
    for name in ("none.mkv", "none.mp4"):
        ffmpeg("-i", film, "-c:v", "mpeg4", "-t", "0", tmp_path / name)
    for name, reason in {
        "missing.mkv": "no such file",
        "empty.mkv": "empty",
        "text.mp4": "not a film that can be read",
        "sound.mka": "no video stream$",
        "cover.m4a": "only a cover picture",
        "none.mkv": "no frame",
        "none.mp4": "no video stream|no frame",
    }.items():
        with pytest.raises(VidcolorError, match=reason) as caught:
            probe(tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)
    with pytest.raises(VidcolorError, match="`fps` is for numbered images"):
        probe(film, fps=24)
    with pytest.raises(VidcolorError, match="no such file"):
        probe(tmp_path / "s_######.png", fps=24)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(VidcolorError, match="pipe: a pipe or device"):
        probe(tmp_path / "pipe")
    with pytest.raises(VidcolorError, match="matrix bt2100"):
        probe(film, matrix="bt2100")


def test_cover_picture_is_never_the_film(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", 12, codec="libx264").path
    for name in ("b.mp4", "b.mkv"):
        found = probe(add_tracks(film, tmp_path / name))
        assert (found.codec, found.width) == ("h264", 96)


@pytest.mark.parametrize(
    "pix_fmt",
    [
        "yuv420p",
        "yuv422p",
        "yuv444p",
        "yuv411p",
        "yuv440p",
        "yuv420p9le",
        "yuv422p10le",
        "yuv444p12le",
        "yuv420p16le",
        "yuv420p10be",
        "nv12",
        "nv16",
        "nv24",
        "p010le",
        "p012le",
        "p016le",
        "p210le",
        "p410le",
        "yuyv422",
        "uyvy422",
        "yvyu422",
        "y210le",
        "y212le",
        "vuya",
        "yuva420p",
        "yuv444p10msble",
    ],
)
def test_luma_is_copied_from_any_layout(pix_fmt: str) -> None:
    depth = depth_of(pix_fmt)
    luma = grey_frames(1, 90, 62, depth=depth)[0]  # a width that needs padding
    same_depth = "yuv444p" if depth == 8 else f"yuv444p{depth}le"
    frame = video_frame(luma, same_depth).reformat(format=pix_fmt)
    copied = luma_plane(frame, (0, 0, 0))
    assert copied.dtype == luma.dtype and np.array_equal(copied, luma)
    assert layout(pix_fmt).depth == depth


@pytest.mark.parametrize(
    ("pix_fmt", "planar"),
    [("rgb24", "gbrp"), ("bgr0", "gbrp"), ("gbrp10be", "gbrp10le"), ("rgb48be", "gbrp16le"), ("x2rgb10le", "gbrp10le")],
)
def test_grey_rgb_becomes_luma_unchanged(pix_fmt: str, planar: str) -> None:
    luma = grey_frames(1, 90, 62, depth=depth_of(planar))[0]
    frame = av.VideoFrame(90, 62, planar)
    for plane in frame.planes:
        np.frombuffer(plane, luma.dtype).reshape(62, -1)[:, :90] = luma
    assert np.array_equal(luma_plane(frame.reformat(format=pix_fmt), (0.299, 0.587, 0.114)), luma)


def test_colours_become_luma_by_the_film_s_matrix(tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[..., 0] = 200
    (tmp_path / "c").mkdir()
    Image.fromarray(picture).save(tmp_path / "c" / "1.png")
    Image.fromarray(picture).convert("P").save(tmp_path / "p1.png")
    film = probe(tmp_path / "c", fps=24, matrix="bt709")
    assert film.chroma == "rgb" and film.full_range and film.color_tags["space"] == 1
    with av.open(str(tmp_path / "c" / "1.png")) as container:
        frame = next(container.decode(video=0))
    assert np.all(luma_plane(frame, (0.2126, 0.7152, 0.0722)) == round(0.2126 * 200))
    palette = probe(tmp_path / "p%d.png", fps=24)
    assert palette.chroma == "rgb" and palette.depth == 8


def test_float_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VidcolorError, match="gbrpf32le is not supported"):
        layout("gbrpf32le")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x24", "-frames:v", 2, "-pix_fmt", "gbrpf32le", tmp_path / "s_%d.exr")
    with pytest.raises(VidcolorError, match=r"s_1\.exr: pixel format gbrpf32le is not supported: convert"):
        probe(tmp_path, fps=24)


def test_film_is_a_value(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 2).path)
    assert replace(film) == film
