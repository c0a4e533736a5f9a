"""CIEDE2000 against the test data of its authors and against scikit-image."""

import numpy as np
import pytest

from vidcolor.color.delta_e import ciede2000

# Sharma, Wu and Dalal 2005, Table 1: L a b of two colours and their difference
TABLE = np.array(
    [
        [50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425],
        [50.0, -1.3802, -84.2814, 50.0, 0.0, -82.7485, 1.0000],
        [50.0, 0.0, 0.0, 50.0, -1.0, 2.0, 2.3669],
        [50.0, 2.4900, -0.0010, 50.0, -2.4900, 0.0009, 7.1792],
        [50.0, -0.0010, 2.4900, 50.0, 0.0009, -2.4900, 4.8045],
        [50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065],
        [50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492],
        [50.0, 2.5, 0.0, 61.0, -5.0, 29.0, 22.8977],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def test_the_authors_pairs():
    assert ciede2000(TABLE[:, :3], TABLE[:, 3:6]) == pytest.approx(TABLE[:, 6], abs=1e-4)
    assert ciede2000(TABLE[:, 3:6], TABLE[:, :3]) == pytest.approx(TABLE[:, 6], abs=1e-4)


def test_it_agrees_with_scikit_image():
    skimage = pytest.importorskip("skimage.color", reason="scikit-image is in the dev extra")
    rng = np.random.default_rng(0)
    one, other = (rng.uniform((0, -90, -90), (100, 90, 90), (40, 50, 3)) for _ in range(2))
    assert np.abs(ciede2000(one, other) - skimage.deltaE_ciede2000(one, other)).max() < 1e-6
    assert ciede2000(one, one).max() == 0
