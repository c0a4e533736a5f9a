"""Line art: told from pictures with tones, painted flat under its lines, black kept black."""

import cv2
import numpy as np
import pytest
from media import grey_frames, write_film

from vidcolor.color.lab import lab_to_rgb
from vidcolor.color.ycbcr import lightness, luma01, ycbcr_to_rgb
from vidcolor.film.probe import probe
from vidcolor.models.sketch import line_art
from vidcolor.shot import Reference, Shot

RED, BLUE = np.array([53.0, 80.0, 67.0]), np.array([32.0, 79.0, -108.0])


def ring(size=(96, 128), paper=255, width=3, gap=0):
    """A circle drawn on paper, (h, w) uint8, and where its inside is. gap: degrees that are missing."""
    ink = np.full(size, paper, np.uint8)
    cv2.ellipse(ink, (64, 48), (30, 30), 0, 0, 360 - gap, 20, width, cv2.LINE_AA)
    y, x = np.mgrid[: size[0], : size[1]]
    return ink, np.hypot(x - 64, y - 48) < 26


def film_of(tmp_path, luma, **how):
    write_film(tmp_path / "film.mkv", [luma], **how)
    return probe(tmp_path / "film.mkv")


def art(lightness, paper=100.0, palette=()):
    return line_art.LineArt(
        np.asarray(lightness, np.float16)[None], paper, np.array(palette, np.float32).reshape(-1, 3)
    )


# --- is it line art? ---


@pytest.mark.parametrize("paper", [140, 200, 250])
def test_lines_on_paper_are_line_art_whatever_the_paper_and_some_grain(paper):
    frames = np.stack([ring(paper=paper, width=w)[0] for w in (1, 2, 4)])
    grain = np.random.default_rng(0).normal(0, 6, frames.shape)
    shot = np.clip(frames + grain, 0, 255).astype(np.uint8)
    assert line_art.is_line_art(shot)
    assert line_art.paper(shot) == pytest.approx(paper / 2.55, abs=2)


def test_pictures_with_tones_are_not():
    assert not line_art.is_line_art(np.stack(grey_frames(3, 128, 96)))
    shaded = ring()[0]
    shaded[ring()[1]] = 150
    assert not line_art.is_line_art(shaded[None])
    assert not line_art.is_line_art(np.full((2, 64, 96), 30, np.uint8)), "darkness is no paper"


def test_solid_black_is_ink_and_no_tone():
    inked = ring()[0]
    inked[ring()[1]] = 0
    assert line_art.is_line_art(inked[None])


def test_one_shot_has_one_answer_and_one_paper():
    """Frames that would be judged otherwise alone do not change what the shot is."""
    frames = np.stack([ring()[0]] * 7 + [np.full((96, 128), 128, np.uint8)])
    assert line_art.greys(frames[7:]) == 0 or line_art.is_line_art(frames)
    assert line_art.is_line_art(frames) == line_art.is_line_art(frames[::-1])


# --- regions and palette ---


def test_regions_are_what_lines_close_off_and_lines_go_to_the_nearest():
    ink, inside = ring()
    labels = line_art.regions(ink / np.float32(255))
    assert labels.shape == ink.shape and labels.min() == 0
    assert len(np.unique(labels[inside])) == 1
    assert labels[48, 64] != labels[2, 2] == labels[90, 120]
    assert set(np.unique(labels)) == {labels[48, 64], labels[2, 2]}


def test_a_gap_of_a_pixel_or_two_does_not_leak_a_wide_one_does():
    whole, small, wide = (line_art.regions(ring(gap=g)[0] / np.float32(255)) for g in (0, 8, 40))
    assert [labels[48, 64] != labels[2, 2] for labels in (whole, small, wide)] == [True, True, False]


def test_no_lines_no_paper():
    assert (line_art.regions(np.ones((8, 9), np.float32)) == 0).all()
    assert (line_art.regions(np.zeros((8, 9), np.float32)) == 0).all()


def test_the_palette_holds_flat_colors_the_most_frequent_first():
    lab = np.empty((60, 80, 3), np.float32)
    lab[:], lab[10:40, 10:40] = BLUE, RED
    lab[50:, :] = np.random.default_rng(0).normal(50, 20, (10, 80, 3))  # nothing flat
    found = line_art.palette([Reference(lab, None)])
    np.testing.assert_allclose(found, [BLUE, RED], atol=0.5)
    covered = np.zeros((60, 80), bool)
    covered[8:42, 8:42] = True
    np.testing.assert_allclose(line_art.palette([Reference(lab, None, covered=covered)])[0], RED, atol=0.5)
    assert line_art.palette([]).shape == (0, 3)


def test_a_region_takes_the_color_that_most_of_it_has():
    ink, inside = ring()
    lab = np.tile(BLUE, (*ink.shape, 1)).astype(np.float32)
    lab[inside] = RED
    lab[48:, 60:64] = (70, 0, 0)  # a spill over both
    line = ink / np.float32(255)
    for palette in (np.array([RED, BLUE], np.float32), np.zeros((0, 3), np.float32)):
        rgb = line_art.painted(lab, line, palette)
        np.testing.assert_allclose(rgb[inside], np.tile(lab_to_rgb(RED), (inside.sum(), 1)), atol=0.02)
        np.testing.assert_allclose(rgb[:10].reshape(-1, 3), np.tile(lab_to_rgb(BLUE), (1280, 1)), atol=0.02)


def test_a_large_region_of_several_colors_is_left_as_it_is():
    lab = np.zeros((96, 128, 3), np.float32)
    lab[:, :64], lab[:, 64:] = RED, BLUE
    rgb = line_art.painted(lab, np.ones((96, 128), np.float32), np.zeros((0, 3), np.float32))
    np.testing.assert_allclose(rgb, lab_to_rgb(lab), atol=1e-3)


# --- planes ---


@pytest.mark.parametrize(
    "how", [{}, {"pix_fmt": "yuv420p10le"}, {"tags": {"range": 2, "space": 1}}], ids=["8 bit", "10 bit", "full range"]
)
def test_fill_times_lines_paper_takes_the_fill_black_stays_black(tmp_path, how):
    ink, _ = ring()
    depth = 10 if how.get("pix_fmt") else 8
    step = 1 << (depth - 8)
    full = "tags" in how
    luma = ink.astype(int) * (1 if full else 219 / 255) * step + (0 if full else 16 * step)
    luma[40:56, 56:72] = 0 if full else 16 * step  # solid ink
    film = film_of(tmp_path, np.rint(luma).astype(np.uint8 if depth == 8 else np.uint16), **how)
    assert (film.depth, film.full_range) == (depth, full)
    lab = np.tile(RED, (*ink.shape, 1))
    one = art(lab[..., 0])
    codes, cb, cr = one.planes(0, lab[..., 1:], np.rint(luma).astype(np.uint16), film, "444")
    y = luma01(codes, film.coding)
    rgb = ycbcr_to_rgb(y, cb, cr, film.matrix)
    np.testing.assert_allclose(rgb[5, 5], lab_to_rgb(RED), atol=0.02)
    assert np.abs(rgb[44:52, 60:68]).max() < 0.01
    edge = (ink > 60) & (ink < 200)
    half = ink[edge, None] / np.float32(255) * lab_to_rgb(RED)
    np.testing.assert_allclose(rgb[edge], half, atol=0.03)
    codes, cb, cr = one.planes(0, lab[..., 1:], np.rint(luma).astype(np.uint16), film, "420")
    assert cb.shape == (48, 64) and cr[2, 2] > 0.3


def test_strength_0_leaves_the_film_as_it_is_and_grey_paper_takes_the_whole_color(tmp_path):
    ink, _ = ring(paper=200)
    luma = np.rint(ink.astype(float) * 219 / 255 + 16).astype(np.uint8)
    film = film_of(tmp_path, luma)
    lab = np.tile(BLUE, (*ink.shape, 1))
    one = art(lab[..., 0], paper=float(lightness(luma, film.coding)[0, 0]))
    codes, cb, cr = one.planes(0, lab[..., 1:], luma, film, "444", 0.0)
    assert (codes == luma).all() and abs(cb).max() < 1e-6 and abs(cr).max() < 1e-6
    codes, cb, cr = one.planes(0, lab[..., 1:], luma, film, "444")
    rgb = ycbcr_to_rgb(luma01(codes, film.coding), cb, cr, film.matrix)
    np.testing.assert_allclose(rgb[5, 5], lab_to_rgb(BLUE), atol=0.02)


def test_the_fills_lightness_is_smoothed_in_time_and_keys_keep_theirs():
    ink = ring()[0]
    shot = Shot(np.stack([ink] * 6), 10)
    noise = np.random.default_rng(0).normal(0, 6, (6, 1, 1))
    lightness = np.clip(np.full((6, 96, 128), 60.0) + noise, 0, 100).astype(np.float16)
    key = Reference(np.tile(RED, (96, 128, 1)).astype(np.float32), 12, painted=True)
    confidence = np.ones((6, 96, 128), np.float16)
    plain, keyed = lightness.copy(), lightness.copy()
    line_art.steady(shot, [], plain, confidence)
    assert plain.astype(float).mean((1, 2)).std() < 0.5 * lightness.astype(float).mean((1, 2)).std()
    line_art.steady(shot, [key], keyed, confidence)
    assert np.abs(keyed[2].astype(float) - RED[0]).max() < 0.5


def test_paper_and_palette_are_those_of_the_shot_and_its_keys():
    shot = Shot(np.stack([ring()[0]] * 2), 0)
    fill = np.full((2, 96, 128), 60, np.float16)
    plain = line_art.line_art(fill, shot, [])
    keyed = line_art.line_art(fill, shot, [Reference(np.tile(RED, (96, 128, 1)).astype(np.float32), None)])
    assert keyed.palette.shape == (1, 3) and plain.palette.shape == (0, 3)
    assert plain.paper == pytest.approx(100, abs=1.5)


# --- votes ---


def test_votes_of_a_whole_region_decide_and_one_that_rules_a_color_out_counts():
    ink = np.full((96, 128), 255, np.uint8)
    cv2.circle(ink, (64, 48), 13, 20, 2)
    inside = np.hypot(*(np.indices(ink.shape) - np.array([48, 64])[:, None, None])) < 10
    lab = np.full((*ink.shape, 3), 50.0, np.float32)
    colors = np.array([RED, BLUE], np.float32)
    likely = np.full((*ink.shape, 2), (0.05, 0.95), np.float32)
    likely[inside] = (0.45, 0.55)
    likely[40:44, 58:70] = (0.999, 0.001)  # a few are sure
    found = line_art.voted(lab, np.log(likely), ink / np.float32(255), colors)
    np.testing.assert_allclose(found[inside], np.tile(RED, (inside.sum(), 1)), rtol=1e-5)
    np.testing.assert_allclose(found[-8:].reshape(-1, 3), np.tile(BLUE, (8 * 128, 1)), rtol=1e-5)


def test_a_large_region_that_does_not_agree_keeps_its_own():
    lab = np.random.default_rng(0).normal(50, 10, (40, 60, 3)).astype(np.float32)
    likely = np.full((40, 60, 3), 0.02, np.float32)
    for n, columns in enumerate((slice(0, 22), slice(22, 41), slice(41, 60))):
        likely[:, columns, n] = 0.9
    kept = line_art.voted(lab, np.log(likely), np.ones((40, 60), np.float32), np.eye(3, dtype=np.float32) * 60)
    np.testing.assert_array_equal(kept, lab)


def test_the_nearest_color_of_the_palette():
    found = line_art.palette_of(np.array([RED + 3, BLUE - 4, RED], np.float32), np.array([RED, BLUE], np.float32))
    assert found.tolist() == [[1, 0], [0, 1], [1, 0]]
