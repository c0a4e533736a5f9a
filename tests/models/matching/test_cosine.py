"""Coarse-to-fine matching, with untrained nets: the mechanics hold whatever the weights are."""

from functools import cache

import pytest
import torch
import torch.nn.functional as F

from vidcolor.models.matching.base import FAR_SQUARED, Expected, KeyTokens, Tokens, together
from vidcolor.models.matching.cosine import children, fold, windows
from vidcolor.models.matching.trained import TrainedMatcher
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite


@cache
def encoder():
    torch.manual_seed(0)
    return EfficientNetLite().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def matcher():
    torch.manual_seed(0)
    return TrainedMatcher().eval().requires_grad_(False)


def tokens_of(matcher, l):
    return matcher.describe(l, encoder()(l))


@pytest.fixture(scope="module")
def picture():
    torch.manual_seed(1)
    smooth = F.interpolate(torch.rand(1, 1, 24, 32), size=(96, 128), mode="bicubic")
    return (smooth * 100).clamp(0, 100), torch.nn.functional.interpolate(torch.randn(1, 2, 12, 16) * 30, size=(96, 128))


def describe(matcher, l):
    """Descriptors of plain luma patches: independent of what random convolutions make of a picture."""
    tokens = tokens_of(matcher, l)
    patch8, patch4 = F.pixel_unshuffle(l, 8), F.pixel_unshuffle(l, 4)
    coarse = F.normalize(torch.cat([patch8 - 50, torch.zeros(1, 32, *patch8.shape[-2:])], 1), dim=1)
    fine = F.normalize(torch.cat([patch4 - 50, torch.zeros(1, 48, *patch4.shape[-2:])], 1), dim=1)
    assert tokens.coarse.shape == coarse.shape and tokens.fine.shape == fine.shape
    return Tokens(coarse, fine)


def test_descriptors_are_unit_length(matcher, picture):
    tokens = tokens_of(matcher, picture[0])
    for x in (tokens.coarse, tokens.fine):
        assert torch.allclose(x.norm(dim=1), torch.ones(()), atol=1e-4)


def test_fold_undoes_children():
    x = torch.randn(1, 3, 8, 12)
    assert torch.equal(fold(children(x), 4, 6), x[0])


def test_windows_hold_the_neighbourhood_of_each_place():
    x = torch.arange(8 * 12, dtype=torch.float32).reshape(1, 1, 8, 12)
    w = windows(x)
    assert w.shape == (4 * 6, 16, 1)
    inner = w[1 * 6 + 2, :, 0].reshape(4, 4)  # stride-8 place (1, 2): rows 1..4, columns 3..6
    assert torch.equal(inner, x[0, 0, 1:5, 3:7])


def test_of_two_equal_things_the_one_where_motion_says_wins(matcher, picture):
    """A key of the same picture twice, once in its own colours and once in their opposites."""
    l, ab = picture
    tokens = describe(matcher, l)
    key = together([matcher.key_tokens(tokens, ab), matcher.key_tokens(tokens, -ab)])
    truth = F.adaptive_avg_pool2d(ab, (24, 32))[0]
    y, x = torch.meshgrid(torch.arange(12), torch.arange(16), indexing="ij")
    own = ((torch.stack([x, y], -1) + 0.5) / 12).flatten(0, 1)
    far = own + torch.tensor([3.0, 0.0])
    one_key = torch.zeros(len(key.bias), dtype=torch.long)
    undecided = matcher.match(tokens, key).ab
    assert undecided.norm(dim=0).mean() < 0.2 * truth.norm(dim=0).mean(), "the mean of both is grey"
    near = matcher.match(tokens, key, Expected(torch.cat([own, far]), one_key, own[None]))
    assert (near.ab - truth).norm(dim=0).median() < 0.25 * truth.norm(dim=0).median()
    away = matcher.match(tokens, key, Expected(torch.cat([own, far]), one_key, far[None]))
    assert (away.ab + truth).norm(dim=0).median() < 0.25 * truth.norm(dim=0).median()
    unknown = matcher.match(
        tokens, key, Expected(torch.cat([own, far]), one_key, torch.full_like(own[None], torch.nan))
    )
    assert torch.equal(unknown.ab, undecided) and torch.equal(near.evidence[0], unknown.evidence[0])


def test_candidates_are_looked_for_near_where_motion_says(matcher):
    """Keys that look the same everywhere: of each, what lies nearest comes first; of one not followed, anything."""
    torch.manual_seed(2)
    look = F.normalize(torch.randn(96), dim=0)
    y, x = torch.meshgrid(torch.arange(24), torch.arange(40), indexing="ij")
    place = ((torch.stack([x, y], -1) + 0.5) / 24).flatten(0, 1).repeat(2, 1)
    n = len(place)
    key = KeyTokens(look[:, None].repeat(1, n), torch.zeros(n, 16, 64), torch.zeros(n, 16, 2), torch.zeros(n))
    owner = torch.arange(2).repeat_interleave(n // 2)
    at = torch.tensor([[[0.3, 0.4], [1.5, 0.9]], [[0.3, 0.4], [0.2, 0.1]]])
    scale = matcher.log_scale[0].exp()
    asked, wide = Expected(place, owner, at).widened(look.repeat(2, 1), key, scale)
    logits = scale * asked @ wide.coarse + wide.bias
    apart = torch.stack([(place - at[owner, i]).square().sum(1) for i in range(2)])
    torch.testing.assert_close(logits, scale - FAR_SQUARED * apart, atol=1e-3, rtol=0)
    found = matcher.candidates(asked, wide)
    assert apart.gather(1, found).max() < 0.1, "one of each group"
    at[1] = torch.nan
    asked, wide = Expected(place, owner, at).widened(look.repeat(2, 1), key, scale)
    logits = scale * asked @ wide.coarse + wide.bias
    assert torch.allclose(logits[:, n // 2 :], scale) and (logits[:, : n // 2] <= scale + 1e-3).all()


def test_a_picture_matched_with_itself_gives_its_own_colours(matcher, picture):
    l, ab = picture
    tokens = describe(matcher, l)
    match = matcher.match(tokens, matcher.key_tokens(tokens, ab))
    truth = F.adaptive_avg_pool2d(ab, match.ab.shape[-2:])[0]
    assert (match.ab - truth).norm(dim=0).median() < 0.25 * truth.norm(dim=0).median()
    assert torch.allclose(match.evidence[0], torch.ones(()), atol=1e-3)


def test_weights_sum_to_one_and_stay_in_the_keys_colours(matcher, picture):
    l, ab = picture
    tokens = tokens_of(matcher, l)
    key = matcher.key_tokens(tokens_of(matcher, l.flip(-1)), ab)
    weight, copied, _ = matcher.choose(tokens.coarse[0].flatten(1).T, children(tokens.fine), key)
    assert torch.allclose(weight.sum(-1), torch.ones(()), atol=1e-5)
    found = torch.bmm(weight, copied)
    assert found.amin() >= ab.amin() - 1e-3 and found.amax() <= ab.amax() + 1e-3


def test_a_key_of_more_weight_is_copied_more(matcher, picture):
    l, _ = picture
    tokens = tokens_of(matcher, l)
    ab = torch.zeros(2, 2, 96, 128)
    ab[0, 0], ab[1, 0] = 40.0, -40.0
    keys = matcher.key_tokens(tokens_of(matcher, torch.cat([l, l])), ab)
    bias = torch.tensor([20.0, 0.05]).log().repeat_interleave(len(keys.bias) // 2)
    even, first = (matcher.match(tokens, k).ab[0].mean() for k in (keys, keys.with_bias(bias)))
    assert abs(even) < 8 and first > 30


def test_confidence_is_a_probability(matcher, picture):
    tokens = tokens_of(matcher, picture[0])
    confidence = matcher.confidence(matcher.match(tokens, matcher.key_tokens(tokens, picture[1])))
    assert confidence.shape == (1, 24, 32) and confidence.min() >= 0 and confidence.max() <= 1


def test_some_places_and_several_keys_side_by_side(matcher, picture):
    tokens = tokens_of(matcher, picture[0])
    key = matcher.key_tokens(tokens, picture[1])
    even = torch.arange(0, key.bias.numel(), 2)
    both = together([key, key[even]])
    assert both.coarse.shape[1] == len(both.windows) == len(both.colors) == len(both.bias) == 192 + 96
    assert torch.equal(both.colors[192:], key.colors[even]) and torch.equal(both.coarse[:, 192:], key.coarse[:, even])
    assert torch.allclose(matcher.match(tokens, together([key])).ab, matcher.match(tokens, key).ab)
