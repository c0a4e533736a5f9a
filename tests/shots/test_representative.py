"""Which frame of a shot is shown: sharp, near the middle, not faded."""

import cv2
import numpy as np
from media import grey_frames, write_film

from vidcolor.film.probe import probe
from vidcolor.plan.scan import scan
from vidcolor.shots import representative


def pictures(n=9):
    rng = np.random.default_rng(0)
    return [cv2.GaussianBlur(rng.normal(50, 60, (64, 96)).astype(np.float32), (0, 0), 1.0) for _ in range(n)]


def test_the_sharpest_wins():
    frames = [cv2.GaussianBlur(p, (0, 0), 3.0) * 3 for p in pictures()]
    frames[6] = pictures()[6]
    assert representative.best(frames) == 6


def test_of_equals_the_middle_one():
    assert representative.best([pictures()[0]] * 9) == 4
    assert representative.best([pictures()[0]] * 1) == 0


def test_a_faded_frame_is_left_out_however_much_grain_it_has():
    frames = [p / 10 for p in pictures()]
    frames[2] = cv2.GaussianBlur(pictures()[2], (0, 0), 2.0) * 3
    assert representative.best(frames) == 2


def test_the_window_lies_in_the_inner_half():
    assert representative.window((100, 300)) == (188, 212)
    assert representative.window((10, 20)) == (12, 17)
    assert representative.window((7, 8)) == (7, 8)
    first, stop = representative.window((0, 48))
    assert first >= 12 and stop <= 36


def test_in_a_film(tmp_path):
    frames = grey_frames(30)
    for n in range(30):
        if n != 17:
            frames[n] = cv2.GaussianBlur(frames[n], (0, 0), 2.0)
    path = write_film(tmp_path / "film.mkv", frames, tags={"space": 6, "range": 1}).path
    film = probe(path)
    frame = representative.representative_frame(film, scan(film).pts, (0, 30))
    assert frame.index == 17 and np.array_equal(frame.luma, frames[17])
