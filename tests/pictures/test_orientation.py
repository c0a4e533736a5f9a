"""Films and keys that lie on their side or in a mirror."""

import numpy as np
import pytest
from media import ffmpeg, write_film
from PIL import Image

from vidcolor.film.probe import probe
from vidcolor.keys.key_list import Key
from vidcolor.keys.picture import load_key
from vidcolor.pictures.orientation import joined, of_key, turned, undone
from vidcolor.plan.scan import scan

PICTURE = np.arange(24).reshape(4, 6)


def test_orientations_form_a_group():
    for first in range(1, 9):
        assert np.array_equal(turned(turned(PICTURE, first), undone(first)), PICTURE)
        for second in range(1, 9):
            both = turned(turned(PICTURE, first), second)
            assert np.array_equal(turned(PICTURE, joined(first, second)), both)


SHOWN = {
    "90": ["-display_rotation", "90"],
    "180": ["-display_rotation", "180"],
    "270": ["-display_rotation", "270"],
    "hflip": ["-display_hflip"],
    "vflip": ["-display_vflip"],
    "90 hflip": ["-display_rotation", "90", "-display_hflip"],
    "90 vflip": ["-display_rotation", "90", "-display_vflip"],
}


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    """Films of the same frames: wide, square, of wide pixels."""
    folder = tmp_path_factory.mktemp("turned")
    for name, size in (("wide", (96, 64)), ("square", (80, 80))):
        write_film(folder / f"{name}.mp4", 6, width=size[0], height=size[1], codec="mpeg4", options={"q": "2"})
    ffmpeg(
        "-i", folder / "wide.mp4", "-c", "copy", "-bsf:v", "mpeg4_unpack_bframes", "-aspect", "2:1", folder / "sar.mp4"
    )
    return folder


@pytest.mark.parametrize(
    ("shape", "how"),
    [*(("wide", how) for how in SHOWN), ("square", "90"), ("square", "hflip"), ("sar", "270"), ("sar", "90 vflip")],
)
def test_a_key_lies_as_the_player_shows_the_film(grey, tmp_path, shape, how, capsys):
    film = tmp_path / "film.mp4"
    ffmpeg(*SHOWN[how], "-i", grey / f"{shape}.mp4", "-c", "copy", film)
    for name, before in (("shown.png", []), ("coded.png", ["-noautorotate"])):
        ffmpeg(*before, "-i", film, "-vf", "select=eq(n\\,3)", "-frames:v", 1, tmp_path / name)
        with Image.open(tmp_path / name) as image:
            Image.fromarray(np.asarray(image)).save(tmp_path / name)  # without the EXIF that newer ffmpegs write
    facts = probe(film)
    assert facts.orientation != 1
    with Image.open(tmp_path / "shown.png") as image:
        turned_by_hand = Image.fromarray(turned(np.asarray(image), 6))
    exif = Image.Exif()
    exif[274] = 8  # the same, stored on its side
    turned_by_hand.save(tmp_path / "exif.png", exif=exif)
    keys = [Key(tmp_path / name, 3) for name in ("shown.png", "exif.png", "coded.png")]
    found = scan(facts, keys)
    with Image.open(tmp_path / "coded.png") as image:
        coded = np.asarray(image) / np.float32(255)
    for key, match in zip(keys, found.matches, strict=True):
        assert match.frame == 3
        lies = load_key(key.path, facts, match.turn)
        assert np.abs(lies - coded).mean() < 0.01, key.path.name
    assert [match.turn is None for match in found.matches] == [True, True, False]


def test_the_ways_that_are_tried_start_with_the_viewers(grey):
    facts = probe(grey / "wide.mp4")
    assert of_key(1, facts.orientation) == [1]
    assert of_key(6, facts.orientation) == [6, 1]
    assert of_key(0, facts.orientation) == [1]


def test_a_tag_that_was_left_in_a_turned_picture_is_seen_through(grey, tmp_path):
    facts = probe(grey / "wide.mp4")
    ffmpeg("-i", grey / "wide.mp4", "-vf", "select=eq(n\\,3)", "-frames:v", 1, tmp_path / "plain.png")
    exif = Image.Exif()
    exif[274] = 6
    with Image.open(tmp_path / "plain.png") as image:
        image.save(tmp_path / "key.png", exif=exif)
    match = scan(facts, [Key(tmp_path / "key.png")]).matches[0]
    assert (match.frame, match.turn) == (3, 1)
    assert load_key(tmp_path / "key.png", facts, match.turn).shape[:2] == (64, 96)
