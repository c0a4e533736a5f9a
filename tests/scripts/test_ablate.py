"""The ablation script: its figures, and that each of its switches changes something."""

import numpy as np
import pytest
import torch
from moving import moving
from scripts_of import script

from vidcolor.models.exemplar.model import ExemplarColorizer
from vidcolor.shot import Reference

N = 5


@pytest.fixture(scope="module")
def ablate():
    return script("ablate")


@pytest.fixture(scope="module")
def lab():
    """`moving` with its square red on green ground, (n, h, w, 3)."""
    l = moving(N) / np.float32(2.55)
    lab = np.stack([l, np.full_like(l, -20), np.full_like(l, 25)], -1)
    for t in range(N):
        lab[t, 28:68, 40 + 4 * t : 80 + 4 * t, 1:] = 40, 20
    return lab


@pytest.fixture(scope="module")
def models():
    return ExemplarColorizer(torch.device("cpu")), ExemplarColorizer(torch.device("cpu"), every_frame=True)


def test_truth_and_grey(ablate, lab):
    psnr, colorfulness = ablate.judged(ablate.Row("truth", lambda shot, key: lab[..., 1:]), lab)
    assert psnr > 60 and colorfulness == pytest.approx(1, abs=1e-3)
    psnr, colorfulness = ablate.judged(ablate.Row("grey", lambda shot, key: 0 * lab[..., 1:]), lab)
    assert psnr < 25 and colorfulness == pytest.approx(0, abs=1e-3)


def test_enlarged_rows_see_larger_frames_and_are_judged_at_the_old_size(ablate, lab):
    seen = []

    def colors(shot, key: Reference):
        seen.append((shot.lightness.shape, key.lab.shape))
        return np.zeros((*shot.lightness.shape, 2), np.float32)

    assert ablate.judged(ablate.Row("", colors, enlarged=4 / 3), lab)[0] < 25
    assert seen == [((N, 128, 224), (128, 224, 3))]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["hints", "parts", "matching", "transfer"])
def test_every_row_of_a_table_says_something_of_its_own(ablate, models, lab, table):
    rows = {row.name: ablate.judged(row, lab) for row in ablate.TABLES[table](*models)}
    assert len(rows) >= 6 and all(np.isfinite(figures).all() for figures in rows.values())
    others = [f for name, f in rows.items() if "candidates" not in name]
    assert len(set(others)) == len(others), rows
