"""SSCN: its two stages, sparse attention and the choice of places, and the model behind the contract, untrained."""

import numpy as np
import pytest
import torch

from vidcolor.errors import VidcolorError
from vidcolor.models import registry, weights
from vidcolor.models.base import Batch, Colorizer
from vidcolor.models.matching.trained import TrainedMatcher
from vidcolor.models.nets import attention
from vidcolor.models.nets.adain import moments
from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.sscn.model import SscnColorizer
from vidcolor.models.sscn.net import CODE, SSCN, LearnedAdaIN
from vidcolor.models.sscn.tokens import Choice, Tokens, choose, grey_features, means, owners, sizes, together
from vidcolor.shot import Reference, Shot

CPU = torch.device("cpu")
THIN = {"width": 4, "fold": 2, "semantic": True, "residuals": 1, "temperature": 0.02}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Nets as small as these are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def nets(seed=0, **settings):
    torch.manual_seed(seed)
    net = SSCN(**{**THIN, **settings}).eval().requires_grad_(False)
    coloring = ColorizationNet(width=4, fold=2, semantic=True).eval().requires_grad_(False)
    return net, coloring, *(kind().eval().requires_grad_(False) for kind in (EfficientNetLite, TrainedMatcher))


@pytest.fixture(scope="module")
def model():
    return SscnColorizer(CPU, nets=nets())


@pytest.fixture(scope="module")
def paper():
    torch.manual_seed(0)
    return SSCN(width=4).eval().requires_grad_(False)


def picture(seed=0, size=(64, 96)):
    """(1, 3, h, w) Lab with texture and patches of colour."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(1, 3, size[0] // 8, size[1] // 8, generator=generator)
    lab = torch.nn.functional.interpolate(rough, size=size) * torch.tensor([60.0, 80, 80])[:, None, None]
    lab[:, 1:] -= 40
    lab[:, :1] += 20 + 15 * torch.rand(1, 1, *size, generator=generator)
    return lab


def shot(n=3, first=100, size=(64, 96)):
    frames = [(picture(t // 2, size)[0, 0] * 2.55).round().to(torch.uint8).numpy() for t in range(n)]
    return Shot(np.stack(frames), first)


def key(frame=None, seed=0, size=(64, 96), shift=(0.0, 0.0), **more):
    lab = picture(seed, size)[0].permute(1, 2, 0).numpy().copy()
    lab[..., 1:] += shift
    return Reference(lab, frame, **more)


def batch(film, first=0, last=None):
    positions = range(first, len(film) if last is None else last)
    lightness = torch.from_numpy(film.grey(slice(positions.start, positions.stop)))[:, None]
    return Batch(lightness, positions)


def see(l, encoder, matcher):
    return grey_features(matcher, l, encoder(l))


def described(net, lab, *eyes):
    maps = net.style(lab)
    return maps, net.describe(maps, see(lab[:, :1].contiguous(), *eyes) if eyes else None)


# the network


def test_paper_size_has_the_papers_parts():
    with torch.device("meta"):
        net = SSCN()
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
    assert count["content"] == 3_505_728 + 6  # VGG19 to conv4_1 behind a 1x1 convolution of 1 to 3
    assert count["style"] == 21_680_896
    assert count["value"] == 960 * 512 + 512
    assert sum(p.numel() for p in net.parameters()) == 54_096_481
    wide = [block.body[2].weight.shape[0] for block in net.style.blocks]
    assert wide == [64, 128, 256, 512, 512, 512] and net.style.last.kernel_size == (4, 4)
    assert net.locally.bins.out_channels == 529


def test_paper_size_at_any_size(paper):
    for size in ((64, 64), (32, 160), (96, 64)):
        lab = picture(1, size)
        maps, key = described(paper, lab)
        assert [tuple(m.shape[1:]) for m in maps] == [(4 * k, size[0] // k, size[1] // k) for k in (1, 2, 4, 8)]
        assert key.shape == (1, 15 * 4, size[0] // 4, size[1] // 4)
        code = paper.style.code(lab)
        assert code.shape == (1, CODE)
        first, content = paper.transfer(lab[:, :1], code)
        aligned = paper.align(key, paper.tokens(maps, key, lab[:, 1:], Choice(16, 16, gather=False)))
        ab, logits = paper.refine(maps, content, aligned, first, classes=True)
        assert first.shape == ab.shape == (1, 2, *size) and ab.isfinite().all()
        assert logits.shape == (1, 529, size[0] // 4, size[1] // 4)


def test_learned_adain_begins_as_in_and_is_affine_in_the_code():
    torch.manual_seed(0)
    layer, x = LearnedAdaIN(6), torch.randn(1, 6, 8, 9) * 3 + 1
    mu, sigma = moments(x)
    torch.testing.assert_close(layer(x, torch.randn(1, CODE)), (x - mu) / sigma)
    torch.nn.init.normal_(layer.affine.weight)
    one, other = torch.randn(2, 1, CODE)
    mixed = layer(x, 0.3 * one + 0.7 * other)
    torch.testing.assert_close(mixed, 0.3 * layer(x, one) + 0.7 * layer(x, other), atol=1e-4, rtol=1e-4)
    gamma, beta = layer.affine(one)[..., None, None].chunk(2, 1)
    torch.testing.assert_close(layer(x, one), (1 + gamma) * ((x - mu) / sigma) + beta)


def test_a_net_gets_what_its_kind_needs(paper):
    with pytest.raises(ValueError, match="a semantic net, and no other"):
        paper.transfer(torch.rand(1, 1, 32, 32), torch.zeros(1, CODE), see(torch.rand(1, 1, 32, 32), *nets()[2:]))
    with pytest.raises(ValueError, match="needs fold 2"):
        SSCN(width=4, semantic=True)


# attention over chosen places


@pytest.mark.parametrize("gather", [False, True])
def test_sparse_over_all_places_is_dense(model, gather):
    maps, key = described(model.net, picture(0), model.encoder, model.matcher)
    query = described(model.net, picture(1), model.encoder, model.matcher)[1]
    dense = model.net.align(query, model.net.tokens(maps, key, picture(0)[:, 1:], None))
    tokens = model.net.tokens(maps, key, picture(0)[:, 1:], Choice(200, 184, gather=gather))
    assert tokens.key.shape[1] == 16 * 24
    sparse = model.net.align(query, tokens)
    for name in ("value", "ab", "evidence"):
        torch.testing.assert_close(getattr(sparse, name), getattr(dense, name), atol=1e-4, rtol=1e-4)


def test_fewer_places_are_other_colours_and_gathered_ones_are_nearer_to_dense(model):
    lab = picture(0)
    maps, key = described(model.net, lab, model.encoder, model.matcher)
    query = described(model.net, picture(0) + torch.randn(lab.shape), model.encoder, model.matcher)[1]
    kinds = (None, Choice(32, 32, gather=False), Choice(32, 32))
    dense, alone, gathered = (model.net.align(query, model.net.tokens(maps, key, lab[:, 1:], c)).ab for c in kinds)
    assert (alone - dense).norm(dim=1).mean() > 1
    assert (gathered - dense).norm(dim=1).mean() < (alone - dense).norm(dim=1).mean()


def test_shares_of_the_tokens_sum_to_one(model):
    torch.manual_seed(0)
    query, keys = torch.randn(2, 40, 6), torch.randn(1, 30, 6)
    rows = attention.scores(query, keys.expand(2, -1, -1), model.net.temperature).softmax(-1).sum(-1)
    torch.testing.assert_close(rows, torch.ones(2, 40))
    maps, key = described(model.net, picture(0), model.encoder, model.matcher)
    tokens = model.net.tokens(maps, key, torch.full((1, 2, 64, 96), 33.0), Choice(20, 20))
    aligned = model.net.align(key, tokens.with_bias(tokens.bias + torch.randn(40)))
    torch.testing.assert_close(aligned.ab, torch.full_like(aligned.ab, 33.0), atol=1e-2, rtol=0)
    ones = Tokens(tokens.key, torch.ones_like(tokens.value), tokens.ab, tokens.bias)
    torch.testing.assert_close(model.net.align(key, ones).value, torch.ones_like(aligned.value), atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [(64, 96), (32, 192)])
def test_a_reference_equal_to_the_target_gives_its_own_colours(size):
    net, _, *eyes = nets(temperature=0.001)
    lab = picture(3, size)
    maps, key = described(net, lab, *eyes)
    aligned = net.align(key, net.tokens(maps, key, lab[:, 1:], None))
    truth = torch.nn.functional.avg_pool2d(lab[:, 1:], 4)
    assert (aligned.ab - truth).norm(dim=1).mean() < 1
    assert truth.std() > 10
    torch.testing.assert_close(aligned.evidence[:, 0], torch.ones(1, size[0] // 4, size[1] // 4), atol=1e-4, rtol=0)


def test_doubtful_colours_fade_to_those_of_stage_one():
    net, _, *eyes = nets()
    lab = picture(0)
    maps, key = described(net, lab, *eyes)
    tokens = net.tokens(maps, key, lab[:, 1:], None)
    aligned = net.align(described(net, picture(1), *eyes)[1], tokens)
    first = torch.full((1, 2, 64, 96), 50.0)
    net.fade_weight.data = torch.tensor([-30.0, 0, 0])
    torch.testing.assert_close(net.faded(aligned, first), torch.full_like(aligned.ab, 50.0))
    net.fade_weight.data = torch.tensor([30.0, 0, 0])
    torch.testing.assert_close(net.faded(aligned, first), aligned.ab)
    net.fade_weight.data = net.confidence_weight.data = torch.tensor([-40.0, 50.0, 0.0])
    cosine, sure = aligned.evidence[:, 0].flatten(), net.confidence(aligned).flatten()
    assert (sure[cosine.argsort()].diff() >= 0).all() and sure.std() > 0
    far = (net.faded(aligned, first) - 50).norm(dim=1) / (aligned.ab - 50).norm(dim=1)
    torch.testing.assert_close(far.flatten(), sure, atol=1e-4, rtol=0)


@pytest.mark.parametrize("by", ["mean", "centres"])
def test_chosen_places_are_as_many_as_asked_each_once_and_always_the_same(by):
    features = torch.nn.functional.normalize(torch.randn(12, 20, 30, generator=torch.Generator().manual_seed(0)), dim=0)
    where = choose(features, Choice(50, 40, by))
    assert len(where) == 90 == len(where.unique()) and where.amax() < 600
    assert (where.diff() > 0).all()
    assert torch.equal(where, choose(features.clone(), Choice(50, 40, by)))
    draw = [choose(features, Choice(50, 40, by), generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(draw[0], draw[1]) and not torch.equal(draw[0], draw[2]) and len(draw[0].unique()) == 90
    assert torch.equal(choose(features, Choice(500, 100, by)), torch.arange(600))


def test_a_larger_reference_keeps_more_places():
    assert Choice().of(64 * 64) == Choice(grow=False) == Choice().of(100)
    assert [(c.significant, c.others) for c in (Choice().of(n) for n in (2 * 4096, 65536))] == [
        (512, 512),
        (1024, 1024),
    ]
    assert Choice(2000, 1000).of(65536) == Choice(2000, 1000, grow=False)
    features = torch.nn.functional.normalize(torch.randn(4, 96, 128), dim=0)
    assert [len(choose(features, Choice(8, 8, grow=g))) for g in (False, True)] == [16, 48]


def test_significant_by_mean_are_the_farthest_from_it():
    features = torch.ones(3, 8, 8)
    features[:, 2, 3], features[:, 7, 7] = 5.0, -5.0
    assert choose(features, Choice(2, 0, "mean")).tolist() == [2 * 8 + 3, 63]


def test_centres_are_where_the_kinds_of_places_are():
    features = torch.zeros(3, 4, 6)
    features[0, :, :3], features[1, :2, 3:], features[2, 2:, 3:] = 1, 1, 1
    where = choose(features, Choice(3, 0))
    kinds = features.flatten(1).argmax(0)
    assert sorted(kinds[where].tolist()) == [0, 1, 2]


def test_even_places_lie_everywhere():
    where = choose(torch.rand(3, 32, 48), Choice(0, 96))
    y, x = where // 48, where % 48
    assert torch.equal(torch.bincount(y // 8 * 6 + x // 8, minlength=24), torch.full((24,), 4))


def test_uncovered_places_are_neither_chosen_nor_gathered():
    features = torch.nn.functional.normalize(torch.rand(5, 16, 16), dim=0)
    covered = torch.zeros(16, 16, dtype=torch.bool)
    covered[3:9, 4:14] = True
    where = choose(features, Choice(16, 16), covered)
    assert len(where) == 32 and covered.flatten()[where].all()
    owner = owners(features, where, covered)
    assert torch.equal(owner >= 0, covered.flatten())
    assert sizes(owner, 32).sum() == 60 and (sizes(owner, 32) > 0).all()
    assert torch.equal(owner[where], torch.arange(32))
    values = torch.rand(256, 2)
    mean = (means(values, owner, 32) * sizes(owner, 32)[:, None]).sum(0)
    torch.testing.assert_close(mean, values[covered.flatten()].sum(0))


def test_a_choice_that_makes_no_sense_is_refused():
    for wrong in ((0, 0, "mean"), (-1, 5, "mean"), (5, 5, "size")):
        with pytest.raises(ValueError, match="counts from 0"):
            Choice(*wrong)


# the model behind the contract


def test_it_keeps_the_contract(model):
    film = shot()
    colored = model.colorize(batch(film), model.prepare(film, [key(102)]))
    assert colored.ab.shape == colored.coarse.shape == (3, 2, 64, 96)
    assert colored.ab.dtype == colored.confidence.dtype == torch.float32
    assert colored.confidence.shape == (3, 1, 64, 96)
    assert colored.confidence.amin() >= 0 and colored.confidence.amax() <= 1
    colorizer: Colorizer = model
    assert colorizer.name == "sscn" and len(colorizer.fingerprint) == 64


def test_without_references_it_colors_by_itself_and_is_not_sure(model):
    film = shot()
    colored = model.colorize(batch(film), model.prepare(film, []))
    assert colored.ab.abs().max() > 0 and colored.confidence.max() == 0 and colored.coarse is None
    nothing = key(None, covered=np.zeros((64, 96), bool))
    assert torch.equal(model.colorize(batch(film), model.prepare(film, [nothing])).ab, colored.ab)


def test_the_same_input_gives_the_same_bits_however_it_is_batched(model):
    film, references = shot(5), [key(100), key(104, 1)]
    whole = model.colorize(batch(film), model.prepare(film, references))
    again = model.colorize(batch(film), SscnColorizer(CPU, nets=nets()).prepare(film, references))
    assert torch.equal(whole.ab, again.ab) and torch.equal(whole.confidence, again.confidence)
    parts = [model.colorize(batch(film, *p), model.prepare(film, references)).ab for p in ((0, 2), (2, 3), (3, 5))]
    torch.testing.assert_close(torch.cat(parts), whole.ab, atol=1.0, rtol=0)


def test_equal_frames_get_equal_colours(model):
    film = shot(4)  # frames come in pairs
    colored = model.colorize(batch(film), model.prepare(film, [key(None)]))
    assert torch.equal(colored.ab[0], colored.ab[1]) and not torch.equal(colored.ab[1], colored.ab[2])


def test_the_order_of_references_changes_nothing(model):
    film, references = shot(2), [key(None, 0), key(None, 1, weight=2.0), key(None, 2, (96, 64))]
    states = [model.prepare(film, r) for r in (references, references[::-1])]
    one, other = (s.tokens.key[0, (s.owner == n)] for s, n in zip(states, (0, 2)))
    assert torch.equal(one, other)
    ab = [model.colorize(batch(film), s).coarse for s in states]
    torch.testing.assert_close(*ab, atol=0.5, rtol=0)


def test_several_references_are_tokens_side_by_side(model):
    film = shot(2)
    states = [model.prepare(film, r) for r in ([key(None, 0)], [key(None, 1)], [key(None, 0), key(None, 1)])]
    both = together([states[0].tokens, states[1].tokens])
    for name in ("key", "value", "ab", "bias"):
        assert torch.equal(getattr(both, name), getattr(states[2].tokens, name))
    assert states[2].codes.shape == (2, CODE)


def test_a_users_weight_and_nearness_in_time_count():
    model = SscnColorizer(CPU, nets=nets(), last_mile=False)
    model.net.fade_weight.data = torch.tensor([30.0, 0, 0])
    film = shot(1)
    red, green = (40.0, 0.0), (-40.0, 0.0)

    def mean_a(first, second):
        ab = [model.colorize(batch(film), model.prepare(film, [r])).coarse[:, 0].mean() for r in (first, second)]
        both = model.colorize(batch(film), model.prepare(film, [first, second])).coarse[:, 0].mean()
        return float((both - ab[1]) / (ab[0] - ab[1]))  # the first one's share

    assert mean_a(key(None, 0, shift=red), key(None, 0, shift=green)) == pytest.approx(0.5, abs=0.15)
    assert mean_a(key(None, 0, shift=red, weight=9.0), key(None, 0, shift=green)) > 0.7
    assert mean_a(key(220, 0, shift=red), key(101, 0, shift=green)) < 0.3


@pytest.mark.parametrize("size", [(32, 32), (97, 131), (16, 200), (256, 40)])
def test_references_of_any_size(model, size):
    film, lab = shot(1), np.random.default_rng(0).normal(50, 12, (*size, 3)).astype(np.float32)
    covered = np.ones(size, bool)
    covered[: size[0] // 3] = False
    state = model.prepare(film, [Reference(lab, None), Reference(lab, None, covered=covered)])
    assert 0 < (state.owner == 1).sum() <= (state.owner == 0).sum()
    assert model.colorize(batch(film), state).ab.isfinite().all()


@pytest.mark.parametrize("size", [(32, 32), (32, 224), (160, 64)])
def test_shots_of_any_size(model, size):
    film = shot(1, size=size)
    assert model.colorize(batch(film), model.prepare(film, [key()])).ab.shape == (1, 2, *size)


def test_what_a_cropped_key_leaves_out_is_not_seen(model):
    film = shot(1)
    covered = np.zeros((64, 96), bool)
    covered[16:48, 16:80] = True
    first, second = key(None, covered=covered), key(None, covered=covered)
    second.lab[~covered] = (90.0, 100.0, -100.0)
    ab = [model.colorize(batch(film), model.prepare(film, [r])).ab for r in (first, second)]
    assert torch.equal(*ab)
    assert model.prepare(film, [first]).tokens.ab.abs().max() < 60


def test_stage_two_may_have_the_last_word():
    film = shot(1)
    own = SscnColorizer(CPU, nets=nets(), last_mile=False)
    colored = own.colorize(batch(film), own.prepare(film, [key()]))
    assert torch.equal(colored.ab, colored.coarse)
    model = SscnColorizer(CPU, nets=nets())
    other = model.colorize(batch(film), model.prepare(film, [key()]))
    assert torch.equal(other.coarse, colored.coarse) and not torch.equal(other.ab, colored.ab)


def test_the_fingerprint_knows_weights_and_settings():
    prints = {SscnColorizer(CPU, nets=nets()).fingerprint, SscnColorizer(CPU, nets=nets(1)).fingerprint}
    prints |= {SscnColorizer(CPU, nets=nets(), choice=c).fingerprint for c in (None, Choice(64, 64))}
    prints |= {SscnColorizer(CPU, nets=nets(), last_mile=False).fingerprint}
    assert len(prints) == 5
    assert SscnColorizer(CPU, nets=nets()).fingerprint in prints


def test_the_encoder_may_be_a_users_own_file(tmp_path):
    path = tmp_path / "mine.safetensors"
    net, *_ = nets()
    weights.save(path, net.state_dict(), {"net": "sscn", "settings": THIN})
    assert SscnColorizer(CPU, encoder=str(path)).net.width == 4
    with pytest.raises(VidcolorError, match="the weights cannot be read: no such file"):
        SscnColorizer(CPU, encoder=str(tmp_path / "none.safetensors"))
    with pytest.raises(VidcolorError, match=r"`encoder=vgg19`: `model=sscn` has no such encoder; give a \.safetensors"):
        SscnColorizer(CPU, encoder="vgg19")


def test_the_shipped_net_is_found_by_name_and_copies_a_reference():
    assert "sscn" in registry.names()
    model = registry.create("sscn", device="cpu")
    film, reference = shot(1), key(None)
    colored = model.colorize(batch(film), model.prepare(film, [reference]))
    truth = torch.from_numpy(reference.lab[..., 1:]).permute(2, 0, 1)
    assert (colored.ab[0] - truth).norm(dim=0).mean() < 0.5 * truth.norm(dim=0).mean()
