"""A unit's file: luma as it is, tags, field flags; whole or not at all."""

from __future__ import annotations

import resource
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from joining import FORMATS, TAGS, chroma_planes, encode
from media import write_film, write_images

from vidcolor.encode.codecs import CODECS, Codec, names_with
from vidcolor.encode.encoder import Encoder
from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.files import is_part
from vidcolor.film.film import Film
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.settings import Settings

LARGE = {"width": 256, "height": 128}
"""A size that every encoder takes."""


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_luma_is_bit_identical_under_ffv1_and_chroma_is_ours(tmp_path: Path, pix_fmt: str) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 5, pix_fmt=pix_fmt, width=90, cuts=[2], tags=TAGS).path)
    fmt = output_format(film, Settings(lossless=True), tmp_path / "out.mkv")
    assert fmt.chroma == ("420" if pix_fmt.startswith("gray") else film.chroma) and fmt.depth == film.depth
    unit = encode(film, fmt, tmp_path / "unit.mkv", read(film))
    result = probe(unit)
    assert result.pix_fmt == fmt.pix_fmt and result.color_tags == film.color_tags
    for before, after in zip(read(film), read(result), strict=True):
        assert np.array_equal(before.luma, after.luma)
    with av.open(str(unit)) as container:
        frame = next(container.decode(video=0))
    expected = chroma_planes(film, fmt)
    for plane, values in zip(frame.planes[1:], expected, strict=True):
        rows = np.frombuffer(plane, values.dtype).reshape(plane.height, -1)[:, : plane.width]
        assert np.array_equal(rows, values)


@pytest.mark.parametrize("full", [1, 2])
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_tags_are_written(tmp_path: Path, codec: Codec, full: int) -> None:
    tags = {"space": 5, "primaries": 6, "transfer": 4, "range": full}
    options = {"chroma_sample_location": "topleft"}
    film = probe(write_film(tmp_path / "a.mkv", 3, tags=tags, options=options, **LARGE).path)
    assert film.color_tags == tags | {"chroma_location": 3}
    fmt = output_format(film, Settings(codec=codec.name), f"out{codec.suffixes[0]}")
    result = probe(encode(film, fmt, tmp_path / "unit.mkv", read(film)))
    written = film.color_tags | ({"range": 1} if codec.limited_range else {})
    if fmt.chroma != "420" and result.color_tags["chroma_location"] == 0:  # it has a meaning in 4:2:0 only
        written["chroma_location"] = 0
    assert result.color_tags == written


@pytest.mark.parametrize("codec", ["x264", "x265"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "gray10le", "yuv444p"])
def test_lossy_codecs_get_the_film_s_depth_and_grid(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 5, pix_fmt=pix_fmt, tags=TAGS).path)
    fmt = output_format(film, Settings(codec=codec, crf=4), tmp_path / "out.mp4")
    result = probe(encode(film, fmt, tmp_path / "unit.mkv", read(film)))
    assert (result.depth, result.chroma) == (film.depth, "420" if film.chroma == "400" else film.chroma)
    off = [np.abs(a.luma.astype(int) - b.luma).mean() for a, b in zip(read(film), read(result), strict=True)]
    assert max(off) < 2 << (film.depth - 8)


@pytest.mark.parametrize("codec", names_with(lambda codec: codec.crf))
def test_crf_0_is_the_best_quality(tmp_path: Path, codec: str) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 3, pix_fmt="yuv420p", tags=TAGS).path)
    off = []
    for crf in (0, 1):
        result = probe(
            encode(film, output_format(film, Settings(codec=codec, crf=crf), "o.mkv"), tmp_path / "o", read(film))
        )
        off.append([np.abs(a.luma.astype(int) - b.luma).mean() for a, b in zip(read(film), read(result), strict=True)])
    assert sum(off[0]) <= sum(off[1]) < 3


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_headers_agree_between_units(tmp_path: Path, codec: Codec) -> None:
    """However unlike the shots and their lengths are."""
    film = probe(write_film(tmp_path / "a.mkv", 40, cuts=[1, 30], tags=TAGS, **LARGE).path)
    frames = list(read(film))
    fmt = output_format(film, Settings(codec=codec.name), f"out{codec.suffixes[0]}")
    headers = set()
    for first, last in ((0, 1), (1, 30), (30, 40)):
        unit = encode(film, fmt, tmp_path / f"{first}.mkv", frames[first:last])
        with av.open(str(unit)) as container:
            headers.add(bytes(container.streams.video[0].codec_context.extradata or b""))
    assert len(headers) == 1


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_the_same_frames_give_the_same_file(tmp_path: Path, codec: Codec) -> None:
    # x264 with AVX-512 is not steady at widths such as 96
    film = probe(write_film(tmp_path / "a.mkv", 12, tags=TAGS, **LARGE).path)
    fmt = output_format(film, Settings(codec=codec.name), f"out{codec.suffixes[0]}")
    one, two = (encode(film, fmt, tmp_path / name, read(film)).read_bytes() for name in ("1.mkv", "2.mkv"))
    assert one == two


@pytest.mark.parametrize("codec", names_with(lambda codec: codec.fields != "none"))
def test_field_flags_are_kept(tmp_path: Path, codec: str) -> None:
    for order in ("tff", "bff"):
        written = write_film(tmp_path / f"{order}.mp4", 4, codec="libx264", interlaced=order, tags=TAGS)
        film = probe(written.path)
        settings = Settings(codec=codec, allow_interlaced=True)
        fmt = output_format(film, settings, tmp_path / "out.mkv")
        unit = encode(film, fmt, tmp_path / f"{codec}-{order}.mkv", read(film))
        result = probe(unit)
        assert result.field_order == order
        flags = [(frame.interlaced, frame.top_field_first) for frame in read(result)]
        assert flags == [(True, order == "tff")] * 4
        if codec == "ffv1":
            assert all(np.array_equal(a.luma, b.luma) for a, b in zip(read(film), read(result), strict=True))


def test_absurd_rates_do_not_reach_the_encoder(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 3, tags=TAGS, rate=Fraction(24000, 1001)).path)
    assert output_format(film, Settings(), "out.mkv").rate == Fraction(24000, 1001)
    wild = Film(**(film.__dict__ | {"frame_rate": Fraction(90000)}))
    assert output_format(wild, Settings(), "out.mkv").rate == 24


def test_nothing_is_left_after_an_exception(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 3, tags=TAGS).path)
    fmt = output_format(film, Settings(codec="ffv1"), "out.mkv")
    units = tmp_path / "units"
    with pytest.raises(KeyError), Encoder(film, fmt, units / "u.mkv") as encoder:
        encoder.write(next(read(film)), *chroma_planes(film, fmt))
        assert [is_part(file) for file in units.iterdir()] == [True]
        raise KeyError
    assert list(units.iterdir()) == []
    with pytest.raises(VidcolorError, match="no frame to write"), Encoder(film, fmt, units / "u.mkv"):
        pass
    with pytest.raises(ValueError, match="plane of"), Encoder(film, fmt, units / "u.mkv") as encoder:
        encoder.write(next(read(film)), np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))
    assert list(units.iterdir()) == []


def test_two_at_one_unit_do_not_write_into_each_others_file(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 6, tags=TAGS).path)
    fmt = output_format(film, Settings(codec="ffv1"), "out.mkv")
    path = tmp_path / "units" / "u.mkv"
    with Encoder(film, fmt, path) as slow:
        slow.write(next(read(film)), *chroma_planes(film, fmt))
        encode(film, fmt, path, read(film))
        for frame in list(read(film))[1:]:
            slow.write(frame, *chroma_planes(film, fmt))
    assert [file.name for file in path.parent.iterdir()] == ["u.mkv"]
    assert [frame.luma.tolist() for frame in read(probe(path))] == [frame.luma.tolist() for frame in read(film)]


def test_a_folder_that_another_run_removed_is_said_so(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 3, tags=TAGS).path)
    fmt = output_format(film, Settings(codec="ffv1"), "out.mkv")
    with pytest.raises(VidcolorError, match="removed by another run"), Encoder(film, fmt, tmp_path / "w/u.mkv") as late:
        late.write(next(read(film)), *chroma_planes(film, fmt))
        shutil.rmtree(tmp_path / "w")


def test_a_full_disk_and_an_unwritable_folder(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 40, tags=TAGS).path)
    fmt = output_format(film, Settings(codec="ffv1"), "out.mkv")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(VidcolorError, match=r"u\.mkv: cannot be written: the file is too large"):
            encode(film, fmt, tmp_path / "units" / "u.mkv", read(film))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "units").iterdir()) == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(VidcolorError, match="cannot be written"):
        Encoder(film, fmt, tmp_path / "file" / "u.mkv")


def test_pictures_go_in_at_their_depth(tmp_path: Path) -> None:
    planes = write_images(tmp_path / "scans", 3, depth=16)
    film = probe(tmp_path / "scans", fps=24, matrix="bt709")
    fmt = output_format(film, Settings(lossless=True, chroma="444"), "out.mkv")
    result = probe(encode(film, fmt, tmp_path / "unit.mkv", read(film)))
    assert (result.pix_fmt, result.full_range, result.matrix) == ("yuv444p16le", True, "bt709")
    assert all(np.array_equal(frame.luma, plane) for frame, plane in zip(read(result), planes, strict=True))
