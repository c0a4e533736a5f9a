"""What is wrong with a finished file, or missing from it, is found."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from joining import TAGS, color, encode, names_in
from media import add_tracks, write_film

from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film.film import Film
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.join import join, mux, verify
from vidcolor.join.join import join_units
from vidcolor.join.verify import lost_chapters
from vidcolor.settings import Settings


def test_a_wrong_result_is_never_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thing that is verified is found out when it is not so."""
    film = probe(write_film(tmp_path / "a.mp4", 6, codec="libx264", tags=TAGS, sar=Fraction(16, 15)).path)
    frames = list(read(film))
    pts = [frame.pts for frame in frames]
    out = tmp_path / "out.mp4"
    fmt = output_format(film, Settings(), out)
    unit = encode(film, fmt, tmp_path / "unit.mkv", frames)
    real, before = verify.verify, names_in(tmp_path)

    def against(film_then: Film = film, fmt_then=fmt, stamps=pts):
        def changed(film_now, fmt_now, pts_now, path, kept, span):
            return real(film_then, fmt_then, np.array(stamps), path, kept, span)

        monkeypatch.setattr(join, "verify", changed)
        with pytest.raises(VidcolorError, match="finished file is wrong") as caught:
            join_units(film, [unit], pts, fmt, out)
        assert names_in(tmp_path) == before
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
    real = mux.command

    def forgetful(muxing, tracks, **more):
        return real(muxing, [track for track in tracks if track.index != 2], **more)

    monkeypatch.setattr(mux, "command", forgetful)
    report = color(film, tmp_path / "out.mkv", Settings())
    assert any("audio stream 2" in what or "Commentary" in what for what in report.lost)


def test_chapters_are_compared() -> None:
    one, two = {"metadata": {"title": "One"}}, {"metadata": {"title": "Two"}}
    assert lost_chapters([one, two], [one, two]) == lost_chapters([], [one]) == []
    assert lost_chapters([one, two], [one]) == ["1 chapter"]
    assert lost_chapters([one, two], [one, one]) == ["the title of 1 chapter"]
