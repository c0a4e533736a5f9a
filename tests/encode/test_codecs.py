"""The rows of codecs: what each holds, and which sizes its encoder takes."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from media import film_of

from vidcolor.encode.codecs import CODECS, CONTAINERS, GRIDS, Codec, Grid, pix_fmt
from vidcolor.encode.encoder import Encoder
from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film.film import Frame
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.settings import Settings

ODD = [(1, 1), (2, 2), (3, 5), (16, 1), (1, 100), (31, 17), (719, 539), (720, 405), (853, 480)]


def grid_shape(size: tuple[int, int], grid: Grid) -> tuple[int, int]:
    """Columns and rows of a chroma plane of a picture (width, height)."""
    return -(-size[0] // (1 if grid == "444" else 2)), -(-size[1] // (2 if grid == "420" else 1))


@pytest.mark.parametrize("size", [*ODD, (4097, 2161)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("grid", GRIDS)
def test_ffv1_holds_every_size_bit_for_bit(tmp_path: Path, grid: Grid, size: tuple[int, int]) -> None:
    if size[0] > 4096 and grid != "420":
        pytest.skip("one large film is enough")
    film = film_of(*size, chroma=grid)
    fmt = output_format(film, Settings(lossless=True), tmp_path / "out.mkv")
    assert (fmt.chroma, fmt.pix_fmt) == (grid, pix_fmt(grid, 8))
    random = np.random.default_rng(1)
    columns, rows = grid_shape(size, grid)
    shapes = [size[::-1], (rows, columns), (rows, columns)]
    frames = [[random.integers(0, 256, shape, np.uint8) for shape in shapes] for _ in range(1 if size[0] > 4096 else 2)]
    with Encoder(film, fmt, tmp_path / "unit.mkv") as encoder:
        for number, (luma, cb, cr) in enumerate(frames):
            encoder.write(Frame(number, number, luma), cb, cr)
    result = probe(tmp_path / "unit.mkv", luma_only=False)
    assert (result.width, result.height, result.chroma) == (*size, grid)
    found = list(read(result, chroma=True))
    assert len(found) == len(frames)
    for frame, planes in zip(found, frames, strict=True):
        assert frame.chroma is not None
        for is_, should in zip((frame.luma, *frame.chroma), planes, strict=True):
            assert np.array_equal(is_, should)


def test_ffv1_has_slices_for_every_size() -> None:
    ffv1 = CODECS["ffv1"]
    # The large ones allow few numbers of slices, the small ones fewer than libav chooses itself.
    sizes = [(w, h) for w in range(1, 14) for h in range(1, 14)]
    sizes += [
        (2898, 71),
        (2447, 891),
        (1275, 1223),
        (2010, 1655),
        (3739, 2111),
        (1919, 1173),
        (4127, 2067),
        (8191, 4321),
    ]
    for grid in GRIDS:
        for depth in (8, 16):
            for width, height in sizes:
                options = ffv1.options(film_of(width, height, depth=depth), grid, depth)
                assert ffv1.takes(width, height, pix_fmt(grid, depth), options), (width, height, grid)
                assert int(options["slices"]) >= (4 if width >= 1275 else 1)
    assert ffv1.options(film_of(854, 480), "420", 8)["slices"] == "16"


@pytest.mark.parametrize("codec", ["x264", "x265", "prores"])
@pytest.mark.parametrize("chroma", [None, "420", "422", "444"])
def test_what_an_encoder_does_not_take_is_refused_with_remedies_that_work(
    tmp_path: Path, codec: str, chroma: str | None
) -> None:
    refused = 0
    settings = Settings(codec=codec, chroma=chroma)
    for size in ODD[:6]:
        film = film_of(*size)
        try:
            found = [output_format(film, settings, "out.mkv")]
        except VidcolorError as error:
            refused += 1
            said = re.search(r"cannot hold .*: use (.*)", str(error))
            assert said, error
            found = []
            for remedy in said[1].split(" or "):
                setting, _, value = remedy.strip("`").partition("=")
                helped = replace(settings, **{setting: value})
                found.append(output_format(film, helped, "out.mkv"))
        for fmt in found:
            with Encoder(film, fmt, tmp_path / "unit.mkv") as encoder:
                luma = np.full(size[::-1], 99, np.uint8)
                columns, rows = grid_shape(size, fmt.chroma)
                cb = np.full((rows, columns), 120, np.uint8)
                encoder.write(Frame(0, 0, luma), cb, cb)
            assert len(list(read(probe(tmp_path / "unit.mkv")))) == 1
    never = {("x264", None), ("x264", "444"), ("prores", None), ("prores", "422"), ("prores", "444")}
    assert (refused == 0) == ((codec, chroma) in never)


def test_a_result_without_a_name_fits_its_codec() -> None:
    assert [CODECS[name].suffixes[0] for name in ("x264", "x265", "ffv1", "prores")] == [".mkv", ".mkv", ".mkv", ".mov"]
    assert all(set(codec.suffixes) <= set(CONTAINERS) for codec in CODECS.values())


def test_x265_is_not_asked_for_what_aborts_it():
    """34x22 opens in libx265 and then corrupts the heap."""
    options = {"preset": "medium", "crf": "18"}
    assert not CODECS["x265"].takes(34, 22, "yuv420p", options)
    assert CODECS["x265"].takes(34, 32, "yuv420p", options)


def _row(codec: Codec) -> str:
    """A codec's row in the documentation."""
    name = f"`{codec.name}`" + (", or `--lossless`" if codec.kind == "lossless" else "")
    told = [codec.summary]
    if codec.crf:
        told.append(f"`--crf` {codec.crf.default} (0 to {codec.crf.worst})")
    if codec.presets:
        others = ", ".join(preset.name for preset in codec.presets if preset.name != codec.preset)
        told.append(f"`--preset` {codec.preset} ({others})")
    depths = ", ".join(map(str, codec.depths)) + (", limited range" if codec.limited_range else "")
    grids = ", ".join(":".join(grid) for grid in codec.grids)
    return f"| {name} | {', '.join(told)} | {depths} | {grids} | {', '.join(codec.suffixes)} |"


def test_the_documentation_has_the_same_codecs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    table = text.split("## Codecs and containers")[1].split("\n\n")[1].splitlines()
    assert table[2:] == [_row(codec) for codec in CODECS.values()]


def test_presets_are_of_grids_and_depths_that_the_codec_has() -> None:
    for codec in CODECS.values():
        assert bool(codec.presets) == codec.has_preset(codec.preset)
        for preset in codec.presets:
            assert preset.grid in (None, *codec.grids) and preset.depth in (None, *codec.depths)
            assert not preset.tag or ".mov" in codec.suffixes


def test_the_table_needs_neither_pyav_nor_torch() -> None:
    code = "import sys, vidcolor.encode.codecs; print({'av', 'torch', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_av1_takes_odd_sizes_in_420(capsys: pytest.CaptureFixture[str]) -> None:
    fmt = output_format(film_of(719, 539, chroma="444", depth=12), Settings(codec="av1", crf=55, preset="9"), "out.mp4")
    assert (fmt.pix_fmt, fmt.options["preset"], fmt.options["svtav1-params"]) == ("yuv420p10le", "9", "crf=55")
    said = capsys.readouterr().err
    assert "av1 cannot hold this film in 4:4:4: the result is 4:2:0" in said and "12 to 10 bits" in said
    with pytest.raises(VidcolorError, match=r"`crf` 55: for x264 from 0 \(best\) to 51"):
        output_format(film_of(), Settings(codec="x264", crf=55), "out.mp4")
    with pytest.raises(VidcolorError, match="av1 cannot hold 2x2 in 4:2:0: use `codec=x264` or `codec=ffv1`"):
        output_format(film_of(2, 2), Settings(codec="av1"), "out.mkv")


def test_dnxhr_has_a_profile_for_each_depth_and_grid() -> None:
    for depth, chroma, preset, form, profile in (
        (8, "420", None, "yuv422p", "dnxhr_hq"),
        (10, "422", None, "yuv422p10le", "dnxhr_hqx"),
        (8, "444", None, "yuv444p10le", "dnxhr_444"),
        (10, "422", "lb", "yuv422p", "dnxhr_lb"),
        (8, "444", "hqx", "yuv422p10le", "dnxhr_hqx"),
    ):
        film = film_of(256, 120, depth=depth, chroma=chroma)
        fmt = output_format(film, Settings(codec="dnxhr", preset=preset), "out.mxf")
        assert (fmt.pix_fmt, fmt.options["profile"], fmt.container) == (form, profile, "mxf")
    with pytest.raises(
        VidcolorError, match="dnxhr cannot hold 96x64 in 4:2:2 or 4:4:4: use `codec=prores` or `codec=ffv1`"
    ):
        output_format(film_of(), Settings(codec="dnxhr"), "out.mov")


def test_dnxhr_says_the_matrix_that_a_film_without_tags_got() -> None:
    tags = {"space": 2, "primaries": 2, "transfer": 2, "range": 0, "chroma_location": 0}
    fmt = output_format(film_of(256, 120, color_tags=tags, matrix="bt601"), Settings(codec="dnxhr"), "out.mov")
    assert (fmt.color_tags["space"], fmt.color_tags["primaries"], fmt.color_tags["transfer"]) == (6, 6, 6)
