"""Tracks and tags of the source: kept, kept in another form, or named as lost."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from fakes import MeanColour
from media import ffmpeg, write_film, write_key

from vidcolor.api import colorize, plan_film
from vidcolor.errors import VidcolorError
from vidcolor.plan.request import Request
from vidcolor.settings import Settings

SOUND = ("-f", "lavfi", "-i", "sine=440:d=0.4:r=48000")
TEXT = "1\n00:00:00,100 --> 00:00:00,200\n<i>Hello</i>\n\n2\n00:00:00,250 --> 00:00:00,300\nThere\n"


@pytest.fixture(autouse=True)
def model(mean_colour: MeanColour) -> MeanColour:
    return mean_colour


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    write_key(tmp_path / "key.png")
    return write_film(tmp_path / "grey.mkv", 8, codec="libx264", tags={"space": 1, "range": 1}).path


def colored(film: Path, out: str, **settings) -> Path:
    return colorize(film, ref=[film.parent / "key.png"], out=film.parent / out, size=64, temporal=0, **settings).out


def texts(film: Path) -> list[str]:
    """The film's subtitles as ffmpeg reads them."""
    ffmpeg("-i", film, "-map", "0:s:0", film.with_suffix(".read.srt"))
    return [
        line
        for line in film.with_suffix(".read.srt").read_text().splitlines()
        if line and "-->" not in line and not line.isdigit()
    ]


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.removeprefix("vidcolor: ") for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    ("source", "form", "out", "becomes"), [("mp4", "mov_text", "o.mkv", "srt"), ("mkv", "ass", "o.mp4", "mov_text")]
)
def test_text_subtitles_are_written_in_the_containers_own_form(
    grey: Path, source: str, form: str, out: str, becomes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (grey.parent / "s.srt").write_text(TEXT)
    film = grey.with_name(f"film.{source}")
    ffmpeg(
        "-i", grey, "-i", grey.parent / "s.srt", "-c:v", "copy", "-c:s", form, "-metadata:s:s:0", "language=eng", film
    )
    result = colored(film, out)
    assert texts(result) == texts(film) == ["<i>Hello</i>", "There"]
    with av.open(str(result)) as container:
        stream = container.streams.subtitles[0]
        assert (stream.codec_context.name, stream.metadata["language"]) == (becomes, "eng")
        times = [round(float(p.pts * p.time_base), 3) for p in container.demux(stream) if p.size > 2]
    assert times == [0.1, 0.25]
    lines = said(capsys)
    assert any(line.startswith(f"{out}: subtitle stream 1 ") and f"written as {becomes}" in line for line in lines)
    assert not any("not kept: subtitle" in line for line in lines)


def test_what_will_be_lost_is_said_before_anything_is_coloured(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = grey.with_name("film.mkv")
    ffmpeg(
        *("-i", grey, "-i", grey, *SOUND, "-map", 0, "-map", 1, "-map", 2, "-c:v", "copy", "-c:a", "flac"),
        *("-metadata:s:v:1", "title=Angle", "-disposition:v:0", "default", film),
    )
    request = Request(film, ref=(film.parent / "key.png",), out=film.parent / "o.mov")
    plan_film(request, Settings(codec="x264"), progress=False)
    lines = said(capsys)
    assert "o.mov: video stream 1 h264 Angle is copied as it is; only video stream 0 is coloured" in lines
    assert "o.mov: not kept: audio stream 2 flac: .mov cannot hold it" in lines
    with av.open(str(colored(film, "o.mov", codec="x264"))) as container:
        assert [stream.type for stream in container.streams] == ["video", "video"]


def test_sound_that_nobody_could_read_in_the_result_is_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = grey.with_name("film.wmv")
    ffmpeg("-i", grey, *SOUND, "-c:v", "wmv2", "-q:v", "2", "-c:a", "wmav2", film)
    with av.open(str(colored(film, "o.mov", codec="x264"))) as container:  # QuickTime takes it without a name
        assert [stream.type for stream in container.streams] == ["video"]
    assert "o.mov: not kept: audio stream 1 wmav2: .mov cannot hold it" in said(capsys)


def test_tags_that_have_no_place_are_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = grey.with_name("film.mkv")
    ffmpeg(
        *("-i", grey, *SOUND, "-c:v", "copy", "-c:a", "aac", "-metadata", "REEL=12", "-metadata", "SOURCE=print"),
        *(
            "-metadata:s:v:0",
            "DIRECTOR=Someone",
            "-metadata:s:v:0",
            "language=deu",
            "-metadata:s:v:0",
            "title=Restored",
        ),
        *("-metadata:s:a:0", "NOTE=hiss", "-metadata:s:a:0", "language=swe", film),
    )
    colored(film, "o.mkv")
    assert not any("not kept" in line for line in said(capsys))
    for out, languages in (("o.mp4", ("deu", "swe")), ("o.mov", ("ger", "sve"))):
        result = colored(film, out, codec="x264")
        lines = [line for line in said(capsys) if "not kept" in line]
        assert [line.removeprefix(f"{out}: not kept: ") for line in lines] == [
            "metadata REEL, SOURCE",
            "video stream 0 h264 deu Restored: its metadata DIRECTOR",
            "audio stream 1 aac swe: its metadata NOTE",
        ]
        with av.open(str(result)) as container:
            assert tuple(stream.metadata["language"] for stream in container.streams) == languages
            assert container.streams[0].metadata["handler_name"] == "Restored"


def test_the_time_code_stays(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = grey.with_name("film.mov")
    ffmpeg("-i", grey, "-c:v", "copy", "-timecode", "10:00:00:00", film)
    for out in ("o.mkv", "o.mov", "o.mp4"):
        with av.open(str(colored(film, out, codec="x264"))) as container:
            tags = {name.lower(): value for name, value in container.streams[0].metadata.items()}
        assert tags["timecode"] == "10:00:00:00"
    assert not any("not kept" in line for line in said(capsys))


def test_programs_are_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = grey.with_name("film.ts")
    ffmpeg(
        *("-i", grey, *SOUND, *SOUND, "-map", 0, "-map", 1, "-map", 2, "-c:v", "copy", "-c:a", "mp2"),
        *("-program", "title=One:program_num=1:st=0:st=1", "-program", "title=Two:program_num=2:st=2", film),
    )
    colored(film, "o.mkv")
    lines = said(capsys)
    assert "o.mkv: not kept: the division into 2 programs" in lines
    assert "o.mkv: not kept: metadata service_name One, service_name Two" in lines


@pytest.mark.parametrize(("codec", "fits"), [("aac", False), ("ac3", True)])
def test_sound_that_changes_its_form(grey: Path, codec: str, fits: bool) -> None:
    parts = []
    for rate, channels in ((48000, 2), (44100, 1)):
        parts.append(grey.with_name(f"{rate}.ts"))
        ffmpeg("-i", grey, *SOUND, "-c:v", "copy", "-c:a", codec, "-ar", rate, "-ac", channels, parts[-1])
    listed = grey.with_name("list.txt")
    listed.write_text("".join(f"file '{part.name}'\n" for part in parts))
    film = grey.with_name("film.ts")
    ffmpeg("-f", "concat", "-i", listed, "-c", "copy", film)
    if fits:
        assert colored(film, "o.mkv").is_file()
    else:
        changes = r"sound stream 1 changes near frame \d+ .*from 48000 Hz, 2 channels to 44100 Hz, 1 channel.*-c:a aac"
        with pytest.raises(VidcolorError, match=changes):
            colored(film, "o.mkv")
