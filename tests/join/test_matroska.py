"""The shape of a pixel, exactly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from joining import TAGS, color
from media import write_film

from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.settings import Settings


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
