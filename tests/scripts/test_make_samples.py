"""The samples are what their README and `make demo` say: small, free, cut, and keyed by their own frames."""

import csv
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
CUT = 35  # mean change of luma from frame to frame; moves of the camera stay under half of it
COMMITTED = ["README.md", "film.mp4", "refs.csv", "keys"]


@pytest.fixture(scope="module")
def film() -> list[np.ndarray]:
    """Y, Cb and Cr of every frame, stacked as yuv420p."""
    with av.open(str(SAMPLES / "film.mp4")) as container:
        return [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def keys() -> dict[int, np.ndarray]:
    """Frame number -> key, RGB."""
    with (SAMPLES / "refs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {int(r["frame"]): cv2.imread(str(SAMPLES / r["reference"]))[..., ::-1] for r in rows}


def luma_of(film: list[np.ndarray]) -> list[np.ndarray]:
    return [frame[: frame.shape[0] * 2 // 3].astype(np.float32) for frame in film]


def test_all_of_it_is_under_four_megabytes():
    paths = [p for name in COMMITTED for p in [SAMPLES / name, *(SAMPLES / name).glob("*")] if p.is_file()]
    assert len(paths) >= 7
    assert sum(p.stat().st_size for p in paths) < 4_000_000


def test_film_is_grey_and_some_seconds_long(film):
    assert 72 <= len(film) <= 240
    h = film[0].shape[0] * 2 // 3
    assert all((np.abs(frame[h:].astype(int) - 128) <= 1).all() for frame in film)


def test_film_is_tagged_and_has_sound():
    with av.open(str(SAMPLES / "film.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (1, 1), "BT.709, limited"
        assert len(container.streams.audio) == 1
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert float(video.duration * video.time_base) == pytest.approx(
            float(audio.duration * audio.time_base), abs=0.1
        )


def test_film_has_at_least_three_shots_that_move(film):
    luma = luma_of(film)
    change = np.array([np.abs(b - a).mean() for a, b in pairwise(luma)])
    cuts = np.flatnonzero(change > CUT)
    assert len(cuts) >= 2
    assert np.delete(change, cuts).max() < CUT / 2
    assert np.median(change) > 1, "a still would need no program"


def test_keys_are_frames_of_the_film_one_a_shot(film, keys):
    luma = luma_of(film)
    change = np.array([np.abs(b - a).mean() for a, b in pairwise(luma)])
    cuts = (np.flatnonzero(change > CUT) + 1).tolist()
    shots = [sum(cut <= frame for cut in cuts) for frame in keys]
    assert shots == list(range(len(cuts) + 1))
    for frame, key in keys.items():
        assert key.shape == (*luma[frame].shape, 3)
        grey = key.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32) * 219 / 255 + 16
        distance = [np.abs(grey - other).mean() for other in luma]
        assert int(np.argmin(distance)) == frame
        assert distance[frame] < 2


def test_keys_are_coloured(keys):
    for key in keys.values():
        assert (key.max(-1).astype(int) - key.min(-1)).mean() > 15


def test_names_hold_the_frame_numbers(keys):
    assert sorted(p.name for p in (SAMPLES / "keys").iterdir()) == [f"ref_{n:06d}.png" for n in sorted(keys)]


def test_readme_states_the_licence_of_every_picture():
    text = (SAMPLES / "README.md").read_text()
    source = (ROOT / "scripts" / "make_samples.py").read_text()
    for picture in ("astronaut", "coffee", "chelsea", "rocket"):
        assert f'Move("{picture}"' in source
        row = next(line for line in text.splitlines() if f"`{picture}`" in line)
        assert "CC0" in row or "public domain" in row
    assert source.count('Move("') == 4


@pytest.mark.slow
def test_script_makes_the_committed_keys(tmp_path, keys):
    pytest.importorskip("skimage.data", reason="scikit-image is in the dev extra")
    script = ROOT / "scripts" / "make_samples.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, capture_output=True)
    assert (tmp_path / "refs.csv").read_text() == (SAMPLES / "refs.csv").read_text()
    for frame, key in keys.items():
        made = cv2.imread(str(tmp_path / "keys" / f"ref_{frame:06d}.png"))[..., ::-1]
        # another x264 or OpenCV may round otherwise: the picture is the same, not each bit
        assert np.abs(made.astype(int) - key).mean() < 2
