"""Lab is that of scikit-image."""

import itertools

import numpy as np
from skimage.color import lab2rgb, rgb2lab

from vidcolor.color.lab import lab_to_rgb, rgb_to_lab


def lattice(steps: int = 17) -> np.ndarray:
    """Every colour of a coarse cube, and of one near black and one near white: (1, n, 3)."""
    axis = np.linspace(0, 1, steps)
    cube = np.array(list(itertools.product(axis, axis, axis)), np.float32)
    return np.concatenate([cube, cube * 0.1, 1 - cube * 0.1])[None]


def test_lab_is_that_of_scikit_image():
    rgb = lattice()
    lab = rgb2lab(rgb.astype(np.float64))
    assert np.abs(rgb_to_lab(rgb) - lab).max() < 0.01
    assert np.abs(lab_to_rgb(lab) - lab2rgb(lab)).max() < 0.1 / 255
