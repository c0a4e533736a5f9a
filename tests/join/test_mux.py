"""join_units: every frame in its place, everything else of the source beside it, or named as lost."""

from __future__ import annotations

import resource
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from joining import FORMATS, chroma_planes, color, encode, packets, video_pts
from media import add_tracks, ffmpeg, write_film, write_images

from vidcolor.encode.codecs import CODECS
from vidcolor.encode.encoder import Encoder
from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film.film import Film
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.join import join, mux, verify
from vidcolor.join.join import JoinReport, join_units
from vidcolor.settings import Settings

TAGS = {"space": 1, "primaries": 1, "transfer": 1, "range": 1}


def labels(path: Path, kind: str) -> list[tuple[str | None, str | None, str]]:
    with av.open(str(path)) as container:
        return [
            (s.metadata.get("language"), s.metadata.get("title") or s.metadata.get("handler_name"), repr(s.disposition))
            for s in container.streams
            if s.type == kind
        ]


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_luma_is_bit_identical_from_film_to_result(tmp_path: Path, pix_fmt: str) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 9, pix_fmt=pix_fmt, width=90, cuts=[4], tags=TAGS).path)
    report = color(film, tmp_path / "out.mkv", Settings(lossless=True), cuts=(4, 7))
    assert report == JoinReport(tmp_path / "out.mkv", 9, (), ())
    result = probe(tmp_path / "out.mkv")
    assert result.depth == film.depth and result.color_tags == film.color_tags
    for before, after in zip(read(film), read(result), strict=True):
        assert before.pts == after.pts and np.array_equal(before.luma, after.luma)


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


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("x264", ".mp4"), ("x264", ".mkv"), ("x265", ".mkv"), ("ffv1", ".mkv"), ("prores", ".mov"), ("prores", ".mkv")],
)
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_shape_rotation_and_tags_are_kept(tmp_path: Path, codec: str, suffix: str, rotation: int) -> None:
    tags = {"space": 5, "primaries": 5, "transfer": 6, "range": 1}
    written = write_film(
        tmp_path / "a.mp4", 5, codec="libx264", tags=tags, sar=Fraction(16, 15), rotation=rotation, width=90
    )
    film = probe(written.path)
    assert film.rotation == rotation
    out = tmp_path / f"out{suffix}"
    color(film, out, Settings(codec=codec), cuts=(2,))
    result = probe(out)
    assert (result.sample_aspect_ratio, result.rotation) == (Fraction(16, 15), rotation)
    assert {name: result.color_tags[name] for name in tags} == tags


def test_an_awkward_aspect_ratio(tmp_path: Path) -> None:
    """854x480 scans shown as 16:9 have pixels of 1280:1281."""
    sar = Fraction(1280, 1281)
    written = write_film(tmp_path / "a.mp4", 3, width=854, height=480, codec="libx264", sar=sar, tags=TAGS)
    film = probe(written.path)
    assert film.sample_aspect_ratio == sar
    color(film, tmp_path / "out.mp4", Settings(preset="ultrafast"))
    color(film, tmp_path / "out.mkv", Settings(codec="ffv1"))
    assert probe(tmp_path / "out.mp4").sample_aspect_ratio == sar
    assert probe(tmp_path / "out.mkv").sample_aspect_ratio == sar


@pytest.mark.parametrize(("source", "suffix"), [("mkv", ".mkv"), ("mp4", ".mp4"), ("mov", ".mov")])
def test_everything_else_of_the_source_is_copied(tmp_path: Path, source: str, suffix: str) -> None:
    raw = write_film(tmp_path / f"raw.{source}", 36, codec="libx264", tags=TAGS).path
    movie = add_tracks(raw, tmp_path / f"a.{source}", seconds=1.5)
    out = tmp_path / f"out{suffix}"
    report = color(probe(movie), out, Settings(), cuts=(12,))
    assert report.lost == ()
    for kind in ("audio", "subtitle"):
        assert packets(out, kind) == packets(movie, kind) != []
        assert labels(out, kind) == labels(movie, kind)
    with av.open(str(movie)) as before, av.open(str(out)) as after:
        assert [c["metadata"] for c in after.chapters()] == [{"title": "One"}, {"title": "Two"}]
        times = [
            [(float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"])) for c in f.chapters()]
            for f in (before, after)
        ]
        assert np.allclose(times[0], times[1], atol=0.001)
        for key in ("title", "artist"):
            assert {k.lower(): v for k, v in after.metadata.items()}[key]
        assert after.streams.video[0].disposition == before.streams.video[0].disposition
        if source != "mov":
            covers = [
                next(bytes(p) for p in f.demux(s) if p.size)
                for f in (before, after)
                for s in f.streams.video
                if s.disposition & Disposition.attached_pic
            ]
            assert len(covers) == 2 and covers[0] == covers[1]
        if source == "mkv":
            attached = [
                [(s.metadata["filename"], s.metadata["mimetype"], s.data) for s in f.streams if s.type == "attachment"]
                for f in (before, after)
            ]
            assert attached[0] == attached[1] != []


def test_what_the_container_cannot_hold_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = write_film(tmp_path / "raw.mkv", 24, codec="libx264", tags=TAGS).path
    movie = add_tracks(raw, tmp_path / "a.mkv")
    report = color(probe(movie), tmp_path / "out.mp4", Settings())
    assert [what.split(":")[0] for what in report.lost] == ["attachment stream 4 note.ttf"]
    said = capsys.readouterr().err
    assert "out.mp4: not kept: attachment stream 4 note.ttf" in said and "srt ger Signs: written as mov_text" in said
    assert len(report.kept) == 4 and packets(tmp_path / "out.mp4", "audio")[0][0] == "aac"
    titles = [label[1] for label in labels(tmp_path / "out.mp4", "audio")]
    assert titles == ["Main", "Commentary"]


def test_sound_and_picture_stay_together(tmp_path: Path) -> None:
    """A transport stream's clock begins anywhere; a result with another clock keeps the distance."""
    raw = write_film(tmp_path / "raw.mkv", 48, codec="libx264", tags=TAGS).path
    ffmpeg(
        *("-i", raw, "-itsoffset", "0.3", "-f", "lavfi", "-i", "sine=440:d=2", "-c:v", "copy", "-c:a", "mp2"),
        *("-output_ts_offset", "50", tmp_path / "a.ts"),
    )
    film = probe(tmp_path / "a.ts")
    assert next(read(film)).pts * film.time_base > 50
    color(film, tmp_path / "out.mkv", Settings(), cuts=(20,))
    begins = []
    for path in (tmp_path / "a.ts", tmp_path / "out.mkv"):
        with av.open(str(path)) as container:
            first: dict[str, float] = {}
            for packet in container.demux():
                if packet.size:
                    time = float(packet.pts * packet.time_base)
                    first[packet.stream.type] = min(first.get(packet.stream.type, time), time)
        begins.append(first["audio"] - first["video"])
    assert abs(begins[0] - begins[1]) < 0.0015 and begins[0] > 0.2


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


def _left(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


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
    before = _left(tmp_path)
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
        assert _left(tmp_path) == before
    assert join_units(film, [one, two], pts, fmt, out).frames == 10
    assert _left(tmp_path) == before | {"out.mkv"}


def test_a_wrong_result_is_never_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thing that is verified is found out when it is not so."""
    film = probe(write_film(tmp_path / "a.mp4", 6, codec="libx264", tags=TAGS, sar=Fraction(16, 15)).path)
    frames = list(read(film))
    pts = [frame.pts for frame in frames]
    out = tmp_path / "out.mp4"
    fmt = output_format(film, Settings(), out)
    unit = encode(film, fmt, tmp_path / "unit.mkv", frames)
    real, before = verify.verify, _left(tmp_path)

    def against(film_then: Film = film, fmt_then=fmt, stamps=pts):
        def changed(film_now, fmt_now, pts_now, path, kept, span):
            return real(film_then, fmt_then, np.array(stamps), path, kept, span)

        monkeypatch.setattr(join, "verify", changed)
        with pytest.raises(VidcolorError, match="finished file is wrong") as caught:
            join_units(film, [unit], pts, fmt, out)
        assert _left(tmp_path) == before
        return str(caught.value)

    assert "frames 6 instead of 5" in against(stamps=pts[:5])
    assert "time of frame 3" in against(stamps=[*pts[:3], pts[3] + 1, *pts[4:]])
    assert "rotation 0 instead of 90" in against(replace(film, rotation=90))
    assert "aspect ratio 16/15 instead of 1" in against(replace(film, sample_aspect_ratio=Fraction(1)))
    assert "colour tag space 1 instead of 5" in against(fmt_then=replace(fmt, color_tags=fmt.color_tags | {"space": 5}))
    assert "colour tag range 1 instead of 2" in against(fmt_then=replace(fmt, color_tags=fmt.color_tags | {"range": 2}))
    assert "pixel format yuv420p instead of yuv422p" in against(fmt_then=replace(fmt, pix_fmt="yuv422p"))
    assert "size (96, 64)" in against(replace(film, width=98))


def test_a_stream_that_went_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write_film(tmp_path / "raw.mkv", 24, codec="libx264", tags=TAGS).path
    film = probe(add_tracks(raw, tmp_path / "a.mkv"))
    real = mux._command

    def forgetful(muxing, tracks, **more):
        return real(muxing, [track for track in tracks if track.index != 2], **more)

    monkeypatch.setattr(mux, "_command", forgetful)
    report = color(film, tmp_path / "out.mkv", Settings())
    assert any("audio stream 2" in what or "Commentary" in what for what in report.lost)


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
    before = _left(tmp_path)
    size = units[0].stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(VidcolorError, match="cannot be written"):
            join_units(film, units, [frame.pts for frame in frames], fmt, tmp_path / "out.mkv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _left(tmp_path) == before


SHAPES = [  # size, pixel aspect ratio
    *[((720, 576), sar) for sar in ("16:11", "64:45", "59:54", "118:81")],
    *[((720, 480), sar) for sar in ("8:9", "40:33")],
    *[((719, 539), sar) for sar in ("16:11", "1280:1281")],
    *[((90, 64), "16:11"), ((854, 480), "1280:1281"), ((31, 17), "4321:4000"), ((3, 5), "1:2"), ((1, 100), "2:1")],
]


@pytest.mark.parametrize(
    ("codec", "suffix"), [("x264", ".mkv"), ("x264", ".mp4"), ("ffv1", ".mkv"), ("prores", ".mov")]
)
def test_every_shape_of_a_pixel_comes_back_exactly(tmp_path: Path, codec: str, suffix: str) -> None:
    wrong = {}
    for (width, height), shape in SHAPES:
        sar = Fraction(shape.replace(":", "/"))
        size = {"width": width, "height": height, "codec": "libx264", "pix_fmt": "yuv444p"}
        source = write_film(tmp_path / "a.mkv", 1, tags=TAGS, options={"preset": "ultrafast"}, **size).path
        film = replace(probe(source), sample_aspect_ratio=sar)
        out = tmp_path / f"out{suffix}"
        color(film, out, Settings(codec=codec, preset="ultrafast" if codec == "x264" else None))
        if probe(out).sample_aspect_ratio != sar:
            wrong[width, height, shape] = probe(out).sample_aspect_ratio
        assert len(list(read(probe(out)))) == 1
    assert wrong == {}


@pytest.mark.parametrize("preset", ["proxy", "lt", "standard", "hq", "4444", "4444xq"])
def test_prores_says_its_profile(tmp_path: Path, preset: str) -> None:
    tags = {"proxy": "apco", "lt": "apcs", "standard": "apcn", "hq": "apch", "4444": "ap4h", "4444xq": "ap4x"}
    film = probe(write_film(tmp_path / "a.mkv", 2, tags=TAGS).path)
    for suffix in (".mov", ".mkv"):
        out = tmp_path / f"out{suffix}"
        color(film, out, Settings(codec="prores", preset=preset))
        with av.open(str(out)) as container:
            context = container.streams.video[0].codec_context
            named = (context.profile or "").lower().replace("xq", "4444xq")
            assert (context.codec_tag, named) == (tags[preset], preset)


def test_mxf_begins_at_0_and_holds_a_constant_rate_only(tmp_path: Path) -> None:
    raw = write_film(tmp_path / "raw.mov", 24, width=256, height=128, codec="libx264", tags=TAGS).path
    ffmpeg(
        "-i", raw, "-f", "lavfi", "-i", "sine=440:d=1:r=48000", "-c:v", "copy", "-c:a", "pcm_s24le", tmp_path / "a.mov"
    )
    film = probe(tmp_path / "a.mov")
    pts = [frame.pts for frame in read(film)]
    out = tmp_path / "out.mxf"
    report = color(film, out, Settings(codec="dnxhr"), first=6, stop=18, bounds=(pts[6], pts[18]))
    assert report.frames == 12 and report.kept == ("audio stream 1 pcm_s24le",)
    assert video_pts(out) == (Fraction(1, 24), list(range(12)))
    fmt = output_format(film, Settings(codec="dnxhr"), out)
    with pytest.raises(VidcolorError, match=r"MXF has no place for a variable frame rate: name the result \.mov"):
        join.foresee(film, fmt, out, np.array([0, 512, 600, 1700]))
    turned = write_film(tmp_path / "b.mov", 2, width=256, height=128, codec="libx264", tags=TAGS, rotation=90).path
    with pytest.raises(VidcolorError, match=r"out.mxf: \.mxf cannot keep the rotation 90: name the result \.mov"):
        join.foresee(probe(turned), fmt, out, np.array([0]))
