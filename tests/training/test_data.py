"""What the nets are trained on: pairs, old film's faults."""

import cv2
import numpy as np
import pytest

from vidcolor.training.data import Clip, Pairs, age, crop, load_photos, rotate_hue, spaced, warp


@pytest.fixture
def picture():
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), (96, 72), interpolation=cv2.INTER_CUBIC)


def test_spaced_takes_first_and_last_and_no_frame_twice():
    assert spaced(10, 4) == [0, 3, 6, 9]
    assert spaced(3, 8) == [0, 1, 2]


@pytest.mark.parametrize("zoom", [1.0, 1.7])
@pytest.mark.parametrize("at", [(0.0, 0.0), (0.999, 0.999)])
def test_crop_fills_its_size_from_corner_to_corner(picture, zoom, at):
    out = crop(picture, (40, 50), zoom, at, False)
    assert out.shape == (40, 50, 3)
    assert np.array_equal(crop(picture, (40, 50), zoom, at, True), out[:, ::-1])


def test_aged_film_stays_in_range_and_is_not_the_clean_one(picture):
    l = picture[..., 0].astype(np.float32) / 2.55
    aged = [age(l, np.random.default_rng(seed)) for seed in range(20)]
    assert all(a.dtype == np.float32 and a.min() >= 0 and a.max() <= 100 for a in aged)
    assert sum(not np.allclose(a, l, atol=0.5) for a in aged) > 10


def test_hue_turns_and_chroma_stays():
    ab = np.array([[30.0, 0.0], [0.0, 20.0]], np.float32)
    turned = rotate_hue(ab, np.pi / 2)
    assert np.allclose(turned, [[0, 30], [-20, 0]], atol=1e-4)


def test_warp_moves_but_keeps_the_palette(picture):
    lab = picture.astype(np.float32)
    out = warp(lab, np.random.default_rng(3))
    assert out.shape == lab.shape and not np.array_equal(out, lab)
    assert lab.min() <= out.min() and out.max() <= lab.max()


def test_pairs_repeat_with_their_seed(picture):
    clip = Clip("clip", np.stack([picture, picture[:, ::-1], picture[::-1]]))
    pairs = Pairs([clip], [picture], (64, 64))
    one, two = (pairs.batch(3, np.random.default_rng(5)) for _ in range(2))
    assert one["l"].shape == (3, 1, 64, 64) and one["key_ab"].shape == (3, 2, 64, 64)
    assert all((one[name] == two[name]).all() for name in one)


def test_grey_photographs_are_left_out(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "colour.png"), picture)
    cv2.imwrite(str(tmp_path / "grey.png"), picture[..., :1].repeat(3, 2))
    (tmp_path / "note.txt").write_text("no picture")
    assert len(load_photos(tmp_path, 48)) == 1
