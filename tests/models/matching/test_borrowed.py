"""Colours from keys of other shots, with the shipped weights: those of the same scene come, others stay faint."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vidcolor.color.delta_e import ciede2000
from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.models import registry
from vidcolor.models.base import Batch
from vidcolor.models.matching import borrowed
from vidcolor.shot import Reference, Shot, quantized

KEYS = Path(__file__).resolve().parents[3] / "samples" / "keys"
ASTRONAUT, COFFEE, CAT, ROCKET = "ref_000000", "ref_000048", "ref_000107", "ref_000128"
HEIGHT, WIDTH = 192, 256


@pytest.fixture(scope="module")
def model():
    return registry.create("exemplar", device="cpu")


def lab(name: str, part: tuple[slice, slice] = (slice(None), slice(None))) -> np.ndarray:
    """A sample's key, or a part of it, in shares of its sides: Lab at working size."""
    rgb = cv2.imread(str(KEYS / f"{name}.png"))[..., ::-1]
    rows, columns = (
        slice(*(None if at is None else round(at * n) for at in (s.start, s.stop))) for s, n in zip(part, rgb.shape)
    )
    picture = cv2.resize(np.ascontiguousarray(rgb[rows, columns]), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return rgb_to_lab(picture.astype(np.float32) / 255)


def shot_of(truth: np.ndarray, own_key: bool, count: int = 1, motion: float = 0.0) -> Shot:
    grey = quantized(truth[..., 0])
    return Shot(np.stack([np.roll(grey, t, 1) for t in range(count)]), 100, motion=motion, own_key=own_key)


def colored(model, shot: Shot, *keys: np.ndarray, frame: int | None = None) -> np.ndarray:
    """ab (n, h, w, 2) of a shot."""
    state = model.prepare(shot, [Reference(key, frame) for key in keys])
    grey = torch.from_numpy(shot.grey(slice(None)))[:, None]
    return model.colorize(Batch(grey, range(len(shot))), state).ab.permute(0, 2, 3, 1).numpy()


def chroma(ab: np.ndarray) -> np.ndarray:
    return np.hypot(ab[..., 0], ab[..., 1])


def error(truth: np.ndarray, ab: np.ndarray | float) -> np.ndarray:
    shown = np.dstack([truth[..., 0], np.broadcast_to(ab, truth[..., 1:].shape)]).astype(np.float32)
    return ciede2000(rgb_to_lab(lab_to_rgb(shown)), truth)


@pytest.mark.parametrize(
    ("film", "key"), [(ROCKET, COFFEE), (ROCKET, ASTRONAUT), (CAT, ROCKET), (COFFEE, ASTRONAUT), (ASTRONAUT, COFFEE)]
)
def test_a_key_of_something_else_gives_faint_colours(model, film: str, key: str):
    truth = lab(film)
    ungated, found = (colored(model, shot_of(truth, own), lab(key))[0] for own in (True, False))
    assert np.percentile(chroma(ungated), 95) > 20
    automatic = colored(model, shot_of(truth, True))[0]  # without a key
    np.testing.assert_allclose(found, borrowed.MUTED * automatic, atol=0.1)
    assert chroma(found).mean() < 7
    grey, wrong = error(truth, 0), error(truth, found)
    assert wrong.mean() < grey.mean() + 0.5
    assert np.percentile(wrong, 99) < np.percentile(grey, 99) + 4


@pytest.mark.parametrize("name", [ASTRONAUT, COFFEE, CAT, ROCKET])
def test_a_key_of_the_same_scene_gives_its_colours(model, name: str):
    """The key shows the frame's things from farther, half of them beside, or mirrored and darker."""
    near, left, right = np.s_[0.1:0.85, 0.1:0.85], np.s_[:, :0.8], np.s_[:, 0.2:]
    darker = lab(name)[:, ::-1] * np.array([0.85, 1, 1], np.float32)
    for truth, key in ((lab(name, near), lab(name)), (lab(name, left), lab(name, right)), (lab(name), darker)):
        found = colored(model, shot_of(truth, own_key=False), key)[0]
        assert error(truth, found).mean() < 0.5 * error(truth, 0).mean()
        assert chroma(found).mean() > 0.7 * chroma(truth[..., 1:]).mean()


def test_the_key_that_matches_is_taken_however_far_it_is(model):
    """Shots A, B, A: the second A is coloured by the key of the first, though B's is nearer."""
    truth = lab(COFFEE)
    state = model.prepare(shot_of(truth, False), [Reference(lab(ROCKET), 99), Reference(truth, 0)])
    grey = torch.from_numpy(shot_of(truth, False).grey(slice(None)))[:, None]
    found = model.colorize(Batch(grey, range(1)), state).ab[0].permute(1, 2, 0).numpy()
    assert error(truth, found).mean() < 2


def test_it_holds_over_frames_in_motion_and_at_two_sizes(model):
    truth = lab(COFFEE)
    found = colored(model, shot_of(truth, False, 6, 1.0), lab(ASTRONAUT))
    assert chroma(found).mean() < 5 and np.percentile(chroma(found), 99) < 16
    quality = registry.create("exemplar", device="cpu", quality=True)
    assert chroma(colored(quality, shot_of(truth, False), lab(ASTRONAUT))).mean() < 5


def test_sscn_asks_the_same():
    sscn = registry.create("sscn", device="cpu")
    for key, bounds in ((ASTRONAUT, (0, 3)), (COFFEE, (20, 60))):
        found = colored(sscn, shot_of(lab(COFFEE), False), lab(key))
        assert bounds[0] <= chroma(found).mean() < bounds[1]
    assert chroma(colored(sscn, shot_of(lab(COFFEE), True), lab(ASTRONAUT))).mean() > 10


def test_a_shot_with_its_own_key_is_as_it_was(model, monkeypatch):
    def never(*_):
        raise AssertionError

    truth = lab(CAT)
    monkeypatch.setattr(borrowed, "trust", never)
    monkeypatch.setattr(borrowed, "strength", never)
    assert error(truth, colored(model, shot_of(truth, True), truth)[0]).mean() < 1


def test_trust_is_whole_where_all_agrees_and_none_where_nothing_does(model):
    encoder, matcher = model.encoder, model.matcher
    grey = {name: torch.from_numpy(lab(name)[..., 0].copy())[None, None] for name in (CAT, COFFEE)}
    ab = torch.from_numpy(lab(CAT)[..., 1:].copy()).permute(2, 0, 1)[None]
    with torch.inference_mode():
        frame, key = (matcher.describe(grey[name], encoder(grey[name])) for name in (CAT, COFFEE))
        same, other = matcher.key_tokens(frame, ab), matcher.key_tokens(key, ab)
        own, foreign = (borrowed.trust(frame, k, matcher.match(frame, k)) for k in (same, other))
        likeness = borrowed.likeness(frame, same, matcher.match(frame, same))
    assert own.shape == (HEIGHT // 4, WIDTH // 4)
    assert own.mean() > 0.95 and foreign.max() == 0
    torch.testing.assert_close(likeness, torch.full_like(likeness, 1.5), atol=1e-3, rtol=0)
