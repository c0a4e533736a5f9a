"""From units to the film: luma, frames and times, or nothing at all."""

from __future__ import annotations

import resource
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from joining import FORMATS, TAGS, chroma_planes, color, encode, names_in, packets, video_pts
from media import add_tracks, ffmpeg, write_film, write_images

from vidcolor.encode.codecs import CODECS
from vidcolor.encode.encoder import Encoder
from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.join import join
from vidcolor.join.join import JoinReport, join_units
from vidcolor.settings import Settings


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_luma_is_bit_identical_from_film_to_result(tmp_path: Path, pix_fmt: str) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 9, pix_fmt=pix_fmt, width=90, cuts=[4], tags=TAGS).path)
    report = color(film, tmp_path / "out.mkv", Settings(lossless=True), cuts=(4, 7))
    assert report == JoinReport(tmp_path / "out.mkv", 9, (), ())
    result = probe(tmp_path / "out.mkv")
    assert result.depth == film.depth and result.color_tags == film.color_tags
    for before, after in zip(read(film), read(result), strict=True):
        assert before.pts == after.pts and np.array_equal(before.luma, after.luma)


@pytest.mark.parametrize(
    ("codec", "suffix"), [(codec.name, suffix) for codec in CODECS.values() for suffix in codec.suffixes]
)
def test_a_result_has_the_frames_of_its_units(tmp_path: Path, codec: str, suffix: str) -> None:
    raw = write_film(tmp_path / "raw.mkv", 20, width=256, height=128, cuts=[12], tags=TAGS).path
    ffmpeg(
        *("-i", raw, "-f", "lavfi", "-i", "sine=440:d=0.8:r=48000", "-c:v", "copy", "-c:a", "pcm_s16le"),
        tmp_path / "a.mkv",
    )
    film = probe(tmp_path / "a.mkv")
    report = color(film, tmp_path / f"out{suffix}", Settings(codec=codec), cuts=(1, 12))
    units = [tmp_path / "units" / f"{first}.mkv" for first in (0, 1, 12)]
    made = [frame.luma for unit in units for frame in read(probe(unit))]
    joined = [frame.luma for frame in read(probe(report.path))]
    assert len(joined) == 20 and all(map(np.array_equal, joined, made))
    assert report.lost == ()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_part_keeps_its_place_in_time(tmp_path: Path, suffix: str) -> None:
    raw = write_film(tmp_path / f"raw{suffix}", 48, codec="libx264", tags=TAGS).path
    movie = add_tracks(raw, tmp_path / f"a{suffix}", seconds=2.0)
    film = probe(movie)
    pts = [frame.pts for frame in read(film)]
    out = tmp_path / f"out{suffix}"
    report = color(film, out, Settings(), first=24, stop=36, bounds=(pts[24], pts[36]))
    assert report.frames == 12 and report.lost == ()
    assert video_pts(out)[1] == pts[24:36]
    with av.open(str(out)) as container:
        times = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.size]
    assert 0.97 <= min(times) <= 1.03 and 1.45 <= max(times) <= 1.52


def test_numbered_images_become_a_film(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 7, start=5)
    film = probe(tmp_path / "scans", fps=18)
    report = color(film, tmp_path / "out.mkv", Settings(lossless=True), cuts=(3,))
    result = probe(tmp_path / "out.mkv")
    assert report.frames == 7 and result.full_range and result.frame_rate == 18
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(read(film), read(result), strict=True))


def test_fields_survive_the_join(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mp4", 6, codec="libx264", interlaced="bff", tags=TAGS).path)
    color(film, tmp_path / "out.mkv", Settings(lossless=True, allow_interlaced=True), cuts=(3,))
    result = probe(tmp_path / "out.mkv")
    assert result.field_order == "bff"
    assert [(f.interlaced, f.top_field_first) for f in read(result)] == [(True, False)] * 6


def test_a_damaged_source_still_gives_its_sound(tmp_path: Path) -> None:
    raw = write_film(tmp_path / "raw.mkv", 48, tags=TAGS).path
    data = add_tracks(raw, tmp_path / "a.mkv", seconds=2).read_bytes()
    short = tmp_path / "short.mkv"
    short.write_bytes(data[: len(data) * 6 // 10])
    film = probe(short)
    frames = list(read(film, on_error="skip"))
    assert 10 < len(frames) < 48
    fmt = output_format(film, Settings(lossless=True), tmp_path / "out.mkv")
    unit = encode(film, fmt, tmp_path / "unit.mkv", frames)
    report = join_units(film, [unit], [frame.pts for frame in frames], fmt, tmp_path / "out.mkv")
    assert report.frames == len(frames) and len(packets(tmp_path / "out.mkv", "audio")) == 2


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 30, tags=TAGS).path)
    frames = list(read(film))
    fmt = output_format(film, Settings(lossless=True), tmp_path / "out.mkv")
    cb, cr = chroma_planes(film, fmt)
    units = []
    for place in range(2):
        with Encoder(film, fmt, tmp_path / f"{place}.mkv") as encoder:
            for frame in frames[15 * place : 15 * place + 15]:
                encoder.write(frame, cb, cr)
        units.append(tmp_path / f"{place}.mkv")
    before = names_in(tmp_path)
    size = units[0].stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(VidcolorError, match="cannot be written"):
            join_units(film, units, [frame.pts for frame in frames], fmt, tmp_path / "out.mkv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names_in(tmp_path) == before


def test_mxf_begins_at_0_and_holds_a_constant_rate_only(tmp_path: Path) -> None:
    raw = write_film(tmp_path / "raw.mov", 24, width=256, height=128, codec="libx264", tags=TAGS).path
    sound = ("-f", "lavfi", "-i", "sine=440:d=1:r=48000", "-c:v", "copy", "-c:a", "pcm_s24le")
    ffmpeg("-i", raw, *sound, "-timecode", "10:00:00:00", tmp_path / "a.mov")
    film = probe(tmp_path / "a.mov")
    pts = [frame.pts for frame in read(film)]
    out = tmp_path / "out.mxf"
    report = color(film, out, Settings(codec="dnxhr"), first=6, stop=18, bounds=(pts[6], pts[18]))
    assert report.frames == 12 and report.kept == ("audio stream 1 pcm_s24le",) and not report.lost
    assert video_pts(out) == (Fraction(1, 24), list(range(12)))
    with av.open(str(out)) as container:
        assert container.metadata["timecode"] == "10:00:00:06"
    fmt = output_format(film, Settings(codec="dnxhr"), out)
    with pytest.raises(VidcolorError, match=r"MXF has no place for a variable frame rate: name the result \.mov"):
        join.foresee(film, fmt, out, np.array([0, 512, 600, 1700]))
    turned = write_film(tmp_path / "b.mov", 2, width=256, height=128, codec="libx264", tags=TAGS, rotation=90).path
    with pytest.raises(VidcolorError, match=r"out.mxf: \.mxf cannot keep the rotation 90: name the result \.mov"):
        join.foresee(probe(turned), fmt, out, np.array([0]))
