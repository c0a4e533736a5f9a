"""Choice of anchors, their colours, and the model behind the contract."""

import numpy as np
import pytest
import torch

from vidcolor.models.anchors import superpixels
from vidcolor.models.anchors.model import (
    DEFAULT,
    MOST,
    WITH_REFERENCE,
    WITHOUT,
    Anchors,
    AnchorsColorizer,
    Painter,
    clusters,
    followed,
    largest,
    located,
    middles,
)
from vidcolor.models.anchors.net import AnchorsNet
from vidcolor.models.anchors.superpixels import SPixNet
from vidcolor.models.base import Batch, Colorizer
from vidcolor.models.nets import color_bins
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.shot import Reference, Shot

CPU = torch.device("cpu")
H, W = 64, 96


def painter(seed=0):
    """Small untrained nets."""
    torch.manual_seed(seed)
    net = AnchorsNet(width=4, fold=4, semantic=True, spectral=False, refine_width=4, refine_fold=2, guided=True)
    encoder = EfficientNetLite().eval()
    return Painter(CPU, (SPixNet(2), net), encoder)


@pytest.fixture(scope="module")
def small():
    return painter()


@pytest.fixture
def model(small):
    return AnchorsColorizer(CPU, painter=small)


def shot(n=5, first=100, seed=0):
    y, x = np.mgrid[:H, :W]
    frames = [127 + 90 * np.sin((x + 3 * t) / 9) * np.cos(y / 11) for t in range(n)]
    return Shot(np.stack(frames).astype(np.uint8), first, seed)


def key(frame, a=40.0, b=-20.0, covered=None):
    film = shot()
    lab = np.dstack([film.grey(2), np.full((H, W), a), np.full((H, W), b)]).astype(np.float32)
    return Reference(lab, frame, covered=covered)


def batch(film, first=0, last=None):
    positions = range(first, len(film) if last is None else last)
    return Batch(torch.from_numpy(film.grey(slice(positions.start, positions.stop)))[:, None], positions)


def test_clusters_are_those_that_the_points_form():
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [60.0, 60.0]])
    owner = torch.arange(4).repeat_interleave(20)
    points = centres[owner] + torch.randn(80, 2)
    found = clusters(points, 4)
    for n in range(4):
        assert len(found[owner == n].unique()) == 1
    assert len(found.unique()) == 4


def test_clusters_depend_on_the_seed_alone():
    torch.manual_seed(0)
    points = torch.randn(100, 8)
    torch.manual_seed(1)
    one = clusters(points, 8, 5)
    torch.manual_seed(2)
    assert torch.equal(clusters(points, 8, 5), one)
    assert any(not torch.equal(clusters(points, 8, seed), one) for seed in range(6, 12))
    assert clusters(torch.ones(9, 2), 4).tolist() == [0] * 9  # no four colours to be found


def test_restarts_do_not_make_it_worse():
    torch.manual_seed(3)
    points = torch.randn(120, 2)

    def spread(own):
        return sum(float((points[own == n] - points[own == n].mean(0)).square().sum()) for n in own.unique())

    once = [spread(clusters(points, 8, seed, 1)) for seed in range(5)]
    many = [spread(clusters(points, 8, seed, 8)) for seed in range(5)]
    assert np.mean(many) < np.mean(once)


def test_a_clusters_largest_superpixel_and_its_middle():
    own = torch.tensor([0, 1, 0, 1, 2, 0])
    area = torch.tensor([10.0, 300.0, 200.0, 20.0, 1.0, 5.0])
    assert largest(own, area).tolist() == [2, 1, 4]
    points = torch.tensor([[0.0], [9.0], [5.0], [8.0], [30.0], [2.0]])
    assert middles(points, own).tolist()[::2] == [5, 4]


def test_anchors_are_spread_over_what_there_is(small):
    analysis = small.analyse(torch.from_numpy(shot().grey([0]))[None])
    cells = small.place(analysis, 5)
    assert len(set(cells.tolist())) == 5 and torch.equal(cells, small.place(analysis, 5))
    among = torch.tensor([2, 3, 8, 9, 14, 15, 20, 21])
    assert set(small.place(analysis, 5, 0, among).tolist()) <= set(among.tolist())
    assert small.place(analysis, 5, 0, among[:1]).tolist() == [2]


def test_anchors_are_found_again_each_in_a_place_of_its_own():
    torch.manual_seed(0)
    marks = torch.nn.functional.normalize(torch.randn(30, 64), dim=1)
    order = torch.randperm(30)
    wanted = torch.tensor([3, 17, 4])
    cells = located(marks[order], marks[wanted])
    assert order[cells].tolist() == wanted.tolist()
    twice = located(marks, marks[[3, 3]] + torch.tensor([[0.1], [0.0]]))
    assert twice[1] == 3 and twice[0] != 3
    assert located(marks + 50, marks[:2]).tolist() == [-1, -1]  # nothing like it


def test_anchors_are_followed_where_things_look_alike():
    """A thing that moves by a superpixel a frame, and another just like it that stays."""
    ground, thing = torch.zeros(4), torch.tensor([3.0, 0.0, 0.0, 0.0])
    marks = []
    for t in range(5):
        frame = ground.repeat(3 * 8, 1)
        frame[8 + 1 + t] = frame[7] = thing
        marks.append(frame)
    still, moving = [7] * 5, [9, 10, 11, 12, 13]
    both = followed(marks, thing.repeat(2, 1), 2, (3, 8)).T.tolist()
    assert sorted(both) == [still, moving]
    gone = [marks[0], ground.repeat(24, 1), marks[0]]
    cells = followed(gone, thing[None], 0, (3, 8))[:, 0].tolist()
    assert cells[1] == -1 and cells[2] == cells[0] in (7, 9)  # and found again where it was


def test_it_keeps_the_contract(model):
    film = shot()
    for references, most in (([], WITHOUT), ([key(102)], WITH_REFERENCE)):
        state = model.prepare(film, references)
        colored = model.colorize(batch(film), state)
        assert colored.ab.shape == (5, 2, H, W) and colored.confidence.shape == (5, 1, H, W)
        assert colored.ab.dtype == colored.confidence.dtype == torch.float32
        assert colored.ab.isfinite().all()
        assert colored.confidence.amin() >= 0 and colored.confidence.amax() <= most
    colorizer: Colorizer = model
    assert colorizer.name == "anchors" and len(colorizer.fingerprint) == 64


def test_the_same_input_gives_the_same_bits(model):
    film = shot()
    one = model.colorize(batch(film), model.prepare(film, []))
    again = AnchorsColorizer(CPU, painter=painter())
    two = again.colorize(batch(film), again.prepare(shot(), []))
    assert torch.equal(one.ab, two.ab) and torch.equal(one.confidence, two.confidence)
    parts = [model.colorize(batch(film, *p), model.prepare(film, [])).ab for p in ((0, 2), (2, 5))]
    torch.testing.assert_close(torch.cat(parts), one.ab, atol=0.05, rtol=0)


def test_anchors_colors_are_frozen_and_their_places_follow(model, small):
    film = shot(9)
    film.lightness[7] = film.lightness[1]
    state = model.prepare(film, [])
    assert len(state.ab) <= DEFAULT and state.cells.shape == (9, len(state.ab))
    analysis = small.analyse(torch.from_numpy(film.grey([4]))[None])
    assert set(state.cells[4].tolist()) == set(small.place(analysis).tolist())  # the middle frame is the key frame
    assert torch.equal(state.cells[1], state.cells[7])
    colored = model.colorize(batch(film), state)
    torch.testing.assert_close(colored.ab[1], colored.ab[7], atol=0.02, rtol=0)


def test_a_references_anchors_have_its_true_colors(model):
    film = shot()
    state = model.prepare(film, [key(102, 33.0, -21.0)])
    torch.testing.assert_close(state.ab, torch.tensor([[33.0, -21.0]]).expand(len(state.ab), 2), atol=0.05, rtol=0)
    assert DEFAULT < len(state.ab) <= MOST
    both = model.prepare(film, [key(100, 33.0, -21.0), key(104, -30.0, 10.0)])
    assert len(both.ab) <= MOST and set(both.ab[:, 0].sign().tolist()) == {1.0, -1.0}


def test_what_a_cropped_reference_does_not_cover_has_no_anchor(model, small):
    film, covered = shot(), np.zeros((H, W), bool)
    covered[:, : W // 2] = True
    reference = key(102, covered=covered)
    reference.lab[:, W // 2 :, 1:] = 100.0
    state = model.prepare(film, [reference])
    torch.testing.assert_close(state.ab, torch.tensor([[40.0, -20.0]]).expand(len(state.ab), 2), atol=0.05, rtol=0)


def test_three_versions_of_each_anchors_color(small):
    analysis = small.analyse(torch.from_numpy(shot().grey([0]))[None])
    cells = small.place(analysis, 5)
    first, second, third = small.propose(analysis, cells)
    top = color_bins.gamut()[analysis.logits[cells].topk(10).indices]
    for n in range(len(cells)):
        assert torch.equal(first[n], top[n, 0])
        away = torch.cdist(top[n], first[n : n + 1])[:, 0]
        assert float((second[n] - first[n]).norm()) == pytest.approx(float(away.max()))
        both = torch.minimum(away, torch.cdist(top[n], second[n : n + 1])[:, 0])
        assert float(min((third[n] - first[n]).norm(), (third[n] - second[n]).norm())) == pytest.approx(
            float(both.max())
        )
    wider = small.propose(analysis, cells, 80)
    assert (wider[1] - wider[0]).norm(dim=1).mean() > (second - first).norm(dim=1).mean()


def test_fingerprints_know_weights_and_seed(small):
    prints = {AnchorsColorizer(CPU, s, p).fingerprint for s, p in ((0, small), (1, small), (0, painter(1)))}
    assert len(prints) == 3
    assert AnchorsColorizer(CPU, painter=painter()).fingerprint == AnchorsColorizer(CPU, painter=small).fingerprint


def landscape():
    """A bright sky, dark hills and a ball, with a little grain: (256, 384) lightness."""
    y, x = np.mgrid[:256, :384].astype(np.float32)
    l = np.where(y < 110 + 15 * np.sin(x / 50), 80 - y / 20, 35 + y / 40)
    l = np.where((y - 180) ** 2 + (x - 120) ** 2 < 45**2, 60 + (x - 120) / 10, l)
    return l + np.random.default_rng(0).normal(0, 0.8, l.shape).astype(np.float32)


def test_an_anchors_color_is_obeyed_where_it_is_and_elsewhere_little_changes():
    shipped = Painter(CPU)
    analysis = shipped.analyse(torch.from_numpy(landscape())[None, None].float())
    owner = superpixels.ids(analysis.association)[0]
    ball = (torch.from_numpy(np.mgrid[:256, :384][0]) - 180) ** 2 + (torch.arange(384) - 120) ** 2 < 40**2
    cells = torch.stack([owner[180, 120], owner[40, 200], owner[230, 300]])
    green, blue, red = [-25.0, 25.0], [-5.0, -30.0], [50.0, 35.0]
    plain = shipped.paint(analysis, Anchors(cells, torch.tensor([green, blue, green])))
    changed = shipped.paint(analysis, Anchors(cells, torch.tensor([red, blue, green])))
    redder = (changed - plain)[0]
    assert redder[ball].mean() > 20
    assert redder[:80].abs().mean() < 0.25 * redder[ball].mean()
    assert redder[:, 250:].abs().mean() < 0.25 * redder[ball].mean()
    assert torch.equal(shipped.paint(analysis, Anchors(cells, torch.tensor([red, blue, green]))), changed)
