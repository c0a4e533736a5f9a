"""What frames say beside their luma: kept, named as lost, or a reason to stop; never lost in silence."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import pytest
from fakes import MeanColour
from media import ffmpeg, write_film, write_images, write_key

from vidcolor.api import colorize
from vidcolor.errors import VidcolorError
from vidcolor.film.probe import probe
from vidcolor.film.reader import read

HDR = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1)", "1000,400"
BT709 = ("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


@pytest.fixture(autouse=True)
def model(mean_colour: MeanColour) -> MeanColour:
    return mean_colour


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    return write_film(tmp_path / "grey.mkv", 8, width=96, height=64, tags={"space": 1, "range": 1}).path


def colored(film: Path, out: str, **settings) -> Path:
    write_key(film.parent / "key.png")
    return colorize(film, ref=[film.parent / "key.png"], out=film.parent / out, size=64, temporal=0, **settings).out


def shown(film: Path) -> str:
    """What ffmpeg's showinfo says of the film's frames: the flags, P, T or B each."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", film, "-map", "0:v:0", "-vf", "showinfo=checksum=0"]
    said = subprocess.run([*map(str, command), "-f", "null", "-"], capture_output=True, text=True).stderr
    return "".join(re.findall(r" i:([PTB]) ", said))


def data(film: Path, kind: str) -> list[bytes]:
    with av.open(str(film)) as container:
        sides = (frame.side_data.get(av.sidedata.sidedata.Type[kind]) for frame in container.decode(video=0))
        return [bytes(side) for side in sides if side is not None]


SOURCES = {
    "dv": ("-vf", "scale=720:576", "-r", "25", "-target", "pal-dv"),
    "ffv1.avi": ("-vf", "setfield=bff", "-c:v", "ffv1", "-flags", "+ildct"),
    "mpeg4.avi": ("-vf", "setfield=bff", "-c:v", "mpeg4", "-flags", "+ildct+ilme", "-q:v", "2"),
    "mpeg2.ts": ("-vf", "setfield=tff", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2"),
    "prores.mov": ("-vf", "setfield=bff,format=yuv422p10le", "-c:v", "prores_ks", "-flags", "+ildct"),
    "h264.mkv": ("-vf", "setfield=bff", "-c:v", "libx264", "-x264-params", "bff=1"),
    "huffyuv.mkv": ("-vf", "setfield=tff,format=yuv422p", "-c:v", "huffyuv"),  # its frames say nothing
}


@pytest.mark.parametrize(
    ("source", "out", "codec"),
    [
        ("dv", "o.mkv", "ffv1"),
        ("ffv1.avi", "o.mp4", "x264"),
        ("mpeg4.avi", "o.mkv", "ffv1"),
        ("mpeg2.ts", "o.mov", "prores"),
        ("prores.mov", "o.mkv", "x264"),
        ("h264.mkv", "o.mkv", "prores"),
        ("huffyuv.mkv", "o.mkv", "ffv1"),
    ],
)
def test_the_frames_own_field_order_comes_through(
    grey: Path, source: str, out: str, codec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    film = grey.with_name(f"film.{source}")
    ffmpeg("-i", grey, "-frames:v", 4, *SOURCES[source], film)
    order = "B" if "T" not in shown(film) and source != "huffyuv.mkv" else "T"
    result = colored(film, out, codec=codec, allow_interlaced=True)
    assert shown(result) == order * 4
    assert probe(result).field_order == {"T": "tff", "B": "bff"}[order]
    assert "flag" not in capsys.readouterr().err


def test_mixed_flags_are_kept_or_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = grey.with_name("mixed.mkv")
    parts = []
    for mode in ("prog", "tff", "bff"):
        parts.append(grey.with_name(f"{mode}.mkv"))
        ffmpeg("-i", grey, "-frames:v", 2 + (mode == "tff"), "-vf", f"setfield={mode}", "-c:v", "ffv1", parts[-1])
    join(film, parts)
    assert shown(film) == "PPTTTBB"
    for out, codec, flags, lost in (
        ("o.mkv", "ffv1", "PPTTTBB", []),
        ("o.mp4", "x264", "TTTTTTT", ["progressive of 2 frames: x264 makes them tff", "bff of 2 frames: x264"]),
        ("o.mov", "prores", "TTTTTBB", ["progressive of 2 frames: prores makes them tff"]),
    ):
        assert shown(colored(film, out, codec=codec, allow_interlaced=True)) == flags
        said = [line for line in capsys.readouterr().err.splitlines() if "not kept" in line]
        assert len(said) == bool(lost) and all(what in said[0] for what in lost)
    with pytest.raises(VidcolorError, match="x265 cannot keep the fields"):
        colored(film, "p.mkv", codec="x265", allow_interlaced=True)


def join(film: Path, parts: list[Path]) -> Path:
    """Parts end to end as they are coded."""
    listed = film.with_suffix(".txt")
    listed.write_text("".join(f"file '{part.name}'\n" for part in parts))
    ffmpeg("-f", "concat", "-i", listed, "-c", "copy", film)
    return film


def with_user_data(stream: bytes) -> bytes:
    """An H.264 stream with an A53 caption, an active format and unregistered user data before each picture."""
    made, number = b"", 0
    for unit in stream.split(b"\0\0\1")[1:]:
        unit = unit.rstrip(b"\0")
        if unit[0] & 31 in (1, 5):
            pair = [0x94, 0x20] if number % 2 == 0 else [0xC8, 0xE5]
            number += 1
            caption = b"\xb5\0\x31GA94" + bytes([3, 0x41, 0xFF, 0xFC, *pair, 0xFF])
            for kind, payload in ((4, caption), (4, b"\xb5\0\x31DTG1\x41\xfa"), (5, bytes(range(16)) + b"camera")):
                made += b"\0\0\0\1\6" + bytes([kind, len(payload)]) + payload + b"\x80"
        made += b"\0\0\0\1" + unit
    return made


def test_captions_go_along_or_are_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, film = grey.with_name("raw.h264"), grey.with_name("film.mp4")
    ffmpeg("-i", grey, "-c:v", "libx264", "-bf", 0, "-x264-params", "slices=1", raw)
    raw.write_bytes(with_user_data(raw.read_bytes()))
    ffmpeg("-r", 24, "-i", raw, "-c", "copy", film)
    before = data(film, "A53_CC")
    assert len(before) == 8 and len(set(before)) == 2 and len(data(film, "AFD")) == 8
    for out, codec, keeps in (("a.mp4", "x264", True), ("b.mkv", "x265", True), ("c.mkv", "ffv1", False)):
        assert data(colored(film, out, codec=codec), "A53_CC") == (before if keeps else [])
        said = [line for line in capsys.readouterr().err.splitlines() if "not kept" in line]
        assert len(said) == 1 and "active format description of 8 frames" in said[0] and "user data" in said[0]
        assert ("closed captions (A53) of 8 frames (x264 and x265 keep them)" in said[0]) is not keeps


def test_that_a_film_is_progressive_is_kept(grey: Path) -> None:
    for source, options, said in (("h264.mkv", ("libx264",), "progressive"), ("huffyuv.avi", ("huffyuv",), "")):
        film = grey.with_name(source)
        ffmpeg("-i", grey, "-c:v", *options, *(() if said else ("-pix_fmt", "yuv422p")), film)
        assert probe(film).field_order == said
        for out, codec in (("o.mkv", "ffv1"), ("p.mkv", "x265")):
            assert probe(colored(film, out, codec=codec, overwrite=True)).field_order == said


@pytest.fixture(scope="module")
def hdr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    film = tmp_path_factory.mktemp("hdr") / "hdr.mp4"
    params = f"log-level=none:colorprim=9:transfer=16:colormatrix=9:master-display={HDR[0]}:max-cll={HDR[1]}"
    made = write_film(film.with_suffix(".mkv"), 4, pix_fmt="yuv420p10le").path
    ffmpeg("-i", made, "-c:v", "libx265", "-x265-params", params, film)
    return film


@pytest.mark.parametrize(
    ("out", "codec"),
    [
        ("o.mkv", "ffv1"),
        ("o.mov", "prores"),
        ("o.mkv", "prores"),
        ("o.mp4", "x264"),
        ("p.mkv", "x265"),
        ("o.mp4", "av1"),
    ],
)
def test_hdr_mastering_data_come_through(hdr: Path, out: str, codec: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = probe(colored(hdr, out, codec=codec, overwrite=True))
    assert (found.mastering_display, found.content_light) == HDR
    said = capsys.readouterr().err
    assert "not kept" not in said and "not kept" not in said


def test_an_ffmpeg_that_knows_hdr_is_found(hdr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vidcolor.join import mux, program

    real = program.writes_hdr
    old = hdr.with_name("ffmpeg-6")
    old.write_text(f'#!/bin/sh\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n')
    old.chmod(0o755)
    monkeypatch.setattr(program, "_usual", lambda: str(old))
    for module in (mux, program):
        monkeypatch.setattr(module, "writes_hdr", lambda program: program != str(old) and real(program))
    assert probe(colored(hdr, "new.mkv", codec="ffv1")).mastering_display == HDR[0]


def test_hdr_that_cannot_be_kept_is_named(hdr: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from vidcolor.join import mux, program

    for module in (mux, program):
        monkeypatch.setattr(module, "writes_hdr", lambda program: False)
    colored(hdr, "old.mkv", codec="ffv1")
    said = capsys.readouterr().err
    assert f"old.mkv: not kept: HDR mastering display {HDR[0]}" in said and "HDR content light 1000,400" in said


def parts(grey: Path, first: tuple[str, ...], second: tuple[str, ...]) -> Path:
    """A film whose coding changes at frame 4."""
    made = []
    for name, options, start in (("a.ts", first, 0), ("b.ts", second, 4)):
        made.append(grey.with_name(name))
        pick = ("-vf", f"select=between(n\\,{start}\\,{start + 3}),setpts=PTS-STARTPTS")
        options = tuple(
            pick[1] + "," + word if before == "-vf" else word for before, word in zip(("", *options), options)
        )
        ffmpeg("-i", grey, *(() if "-vf" in options else pick), *options, "-c:v", "libx264", "-bf", 0, made[-1])
    return join(grey.with_name("film.mkv"), made)


FULL = ("-vf", "scale=in_range=tv:out_range=pc", "-color_range", "pc", *BT709[2:])


def test_a_range_that_changes_is_refused_or_decided(grey: Path) -> None:
    film = parts(grey, FULL, BT709)
    with pytest.raises(VidcolorError, match=r"frame 4 \(0\.16\d s\) has limited range.*full: colour the parts"):
        colored(film, "o.mkv", lossless=True)
    result = probe(colored(film, "o.mkv", lossless=True, full_range=False))
    assert result.color_tags["range"] == 1
    for out, part, full in (("a.mkv", {"end": 4}, True), ("b.mkv", {"start": 4, "full_range": False}, False)):
        result = colored(film, out, lossless=True, **part)
        assert probe(result).full_range is full and len(shown(result)) == 4


def test_a_matrix_that_changes_is_refused_or_decided(grey: Path) -> None:
    film = parts(grey, BT709, (*BT709[:2], "-colorspace", "smpte170m", *BT709[4:]))
    with pytest.raises(
        VidcolorError, match=r"frame 4 .* has bt601, the film began with bt709.*`start` 4 with `matrix=bt601`"
    ):
        colored(film, "o.mkv")
    assert probe(colored(film, "o.mkv", matrix="bt709")).matrix == "bt709"


def test_a_pixel_aspect_that_changes_is_refused_or_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = parts(grey, ("-vf", "setsar=1", *BT709), ("-vf", "setsar=16/15", *BT709))
    with pytest.raises(VidcolorError, match=r"pixel aspect 16/15 from frame \d .* cut the film there"):
        colored(film, "o.mkv")
    colored(film, "o.mkv", on_error="skip")
    assert "not kept: pixel aspect 16/15 from frame" in capsys.readouterr().err


def test_a_rotation_that_changes_is_refused_or_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    turned = ("-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")  # said at the keyframe only
    for first, second, change in ((BT709, turned, "270 from frame 4 (0.167 s) on, 0 before"), (turned, BT709, "")):
        film = parts(grey, first, second)
        if change:
            with pytest.raises(VidcolorError, match=re.escape(f"rotation {change}: cut the film there")):
                colored(film, "o.mkv")
        colored(film, "o.mkv", on_error="skip", overwrite=True)
        assert (f"not kept: rotation {change}" in capsys.readouterr().err) is bool(change)


def test_primaries_and_sampling_that_change_are_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = (*BT709, "-x264-params", "colorprim=bt709")
    second = ("-vf", "format=yuv422p", *BT709, "-x264-params", "colorprim=smpte170m")
    colored(parts(grey, first, second), "o.mkv")
    said = capsys.readouterr().err
    assert "colour tag primaries 6 from frame 4 (0.16" in said and "1 stands for the whole film" in said
    assert "chroma sampling 4:2:2 from frame 4 (0.16" in said


def test_an_alpha_channel_is_named(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form, named in (("argb", True), ("rgb24", False)):
        film = grey.with_name(f"{form}.mov")
        ffmpeg("-i", grey, "-frames:v", 2, "-c:v", "qtrle", "-pix_fmt", form, film)
        colored(film, "o.mkv", codec="ffv1", overwrite=True)
        assert ("not kept: the alpha channel" in capsys.readouterr().err) is named


def test_group_time_codes_are_named_where_they_say_something(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for start, named in (("00:00:00:00", False), ("10:00:00:00", True)):
        film = grey.with_name("film.mpg")
        ffmpeg("-i", grey, "-r", 25, "-c:v", "mpeg2video", "-gop_timecode", start, film)
        colored(film, "o.mkv", overwrite=True)
        said = capsys.readouterr().err
        assert ("time codes (of the groups of pictures)" in said) is named and "pan and scan" not in said


def test_a_profile_in_scans_is_named_and_exif_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image, ImageCms

    write_images(tmp_path / "scans", 3, width=96, height=64)
    for file in (tmp_path / "scans").iterdir():
        exif = Image.Exif()
        exif[0x131] = "scanner"
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.open(file).convert("RGB").save(file, exif=exif, icc_profile=profile)
    write_key(tmp_path / "key.png")
    colorize(tmp_path / "scans", ref=[tmp_path / "key.png"], out=tmp_path / "o.mkv", fps=24, lossless=True, size=64)
    said = capsys.readouterr().err
    assert "not kept: ICC profile of 3 frames" in said and "EXIF" not in said


def test_the_order_of_fields_is_not_taken_for_chroma_siting(grey: Path) -> None:
    film = grey.with_name("film.mkv")
    ffmpeg("-i", grey, "-vf", "setfield=bff", "-c:v", "ffv1", "-flags", "+ildct", film)
    assert probe(film).color_tags["chroma_location"] == 0
    assert [(frame.interlaced, frame.top_field_first) for frame in read(probe(film))] == [(True, False)] * 8
