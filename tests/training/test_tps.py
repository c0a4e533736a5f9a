"""Thin-plate bending: none is none, and places are where pixels came from."""

import numpy as np

from vidcolor.training import tps


def test_no_jitter_is_the_picture():
    at = tps.bend(48, 64, 0.0, np.random.default_rng(0))
    y, x = np.mgrid[:48, :64]
    np.testing.assert_allclose(at, np.dstack([x, y]), atol=1e-3)


def test_bent_pixels_come_from_their_places():
    y, x = np.mgrid[:64, :96].astype(np.float32)
    at = tps.bend(64, 96, 0.1, np.random.default_rng(1))
    inside = ((at > 0) & (at < (95, 63))).all(-1)
    assert inside.mean() > 0.6 and np.abs(at - np.dstack([x, y])).max() > 2
    seen = tps.bent(np.dstack([x, y]), at)
    np.testing.assert_allclose(seen[inside], at[inside], atol=0.05)


def test_more_jitter_bends_more():
    y, x = np.mgrid[:64, :64].astype(np.float32)
    away = [np.abs(tps.bend(64, 64, j, np.random.default_rng(2)) - np.dstack([x, y])).mean() for j in (0.1, 0.4)]
    assert away[1] > 2 * away[0]
