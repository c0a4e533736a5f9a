"""Pictures as programs and scanners write them, as the frames of a film."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from media import ffmpeg, grey_frames
from PIL import Image

from vidcolor.errors import VidcolorError
from vidcolor.film.decode import ReadReport
from vidcolor.film.probe import probe
from vidcolor.film.reader import read

_ORIENTATION, _SOFTWARE = 274, 305


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_SOFTWARE] = orientation, "GIMP"
    return exif


@pytest.mark.parametrize("name", ["p%d.png", "p%d.jpg", "p%d.tif", "p%d.webp"])
def test_pictures_with_exif_are_read_and_their_orientation_is_the_films(tmp_path: Path, name: str) -> None:
    """Rotations clockwise as a viewer makes them; the pixels stay as they are coded."""
    for orientation, rotation in ((1, 0), (3, 180), (6, 90), (8, 270)):
        folder = tmp_path / str(orientation)
        folder.mkdir()
        planes = grey_frames(2, 64, 48)
        for number, plane in enumerate(planes):
            picture = Image.fromarray(plane).convert("RGB" if name.endswith("webp") else "L")
            picture.save(folder / (name % number), exif=_exif(orientation), quality=100, lossless=True)
        film = probe(folder, fps=24)
        assert (film.width, film.height, film.rotation) == (64, 48, rotation)
        assert (len(film.display_matrix) == 9) == (rotation != 0)
        for frame, plane in zip(read(film), planes, strict=True):
            assert np.abs(frame.luma.astype(int) - plane).max() <= (2 if name.endswith("jpg") else 0)


def test_a_camera_s_motion_jpeg_with_exif_is_a_film(tmp_path: Path) -> None:
    for number, plane in enumerate(grey_frames(4)):
        Image.fromarray(plane).save(tmp_path / f"j{number}.jpg", exif=_exif(6))
    ffmpeg("-framerate", 24, "-i", tmp_path / "j%d.jpg", "-c", "copy", tmp_path / "a.avi")
    film = probe(tmp_path / "a.avi")
    assert film.rotation == 90 and len(list(read(film))) == 4


# Options of tifffile's writer; `dtype` and `photometric` are of the samples.
TIFFS = {
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (16, 32)},
    "big-endian": {"byteorder": ">"},
    "LZW": {"compression": "lzw", "predictor": True},
    "ZIP": {"compression": "zlib", "predictor": True},
    "deflate": {"compression": "deflate"},
    "PackBits": {"compression": "packbits"},
    "zstd": {"compression": "zstd"},
    "tiles, LZW, big-endian": {"tile": (16, 32), "compression": "lzw", "predictor": True, "byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "white is zero": {"photometric": "miniswhite"},
    "white is zero, tiles": {"photometric": "miniswhite", "tile": (16, 32)},
    "RGB": {"photometric": "rgb"},
    "RGB, tiles": {"photometric": "rgb", "tile": (16, 32), "compression": "zlib"},
    "RGB, planes": {"photometric": "rgb", "planarconfig": "separate"},
    "palette": {"photometric": "palette"},
}


def _tiff(path: Path, plane: np.ndarray, depth: int, dtype: str, options: dict[str, Any]) -> None:
    """Write a grey plane of `depth` bits as samples of `dtype`, by tifffile."""
    peak = (1 << depth) - 1
    options = {"photometric": "minisblack"} | options
    inverted = options["photometric"] == "miniswhite"
    samples = peak - plane if inverted else plane
    if dtype.startswith("f"):
        samples = (samples / peak).astype(dtype)
        if options.get("predictor"):
            options["predictor"] = 3
    if options["photometric"] == "rgb":
        samples = np.stack([samples] * 3, 0 if "planarconfig" in options else 2)
    if options["photometric"] == "palette":
        options["colormap"] = np.stack([np.arange(256) * 257] * 3).astype(np.uint16)
    if depth == 12:
        options["bitspersample"] = 12
    tifffile.imwrite(path, samples, **options)


CASES = [
    (kind, dtype, depth, room)
    for kind in TIFFS
    for dtype, depth, room in (("u1", 8, 0), ("u2", 16, 0), ("u2", 12, 0), ("f4", 16, 1), ("f2", 16, 32))
    if not (kind == "palette" and depth > 8)
    and not (depth == 12 and kind not in ("strips", "white is zero"))
    and not (dtype == "f2" and "predictor" in TIFFS[kind])
]


@pytest.mark.parametrize(("kind", "dtype", "depth", "room"), CASES)
def test_tiff_of_every_layout_is_read_as_it_is_meant(
    tmp_path: Path, kind: str, dtype: str, depth: int, room: int
) -> None:
    """Floats become 16-bit codes; room: codes by which they may be off."""
    planes = grey_frames(2, 64, 48, depth=depth)
    for number, plane in enumerate(planes, 99):
        _tiff(tmp_path / f"scan{number}.tif", plane, depth, dtype, TIFFS[kind])
    film = probe(tmp_path, fps=24)
    assert (film.depth, film.chroma in ("400", "rgb"), film.full_range) == (depth, True, True)
    for frame, plane in zip(read(film), planes, strict=True):
        assert np.abs(frame.luma.astype(int) - plane).max() <= room


@pytest.mark.parametrize("writer", ["ffmpeg", "Pillow", "cv2"])
def test_tiff_of_other_writers(tmp_path: Path, writer: str) -> None:
    for depth in (8, 16):
        for compression in ("raw", "lzw", "deflate", "packbits"):
            folder = tmp_path / f"{depth}{compression}"
            folder.mkdir()
            planes = grey_frames(3, 64, 48, depth=depth)
            for number, plane in enumerate(planes):
                path = folder / f"s{number}.tif"
                if writer == "Pillow":
                    name = {"raw": None, "lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate"}.get(
                        compression, compression
                    )
                    Image.fromarray(plane).save(path, compression=name)
                elif writer == "cv2":
                    number_of = {"raw": 1, "lzw": 5, "deflate": 8, "packbits": 32773}[compression]
                    cv2.imwrite(str(path), plane, [cv2.IMWRITE_TIFF_COMPRESSION, number_of])
                else:
                    Image.fromarray(plane).save(folder / "one.png")
                    ffmpeg("-i", folder / "one.png", "-compression_algo", compression, "-update", 1, path)
                    (folder / "one.png").unlink()
            film = probe(folder, fps=24)
            assert film.depth == depth
            assert all(np.array_equal(frame.luma, plane) for frame, plane in zip(read(film), planes, strict=True))


def test_tiff_that_has_no_one_meaning_is_refused(tmp_path: Path) -> None:
    plane = grey_frames(1, 64, 48)[0]
    for name, samples, options, reason in (
        ("linear", plane.astype(np.float32) / 100, {}, "floating point from .* not 0 to 1"),
        ("pages", np.stack([plane] * 3), {"photometric": "minisblack"}, "contains 3 pictures"),
        ("signed", plane.astype(np.int16), {}, "signed samples"),
        ("cmyk", np.dstack([plane] * 4), {"photometric": "separated"}, "save it as grey or RGB"),
    ):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "s1.tif", samples, **options)
        with pytest.raises(VidcolorError, match=reason):
            probe(tmp_path / name, fps=24)
    tifffile.imwrite(tmp_path / "one.tif", plane, tile=(16, 16))
    with pytest.raises(VidcolorError, match=r"a single picture; .*folder or a pattern"):
        probe(tmp_path / "one.tif")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48", "-pix_fmt", "gbrpf32le", "-frames:v", 1, tmp_path / "x1.exr")
    with pytest.raises(VidcolorError, match="convert to yuv, gray or RGB"):
        probe(tmp_path / "x%d.exr", fps=24)


LOSSLESS = {  # ending: depths, and ffmpeg's options (None: Pillow writes it)
    "png": ((8, 16), None),
    "bmp": ((8,), None),
    "tga": ((8,), None),
    "pgm": ((8, 16), None),
    "webp": ((8,), None),
    "jp2": ((8, 16), None),
    "dpx": ((8, 16), ["-c:v", "dpx"]),
    "sgi": ((8, 16), ["-c:v", "sgi"]),
    "pam": ((8, 16), ["-c:v", "pam"]),
}


@pytest.mark.parametrize("ending", LOSSLESS)
def test_pictures_of_other_formats_with_numbers_of_any_length(tmp_path: Path, ending: str) -> None:
    depths, options = LOSSLESS[ending]
    for depth in depths:
        folder = tmp_path / str(depth)
        folder.mkdir()
        planes = grey_frames(4, 64, 48, depth=depth)
        for number, plane in enumerate(planes, 8):
            picture = Image.fromarray(plane)
            if options is None:
                picture = picture.convert("RGB") if ending == "webp" else picture
                picture.save(folder / f"s{number}.{ending}", **({"lossless": True} if ending == "webp" else {}))
            else:
                picture.save(tmp_path / "one.png")
                ffmpeg("-i", tmp_path / "one.png", *options, "-update", 1, folder / f"s{number}.{ending}")
        film = probe(folder, fps=24)
        assert film.depth == depth and film.full_range
        assert all(np.array_equal(frame.luma, plane) for frame, plane in zip(read(film), planes, strict=True))


def test_damage_that_only_the_decoder_s_log_tells_of(tmp_path: Path) -> None:
    """A JPEG cut short is decoded without an error, its lower half grey."""
    for number, plane in enumerate(grey_frames(3)):
        Image.fromarray(plane).save(tmp_path / f"s{number}.jpg", quality=95)
    data = (tmp_path / "s1.jpg").read_bytes()
    (tmp_path / "s1.jpg").write_bytes(data[: len(data) * 6 // 10])
    film = probe(tmp_path, fps=24)
    with pytest.raises(VidcolorError, match=r"s1\.jpg: damaged .*`on_error=skip` takes frame 1"):
        list(read(film))
    report = ReadReport()
    frames = list(read(film, on_error="skip", report=report))
    assert len(frames) == 3 and report.damaged == 1
    assert len(list(read(film, 0, 3, [0, 1, 2], "skip"))) == 3
