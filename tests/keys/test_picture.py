"""A key's picture: depth, profile and orientation."""

import cv2
import numpy as np
from media import film_of, write_key
from PIL import Image, ImageCms, ImageOps

from vidcolor.keys.picture import load_key


def test_sixteen_bits_are_kept(tmp_path):
    ramp = np.linspace(0, 65535, 3000).astype(np.uint16).reshape(30, 100)
    rgb = np.stack([ramp, ramp[:, ::-1], ramp[::-1]], -1)
    for name in ("deep.png", "deep.tif"):
        cv2.imwrite(str(tmp_path / name), rgb[:, :, ::-1])
        assert np.abs(load_key(tmp_path / name) * 65535 - rgb).max() < 0.01


def test_the_colour_profile_is_applied(tmp_path):
    red = np.zeros((8, 8, 3), np.uint8)
    red[:] = (200, 30, 30)
    lab = ImageCms.createProfile("LAB")
    assert lab is not None
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    Image.fromarray(red).save(tmp_path / "srgb.png", icc_profile=srgb.tobytes())
    assert np.abs(load_key(tmp_path / "srgb.png") * 255 - red).max() <= 1
    turned = ImageCms.profileToProfile(
        Image.fromarray(red), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    turned.save(tmp_path / "lab.tif", icc_profile=profile)
    assert np.abs(load_key(tmp_path / "lab.tif") * 255 - red).max() <= 4


def test_orientation_is_undone(tmp_path):
    stored = np.zeros((20, 40, 3), np.uint8)
    stored[:10, :20] = (250, 20, 20)
    stored[10:, 20:] = (20, 20, 250)
    for orientation in range(1, 9):
        image = Image.fromarray(stored)
        exif = image.getexif()
        exif[274] = orientation
        image.save(tmp_path / "turned.png", exif=exif)
        with Image.open(tmp_path / "turned.png") as image:
            upright = np.asarray(ImageOps.exif_transpose(image))
        key = load_key(tmp_path / "turned.png")
        assert key.shape == upright.shape
        assert np.abs(key * 255 - upright).max() < 1, orientation


def test_a_key_of_a_turned_film_is_turned_back(tmp_path):
    shown = np.zeros((40, 20, 3), np.uint8)
    shown[:5] = (250, 20, 20)
    shown[:, :5, 2] = 200
    Image.fromarray(shown).save(tmp_path / "key.png")
    coded = load_key(tmp_path / "key.png", film_of(width=40, height=20, rotation=90)) * 255
    assert np.abs(np.rot90(coded, -1) - shown).max() < 1  # clockwise, as a player does
    Image.fromarray(np.ascontiguousarray(np.rot90(shown))).save(tmp_path / "coded.png")
    same = load_key(tmp_path / "coded.png", film_of(width=40, height=20, rotation=90), turn=1)
    assert np.array_equal(same * 255, coded)


def test_alpha_and_grey_are_warned_of(tmp_path, capsys):
    rgba = np.full((8, 8, 4), 128, np.uint8)
    rgba[..., 0] = 200
    Image.fromarray(rgba, "RGBA").save(tmp_path / "alpha.png")
    assert load_key(tmp_path / "alpha.png").shape == (8, 8, 3)
    assert "transparency" in capsys.readouterr().err
    for name, mode in (("grey.png", "L"), ("deep.png", "I;16"), ("rgb.png", "RGB")):
        Image.new(mode, (8, 8), 90 if mode != "RGB" else (90, 90, 90)).save(tmp_path / name)
        key = load_key(tmp_path / name)
        assert key.shape == (8, 8, 3)
        assert name in capsys.readouterr().err
    write_key(tmp_path / "colour.png")
    load_key(tmp_path / "colour.png")
    assert capsys.readouterr().err == ""
