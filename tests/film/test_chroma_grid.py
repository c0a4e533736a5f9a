"""Chroma planes: where their samples lie, how their edges follow the luma, and a key's colours on its own frame."""

import cv2
import numpy as np
import pytest
import skimage.data
from media import film_of
from skimage.color import deltaE_ciede2000

from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.ycbcr import cbcr_to_codes, codes_to_cbcr, luma01, rgb_to_ycbcr, ycbcr_to_rgb
from vidcolor.film import chroma_grid


def luma_codes(rgb: np.ndarray, matrix: str = "bt709") -> np.ndarray:
    """8-bit limited luma of coded RGB 0..1."""
    return np.rint(rgb_to_ycbcr(rgb, matrix)[0] * 219 + 16).astype(np.uint8)


def shown(luma: np.ndarray, cb: np.ndarray, cr: np.ndarray, film, layout: str) -> np.ndarray:
    """What a player shows, through 8-bit chroma codes: RGB 0..1."""
    cb, cr = codes_to_cbcr(*cbcr_to_codes(cb, cr, film.coding), film.coding)
    full = chroma_grid.upsample(np.dstack([cb, cr]), film, layout)
    return np.clip(ycbcr_to_rgb(luma01(luma, film.coding), full[..., 0], full[..., 1], film.matrix), 0, 1)


@pytest.mark.parametrize("layout", ["420", "422", "444"])
@pytest.mark.parametrize("size", [(64, 48), (65, 47), (31, 64)])
@pytest.mark.parametrize("mode", ["edge", "fast"])
def test_planes_have_the_size_of_the_grid(layout, size, mode):
    width, height = size
    film = film_of(width=width, height=height)
    luma = np.full((height, width), 120, np.uint8)
    ab = np.full((32, 48, 2), (20, -30), np.float16)
    cb, cr = chroma_grid.to_planes(ab, luma, film, layout, mode=mode)
    expected = {"420": (-(-height // 2), -(-width // 2)), "422": (height, -(-width // 2)), "444": (height, width)}
    assert cb.shape == cr.shape == expected[layout]
    # one colour in: one colour out, and the one that went in
    assert np.ptp(cb) < 1e-4 and np.ptp(cr) < 1e-4
    y = luma01(luma[:1, :1], film.coding)
    lab = rgb_to_lab(ycbcr_to_rgb(y, cb[:1, :1], cr[:1, :1], "bt709"))
    assert lab[0, 0, 1:] == pytest.approx([20, -30], abs=0.1)


@pytest.mark.parametrize(
    ("location", "x0", "y0"),
    [(0, 0, 0.5), (1, 0, 0.5), (2, 0.5, 0.5), (3, 0, 0), (4, 0.5, 0), (5, 0, 1), (6, 0.5, 1)],
)
@pytest.mark.parametrize("working", [(32, 48), (48, 64), (96, 128), (192, 256)])
def test_samples_lie_where_the_siting_says(location, x0, y0, working):
    """A ramp of colour over the frame takes, at every sample, the value that the ramp has at its place."""
    width, height = 128, 96
    film = film_of(width=width, height=height, color_tags={"chroma_location": location})
    luma = np.full((height, width), 130, np.uint8)
    h, w = working
    x = (np.arange(w) + 0.5) * width / w - 0.5
    y = (np.arange(h) + 0.5) * height / h - 0.5
    ab = np.dstack([np.tile(x * 0.3 - 20, (h, 1)), np.tile((y * 0.3 - 15)[:, None], (1, w))]).astype(np.float32)
    cb, cr = chroma_grid.to_planes(ab, luma, film, "420")
    y01 = np.full(cb.shape, luma01(luma[:1, :1], film.coding)[0, 0], np.float32)
    lab = rgb_to_lab(ycbcr_to_rgb(y01, cb, cr, "bt709"))
    columns, rows = x0 + 2 * np.arange(width // 2), y0 + 2 * np.arange(height // 2)
    inner = slice(4, -4)
    # 0.03 Lab units of a ramp of 0.3 a pixel: a tenth of a luma pixel; sitings are half a pixel apart
    assert np.abs((lab[..., 1] - (columns * 0.3 - 20))[inner, inner]).max() < 0.03
    assert np.abs((lab[..., 2] - (rows * 0.3 - 15)[:, None])[inner, inner]).max() < 0.03


@pytest.mark.parametrize("location", [1, 2, 3])
def test_a_colour_edge_stays_on_its_luma_edge(location):
    """Red on grey, seen through a player's upsampling: the edge is the luma's within a third of a pixel."""
    width, height, edge = 240, 64, 101
    film = film_of(width=width, height=height, color_tags={"chroma_location": location})
    truth = np.full((height, width, 3), 0.45, np.float32)
    truth[:, edge:] = (0.8, 0.25, 0.2)
    luma = luma_codes(truth)
    ab = cv2.resize(rgb_to_lab(truth)[..., 1:], (120, 32), interpolation=cv2.INTER_AREA)
    row = chroma_grid.upsample(np.dstack(chroma_grid.to_planes(ab, luma, film, "420")), film, "420")[height // 2, :, 1]
    row = (row - row[:60].mean()) / (row[-60:].mean() - row[:60].mean())
    place = width - row.sum()  # of a step from 0 to 1
    assert place == pytest.approx(edge, abs=0.34)


@pytest.mark.parametrize("scale", [2, 4])
def test_edge_mode_beats_bilinear_where_ab_is_coarse(scale):
    rgb = skimage.data.astronaut()[:256, :256].astype(np.float32) / 255
    film = film_of(width=256, height=256)
    luma = luma_codes(rgb)
    ab = rgb_to_lab(rgb)[..., 1:]
    small = cv2.resize(ab, (128 // scale, 128 // scale), interpolation=cv2.INTER_AREA)
    error = {}
    for mode in ("edge", "fast"):
        result = shown(luma, *chroma_grid.to_planes(small, luma, film, "420", mode=mode), film, "420")
        error[mode] = np.mean((result - rgb) ** 2)
    assert error["edge"] < 0.85 * error["fast"]  # 0.7 dB


def test_edge_mode_is_bilinear_where_luma_is_flat_but_for_grain():
    rng = np.random.default_rng(0)
    film = film_of(width=256, height=192)
    luma = np.clip(rng.normal(120, 3, (192, 256)), 16, 235).astype(np.uint8)  # grain
    ab = np.zeros((48, 64, 2), np.float32)
    ab[:, 32:] = (0, 50)
    edge, fast = (np.dstack(chroma_grid.to_planes(ab, luma, film, "420", mode=m)) for m in ("edge", "fast"))
    assert np.abs(edge - fast).max() < 0.03 and np.abs(edge - fast).mean() < 1e-3


@pytest.mark.parametrize("location", [1, 2])
@pytest.mark.parametrize(("matrix", "full_range"), [("bt601", False), ("bt709", False), ("bt2020", True)])
def test_a_key_comes_out_on_its_own_frame(location, matrix, full_range):
    """CIEDE2000 under 1 through 8-bit 4:2:0."""
    rgb = skimage.data.chelsea()[:256, 60:316].astype(np.float32) / 255
    film = film_of(
        width=256, height=256, matrix=matrix, full_range=full_range, color_tags={"chroma_location": location}
    )
    y = rgb_to_ycbcr(rgb, matrix)[0]
    luma = np.rint(y * 255 if full_range else y * 219 + 16).astype(np.uint8)
    result = shown(luma, *chroma_grid.key_planes(rgb, luma, film, "420"), film, "420")
    assert deltaE_ciede2000(rgb_to_lab(result), rgb_to_lab(rgb)).mean() < 1
    exact = shown(luma, *chroma_grid.key_planes(rgb, luma, film, "444"), film, "444")
    assert deltaE_ciede2000(rgb_to_lab(exact), rgb_to_lab(rgb)).mean() < 0.5


def test_a_key_decoded_from_420_gives_its_planes_back():
    rng = np.random.default_rng(3)
    film = film_of(width=96, height=64)
    luma = np.full((64, 96), 128, np.uint8)
    planes = cv2.GaussianBlur(rng.normal(0, 0.25, (32, 48, 2)), (0, 0), 1.0).astype(np.float32)
    full = chroma_grid.upsample(planes, film, "420")
    rgb = ycbcr_to_rgb(luma01(luma, film.coding), full[..., 0], full[..., 1], "bt709")
    assert rgb.min() > 0 and rgb.max() < 1
    back = np.dstack(chroma_grid.key_planes(rgb, luma, film, "420"))
    assert np.abs(back - planes).max() < 2 / 224


def test_a_key_of_another_size_is_brought_to_the_film():
    rgb = skimage.data.astronaut().astype(np.float32) / 255
    small = cv2.resize(rgb, (256, 256), interpolation=cv2.INTER_AREA)
    film = film_of(width=256, height=256)
    luma = luma_codes(small)
    big, same = (shown(luma, *chroma_grid.key_planes(k, luma, film, "420"), film, "420") for k in (rgb, small))
    assert np.abs(big - same).mean() < 0.5 / 255


def test_planes_are_the_same_twice():
    rng = np.random.default_rng(4)
    film = film_of(width=120, height=90)
    luma = rng.integers(16, 236, (90, 120), np.uint8)
    ab = rng.normal(0, 20, (64, 96, 2)).astype(np.float16)
    first, second = (np.dstack(chroma_grid.to_planes(ab, luma, film, "420")) for _ in range(2))
    assert np.array_equal(first, second)
