"""`--quality`: the default model at two sizes."""

import pytest
import torch
from moving import N, colored, film, key

from vidcolor.models import registry
from vidcolor.shot import Shot


@pytest.fixture(scope="module")
def model():
    return registry.create("exemplar", device="cpu", quality=True)


def test_the_small_frames_are_two_thirds_and_all_inferred(model):
    state = model.prepare(film(), [])
    assert state.large.shot.lightness.shape == (N, 96, 160) and state.small.shot.lightness.shape == (N, 64, 96)
    assert state.small.inferred == list(range(N)) and len(state.large.inferred) < N
    assert model.small.net is model.large.net, "one net in memory"


@pytest.mark.parametrize("keys", [[key(103)], [key(None, painted=False)]], ids=["painted", "other"])
def test_colours_are_the_mean_of_both_sizes(model, keys):
    (found,) = colored(model, film(), model.prepare(film(), keys))
    (large,) = colored(model.large, film(), model.large.prepare(film(), keys))
    shot = model.prepare(film(), keys).small.shot
    (small,) = colored(model.small, shot, model.small.prepare(shot, keys))
    mean = (large.ab + torch.nn.functional.interpolate(small.ab, (96, 160), mode="bilinear")) / 2
    torch.testing.assert_close(found.ab, mean)
    assert (large.ab - found.ab).abs().mean() > 0.05, "or one of them alone would do"
    assert found.confidence.shape == (N, 1, 96, 160) and 0 <= found.confidence.min() <= found.confidence.max() <= 1


def test_no_key_and_no_motion(model):
    shot = film()
    shot.motion = 0.0
    (found,) = colored(model, shot, model.prepare(shot, []))
    assert found.confidence.max() == 0
    state = model.prepare(Shot(shot.lightness, 0, motion=0.0), [key()])
    assert state.small.traced is None and state.small.shot.motion == 0


def test_the_same_bits_however_a_shot_is_batched(model):
    whole = torch.cat([c.ab for c in colored(model, film(), model.prepare(film(), [key(102)]))])
    parts = [(0, 3), (3, 5), (5, 8)]
    found = colored(model, film(), model.prepare(film(), [key(102)]), *parts)
    assert torch.equal(torch.cat([c.ab for c in found]), whole)
