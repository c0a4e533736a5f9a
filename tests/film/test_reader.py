"""read: every frame, exact, from anywhere; and damage noticed."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media import Written, write_film, write_images

from vidcolor.errors import VidcolorError
from vidcolor.film import decode, reader
from vidcolor.film.decode import ReadReport
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.film.truncation import missing_bytes

X265 = {"x265-params": "log-level=none"}


@pytest.mark.parametrize(
    "pix_fmt",
    [
        "yuv420p",
        "yuv422p",
        "yuv444p",
        "yuv420p10le",
        "yuv422p10le",
        "yuv444p10le",
        "gray",
        "gray10le",
        "gray12le",
        "gray16le",
        "yuv420p16le",
    ],
)
def test_luma_is_what_was_encoded(tmp_path: Path, pix_fmt: str) -> None:
    written = write_film(tmp_path / "a.mkv", 6, pix_fmt=pix_fmt, width=90, cuts=[3])
    frames = list(read(probe(written.path)))
    assert [frame.index for frame in frames] == list(range(6))
    assert all(np.array_equal(frame.luma, luma) for frame, luma in zip(frames, written.luma, strict=True))
    assert frames[0].luma.dtype == (np.uint8 if pix_fmt in ("gray", "yuv420p", "yuv422p", "yuv444p") else np.uint16)


@pytest.mark.parametrize("left", [2, 8, 30])
def test_films_are_cropped_to_the_pixel(tmp_path: Path, left: int) -> None:
    """Decoders that need aligned rows would leave columns at the left that no player shows."""
    crop = {"qp": "0", "x264-params": f"crop-rect={left},4,6,2"}
    written = write_film(tmp_path / "a.mkv", 6, width=128, height=64, codec="libx264", options=crop)
    film = probe(written.path)
    assert (film.width, film.height) == (128 - left - 6, 64 - 4 - 2)
    whole = list(read(film))
    late = list(read(film, 4, pts=[frame.pts for frame in whole]))
    assert [frame.index for frame in whole + late] == [0, 1, 2, 3, 4, 5, 4, 5]
    for frame in whole + late:
        np.testing.assert_array_equal(frame.luma, written.luma[frame.index][4:-2, left:-6])


def test_pts_of_a_variable_rate_are_kept(tmp_path: Path) -> None:
    pts = [0, 512, 600, 1700, 1701, 5000, 5512, 9000]
    written = write_film(tmp_path / "a.mp4", 8, codec="libx264", pts=pts, time_base=Fraction(1, 12288))
    film = probe(written.path)
    assert film.time_base == Fraction(1, 12288) and [frame.pts for frame in read(film)] == pts


SEEKS = {
    "closed.mp4": ("libx264", {"g": "30", "bf": "3"}),
    "open.mkv": ("libx264", {"g": "24", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
    "open.mp4": ("libx264", {"g": "24", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
    "refresh.mp4": ("libx264", {"g": "30", "intra-refresh": "1"}),
    "hevc.mkv": ("libx265", {"x265-params": "log-level=none:open-gop=1:keyint=24:scenecut=0"}),
    "stream.ts": ("libx264", {"g": "24", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
    "program.mpg": ("mpeg2video", {"g": "15", "bf": "2"}),
    "old.avi": ("mpeg4", {"g": "24", "bf": "2"}),
    "b-frames.avi": ("libx264", {"g": "24", "bf": "3"}),
    "raw.h264": ("libx264", {"g": "24"}),
}


@pytest.mark.parametrize("name", SEEKS)
def test_a_start_inside_the_film_is_exact(tmp_path: Path, name: str) -> None:
    codec, options = SEEKS[name]
    film = probe(write_film(tmp_path / name, 100, codec=codec, options=options, rate=25).path)
    whole = list(read(film))
    assert len(whole) == 100
    pts = [frame.pts for frame in whole]
    for first in (1, 14, 15, 23, 24, 25, 29, 30, 31, 47, 48, 49, 60, 77, 95):
        part = list(read(film, first, first + 7, pts))
        expected = whole[first : first + 7]
        assert [(frame.index, frame.pts) for frame in part] == [(frame.index, frame.pts) for frame in expected]
        assert all(np.array_equal(a.luma, b.luma) for a, b in zip(part, expected, strict=True)), first


def test_long_gops_are_entered_at_their_key_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = probe(write_film(tmp_path / "a.mp4", 90, codec="libx264", options={"g": "30", "sc_threshold": "0"}).path)
    pts = [frame.pts for frame in read(film)]
    monkeypatch.setattr(reader._Read, "from_start", lambda *_: pytest.fail("decoded from the start"))
    assert [frame.index for frame in read(film, 61, 64, pts)] == [61, 62, 63]


def test_a_plan_of_another_film_is_noticed(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mp4", 20, codec="libx264").path)
    pts = [frame.pts for frame in read(film)]
    with pytest.raises(VidcolorError, match="changed since the plan"):
        list(read(film, 5, 9, [stamp + 3 for stamp in pts]))
    with pytest.raises(VidcolorError, match="ends before frame 20"):
        list(read(film, 18, 24, [*pts, *(pts[-1] + 512 * n for n in range(1, 5))]))


def test_empty_ranges_give_nothing(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 4).path)
    assert list(read(film, 2, 2)) == [] and list(read(film, 9, None, [0, 42, 83, 125])) == []


def _damaged(written: Written, seed: int = 1) -> Path:
    data = bytearray(written.path.read_bytes())
    for place in np.random.default_rng(seed).integers(len(data) // 3, len(data) * 2 // 3, 12):
        data[place] ^= 0x5A
    path = written.path.with_name("damaged" + written.path.suffix)
    path.write_bytes(data)
    return path


DAMAGE = {
    "a.mp4": ("libx264", {"g": "12"}),
    "a.mkv": ("ffv1", {"level": "3", "slicecrc": "1", "g": "1"}),
    "a.mov": ("prores_ks", {}),
    "a.ts": ("libx264", {"g": "12"}),
    "a.mpg": ("mpeg2video", {"g": "12"}),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_stops_or_is_counted(tmp_path: Path, name: str) -> None:
    codec, options = DAMAGE[name]
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    size = {"width": 160, "height": 128, "rate": 25}
    written = write_film(tmp_path / name, 60, codec=codec, options=options, pix_fmt=pix_fmt, **size)
    whole = ReadReport()
    assert len(list(read(probe(written.path), on_error="skip", report=whole))) == 60 and whole.summary() == ""
    damaged = probe(_damaged(written))
    with pytest.raises(VidcolorError, match=r"damaged at frame \d+ \(\d+\.\d+ s\): .*`on_error=skip`"):
        list(read(damaged))
    report = ReadReport()
    frames = list(read(damaged, on_error="skip", report=report))
    assert 50 <= len(frames) <= 60 and report.damaged + report.lost > 0 and report.frames == len(frames)
    assert "frame" in report.notes[0] and report.summary()
    again = list(read(damaged, 30, 40, [frame.pts for frame in frames], "skip"))
    assert [frame.pts for frame in again] == [frame.pts for frame in frames[30:40]]


_ABANDON = """
import random, sys, threading
from vidcolor.errors import VidcolorError
from vidcolor.film.probe import probe
from vidcolor.film.reader import read

films = [probe(path) for path in sys.argv[1:]]

def abandon(seed):
    chance = random.Random(seed)
    for _ in range(25):
        frames = read(chance.choice(films), on_error=chance.choice(("stop", "skip")))
        try:
            for _ in zip(range(chance.randrange(70)), frames):
                pass
        except VidcolorError:
            pass
        frames.close()

threads = [threading.Thread(target=abandon, args=(seed,), daemon=True) for seed in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.slow
def test_leaving_damaged_films_early_does_not_hang(tmp_path: Path) -> None:
    """Decoding threads that have an error to tell must not be waited for with the GIL held."""
    damaged = []
    for name in ("a.mp4", "a.mkv"):
        codec, options = DAMAGE[name]
        written = write_film(tmp_path / name, 60, codec=codec, options=options, width=320, height=240)
        damaged.append(_damaged(written))
    subprocess.run([sys.executable, "-c", _ABANDON, *map(str, damaged)], check=True, timeout=90)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "b.mkv"])
def test_a_truncated_film_stops_or_is_said(tmp_path: Path, name: str) -> None:
    codec = {"a.mkv": "ffv1", "a.mov": "prores_ks"}.get(name, "libx264")
    front = {} if name.endswith("mkv") else {"movflags": "faststart"}
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    written = write_film(
        tmp_path / name, 48, codec=codec, container_options=front, pix_fmt=pix_fmt, options={"g": "12"}
    )
    data = written.path.read_bytes()
    assert missing_bytes(written.path) == 0
    short = tmp_path / f"short-{name}"
    short.write_bytes(data[: len(data) * 7 // 10])
    assert missing_bytes(short) > 0
    film = probe(short)
    with pytest.raises(VidcolorError, match=r"frame \d+ \(\d+\.\d+ s\).*`on_error=skip`"):
        list(read(film))
    report = ReadReport()
    frames = list(read(film, on_error="skip", report=report))
    assert 20 <= len(frames) < 48 and report.truncated and "truncated" in report.summary()


def test_a_film_cut_between_two_clusters_is_truncated_all_the_same(tmp_path: Path) -> None:
    options = {"cluster_time_limit": "200"}
    data = write_film(tmp_path / "a.mkv", 48, container_options=options).path.read_bytes()
    clusters = [place for place in range(len(data)) if data.startswith(b"\x1f\x43\xb6\x75", place)]
    short = tmp_path / "short.mkv"
    short.write_bytes(data[: clusters[-1]])
    assert missing_bytes(short) == len(data) - clusters[-1]
    with pytest.raises(VidcolorError, match=r"frame 4\d .*(truncated|prematurely)"):
        list(read(probe(short)))


def test_time_stamps_that_do_not_rise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 8).path)
    real = decode._frames

    class Wrong:
        def __init__(self, frame, pts: int | None) -> None:
            self.frame, self.pts, self.dts, self.duration = frame, pts, None, 0

        def __getattr__(self, name: str):
            return getattr(self.frame, name)

    stamps = [0, 42, 42, 125, None, 100, 250, 292]

    def wrong(*arguments):
        for frame, pts in zip(real(*arguments), stamps, strict=True):
            yield Wrong(frame, pts)

    monkeypatch.setattr(decode, "_frames", wrong)
    monkeypatch.setattr(reader, "luma_plane", lambda frame, weights: None)
    monkeypatch.setattr(reader.SideData, "of", lambda self, frame: ("progressive", {}))
    with pytest.raises(VidcolorError, match=r"frame 2 .* has PTS 42, equal to that of the frame before"):
        list(read(film))
    report = ReadReport()
    found = [frame.pts for frame in read(film, on_error="skip", report=report)]
    assert found == [0, 42, 84, 125, 167, 209, 250, 292] and report.repaired == 2


def test_interlaced_frames_are_flagged(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mp4", 6, codec="libx264", interlaced="tff").path)
    assert film.field_order == "tff"
    assert all(frame.interlaced and frame.top_field_first for frame in read(film))
    film = probe(write_film(tmp_path / "b.mp4", 6, codec="libx264", interlaced="bff").path)
    assert film.field_order == "bff"
    assert all(frame.interlaced and not frame.top_field_first for frame in read(film))


def test_numbered_images_are_read_in_order(tmp_path: Path) -> None:
    planes = write_images(tmp_path / "scans", 12, start=95, name="s%d.png", depth=16)
    film = probe(tmp_path / "scans" / "s%d.png", fps=18)
    frames = list(read(film))
    assert [frame.pts for frame in frames] == list(range(12))
    assert all(np.array_equal(frame.luma, plane) for frame, plane in zip(frames, planes, strict=True))
    part = list(read(film, 4, 7, [frame.pts for frame in frames]))
    assert [frame.index for frame in part] == [4, 5, 6] and np.array_equal(part[0].luma, planes[4])


def test_a_broken_or_odd_picture_among_the_images(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 5, name="s%d.png")
    film = probe(tmp_path / "scans", fps=18)
    (tmp_path / "scans" / "s3.png").write_bytes(b"not a picture")
    with pytest.raises(VidcolorError, match=r"s3\.png.*frame 2"):
        list(read(film))
    report = ReadReport()
    frames = list(read(film, on_error="skip", report=report))
    assert [frame.pts for frame in frames] == [0, 1, 3, 4] and report.lost == 1
    again = list(read(film, 2, 4, [0, 1, 3, 4], "skip"))
    assert [frame.pts for frame in again] == [3, 4]
    write_images(tmp_path / "scans", 1, name="s%d.png", start=3, width=80)
    with pytest.raises(VidcolorError, match="frame 2 is 80x64"):
        list(read(film))
