"""Drawings made by rule: flat, outlined, known at every pixel, the same figure in every pose."""

import cv2
import numpy as np
import pytest

from vidcolor.training import drawings, figures
from vidcolor.training.drawings import Pen, Placed, render
from vidcolor.training.figures import KINDS, Part, box, ellipse, limb

SIZE = (96, 128)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS], ids=lambda kind: kind.__name__)
def test_a_figure_has_the_same_parts_and_colors_in_every_pose(kind):
    one, again, other = kind(rng(3)), kind(rng(3)), kind(rng(4))
    poses = [figures.pose(rng(n)) for n in range(4)]
    parts = [one(p) for p in poses]
    assert len({len(p) for p in parts}) == 1
    assert all([q.color for q in p] == [q.color for q in parts[0]] for p in parts)
    for a, b in zip(one(poses[0]), again(poses[0])):
        np.testing.assert_array_equal(a.outline, b.outline)
    assert [p.color for p in other(poses[0])] != [p.color for p in parts[0]]
    every = np.concatenate([q.outline for p in parts for q in p])
    assert np.isfinite(every).all() and every[:, 1].min() > -1.6 and every[:, 1].max() < 0.3
    assert 0.6 < np.ptp(every[:, 1]) < 1.8, "about one high"


def test_outlines():
    assert np.allclose(np.hypot(*(ellipse(1, 2, 3, 3) - (1, 2)).T), 3)
    bone = limb((0, 0), (0, 4), 1, 0.5)
    assert np.allclose([bone[:, 1].min(), bone[:, 1].max()], [-1, 4.5], atol=0.05)
    assert np.allclose([bone[:, 0].min(), bone[:, 0].max()], [-1, 1], atol=0.05)
    assert cv2.contourArea(box(0, 0, 2, 3).astype(np.float32)) == 6


def scene(pen=None):
    ground = [Part(box(-9, -9, 140, 110), (1.0, 1.0, 0.0))]
    ball = [Part(ellipse(0, -0.5, 0.5, 0.5), (0.0, 0.0, 1.0)), Part(ellipse(0, -0.5, 0.2, 0.2), (1.0, 0.0, 0.0))]
    return render(ground, [Placed(ball, 64, 78, 60, number=2)], SIZE, pen or Pen())


def test_fill_ink_and_parts_lie_where_they_ought_to():
    made = scene()
    assert made.fill.shape == (*SIZE, 3) and made.ink.shape == made.parts.shape == SIZE
    assert made.fill[5, 5].tolist() == [255, 255, 0] and made.parts[5, 5] == 1 and made.ink[5, 5] == 255
    assert made.fill[30, 64].tolist() == [0, 0, 255] and made.parts[30, 64] == 64 * 3
    assert made.fill[48, 64].tolist() == [255, 0, 0] and made.parts[48, 64] == 64 * 3 + 1
    assert made.ink[18, 64] < 60 and made.ink[36, 64] < 60, "lines around both"
    colored = made.colored()
    assert colored[48, 64].tolist() == [255, 0, 0] and colored[18, 64].max() < 80


def test_pens():
    widths = [(255 - scene(Pen(width)).ink.astype(int)).sum() for width in (1, 2, 4)]
    assert widths[0] < widths[1] < widths[2]
    assert (scene(Pen(0)).ink == 255).all()
    light, shaded = scene(), scene(Pen(shade=(-4, -4, 0.5)))
    assert (shaded.fill[5, 5] == light.fill[5, 5]).all(), "the ground has no shade"
    tones = {tuple(c) for c in shaded.fill[shaded.parts == 192].tolist()}
    assert {(0, 0, 255), (0, 0, 128)} <= tones
    assert (scene(Pen(wobble=1.0)).ink != light.ink).any()


def test_mirrored_figures_look_the_other_way():
    flag = [Part(box(0, -1, 0.5, -0.5), (1.0, 0.0, 0.0))]
    one, other = (render([], [Placed(flag, 64, 90, 60, m)], SIZE, Pen()).parts for m in (False, True))
    assert one[40, 70] == 64 and one[40, 55] == 0
    assert other[40, 55] == 64 and other[40, 70] == 0


def test_an_examples_reference_shows_the_same_figures_elsewhere():
    shared = moved = 0
    for seed in range(12):
        target, reference = drawings.example(rng(seed), SIZE)
        known = np.intersect1d(target.parts, reference.parts)
        shared += np.isin(target.parts, known).mean() / 12
        moved += (target.parts != reference.parts).mean() / 12
        for part in known:
            a, b = (
                d.fill[cv2.erode((d.parts == part).astype(np.uint8), np.ones((3, 3))) > 0] for d in (target, reference)
            )
            if len(a) > 9 and len(b) > 9:
                gap = np.abs(np.median(a, 0) - np.median(b, 0)).max()
                assert gap <= 0.45 * 255, "the same paint, but for shade"
    assert shared > 0.8 and moved > 0.15


def test_examples_come_from_their_seed_alone():
    one, again, other = (drawings.example(rng(s), SIZE) for s in (5, 5, 6))
    assert (one.target.fill == again.target.fill).all() and (one.reference.ink == again.reference.ink).all()
    assert (one.target.parts != other.target.parts).any()
    alone = drawings.example(rng(5), SIZE, again=False)
    assert (alone.target.fill == one.target.fill).all() and alone.reference is alone.target
