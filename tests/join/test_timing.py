"""The rate that a program reads is the source's, whatever the codec, the containers and the length."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from joining import color, video_pts
from media import ffmpeg, write_film

from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.join.timing import constant_rate
from vidcolor.settings import Settings

TAGS = {"space": 1, "primaries": 1, "transfer": 1, "range": 1}
SOURCES = {  # ending: codec, pixel format, and the file that it is copied from
    "h264.mp4": ("libx264", "yuv420p", None),
    "h264.mkv": ("libx264", "yuv420p", "h264.mp4"),
    "h264.ts": ("libx264", "yuv420p", "h264.mp4"),
    "ffv1.mkv": ("ffv1", "yuv420p", None),
    "ffv1.avi": ("ffv1", "yuv420p", None),
    "prores.mov": ("prores_ks", "yuv422p10le", None),
    "prores.mkv": ("prores_ks", "yuv422p10le", "prores.mov"),
}
RESULTS = [
    ("x264", ".mkv"),
    ("x264", ".mp4"),
    ("x265", ".mov"),
    ("ffv1", ".mkv"),
    ("prores", ".mov"),
    ("prores", ".mkv"),
]
RATES = [("24", 5), ("24", 1), ("24000/1001", 48), ("24000/1001", 2), ("25", 5), ("30", 48), ("30000/1001", 5)]
RATES += [("16", 5), ("18", 48), ("18", 1), ("50", 5), ("60", 48)]


def rates(path: Path) -> tuple[Fraction | None, Fraction | None]:
    """ffprobe's r_frame_rate and avg_frame_rate."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.base_rate, stream.average_rate


def durations(path: Path) -> set[Fraction]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return {packet.duration * packet.time_base for packet in container.demux(stream) if packet.size}


@pytest.mark.parametrize(("rate", "count"), RATES)
def test_the_rate_that_is_read_is_the_source_s(tmp_path: Path, rate: str, count: int) -> None:
    wrong = {}
    for number, (name, (codec, pix_fmt, copied)) in enumerate(SOURCES.items()):
        source = tmp_path / name
        if copied is None:
            write_film(source, count, width=32, height=32, codec=codec, pix_fmt=pix_fmt, rate=Fraction(rate), tags=TAGS)
        else:
            ffmpeg("-i", tmp_path / copied, "-c", "copy", source)
        if name == "h264.ts" and count < 5:
            continue  # so short a transport stream says no rate
        assert rates(source) == (Fraction(rate),) * 2 or name == "h264.ts", name
        # Over all rates each source comes to each result.
        for codec, suffix in RESULTS[(number + count) % 2 :: 2]:
            out = tmp_path / f"out{suffix}"
            color(probe(source), out, Settings(codec=codec, chroma="422" if codec == "prores" else "420"))
            if rates(out) != (Fraction(rate),) * 2:
                wrong[name, codec, suffix] = rates(out)
            if suffix != ".mkv":
                assert durations(out) == {1 / Fraction(rate)}
    assert wrong == {}


def test_every_pair_is_in_the_table() -> None:
    pairs = {
        (name, result)
        for _, count in RATES
        for number, name in enumerate(SOURCES)
        for result in RESULTS[(number + count) % 2 :: 2]
        if name != "h264.ts" or count >= 5
    }
    assert len(pairs) == len(SOURCES) * len(RESULTS)


def test_a_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    pts = [0, 40, 95, 131, 200, 233, 277, 401, 420, 477]
    source = write_film(tmp_path / "a.mkv", 10, pts=pts, time_base=Fraction(1, 1000), tags=TAGS).path
    assert video_pts(source)[1] == pts
    for suffix in (".mkv", ".mov"):
        out = tmp_path / f"out{suffix}"
        color(probe(source), out, Settings(codec="x264"))
        tick, stamps = video_pts(out)
        assert [stamp * tick * 1000 for stamp in stamps] == pts


def test_dropped_frames_leave_gaps_of_whole_frames(tmp_path: Path) -> None:
    places = [0, 1, 2, 5, 6, 7, 9, 10, 14, 15, 16, 17, 20, 21, 22, 23, 24]
    source = write_film(tmp_path / "a.mkv", len(places), pts=places, time_base=Fraction(1, 24), tags=TAGS).path
    assert Fraction(video_pts(source)[0]) == Fraction(1, 1000)
    color(probe(source), tmp_path / "out.mov", Settings(codec="x264"))
    tick, stamps = video_pts(tmp_path / "out.mov")
    assert [stamp * tick * 24 for stamp in stamps] == places


def test_a_part_of_a_rounded_film(tmp_path: Path) -> None:
    source = write_film(tmp_path / "a.mkv", 40, rate=24, tags=TAGS).path
    film = probe(source)
    pts = [frame.pts for frame in read(film)]
    out = tmp_path / "out.mov"
    color(film, out, Settings(codec="prores"), first=7, stop=19, bounds=(pts[7], pts[19]))
    assert rates(out) == (24, 24) and durations(out) == {Fraction(1, 24)}
    tick, stamps = video_pts(out)
    assert abs(stamps[0] * tick - Fraction(7, 24)) < Fraction(1, 1000)


def test_constant_rates_are_told_from_variable_ones() -> None:
    ms, places = Fraction(1, 1000), np.arange(500)
    ntsc = Fraction(24000, 1001)
    for way in (np.rint, np.floor, np.ceil):
        pts = way(places * 1001 / 24).astype(np.int64)
        assert constant_rate(pts + 7, ms, [Fraction(24), ntsc]) == ntsc
    # Rounded to 1 ms, then counted in finer ticks.
    assert constant_rate(pts * 16, Fraction(1, 16000), [Fraction(24), ntsc]) == ntsc
    assert constant_rate(np.array([0, 41, 83, 125]), ms, [Fraction(25)]) is None
    late = np.where(places < 250, pts, pts + 3)
    assert constant_rate(late, ms, [ntsc]) is None
    assert constant_rate(places * 2, Fraction(1, 48), [Fraction(24)]) == 24
    assert constant_rate(np.array([5]), ms, [Fraction(18)]) == 18


@pytest.mark.parametrize("steady", [True, False])
@pytest.mark.parametrize("bframes", ["0", "2"])
def test_the_last_frame_is_shown_as_long_as_in_the_source(tmp_path: Path, bframes: str, steady: bool) -> None:
    """A picture that stands at the end, after a constant rate or a variable one."""
    places = [0, 1, 2, 3, 4, 5, 6, 7] if steady else [0, 1, 5, 6, 8, 9, 13, 14]
    clock = {"pts": [place * 512 for place in places], "time_base": Fraction(1, 12288)}
    raw = write_film(tmp_path / "raw.mp4", 8, codec="libx264", tags=TAGS, options={"bf": bframes}, **clock).path
    source = tmp_path / "a.mp4"
    ffmpeg("-i", raw, "-c", "copy", "-bsf:v", r"setts=pts=PTS:dts=DTS:duration=if(eq(N\,7)\,36864\,DURATION)", source)
    assert Fraction(3) in durations(source)
    for codec, suffix in (("x264", ".mp4"), ("x264", ".mov"), ("prores", ".mov")):
        out = tmp_path / f"out{suffix}"
        color(probe(source), out, Settings(codec=codec))
        # Where frames are reordered, the last packet is not the last picture: the rate counts one frame more.
        assert codec == "x264" or rates(out)[1] == rates(source)[1]
        with av.open(str(source)) as before, av.open(str(out)) as after:
            lengths = [file.duration / av.time_base for file in (before, after) if file.duration]
        assert len(lengths) == 2 and abs(lengths[0] - lengths[1]) < 0.002 and lengths[0] > 3


@pytest.mark.parametrize("rate", ["24", "25"])
def test_avi_whose_header_says_ticks(tmp_path: Path, rate: str) -> None:
    """FFmpeg writes such when it copies: 600 a second, and no frame on most of them."""
    raw = write_film(tmp_path / "a.mp4", 20, codec="libx264", rate=Fraction(rate), tags=TAGS).path
    source = tmp_path / "a.avi"
    ffmpeg("-i", raw, "-c", "copy", source)
    film = probe(source)
    assert 1 / film.time_base >= 240 and film.frame_rate == Fraction(rate)
    for codec, suffix in (("x264", ".mp4"), ("prores", ".mov"), ("ffv1", ".mkv")):
        out = tmp_path / f"out{suffix}"
        color(film, out, Settings(codec=codec))
        assert rates(out) == (Fraction(rate),) * 2


@pytest.mark.parametrize("late", [1, 2, 3])
def test_a_film_that_begins_late(tmp_path: Path, late: int) -> None:
    """As where reordered frames have no edit list: the first DTS of the result are around 0."""
    clock = {"pts": [(place + late) * 512 for place in range(5)], "time_base": Fraction(1, 12288)}
    film = probe(write_film(tmp_path / "a.mp4", 5, codec="libx264", tags=TAGS, **clock).path)
    pts = [frame.pts for frame in read(film)]  # the muxer of the source rounds its start
    for codec in ("x264", "x265"):
        out = tmp_path / "out.mp4"
        color(film, out, Settings(codec=codec))
        assert rates(out) == (24, 24) and video_pts(out) == (Fraction(1, 12288), pts)
