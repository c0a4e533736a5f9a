"""The drawn sample: small, grey, made by its script, and coloured from its sheet by the shipped weights."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from scripts_of import script as load_script

from vidcolor import api
from vidcolor.models.sketch import line_art

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "sketch"


@pytest.fixture(scope="module")
def script():
    return load_script("make_sketch_sample")


def frames(path, form):
    with av.open(str(path)) as container:
        return [f.to_ndarray(format=form) for f in container.decode(video=0)]


def test_the_film_is_small_grey_and_what_the_script_draws(script):
    assert sum(p.stat().st_size for p in SAMPLE.iterdir()) < 300_000
    film = frames(SAMPLE / "film.mp4", "yuv420p")
    assert len(film) == script.FRAMES and 24 <= len(film) <= 36
    h = script.HEIGHT
    assert all((f[h:] == 128).all() for f in film)
    assert line_art.is_line_art(np.stack([f[:h] for f in film]))
    for n in (0, 17, 31):
        ink = script.frame(n).ink.astype(float) * script.PAPER * 219 / 255 + 16
        assert np.abs(film[n][:h] - ink).mean() < 3
    sheet = cv2.imread(str(SAMPLE / "sheet.png"))[..., ::-1]
    assert (sheet == script.sheet()).mean() > 0.999
    apart = [np.abs(sheet.astype(int) - script.frame(n).colored()).mean() for n in range(0, 32, 8)]
    assert min(apart) > 15, "no frame is the sheet"


@pytest.mark.slow
def test_the_shipped_weights_color_it_from_its_sheet(script, tmp_path):
    """A few frames, against the colours that they were drawn in; without paint the error is thrice as large."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        api.colorize(
            SAMPLE / "film.mp4", SAMPLE / "sheet.png", out=tmp_path / "out.mkv", start="10", end="13",
            model="sketch", lossless=True,
        )  # fmt: skip
    finally:
        torch.set_num_threads(threads)
    film, found = frames(SAMPLE / "film.mp4", "rgb24")[10:13], frames(tmp_path / "out.mkv", "rgb24")
    truth = [script.frame(n).colored() for n in (10, 11, 12)]
    grey, error = (
        np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(x, truth, strict=True)]) for x in (film, found)
    )
    assert error < grey / 3, (error, grey)
    wrong = np.mean([(np.abs(a.astype(int) - b).max(-1) > 40).mean() for a, b in zip(found, truth)])
    assert wrong < 0.12
