"""Everything else of the source beside the picture, or named as lost."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from joining import TAGS, color, packets
from media import add_tracks, ffmpeg, write_film

from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.settings import Settings


def labels(path: Path, kind: str) -> list[tuple[str | None, str | None, str]]:
    with av.open(str(path)) as container:
        return [
            (s.metadata.get("language"), s.metadata.get("title") or s.metadata.get("handler_name"), repr(s.disposition))
            for s in container.streams
            if s.type == kind
        ]


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
