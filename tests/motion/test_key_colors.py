"""Painted keys' own colours."""

import cv2
import numpy as np
import pytest

from vidcolor.motion.key_colors import find_key_colors
from vidcolor.shot import Reference, Shot, quantized


def test_key_colors_take_the_size_that_is_asked_for():
    rng = np.random.default_rng(1)
    lab = np.dstack([rng.uniform(20, 80, (192, 320)), *rng.normal(0, 20, (2, 192, 320))]).astype(np.float32)
    covered = np.ones((192, 320), bool)
    covered[:, :42] = False  # 21 columns of the working frame, 10.5 of the half
    shot = Shot(quantized(cv2.resize(lab[..., 0], (160, 96), interpolation=cv2.INTER_AREA)[None]), 5)
    references = [Reference(lab, 5, painted=True, covered=covered)]
    full, half = find_key_colors(shot, references)[0], find_key_colors(shot, references, (48, 80))[0]
    assert full.shape == (96, 160, 2) and half.shape == (48, 80, 2)
    assert np.isnan(full[:, :21]).all() and not np.isnan(full[:, 21:]).any()
    assert np.isnan(half[:, :11]).all() and not np.isnan(half[:, 11:]).any()
    assert half[:, 11:] == pytest.approx(cv2.resize(full, (80, 48), interpolation=cv2.INTER_AREA)[:, 11:], abs=1e-3)
