"""Pictures as programs and scanners write them, as the frames of a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from media import ffmpeg, grey_frames
from PIL import Image

from vidcolor.film import probe
from vidcolor.reader import read

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
