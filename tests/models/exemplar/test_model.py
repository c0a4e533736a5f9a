"""The default model behind the contract, with its shipped weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from moving import N, colored, film, key

from vidcolor.models import registry
from vidcolor.models.exemplar.model import VIEWS
from vidcolor.models.matching.base import Match
from vidcolor.shot import Reference, Shot


@pytest.fixture(scope="module")
def model():
    return registry.create("exemplar", device="cpu")


def test_colours_follow_the_key_and_the_motion(model):
    shot = film()
    (all_of_it,) = colored(model, shot, model.prepare(shot, [key()]))
    assert all_of_it.ab.shape == (N, 2, 96, 160) and all_of_it.confidence.shape == (N, 1, 96, 160)
    for t in range(N):
        square = all_of_it.ab[t, 0, 34:62, 46 + 4 * t : 74 + 4 * t]
        assert square.mean() > 15 > 0 > all_of_it.ab[t, 0, 5:25, 5:155].mean(), f"frame {t}"


def test_the_weight_of_a_painted_key_counts_between_it_and_another(model):
    other = key(100 + N - 1)
    other.lab[..., 1:] *= -1
    found = []
    for weight in (0.1, 1.0, 10.0):
        shot, keys = film(), [key(), replace(other, weight=weight)]
        (of_all,) = colored(model, shot, model.prepare(shot, keys))
        found.append(float(of_all.ab[N // 2, 0, 34:62, 62:90].mean()))
    assert found[0] - 3 > found[1] > found[2] + 3 and found[0] > 20 > 0 > found[2], found


def test_the_same_bits_however_a_shot_is_batched(model):
    shot = film()
    whole = torch.cat([c.ab for c in colored(model, shot, model.prepare(shot, [key(102)]))])
    state = model.prepare(film(), [key(102)])
    for parts in ([(0, 4), (4, 8)], [(n, n + 1) for n in range(N)], [(5, 8), (0, 3), (3, 5)]):
        found = {a: c.ab for (a, _), c in zip(parts, colored(model, shot, state, *parts), strict=True)}
        assert torch.equal(torch.cat([found[a] for a in sorted(found)]), whole)


def test_only_inferred_frames_go_through_the_nets(model, monkeypatch):
    seen = []
    inner = model.encoder.forward
    monkeypatch.setattr(model.encoder, "forward", lambda l: seen.append(len(l)) or inner(l))
    shot = film()
    state = model.prepare(shot, [key(None, painted=False)])
    assert state.inferred == [0, 2, 3, 5, 6, 7] == sorted(state.maps)
    assert sum(seen) == len(state.inferred) + len(VIEWS)
    colored(model, shot, state, (0, 4))
    assert sorted(state.done)[-1] < 7, "and not all of them at once"


def test_without_motion_every_frame_is_coloured_by_itself(model):
    shot = film()
    shot.motion = 0.0
    state = model.prepare(shot, [key()])
    assert state.inferred == list(range(N))
    (found,) = colored(model, shot, state)
    assert state.traced is None
    alone = Shot(shot.lightness[4:5], 104, motion=0.0)
    (of_one,) = colored(model, alone, model.prepare(alone, [key()]))
    assert (of_one.ab[0] - found.ab[4]).abs().mean() < 0.5, "but for nets that see four frames at once in bfloat16"


def test_beside_a_cropped_key_come_its_colours_whatever_matching_says(model, monkeypatch):
    """Matching is made to say teal, unsurely, where the key of a plain frame covers nothing."""

    def teal(tokens, key, expected=None):
        h, w = tokens.fine.shape[-2:]
        evidence = torch.tensor([0.0, 0.3, 0.1, 20.0])[:, None, None].expand(4, h, w)
        return Match(torch.full((2, h, w), -30.0), evidence, torch.zeros(h * w // 4, dtype=torch.long))

    monkeypatch.setattr(model.matcher, "match", teal)
    l = np.full((96, 160), 130, np.uint8) + np.random.default_rng(0).integers(0, 3, (96, 160), np.uint8)
    covered = np.zeros((96, 160), bool)
    covered[:, :100] = True
    lab = np.dstack([l / 2.55, np.where(covered, 20, 0), np.where(covered, 40, 0)]).astype(np.float32)
    shot = Shot(l[None], 0)
    state = model.prepare(shot, [Reference(lab, 0, painted=True, covered=covered)])
    outside = state.hint[0, 4:-4, 54:76].astype(np.float32)
    assert np.abs(outside - (20, 40)).max() < 3, outside.reshape(-1, 2).min(0)
    assert state.confidence[0, 4:-4, 54:76].min() > 0.5
    (found,) = colored(model, shot, state)
    assert found.ab[0, 0, 8:-8, 108:152].min() > 0 and found.ab[0, 1, 8:-8, 108:152].min() > 15
