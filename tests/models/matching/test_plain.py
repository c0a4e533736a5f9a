"""`--matcher plain`: matching without learned descriptors."""

import pytest
import torch
from moving import colored, film, key

from vidcolor.errors import VidcolorError
from vidcolor.models import registry
from vidcolor.settings import Settings


@pytest.fixture(scope="module")
def model():
    return registry.create("exemplar", device="cpu", matcher="plain")


def test_the_keys_colours_are_found_and_every_bit_again(model):
    shot, keys = film(), [key(None, painted=False)]
    (found,) = colored(model, shot, model.prepare(shot, keys))
    assert found.ab[0, 0, 34:62, 46:74].mean() > 15 > 0 > found.ab[0, 0, 5:25, 5:155].mean()
    (again,) = colored(model, film(), model.prepare(film(), keys))
    assert torch.equal(found.ab, again.ab)


def test_fingerprint_and_content_hash_tell_it_apart(model):
    assert model.fingerprint != registry.create("exemplar", device="cpu").fingerprint
    assert Settings(matcher="plain").shaping() != Settings().shaping()


def test_other_models_do_not_take_it():
    with pytest.raises(VidcolorError, match="`matcher=plain`: `model=sscn` does not take it; use `model=exemplar`"):
        registry.check_options("sscn", matcher="plain")
