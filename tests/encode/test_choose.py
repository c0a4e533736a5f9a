"""Which codec a result gets, and in which container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from joining import TAGS
from media import film_of, write_film

from vidcolor.encode.choose import choose_codec
from vidcolor.encode.codecs import CODECS
from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film.probe import probe
from vidcolor.settings import Settings

AUTO = [
    # decoder, depth, full range, kind, ending of the result -> codec
    ("h264", 8, False, "video", None, "x264"),
    ("hevc", 10, False, "video", None, "x264"),
    ("hevc", 12, False, "video", None, "x265"),
    ("hevc", 12, False, "video", ".mp4", "x265"),
    ("hevc", 16, False, "video", None, "ffv1"),
    ("mpeg2video", 8, False, "video", ".mov", "x264"),
    ("vp9", 8, True, "video", None, "x264"),
    ("dvvideo", 8, False, "video", None, "x264"),
    ("prores", 10, False, "video", None, "prores"),
    ("prores", 12, False, "video", None, "prores"),
    ("prores", 10, False, "video", ".mkv", "prores"),
    ("prores", 10, False, "video", ".mp4", "x264"),
    ("prores", 12, False, "video", ".mp4", "x265"),
    ("dnxhd", 8, False, "video", None, "prores"),
    ("dnxhd", 10, False, "video", ".mov", "prores"),
    ("dnxhd", 12, False, "video", None, "ffv1"),
    ("cfhd", 12, True, "video", None, "ffv1"),
    ("cfhd", 12, True, "video", ".MOV", "prores"),
    ("jpeg2000", 12, False, "video", None, "ffv1"),
    ("ffv1", 8, False, "video", None, "ffv1"),
    ("ffv1", 16, False, "video", ".mp4", "x265"),
    ("ffvhuff", 10, False, "video", None, "ffv1"),
    ("utvideo", 8, False, "video", None, "ffv1"),
    ("rawvideo", 8, False, "video", None, "ffv1"),
    ("v210", 10, False, "video", ".mov", "prores"),
    ("dpx", 10, True, "images", None, "ffv1"),
    ("mjpeg", 8, True, "images", None, "ffv1"),
    ("mjpeg", 8, True, "video", None, "x264"),
    ("qtrle", 8, True, "video", ".MKV", "ffv1"),
]


@pytest.mark.parametrize(("codec", "depth", "full", "kind", "ending", "expected"), AUTO)
def test_the_default_codec_is_of_the_film_s_class(
    codec: str, depth: int, full: bool, kind: Any, ending: str | None, expected: str
) -> None:
    film = film_of(codec=codec, depth=depth, full_range=full, kind=kind)
    out = None if ending is None else f"out{ending}"
    assert choose_codec(film, Settings(), out).name == expected
    assert output_format(film, Settings(), out or f"out{CODECS[expected].suffixes[0]}").codec == expected


def test_options_say_which_codec_is_meant() -> None:
    prores, deep = film_of(codec="prores", depth=10), film_of(codec="ffv1", depth=16)
    assert choose_codec(prores, Settings(crf=20), None).name == "x264"
    assert choose_codec(deep, Settings(crf=20), None).name == "x265"
    assert choose_codec(prores, Settings(preset="slow"), None).name == "x264"
    assert choose_codec(film_of(), Settings(preset="4444"), None).name == "prores"
    assert choose_codec(film_of(), Settings(lossless=True), None).name == "ffv1"
    assert choose_codec(prores, Settings(codec="x265"), None).name == "x265"
    with pytest.raises(VidcolorError, match=r"`preset` hq is for prores.*, not for \.mp4: name the result \.mov"):
        choose_codec(film_of(), Settings(preset="hq"), "out.mp4")
    with pytest.raises(VidcolorError, match=r"as \.mkv, \.mp4, \.m4v, \.mov.* not \.webm"):
        output_format(film_of(), Settings(), "out.webm")


@pytest.mark.parametrize(
    ("codec", "name", "remedy"),
    [
        ("ffv1", "out.mp4", r"ffv1 does not fit into \.mp4: name the result \.mkv, or use `codec` x264"),
        ("prores", "out.mp4", r"\.mov or \.mkv"),
        ("prores", "out.webm", r"\(prores: \.mov or \.mkv\), not \.webm"),
        ("x264", "out.avi", r"\.mkv, \.mp4, \.m4v, \.mov.* not \.avi"),
        ("x264", "out", "not without an ending"),
    ],
)
def test_codec_and_container_that_do_not_fit(tmp_path: Path, codec: str, name: str, remedy: str) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 2, tags=TAGS).path)
    with pytest.raises(VidcolorError, match=remedy):
        output_format(film, Settings(codec=codec), tmp_path / name)
