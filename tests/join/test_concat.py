"""Units end to end: every frame in its place, at its time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from joining import TAGS, color, encode, names_in, video_pts
from media import write_film

from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.join.join import join_units
from vidcolor.settings import Settings

VARIABLE = [0, 512, 600, 1700, 1701, 5000, 5512, 9000, 9512, 10024, 11000, 12000, 12100, 12200, 15000, 15512]


@pytest.mark.parametrize("codec", ["x264", "x265"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_pts_and_time_base_are_exact_in_mp4_and_mov(tmp_path: Path, suffix: str, codec: str) -> None:
    """With a variable rate, B-frames, units of any length, a start that is not 0."""
    pts = [700 + stamp for stamp in VARIABLE]
    ticks = {"video_track_timescale": "12345", "movie_timescale": "12345"}
    clock = {"pts": pts, "time_base": Fraction(1, 12345), "container_options": ticks}
    written = write_film(tmp_path / "a.mp4", 16, codec="libx264", tags=TAGS, **clock)
    film = probe(written.path)
    assert [frame.pts for frame in read(film)] == pts and film.time_base == Fraction(1, 12345)
    out = tmp_path / f"out{suffix}"
    color(film, out, Settings(codec=codec), cuts=(1, 8))
    assert video_pts(out) == (film.time_base, pts)


@pytest.mark.parametrize("codec", ["x264", "ffv1", "prores"])
def test_pts_in_matroska_are_right_to_half_a_tick(tmp_path: Path, codec: str) -> None:
    time_base = Fraction(1, 12345)
    written = write_film(tmp_path / "a.mp4", 16, codec="libx264", pts=VARIABLE, time_base=time_base, tags=TAGS)
    out = tmp_path / "out.mkv"
    color(probe(written.path), out, Settings(codec=codec), cuts=(3, 8))
    tick, pts = video_pts(out)
    off = [abs(a * tick - b * time_base) for a, b in zip(pts, VARIABLE, strict=True)]
    assert tick == Fraction(1, 1000) and max(off) <= tick / 2


@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_units_with_b_frames_are_decoded_in_order(tmp_path: Path, codec: str) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 60, cuts=[20, 41], tags=TAGS).path)
    out = tmp_path / "out.mp4"
    color(film, out, Settings(codec=codec, crf=6), cuts=(20, 41, 59))
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        order = [(packet.dts, packet.pts) for packet in container.demux(stream) if packet.size]
    assert [dts for dts, _ in order] == sorted({dts for dts, _ in order})
    assert all(dts <= pts for dts, pts in order)
    assert [pts for _, pts in order] != sorted(pts for _, pts in order)  # there are B-frames
    for before, after in zip(read(film), read(probe(out)), strict=True):
        assert np.abs(before.luma.astype(int) - after.luma).mean() < 2


def test_units_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 10, tags=TAGS).path)
    frames = list(read(film))
    pts = [frame.pts for frame in frames]
    out = tmp_path / "out.mkv"
    fmt = output_format(film, Settings(), out)
    one = encode(film, fmt, tmp_path / "1.mkv", frames[:5])
    two = encode(film, fmt, tmp_path / "2.mkv", frames[5:])
    alien = encode(film, output_format(film, Settings(preset="ultrafast"), out), tmp_path / "3.mkv", frames[5:])
    (tmp_path / "4.mkv").write_bytes(two.read_bytes()[:900])
    before = names_in(tmp_path)
    for units, stamps, reason in (
        ([one], pts, "hold 5 frames, the film 10"),
        ([one, two], pts[:9], "hold 10 frames, the film 9"),
        ([one, alien], pts, r"3\.mkv: its stream header is not that of 1\.mkv"),
        ([one, tmp_path / "4.mkv"], pts, r"4\.mkv"),
        ([one, tmp_path / "none.mkv"], pts, "no such file"),
        ([one, two], [*pts[:5], *pts[4:9]], "do not rise"),
    ):
        with pytest.raises(VidcolorError, match=reason):
            join_units(film, units, stamps, fmt, out)
        assert names_in(tmp_path) == before
    assert join_units(film, [one, two], pts, fmt, out).frames == 10
    assert names_in(tmp_path) == before | {"out.mkv"}
