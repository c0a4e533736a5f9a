"""What the sketch net is trained on: known places are the same place, and each part of the loss moves one net."""

import numpy as np
import pytest
import torch

from vidcolor.models.sketch.scft import Scft
from vidcolor.training import sketch
from vidcolor.training.losses import PatchGan

SIZE = (64, 96)


def smooth(seed=0, size=SIZE):
    """A picture whose every place has a colour of its own."""
    y, x = np.mgrid[: size[0], : size[1]]
    return np.stack([40 + 2 * x, 50 + 3 * y, np.full(size, 90)], -1).clip(0, 255).astype(np.uint8)


def test_places_of_the_bent_copy_are_the_same_places():
    picture = smooth()
    for seed in range(5):
        copy, query, place, known = sketch.bent(picture, np.random.default_rng(seed))
        assert copy.shape == picture.shape and known.mean() > 0.6
        assert np.abs(place - query)[known].max() > 1.5, "it is bent"
        at, there = (np.rint(p[known]).astype(int).T for p in (query, place))
        apart = np.abs(picture[at[1], at[0]].astype(int) - copy[there[1], there[0]])
        assert np.quantile(apart, 0.95) <= 8 and np.median(apart) <= 3


def test_places_of_the_same_part():
    parts, others = np.ones(SIZE, int), np.ones(SIZE, int)
    parts[10:40, 10:40], others[30:60, 50:90] = 64, 64
    parts[50:, 80:] = 128
    query, place, known = sketch.same_part(parts, others, np.random.default_rng(0))
    at, there = query.astype(int).T, place.astype(int).T
    of, to = parts[at[1], at[0]], others[there[1], there[0]]
    assert (known == (of != 128)).all() and (of[known] == to[known]).all() and (of == 64).any() and (of == 128).any()


def test_a_drawing_becomes_its_fill_and_a_photograph_itself():
    rng = np.random.default_rng(0)
    drawn = sketch.drawing(rng, SIZE, True)
    assert drawn.sketch.shape == SIZE and drawn.sketch.dtype == np.float32
    dark = drawn.sketch < 0.3
    assert dark.mean() > 0.01
    photo = sketch.photograph(smooth(size=(80, 120)), rng, SIZE)
    assert photo.target.shape == photo.reference.shape == (*SIZE, 3)


def test_batches_have_negatives_apart_and_none_without_a_reference():
    examples = sketch.Examples([], SIZE)
    rng = np.random.default_rng(1)
    made = [examples.draw(rng) for _ in range(3)]
    batch = sketch.stacked(made, np.array([False, True, False]), rng)
    known = batch["known"] > 0
    assert known[0].any() and not known[1].any()
    apart = (batch["negative"] - batch["positive"]).abs().amax(-1)
    assert apart[known].min() >= sketch.APART
    assert (batch["reference"][1] == 0.5).all() and (batch["reference"][0] != 0.5).any()
    again = sketch.Examples([], SIZE).batch(2, np.random.default_rng(4))
    assert torch.equal(again["target"], examples.batch(2, np.random.default_rng(4))["target"])


def test_each_part_of_the_loss_moves_its_own_net():
    torch.manual_seed(0)
    net = Scft((4, 6, 8, 10), levels=(4, 6, 8), body=8, blocks=1, fold=2, grid=8, copy=True)
    both = sketch.Both(net, PatchGan(4))
    batch = sketch.Examples([], SIZE).batch(2, np.random.default_rng(0))
    first = sketch.loss(both, batch, 1)
    assert set(first) == {"loss", "l1", "own", "triplet"} and int(both.steps) == 1
    first["loss"].backward()
    assert all(p.grad is None for p in both.critic.parameters())
    assert all(p.grad is not None for p in net.parameters())
    both.zero_grad()
    terms = sketch.loss(both, batch, 1)
    assert set(terms) == {"loss", "l1", "own", "triplet", "critic", "fooled"}
    terms["fooled"].backward(retain_graph=True)
    assert all(p.grad is None for p in both.critic.parameters())
    assert net.out.weight.grad.abs().max() > 0
    net.zero_grad()
    terms["critic"].backward()
    assert all(p.grad is None for p in net.parameters())
    assert both.critic.layers[0].weight.grad.abs().max() > 0


def test_the_triplets_alone_teach_where_things_are():
    torch.manual_seed(0)
    net = Scft((8, 12, 16, 24), levels=(4, 6, 8), body=8, blocks=1, fold=2, grid=8)
    both = sketch.Both(net, PatchGan(4))
    batch = sketch.Examples([], SIZE).batch(2, np.random.default_rng(3))
    assert batch["known"].sum() > 20
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    found = []
    for _ in range(40):
        terms = sketch.loss(both, batch, 1000)
        optimizer.zero_grad()
        terms["triplet"].backward()
        optimizer.step()
        found.append(float(terms["triplet"].detach()))
    assert found[0] == pytest.approx(12, abs=0.5) and found[-1] < 0.7 * found[0]
