"""Settings: what they take, and the errors that name them."""

import pytest

from vidcolor.encode.codecs import CODECS, GRIDS
from vidcolor.errors import VidcolorError
from vidcolor.models import registry
from vidcolor.settings import OPTIONS, Settings


def test_choices_are_those_of_the_program():
    assert OPTIONS["codec"].choices == ("auto", *CODECS)
    assert OPTIONS["chroma"].choices == GRIDS
    assert OPTIONS["model"].choices == registry.names()


def test_every_option_of_a_model_is_a_setting():
    assert {option for spec in registry.MODELS for option in spec.options} <= set(OPTIONS)


def test_every_default_is_taken_and_every_help_is_a_phrase():
    for name, option in OPTIONS.items():
        assert Settings(**({"dump_dir": "look"} if name.startswith("dump") else {}) | {name: getattr(Settings, name)})
        assert option.help and option.help[-1] != "." and option.help[0] == option.help[0].lower(), name


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strength": 1.5}, "`strength` 1.5: a number from 0 to 1"),
        ({"strength": float("nan")}, "`strength` nan: a number from 0 to 1"),
        ({"size": 31}, "`size` 31: a whole number from 32 to 4096"),
        ({"preset": 6}, "`preset` 6: text"),
        ({"device": 0}, "`device` 0: text"),
        ({"dump_dir": 3}, "`dump_dir` 3: a path"),
        ({"seed": True}, "`seed` True: a whole number from 0"),
        ({"codec": "h264"}, "`codec` h264: one of auto, x264"),
        ({"chroma": 420}, "`chroma` 420: one of 420, 422, 444"),
        ({"quality": None}, "`quality` None: True or False"),
        ({"full_range": "full"}, "`full_range` 'full': True or False, or None to believe the film"),
        ({"dump_every": 0, "dump_dir": "look"}, "`dump_every` 0: a whole number from 1"),
        ({"dump_every": 3}, "`dump_every` without a folder"),
        ({"lossless": True, "codec": "x265"}, "`lossless` means FFV1, not `codec=x265`"),
        ({"model": "adain", "quality": True, "size": 64}, "`quality` is `size=384` for `model=adain`"),
    ],
)
def test_an_error_names_the_setting(given, words):
    with pytest.raises(VidcolorError) as caught:
        Settings(**given)
    assert str(caught.value).startswith(words)


def test_sheets_come_with_their_folder():
    assert Settings().sheet_every == 0
    assert Settings(dump_dir="look").sheet_every == 24
    assert Settings(dump_dir="look", dump_every=5).sheet_every == 5


def test_the_content_hash_knows_what_shapes_a_unit():
    shaping = Settings().shaping()
    assert {"model", "strength", "seed", "precision"} <= set(shaping)
    assert not {"device", "size", "codec", "matrix", "full_range", "dump_dir"} & set(shaping)


def test_quality_finds_colours_on_larger_frames():
    assert Settings().lines(480) < Settings(quality=True).lines(480)
    assert Settings(size=128, quality=True).lines(480) == 128


def test_working_frames_are_not_much_larger_than_the_film():
    fine = Settings(quality=True)
    assert fine.lines(240) == 360 and fine.lines(1080) == fine.lines(480)
    assert Settings().lines(64) == 256 and Settings(model="adain").lines(480) == 256
