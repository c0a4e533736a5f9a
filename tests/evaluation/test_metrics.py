"""The measures against values computed by hand or published."""

import math

import numpy as np
import pytest

from vidcolor.evaluation import metrics

# Sharma, Wu and Dalal 2005, table 1: L, a, b of both colours and their CIEDE2000
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def plane(value: float, h: int = 4, w: int = 4) -> np.ndarray:
    return np.full((h, w), value, np.uint8)


@pytest.mark.parametrize(("first", "second", "published"), SHARMA)
def test_ciede2000_of_the_published_pairs(first, second, published):
    skimage_color = pytest.importorskip("skimage.color", reason="scikit-image is in the dev extra")
    # the same function as in metrics.ciede2000, ahead of the way from RGB to Lab
    difference = skimage_color.deltaE_ciede2000(np.array(first), np.array(second))
    assert difference == pytest.approx(published, abs=1e-4)


def test_ciede2000_of_frames_is_the_mean_over_pixels():
    pytest.importorskip("skimage.color", reason="scikit-image is in the dev extra")
    black, white = np.zeros((2, 2, 3), np.float32), np.ones((2, 2, 3), np.float32)
    half = black.copy()
    half[0] = 1
    # black against white is 100 (only L differs, and S_L is 1 at the mean L of 50)
    assert metrics.ciede2000(black, white) == pytest.approx(100, abs=0.01)
    assert metrics.ciede2000(half, white) == pytest.approx(50, abs=0.01)
    assert metrics.ciede2000(white, white) == 0


@pytest.mark.parametrize(
    ("codes", "rgb"),
    [
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (1, 1, 1)),
        ((126, 128, 128), (110 / 219, 110 / 219, 110 / 219)),
        # BT.709 red is Y' = 0.2126, Pb = -0.2126 / 1.8556, Pr = 0.5: codes 62.56, 102.34, 240
        ((63, 102, 240), (1, 0.0014, 0)),
        ((32, 240, 118), (0, 0.003, 1)),
    ],
)
def test_planes_become_bt709_rgb(codes, rgb):
    got = metrics.to_rgb(plane(codes[0]), plane(codes[1], 2, 2), plane(codes[2], 2, 2))
    assert got.shape == (4, 4, 3)
    assert got.dtype == np.float32
    assert np.allclose(got, rgb, atol=0.008)


def test_rgb_is_not_rounded():
    steps = metrics.to_rgb(np.arange(16, 236, dtype=np.uint8)[None], plane(128, 1, 220), plane(128, 1, 220))
    assert np.allclose(steps[0, :, 1], np.arange(220) / 219, atol=1e-6)


def test_chroma_is_interpolated_left_sited():
    chroma = np.array([[0, 8], [16, 24]], np.float32)
    up = metrics.upsample_chroma(chroma, (4, 4))
    # columns 0 and 2 carry the samples, 1 lies midway; rows lie a quarter off, edges repeat
    assert np.allclose(up[0], [0, 4, 8, 8])
    assert np.allclose(up[:, 0], [0, 4, 12, 16])
    assert np.allclose(metrics.upsample_chroma(chroma, (2, 4))[:, 0], [0, 16]), "4:2:2 keeps its lines"
    assert metrics.upsample_chroma(chroma, (2, 2)) is chroma


def test_psnr():
    truth = np.full((4, 4, 3), 0.5, np.float32)
    assert metrics.psnr(truth + 0.1, truth) == pytest.approx(20, abs=1e-4)
    one_channel = truth.copy()
    one_channel[..., 0] += 0.1
    assert metrics.psnr(one_channel, truth) == pytest.approx(20 + 10 * math.log10(3), abs=1e-4)
    assert metrics.psnr(truth, truth) == math.inf


def test_wrapped_psnr_wraps():
    truth = np.full((2, 2, 3), 100 / 255, np.float32)
    # 16 squared is 256, which a uint8 holds as 0: the field's script sees no error at all
    assert metrics.psnr_uint8_wrapped(truth + 16 / 255, truth) == math.inf
    assert metrics.psnr_uint8_wrapped(truth + 3 / 255, truth) == pytest.approx(20 * math.log10(255 / 3))
    # an error of -3 is 253 as uint8; 253 squared is 64009, and that is 9 again
    assert metrics.psnr_uint8_wrapped(truth - 3 / 255, truth) == pytest.approx(20 * math.log10(255 / 3))


def test_ssim_is_one_for_equal_frames_and_less_for_noise():
    pytest.importorskip("skimage.metrics", reason="scikit-image is in the dev extra")
    rng = np.random.default_rng(0)
    picture = rng.random((32, 32, 3), np.float32)
    assert metrics.ssim(picture, picture) == pytest.approx(1)
    assert metrics.ssim(rng.random((32, 32, 3), np.float32), picture) < 0.2


def test_colorfulness():
    grey = np.random.default_rng(0).random((4, 4, 1)).repeat(3, -1)
    assert metrics.colorfulness(grey) == pytest.approx(0, abs=1e-9)
    red = np.zeros((2, 2, 3))
    red[..., 0] = 1  # rg = 255, yb = 127.5 everywhere: no deviation, 0.3 of the length of the mean
    assert metrics.colorfulness(red) == pytest.approx(0.3 * math.hypot(255, 127.5))
    red[0] = 0  # half of it black: means and deviations are half
    assert metrics.colorfulness(red) == pytest.approx(1.3 * math.hypot(127.5, 63.75))


def moving(frames: int = 3, shift: int = 4) -> list[np.ndarray]:
    """Textured luma that moves `shift` pixels to the right a frame, at the size flicker is measured at."""
    rng = np.random.default_rng(1)
    import cv2

    wide = cv2.GaussianBlur(rng.random((256, 320 + shift * frames)).astype(np.float32), (0, 0), 3)
    wide = cv2.normalize(wide, None, 20, 230, cv2.NORM_MINMAX).astype(np.uint8)
    return [np.ascontiguousarray(wide[:, (frames - i) * shift :][:, :320]) for i in range(frames)]


def test_flicker_is_nothing_where_colour_moves_with_the_picture():
    lumas = moving()
    flow = metrics.LumaFlow()
    assert flow.step(lumas[0]) is None
    step = flow.step(lumas[1])
    assert step is not None
    assert step[1].mean() > 0.8
    with_it = [np.stack([luma / 10.0, luma / 5.0], -1).astype(np.float32) for luma in lumas]
    steady = metrics.flicker(with_it[1], with_it[0], step)
    left_behind = metrics.flicker(with_it[0], with_it[0], step)
    assert steady < 0.1 * left_behind


def test_flicker_measures_the_length_of_the_change():
    lumas = moving(2, 0)
    flow = metrics.LumaFlow()
    flow.step(lumas[0])
    step = flow.step(lumas[1])
    assert step is not None
    before = np.zeros((256, 320, 2), np.float32)
    after = before + np.array([3, 4], np.float32)
    assert metrics.flicker(after, before, step) == pytest.approx(5, abs=1e-5)


def test_working_ab_is_lab_at_short_side_256():
    red = np.zeros((512, 768, 3), np.float32)
    red[..., 0] = 1
    ab = metrics.working_ab(red)
    assert ab.shape == (256, 384, 2)
    assert np.allclose(ab, (80.1, 67.2), atol=0.2)  # sRGB red in CIE Lab, D65


def test_jensen_shannon():
    assert metrics.jensen_shannon(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    assert metrics.jensen_shannon(np.array([1.0, 0]), np.array([0, 1.0])) == pytest.approx(math.log(2))
    by_hand = (math.log(1 / 0.75) + 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)) / 2
    assert metrics.jensen_shannon(np.array([1.0, 0]), np.array([0.5, 0.5])) == pytest.approx(by_hand)


def test_cdc():
    still, other = np.zeros((2, 2, 3), np.float32), np.ones((2, 2, 3), np.float32)
    steady = metrics.ColorDistributionConsistency()
    for _ in range(6):
        steady.add(still)
    assert steady.value() == 0
    blinking = metrics.ColorDistributionConsistency()
    for frame in (still, other, still, other, still, other):
        blinking.add(frame)
    # steps of 1 always differ (ln 2), steps of 2 and 4 never
    assert blinking.value() == pytest.approx(math.log(2) / 3)
    assert metrics.ColorDistributionConsistency().value() == 0
