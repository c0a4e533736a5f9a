"""Pictures as files hold them: every layout of TIFF, profiles, chunks, orientations; what is refused."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from imagecodecs import cms_profile
from PIL import Image, ImageOps

from vidcolor.errors import VidcolorError
from vidcolor.keys.picture import load_picture
from vidcolor.pictures import profiles
from vidcolor.pictures.file import check_picture, is_deep

HEIGHT, WIDTH = 37, 53
SMOOTH = cv2.resize(np.random.default_rng(0).random((6, 8, 3)), (WIDTH, HEIGHT)).astype(np.float32)
DEEP = np.rint(SMOOTH * 65535).astype(np.uint16)
EIGHT = np.rint(SMOOTH * 255).astype(np.uint8)
ADOBE = cms_profile(
    "rgb",
    whitepoint=[0.3127, 0.329, 1.0],
    primaries=[0.64, 0.33, 1.0, 0.21, 0.71, 1.0, 0.15, 0.06, 1.0],
    gamma=563 / 256,
)


def off(path: Path, truth: np.ndarray) -> float:
    """Largest difference of the picture as it is read from `truth`, both 0..1."""
    read = load_picture(path)
    assert read.shape == truth.shape
    assert read.dtype == np.float32
    return float(np.abs(read - truth).max())


def to_coded(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.clip(linear, 0, None) ** (1 / 2.4) - 0.055)


def from_adobe(rgb: np.ndarray) -> np.ndarray:
    """Adobe RGB (1998) to sRGB by its definition."""
    to_srgb = np.array([[1.3984, -0.3984, 0], [0, 1, 0], [0, -0.0429, 1.0429]])
    return np.clip(to_coded((rgb ** (563 / 256)) @ to_srgb.T), 0, 1)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize(
    ("compression", "predictor"), [(None, False), ("lzw", False), ("lzw", True), ("zlib", True), ("packbits", False)]
)
@pytest.mark.parametrize("samples", ["u1", "u2", "u4", "f4"])
def test_every_layout_of_tiff(tmp_path, samples, compression, predictor, planar):
    if samples == "f4":
        picture, truth = SMOOTH, SMOOTH
    else:
        picture = {"u1": EIGHT, "u2": DEEP, "u4": DEEP.astype(np.uint32) * 65537}[samples]
        truth = picture / float(2 ** (8 * picture.itemsize) - 1)
    stored = picture if planar == "contig" else np.moveaxis(picture, 2, 0)
    for order, tile, big in (("<", None, False), (">", (16, 32), True)):
        tifffile.imwrite(
            tmp_path / "key.tif",
            stored,
            photometric="rgb",
            planarconfig=planar,
            compression=compression,
            predictor=predictor,
            byteorder=order,
            bigtiff=big,
            tile=tile,
            rowsperstrip=None if tile else 10,
        )
        assert off(tmp_path / "key.tif", truth) < 1e-5


def test_libtiffs_and_opencvs_tiff(tmp_path):
    cv2.imwrite(str(tmp_path / "cv.tif"), DEEP[..., ::-1])
    assert off(tmp_path / "cv.tif", DEEP / 65535) < 1e-5
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        Image.fromarray(EIGHT).save(tmp_path / "pil.tif", compression=compression)
        with Image.open(tmp_path / "pil.tif") as image:
            assert off(tmp_path / "pil.tif", np.asarray(image.convert("RGB")) / 255) < 1e-5


def tiff(path: Path, picture: np.ndarray, photometric: str = "rgb", **options) -> Path:
    tifffile.imwrite(path, picture, photometric=photometric, **options)
    return path


def test_what_a_tiffs_samples_mean(tmp_path, capsys):
    path = tmp_path / "key.tif"
    grey = np.repeat(DEEP[..., :1], 3, 2) / 65535
    assert off(tiff(path, DEEP[..., 0], "minisblack"), grey) < 1e-5
    assert off(tiff(path, 65535 - DEEP[..., 0], "miniswhite"), grey) < 1e-5
    colours = np.random.default_rng(1).integers(0, 65536, (3, 256), dtype=np.uint16)
    assert off(tiff(path, EIGHT[..., 0], "palette", colormap=colours), colours.T[EIGHT[..., 0]] / 65535) < 1e-5
    assert off(tiff(path, np.dstack([DEEP, DEEP]), extrasamples=["unspecified"] * 3), DEEP / 65535) < 1e-5
    assert capsys.readouterr().err == ""
    assert off(tiff(path, np.stack([EIGHT, EIGHT[::-1]])), EIGHT / 255) < 1e-5
    assert "contains 2 pictures" in capsys.readouterr().err
    alpha = np.full((HEIGHT, WIDTH, 1), 40000, np.uint16)
    assert off(tiff(path, np.dstack([DEEP, alpha]), extrasamples=["unassalpha"]), DEEP / 65535) < 1e-5
    assert "transparency" in capsys.readouterr().err
    multiplied = np.rint(DEEP * (40000 / 65535)).astype(np.uint16)
    assert off(tiff(path, np.dstack([multiplied, alpha]), extrasamples=["assocalpha"]), DEEP / 65535) < 1e-4
    ink = np.dstack([65535 - DEEP, np.zeros_like(DEEP[..., :1])])
    other = tmp_path / "cmyk.tif"
    assert off(tiff(other, np.moveaxis(ink, 2, 0), "separated", planarconfig="separate"), DEEP / 65535) < 1e-4
    assert "CMYK without a colour profile" in capsys.readouterr().err


def test_lab_in_eight_and_sixteen_bits(tmp_path):
    lab = np.array([[[53.2, 80.0, 67.0], [50.0, 0.0, 0.0], [80.0, -20.0, 30.0]]])
    truth = profiles.to_srgb(lab.astype(np.float32), "LAB", None)
    assert np.abs(truth[0, 1] - 0.4663).max() < 1e-3  # L* 50 by CIE 1976 and sRGB's curve
    for kind, light, step in ((np.uint8, 2.55, 1), (np.uint16, 655.35, 256)):
        codes = np.rint(lab * (light, step, step)).astype(np.int32).astype(kind)
        path = tiff(tmp_path / f"{step}.tif", codes, "cielab")
        assert off(path, truth) < (0.02 if step == 1 else 0.001)
        scale = np.array([2.55 if step == 1 else 652.8, step, step])
        codes = np.rint((lab + np.array([0, 128, 128])) * scale).astype(kind)
        assert off(tiff(path, codes, "icclab"), truth) < (0.02 if step == 1 else 0.001)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (EIGHT.astype(np.int16), "signed"),
        (EIGHT.astype(np.float32), "floating point from"),
    ],
)
def test_tiff_that_is_refused(tmp_path, picture, words):
    path = tiff(tmp_path / "key.tif", picture)
    with pytest.raises(VidcolorError, match=words) as error:
        load_picture(path)
    assert "save it as" in str(error.value)


def test_profiles_are_applied_at_the_files_own_depth(tmp_path):
    eight, deep = from_adobe(EIGHT / 255), from_adobe(DEEP / 65535)
    assert off(tiff(tmp_path / "8.tif", EIGHT, iccprofile=ADOBE), eight) < 2e-3
    assert off(tiff(tmp_path / "16.tif", DEEP, iccprofile=ADOBE), deep) < 2e-3
    assert off(tiff(tmp_path / "32.tif", SMOOTH, iccprofile=ADOBE), from_adobe(SMOOTH)) < 2e-3
    for name, options in (("key.png", {}), ("key.webp", {"lossless": True})):
        Image.fromarray(EIGHT).save(tmp_path / name, icc_profile=ADOBE, **options)
        assert off(tmp_path / name, eight) < 2e-3
    linear = profiles.of_gamma(1.0, None)
    assert (
        off(tiff(tmp_path / "linear.tif", SMOOTH * 1.5, iccprofile=linear), to_coded(np.clip(SMOOTH * 1.5, 0, 1)))
        < 2e-3
    )
    grey = profiles._standard("sRGB")  # of RGB, in a grey picture, as many programs write it
    Image.fromarray(EIGHT[..., 0]).save(tmp_path / "grey.png", icc_profile=grey)
    assert off(tmp_path / "grey.png", np.repeat(EIGHT[..., :1], 3, 2) / 255) < 1e-3


def with_chunks(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    data = path.read_bytes()
    added = b""
    for kind, body in chunks:
        added += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(data[:33] + added + data[33:])
    return path


def gamma(exponent: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(exponent * 100_000))


@pytest.mark.parametrize("picture", [EIGHT, DEEP], ids=["8", "16"])
def test_what_png_says_of_its_colours(tmp_path, picture):
    stored = picture / np.float32(np.iinfo(picture.dtype).max)

    def png(*chunks: tuple[bytes, bytes]) -> Path:
        cv2.imwrite(str(tmp_path / "key.png"), picture[..., ::-1])
        return with_chunks(tmp_path / "key.png", *chunks)

    assert off(png(), stored) < 1e-5
    assert off(png(gamma(0.45455)), stored) < 1e-5
    assert off(png(gamma(0.50994)), stored) < 1e-5  # what ffmpeg writes of BT.709
    assert off(png(gamma(1.0), (b"sRGB", b"\0")), stored) < 1e-5
    assert off(png(gamma(1.0)), to_coded(stored)) < 1e-3
    assert off(png((b"cICP", bytes([1, 1, 0, 1]))), stored) < 1e-5
    p3 = load_picture(png((b"cICP", bytes([12, 13, 0, 1]))))
    vivid = np.ptp(stored, 2) > 0.3
    assert np.ptp(p3, 2)[vivid].mean() > np.ptp(stored, 2)[vivid].mean() + 0.01
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        with pytest.raises(VidcolorError, match=name):
            load_picture(png((b"cICP", bytes([9, transfer, 0, 1]))))


def test_every_kind_of_png(tmp_path, capfd):
    path = tmp_path / "key.png"
    grey = np.repeat(DEEP[..., :1], 3, 2)
    cv2.imwrite(str(path), DEEP[..., 0])
    assert off(path, grey / 65535) < 1e-5
    Image.fromarray(EIGHT[..., 0] > 127).save(path)
    assert off(path, np.repeat(EIGHT[..., :1] > 127, 3, 2)) < 1e-5
    assert capfd.readouterr().err == ""
    cv2.imwrite(str(path), np.dstack([DEEP[..., ::-1], np.full((HEIGHT, WIDTH), 9000, np.uint16)]))
    assert off(path, DEEP / 65535) < 1e-5
    assert "transparency" in capfd.readouterr().err
    painted = Image.fromarray(EIGHT).quantize(32)
    painted.save(path, transparency=3)
    assert off(path, np.asarray(painted.convert("RGB")) / 255) < 1e-5
    Image.fromarray(EIGHT).save(path, save_all=True, append_images=[Image.fromarray(EIGHT[::-1].copy())])
    assert off(path, EIGHT / 255) < 1e-5
    assert "animated" in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "avif", "8.tif", "16.tif"])
def test_all_orientations_lie_as_a_viewer_shows_them(tmp_path, kind):
    path = tmp_path / f"key.{kind}"
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        image = Image.fromarray(EIGHT)
        if kind.endswith("tif"):
            tiff(path, EIGHT if kind == "8.tif" else DEEP, extratags=[(274, 3, 1, orientation, True)])
        else:
            image.save(path, exif=exif, quality=95, **({"lossless": True} if kind == "webp" else {}))
        image.getexif()[274] = orientation
        upright = np.asarray(ImageOps.exif_transpose(image)) / 255
        assert off(path, upright) < (0.2 if kind in ("jpg", "avif") else 0.003), orientation


def test_names_do_not_matter(tmp_path):
    tiff(tmp_path / "tiff.png", DEEP)
    cv2.imwrite(str(tmp_path / "png.png"), DEEP[..., ::-1])
    (tmp_path / "png.png").rename(tmp_path / "png.jpg")
    for name in ("tiff.png", "png.jpg"):
        assert off(tmp_path / name, DEEP / 65535) < 1e-5
        assert is_deep(tmp_path / name)
    Image.fromarray(EIGHT).save(tmp_path / "eight.tif")
    assert not is_deep(tmp_path / "eight.tif")


@pytest.mark.parametrize("kind", ["png", "16.png", "tif", "16.tif", "jpg", "webp", "avif", "gif"])
def test_half_a_file_is_an_error(tmp_path, kind):
    path = tmp_path / f"key.{kind}"
    if kind.startswith("16"):
        cv2.imwrite(str(path), DEEP[..., ::-1])
    else:
        Image.fromarray(EIGHT).save(path)
    whole = path.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(VidcolorError) as error:
            load_picture(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"v/1\x01\x02\0\0\0", "OpenEXR"),
        (b"8BPS\0\1" + bytes(6) + b"\0\3" + struct.pack(">IIHH", 8, 8, 16, 3) + bytes(64), "Photoshop"),
        (b"gimp xcf v011\0" + bytes(40), "GIMP"),
        (b"SDPX" + bytes(2048), "DPX"),
        (b"\0\0\0\x18ftypheic" + bytes(64), "HEIC"),
        (b"PK\x03\x04" + bytes(64), "Krita"),
    ],
)
def test_other_programs_files_are_named(tmp_path, head, name):
    (tmp_path / "key.png").write_bytes(head)
    with pytest.raises(VidcolorError, match=f"{name}.*save it as PNG"):
        check_picture(tmp_path / "key.png")


def psd(path: Path, merged: bool) -> Path:
    """A flat 8-bit RGB Photoshop file; merged: whether it says that it holds its flattened picture."""
    info = struct.pack(">IBII", 1, merged, 0, 0) + b"\0\0\0\0"
    resource = b"8BIM" + struct.pack(">HHI", 1057, 0, len(info)) + info + b"\0" * (len(info) % 2)
    header = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, HEIGHT, WIDTH, 8, 3)
    body = np.moveaxis(EIGHT, 2, 0).tobytes()
    path.write_bytes(header + bytes(4) + struct.pack(">I", len(resource)) + resource + bytes(4) + b"\0\0" + body)
    return path


def test_other_bytes_are_not_taken_for_a_targa(tmp_path):
    Image.fromarray(EIGHT).save(tmp_path / "key.tga")
    assert off(tmp_path / "key.tga", EIGHT / 255) < 1e-5
    (tmp_path / "key.tga").rename(tmp_path / "key.png")
    with pytest.raises(VidcolorError, match="not a picture"):
        load_picture(tmp_path / "key.png")


def test_long_histories_do_not_matter(tmp_path):
    Image.fromarray(EIGHT).save(tmp_path / "key.png", icc_profile=ADOBE)
    history = zlib.compress(bytes(3 << 20))
    with_chunks(tmp_path / "key.png", (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + history))
    assert off(tmp_path / "key.png", from_adobe(EIGHT / 255)) < 2e-3


def test_photoshops_flattened_picture_is_read_where_there_is_one(tmp_path):
    assert off(psd(tmp_path / "key.psd", True), EIGHT / 255) < 1e-5
    with pytest.raises(VidcolorError, match="without its flattened picture"):
        load_picture(psd(tmp_path / "key.psd", False))


def test_thumbnails_are_no_pictures(tmp_path):
    with tifffile.TiffWriter(tmp_path / "key.tif") as file:
        file.write(EIGHT[:8, :8], photometric="rgb", subfiletype=1)
        file.write(EIGHT, photometric="rgb")
    assert off(tmp_path / "key.tif", EIGHT / 255) < 1e-5
    with tifffile.TiffWriter(tmp_path / "raw.tif") as file:
        file.write(EIGHT[:8, :8], photometric="rgb", subfiletype=1, subifds=1)
        file.write(DEEP[..., 0], photometric="cfa")
    for read in (check_picture, load_picture):
        with pytest.raises(VidcolorError, match="camera's raw picture; save it as"):
            read(tmp_path / "raw.tif")


@pytest.mark.parametrize("kind", ["lzw.tif", "planar.tif", "8.png", "16.png", "jpg", "webp", "gif"])
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path, capfd, kind):
    path = tmp_path / f"key.{kind}"
    if kind == "planar.tif":
        tiff(path, np.moveaxis(DEEP, 2, 0), planarconfig="separate")
    elif kind == "lzw.tif":
        tiff(path, DEEP, compression="lzw", rowsperstrip=7)
    elif kind == "16.png":
        cv2.imwrite(str(path), DEEP[..., ::-1])
    else:
        Image.fromarray(EIGHT).save(path)
    whole, random, refused = path.read_bytes(), np.random.default_rng(0), 0
    for number in range(30):
        data = bytearray(whole)
        for place in random.integers(0, min(len(data), 400 if number % 2 else 1 << 30), 4):
            data[place] = random.integers(0, 256)
        path.write_bytes(data)
        try:
            check_picture(path)
            assert load_picture(path).ndim == 3
        except VidcolorError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused
    assert "libpng" not in capfd.readouterr().err
