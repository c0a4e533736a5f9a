"""How a result is coded: the film's own depth, chroma grid, range and tags, or the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest
from joining import TAGS, encode
from media import film_of, write_film

from vidcolor.encode.codecs import CODECS, GRIDS, Codec, names_with
from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.settings import Settings


def test_odd_sizes_get_the_next_finer_chroma_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    film = film_of(719, 539)
    assert output_format(film, Settings(), "out.mp4").chroma == "444"
    assert "x264 cannot hold 719x539 in 4:2:0: the result is 4:4:4" in capsys.readouterr().err
    assert output_format(film_of(720, 405), Settings(), "out.mp4").chroma == "422"
    assert output_format(film_of(720, 404), Settings(), "out.mp4").chroma == "420"
    with pytest.raises(VidcolorError, match=r"719x539 in 4:2:0: use `chroma=444` or .*`codec=ffv1`$"):
        output_format(film, Settings(chroma="420"), "out.mkv")
    with pytest.raises(VidcolorError, match=r"use `chroma=444` or .*`codec=ffv1` with a name ending in \.mkv$"):
        output_format(film, Settings(chroma="420"), "out.mp4")


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("own", ["400", "420", "422", "444", "rgb"])
def test_the_chroma_that_was_chosen_is_given(codec: Codec, own: str) -> None:
    film = film_of(256, 128, chroma=own)
    out = f"out{codec.suffixes[0]}"
    usual = own if own in GRIDS else "420"
    nearest = [grid for grid in codec.grids if grid >= usual] or codec.grids[-1:]
    assert output_format(film, Settings(codec=codec.name), out).chroma == nearest[0]
    for grid in codec.grids:
        fmt = output_format(film, Settings(codec=codec.name, chroma=grid), out)
        assert fmt.chroma == grid and f"yuv{grid}p" in fmt.pix_fmt
    for grid in set(GRIDS) - set(codec.grids):
        remedies = " or ".join(f"`chroma={held}`" for held in codec.grids)
        with pytest.raises(VidcolorError, match=f"{codec.name} cannot hold {':'.join(grid)}: use {remedies}$"):
            output_format(film, Settings(codec=codec.name, chroma=grid), out)


def test_a_profile_that_does_not_hold_the_chroma() -> None:
    with pytest.raises(VidcolorError, match="prores cannot hold 4:4:4 with `preset=lt`: use `chroma=422`"):
        output_format(film_of(), Settings(codec="prores", chroma="444", preset="lt"), "out.mov")


def test_prores_keeps_its_profile_s_class(tmp_path: Path) -> None:
    for profile, expected in (("proxy", "hq"), ("hq", "hq"), ("4444", "4444"), ("4444xq", "4444xq")):
        form = "yuv444p10le" if profile.startswith("4444") else "yuv422p10le"
        options = {"profile": profile}
        film = probe(write_film(tmp_path / "a.mov", 2, codec="prores_ks", pix_fmt=form, options=options).path)
        fmt = output_format(film, Settings(), "out.mov")
        assert (fmt.codec, fmt.options["profile"], fmt.pix_fmt) == ("prores", expected, form)


def test_what_a_codec_cannot_hold_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 2, pix_fmt="gray16le", tags=TAGS).path)
    for codec, depth in (("x264", 10), ("x265", 12), ("prores", 10)):
        fmt = output_format(film, Settings(codec=codec), tmp_path / "out.mkv")
        assert fmt.depth == depth
        assert f"16 to {depth} bits" in capsys.readouterr().err
    full = probe(write_film(tmp_path / "b.mkv", 2, pix_fmt="yuv420p", tags=TAGS | {"range": 2}).path)
    fmt = output_format(full, Settings(codec="prores"), tmp_path / "out.mov")
    said = capsys.readouterr().err
    assert "8 to 10 bits" in said and "full to limited range" in said and "the result is 4:2:2" in said
    assert fmt.color_tags["range"] == 1 and not fmt.full_range
    fmt = output_format(full, Settings(codec="x264"), tmp_path / "out.mkv")
    assert capsys.readouterr().err == "" and fmt.full_range


def test_prores_profile_follows_the_grid(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 2, pix_fmt="yuv444p", tags=TAGS).path)
    assert output_format(film, Settings(codec="prores"), "o.mov").options["profile"] == "4444"
    narrow = output_format(film, Settings(codec="prores", preset="lt"), "o.mov")
    assert (narrow.options["profile"], narrow.pix_fmt) == ("lt", "yuv422p10le")
    grey = probe(write_film(tmp_path / "b.mkv", 2, pix_fmt="gray", tags=TAGS).path)
    assert output_format(grey, Settings(codec="prores", chroma="444"), "o.mov").pix_fmt == "yuv444p10le"


def test_options_that_have_no_meaning_are_refused(tmp_path: Path) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 2, tags=TAGS).path)
    for settings, reason in (
        (Settings(codec="ffv1", crf=3), "`crf` is for x264"),
        (Settings(codec="ffv1", preset="slow"), "`preset` is for"),
        (Settings(codec="x264", preset="hq"), "`preset` hq: for x264 one of"),
        (Settings(codec="prores", preset="slow"), "`preset` slow: for prores one of"),
    ):
        with pytest.raises(VidcolorError, match=reason):
            output_format(film, settings, "out.mkv")
    odd = probe(write_film(tmp_path / "b.mkv", 2, width=91, pix_fmt="gray", tags=TAGS).path)
    with pytest.raises(VidcolorError, match=r"cannot hold 91x64 in 4:2:0: use `chroma=444` or .*`codec=ffv1`"):
        output_format(odd, Settings(codec="x264", chroma="420"), "out.mkv")
    fmt = output_format(odd, Settings(chroma="444"), "out.mkv")
    assert probe(encode(odd, fmt, tmp_path / "unit.mkv", read(odd))).width == 91


@pytest.mark.parametrize("codec", names_with(lambda codec: codec.fields == "none"))
def test_codecs_that_cannot_keep_fields_are_refused(codec: str) -> None:
    film = film_of(256, 128, field_order="tff")
    with pytest.raises(VidcolorError, match=f"{codec} cannot keep the fields .*: use `codec` x264, ffv1 or prores"):
        output_format(film, Settings(codec=codec, allow_interlaced=True), f"out{CODECS[codec].suffixes[0]}")
