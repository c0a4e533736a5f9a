"""Label maps as people paint them."""

import numpy as np
import pytest
from PIL import Image

from vidcolor.errors import VidcolorError
from vidcolor.stylize.label_maps import ContentMaps, Labels, check_shape, read_map


def test_numbers_palettes_and_colours(tmp_path):
    numbers = np.array([[0, 7], [7, 255]], np.uint8)
    Image.fromarray(numbers).save(tmp_path / "grey.png")
    palette = Image.fromarray(numbers, "P")
    palette.putpalette([5] * 768)  # all of one colour: the index counts
    palette.save(tmp_path / "palette.png")
    Image.fromarray(numbers.astype(np.uint16) * 100).save(tmp_path / "deep.png")
    colours = np.zeros((2, 2, 3), np.uint8)
    colours[0, 1] = (255, 0, 0)
    Image.fromarray(colours).save(tmp_path / "colours.png")
    assert (read_map(tmp_path / "grey.png") == numbers).all()
    assert (read_map(tmp_path / "palette.png") == numbers).all()
    assert (read_map(tmp_path / "deep.png") == numbers.astype(int) * 100).all()
    found = read_map(tmp_path / "colours.png")
    assert len(np.unique(found)) == 2 and found[0, 1] != found[0, 0] == found[1, 1]


def test_a_map_lies_as_a_viewer_shows_it(tmp_path):
    numbers = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(numbers).save(tmp_path / "map.png", exif=exif)
    Image.fromarray(numbers).save(tmp_path / "map.tif", tiffinfo={274: 6})
    palette = Image.fromarray(numbers, "P")
    palette.putpalette([5] * 768)
    palette.save(tmp_path / "palette.tif", tiffinfo={274: 6})
    for name in ("map.png", "map.tif", "palette.tif"):
        assert (read_map(tmp_path / name) == np.rot90(numbers, -1)).all()
    for name, options in (("rgb.png", {"exif": exif}), ("rgb.tif", {"tiffinfo": {274: 6}})):
        Image.fromarray(np.dstack([numbers, numbers * 2, numbers])).save(tmp_path / name, **options)
    assert (read_map(tmp_path / "rgb.tif") == read_map(tmp_path / "rgb.png")).all()


def test_labels_are_those_of_the_styles(tmp_path):
    labels = Labels([np.array([[3, 9]]), np.array([[9, 40]])])
    assert len(labels) == 4
    assert labels.of(np.array([[9, 3], [41, 40]]), (2, 2)).tolist() == [[1, 0], [3, 2]]
    large = np.repeat(np.repeat(np.array([[3, 9], [8, 40]]), 10, 0), 10, 1)
    assert labels.of(large, (2, 2)).tolist() == [[0, 1], [3, 2]]


def test_missing_labels_are_named(tmp_path, capsys):
    labels = Labels([np.array([[3, 9]])])
    labels.check(np.array([[3, 5, 6]]), tmp_path / "own.png")
    assert "own.png: no style has 5, 6" in capsys.readouterr().err
    labels.check(np.array([[3]]), tmp_path / "all.png")
    assert capsys.readouterr().err == ""


def test_numbers_and_colours_do_not_mix(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "n.png")
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "c.png")
    n, c = read_map(tmp_path / "n.png"), read_map(tmp_path / "c.png")
    with pytest.raises(VidcolorError, match="has colours as labels, the style's map numbers"):
        Labels([n]).check(c, tmp_path / "c.png")
    with pytest.raises(VidcolorError, match="has numbers as labels, the style's map colours"):
        Labels([c]).check(n, tmp_path / "n.png")


def test_what_is_no_map_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    Image.fromarray(noise).save(tmp_path / "photo.jpg")
    (tmp_path / "text.png").write_text("no picture")
    for name, words in (
        ("photo.png", "labels, the most are 256"),
        ("photo.jpg", "must keep every pixel"),
        ("text.png", "not a picture"),
        ("none.png", "no such file"),
    ):
        with pytest.raises(VidcolorError, match=words):
            read_map(tmp_path / name)


def test_a_map_has_its_pictures_shape(tmp_path):
    check_shape(np.zeros((27, 48)), (1080, 1920), tmp_path / "m.png", tmp_path / "p.png")
    check_shape(np.zeros((256, 341)), (1080, 1440), tmp_path / "m.png", tmp_path / "p.png")
    with pytest.raises(VidcolorError, match=r"64x48 does not have the shape of .*p\.png, 1920x1080"):
        check_shape(np.zeros((48, 64)), (1080, 1920), tmp_path / "m.png", tmp_path / "p.png")


def test_a_films_maps_hold_from_their_frame_on(tmp_path):
    for name in ("map_000010.png", "map_000002.png", "v2_map_000100.png"):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("nothing")
    labels = Labels([np.array([[0]])])
    maps = ContentMaps(tmp_path, labels)
    assert [maps.at(n).name[-8:-4] for n in (0, 2, 9, 10, 99, 100, 5000)] == [
        *("0002", "0002", "0002", "0010", "0010", "0100", "0100")
    ]
    assert ContentMaps(tmp_path / "map_000010.png", labels).at(3).name == "map_000010.png"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "sky.png")
    with pytest.raises(VidcolorError, match=r"sky.png has no frame number"):
        ContentMaps(tmp_path, labels)
    (tmp_path / "empty").mkdir()
    with pytest.raises(VidcolorError, match="no map in this folder"):
        ContentMaps(tmp_path / "empty", labels)
