"""References: lists, folders, pictures, which shot a key serves, which frame it paints."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from media import film_of, write_film, write_key
from PIL import Image, ImageCms, ImageOps

from vidcolor.errors import VidcolorError
from vidcolor.film.film import Film, Frame
from vidcolor.keys.key_list import Key, from_files, keys_of_shots, own_keys, read_refs
from vidcolor.keys.picture import load_key
from vidcolor.keys.recognise import Recogniser
from vidcolor.plan.scan import ScanOptions, scan

WIDTH, HEIGHT, FRAMES = 320, 240, 24


def film(**changes) -> Film:
    tags = {"space": 1, "primaries": 1, "transfer": 1, "range": 2, "chroma_location": 1}
    facts = {"width": WIDTH, "height": HEIGHT, "codec": "ffv1", "full_range": True, "color_tags": tags}
    return film_of(**(facts | changes))


def colours(seed: int = 0) -> list[np.ndarray]:
    """A coloured scene that pans over texture: (h, w, 3) uint8 sRGB frames."""
    random = np.random.default_rng(seed)
    big = cv2.resize(random.uniform(0, 255, (30, 40, 3)).astype(np.float32), (600, 400), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(random.normal(0, 30, (130, 200)).astype(np.float32), (600, 400), interpolation=cv2.INTER_CUBIC)
    scene = np.clip(0.7 * big + fine[..., None] + 30, 0, 255).astype(np.uint8)
    return [scene[2 * t : 2 * t + HEIGHT, 5 * t : 5 * t + WIDTH].copy() for t in range(FRAMES)]


def grey(rgb: np.ndarray, weights=(0.2126, 0.7152, 0.0722)) -> np.ndarray:
    return np.rint(rgb @ np.array(weights)).astype(np.uint8)


def recognise(keys: list[Key], lumas: list[np.ndarray], of: Film | None = None):
    of = of or film()
    found = Recogniser(of, keys)
    for index, luma in enumerate(lumas):
        found.add(Frame(index, index, luma), index * of.time_base)
    return found.matches()[1]


def resized(rgb, scale):
    return cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


VARIANTS = {
    "as it is": lambda rgb, path: Image.fromarray(rgb).save(path),
    "half the size": lambda rgb, path: Image.fromarray(resized(rgb, 0.5)).save(path),
    "double the size": lambda rgb, path: Image.fromarray(resized(rgb, 2)).save(path),
    "16 bit": lambda rgb, path: cv2.imwrite(str(path), rgb[:, :, ::-1].astype(np.uint16) * 257),
    "shifted colour": lambda rgb, path: Image.fromarray(
        np.clip(rgb * np.array([1.08, 0.96, 0.9]) + 6, 0, 255).astype(np.uint8)
    ).save(path),
    "JPEG": lambda rgb, path: Image.fromarray(rgb).save(path, "JPEG", quality=40),
    "noisy": lambda rgb, path: Image.fromarray(
        np.clip(rgb + np.random.default_rng(1).normal(0, 8, rgb.shape), 0, 255).astype(np.uint8)
    ).save(path),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_painted_frame_is_recognised(tmp_path, variant: str):
    frames = colours()
    VARIANTS[variant](frames[13], tmp_path / "key.png")
    lumas = [grey(rgb) for rgb in frames]
    free, given = recognise([Key(tmp_path / "key.png"), Key(tmp_path / "key.png", 13)], lumas)
    assert free.frame == given.frame == 13
    assert given.score > 0.9


def test_the_neighbour_that_is_painted_is_taken(tmp_path):
    frames = colours()
    Image.fromarray(frames[13]).save(tmp_path / "key.png")
    lumas = [grey(rgb) for rgb in frames]
    near, far = recognise([Key(tmp_path / "key.png", 12), Key(tmp_path / "key.png", 5)], lumas)
    assert near.frame == 13
    assert far.frame is None


def test_in_a_static_shot_the_given_frame_stays(tmp_path):
    frames = [colours()[0]] * 12
    Image.fromarray(frames[0]).save(tmp_path / "key.png")
    random = np.random.default_rng(0)
    lumas = [np.clip(grey(rgb) + random.normal(0, 2, (HEIGHT, WIDTH)), 0, 255).astype(np.uint8) for rgb in frames]
    assert [m.frame for m in recognise([Key(tmp_path / "key.png", n) for n in range(12)], lumas)] == list(range(12))


def test_another_picture_is_no_painted_frame(tmp_path):
    write_key(tmp_path / "key.png", WIDTH, HEIGHT, seed=3)
    free, given = recognise([Key(tmp_path / "key.png"), Key(tmp_path / "key.png", 4)], [grey(rgb) for rgb in colours()])
    assert free.frame is None
    assert given.frame is None


def test_a_timecode_is_looked_for_where_it_points(tmp_path):
    frames = colours()
    Image.fromarray(frames[13]).save(tmp_path / "key.png")
    lumas = [grey(rgb) for rgb in frames]
    here, there = (Key(tmp_path / "key.png", Fraction(frame, 24)) for frame in (13, 2))
    assert [match.frame for match in recognise([here, there], lumas)] == [13, None]


def test_limited_range_and_depth_make_no_difference(tmp_path):
    frames = colours()
    Image.fromarray(frames[7]).save(tmp_path / "key.png")
    lumas = [np.rint((16 + grey(rgb) * np.float32(219 / 255)) * 4).astype(np.uint16) for rgb in frames]
    deep = film(depth=10, pix_fmt="yuv420p10le", full_range=False)
    assert recognise([Key(tmp_path / "key.png")], lumas, deep)[0].frame == 7


def test_an_untagged_film_of_the_other_matrix_is_noticed(tmp_path):
    frames = colours()
    Image.fromarray(frames[7]).save(tmp_path / "key.png")
    keys = [Key(tmp_path / "key.png", 7)]
    old, new = (0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722)
    untagged = film(matrix="bt601", untagged=("matrix",))
    assert recognise(keys, [grey(rgb, new) for rgb in frames], untagged)[0].other_matrix
    assert not recognise(keys, [grey(rgb, old) for rgb in frames], untagged)[0].other_matrix
    assert not recognise(keys, [grey(rgb, new) for rgb in frames], film(matrix="bt601"))[0].other_matrix


def test_numbered_keys_are_let_go_as_the_film_goes_on(tmp_path):
    frames = colours()
    for n in range(0, FRAMES, 6):
        Image.fromarray(frames[n]).save(tmp_path / f"{n}.png")
    found = Recogniser(film(), read_refs(tmp_path))
    for index, rgb in enumerate(frames):
        found.add(Frame(index, index, grey(rgb)), Fraction(index, 24))
        assert len(found._pictures) <= 1
    assert [match.frame for match in found.matches()[1]] == [0, 6, 12, 18]


def test_scan_of_a_real_file(tmp_path):
    pts = [0, 1, 2, 3, 5, 6, 9, *range(10, 40)]
    written = write_film(tmp_path / "film.mkv", len(pts), width=160, height=96, cuts=(12, 25), pts=pts)
    from vidcolor.film.probe import probe

    of = probe(written.path)
    Image.fromarray(written.luma[20]).save(tmp_path / "key.png")
    found = scan(of, [Key(tmp_path / "key.png", 19)])
    ticks = Fraction(1, 24) / of.time_base
    assert [round((p - found.pts[0]) / ticks) for p in found.pts.tolist()] == pts
    assert found.cuts == [12, 25]
    assert found.matches[0].frame == 20
    assert found.whole
    part = scan(of, options=ScanOptions(until=10))
    assert 10 <= len(part.pts) < 20
    assert not part.whole


# --- lists ---


def test_a_list_is_read(tmp_path):
    write_key(tmp_path / "a.png")
    (tmp_path / "sub").mkdir()
    write_key(tmp_path / "sub" / "b.png")
    (tmp_path / "refs.csv").write_text(
        "\ufeffframe,reference,weight\n3, a.png,\n\n17,sub/b.png,2.5\n", encoding="utf-8"
    )
    keys = read_refs(tmp_path / "refs.csv")
    assert [(key.path, key.place, key.weight) for key in keys] == [
        (tmp_path / "a.png", 3, 1.0),
        (tmp_path / "sub" / "b.png", 17, 2.5),
    ]


def test_timecodes_and_scenes_are_read(tmp_path):
    write_key(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("reference;timecode\na.png;00:00:01.500\na.png;2s\n")
    assert [key.place for key in read_refs(tmp_path / "t.csv")] == [Fraction(3, 2), Fraction(2)]
    (tmp_path / "s.csv").write_text("scene,reference\n2,a.png\n")
    assert [(key.place, key.scene) for key in read_refs(tmp_path / "s.csv")] == [(None, 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("frame,reference\nx,a.png\n", ["row 2", '"frame"']),
        ("frame,reference\n1,a.png\n-1,a.png\n", ["row 3", '"frame"']),
        ("scene,reference\n0,a.png\n", ["row 2", '"scene"']),
        ("timecode,reference\n1:99,a.png\n", ["row 2", '"timecode"']),
        ("frame,reference\n1,\n", ["row 2", '"reference"']),
        ("frame,reference\n1,missing.png\n", ["row 2", '"reference"', "missing.png"]),
        ("frame,reference\n1,refs.csv\n", ["row 2", '"reference"', "not a picture"]),
        ("frame,reference,weight\n1,a.png,0\n", ["row 2", '"weight"']),
        ("frame,reference,weight\n1,a.png,nan\n", ["row 2", '"weight"']),
        ("frame,reference\n1,a.png,7\n", ["row 2", "column 3"]),
        ("frame,scene,reference\n1,1,a.png\n", ["header", "frame and scene"]),
        ("place,reference\n1,a.png\n", ["header", "frame, timecode, scene", "has place and reference"]),
        ('frame,reference,note\n1,a.png,"open\n2,a.png,x\n', ["line 2", "quotation mark"]),
        ('frame,reference\n1,"a.png"b\n', ["line 2", "quotation mark"]),
        ("frame,picture\n1,a.png\n", ["header", '"reference"']),
        ("frame,reference\n", ["no reference"]),
        ("", ["header"]),
    ],
)
def test_a_bad_list_names_row_and_column(tmp_path, text: str, words: list[str]):
    write_key(tmp_path / "a.png")
    (tmp_path / "refs.csv").write_text(text)
    with pytest.raises(VidcolorError) as error:
        read_refs(tmp_path / "refs.csv")
    assert all(word in str(error.value) for word in words), error.value
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("first", ["", "sep=;\r\n"])
def test_a_list_as_a_spreadsheet_with_decimal_commas_writes_it(tmp_path, first: str):
    write_key(tmp_path / "a.png")
    (tmp_path / "refs.csv").write_text(first + "frame;reference;weight\r\n3;a.png;0,5\r\n7;a.png;\r\n", "utf-8-sig")
    assert [(key.place, key.weight) for key in read_refs(tmp_path / "refs.csv")] == [(3, 0.5), (7, 1.0)]
    rows = (tmp_path / "refs.csv").read_text("utf-8").replace("7;", "x;")
    (tmp_path / "refs.csv").write_text(rows, "utf-8")
    with pytest.raises(VidcolorError, match=f"row {4 if first else 3}, "):
        read_refs(tmp_path / "refs.csv")


def test_a_folder_is_read_by_the_numbers_in_names(tmp_path):
    for name in ("ref_000123.png", "0000874_out.png", "v2_ref_000009.jpg"):
        write_key(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a key")
    assert [(key.place, key.path.name) for key in read_refs(tmp_path)] == [
        (9, "v2_ref_000009.jpg"),
        (123, "ref_000123.png"),
        (874, "0000874_out.png"),
    ]


def test_a_name_without_a_number_is_an_error(tmp_path):
    write_key(tmp_path / "ref_000123.png")
    write_key(tmp_path / "ref_nnnnnn.jpg")
    with pytest.raises(VidcolorError, match=r"ref_nnnnnn\.jpg"):
        read_refs(tmp_path)


def test_missing_and_broken_pictures_are_errors(tmp_path):
    with pytest.raises(VidcolorError, match="no such file"):
        from_files([tmp_path / "none.png"])
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(VidcolorError, match="not a picture"):
        from_files([tmp_path / "text.png"])
    write_key(tmp_path / "cut.png", 200, 200)
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:3000])
    with pytest.raises(VidcolorError, match="broken"):
        load_key(tmp_path / "cut.png")


def test_which_shot_a_key_serves():
    shots = [(0, 10), (10, 20), (20, 30), (30, 40), (40, 50)]
    assert own_keys([15, None, 39, 31], shots) == [[], [0], [], [2, 3], []]
    assert keys_of_shots([[], [0], [], [1, 2], []]) == [[0], [0], [0, 1, 2], [1, 2], [0, 1, 2]]
    assert keys_of_shots([[1], [], [], [], [0]]) == [[1], [1, 0], [1, 0], [1, 0], [0]]
    assert keys_of_shots([[0], [1], [2], [], [], [3], [4]])[3:5] == [[1, 2, 3]] * 2, "two before, one after"
    assert keys_of_shots([[], []]) == [[], []]


# --- pictures ---


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
    coded = load_key(tmp_path / "key.png", film(width=40, height=20, rotation=90)) * 255
    assert np.abs(np.rot90(coded, -1) - shown).max() < 1  # clockwise, as a player does
    Image.fromarray(np.ascontiguousarray(np.rot90(shown))).save(tmp_path / "coded.png")
    same = load_key(tmp_path / "coded.png", film(width=40, height=20, rotation=90), turn=1)
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


def numbered(tmp_path, film_of, numbers, frames, **options):
    """First number and matches of keys that paint `frames` and are given for `numbers`."""
    lumas = [grey(rgb) for rgb in frames]
    keys = []
    for n, (number, frame) in enumerate(zip(numbers, options.pop("paint"), strict=True)):
        if frame is None:
            write_key(tmp_path / f"{n}.png", WIDTH, HEIGHT, seed=n)
        else:
            Image.fromarray(frames[frame]).save(tmp_path / f"{n}.png")
        keys.append(Key(tmp_path / f"{n}.png", number))
    found = Recogniser(film_of, keys, options.pop("first", None))
    for index, luma in enumerate(lumas):
        found.add(Frame(index, index, luma), index * film_of.time_base)
    return found.matches(len(lumas))


@pytest.mark.parametrize(
    ("numbers", "paint", "first"),
    [
        ([3, 9, 20], [3, 9, 20], 0),
        ([4, 10, 21], [3, 9, 20], 1),
        ([4, 10, 21], [3, 9, None], 1),  # a plain reference goes with the others
        ([4, 9, 20], [3, 9, 20], 0),  # one is given wrongly
        ([0, 10], [None, 9], 0),  # frame 0 there is only where numbers count from 0
        ([10, 15], [None, None], 0),
    ],
)
def test_whether_frames_count_from_0_or_1_is_found_out(tmp_path, numbers, paint, first):
    number, matches = numbered(tmp_path, film(), numbers, colours(), paint=paint)
    assert number == first
    assert [match.frame for match in matches] == paint


def test_still_pictures_do_not_say_from_where_frames_count(tmp_path):
    frames = [colours()[0]] * 8 + colours()[8:]
    number, matches = numbered(tmp_path, film(), [4, 16], frames, paint=[3, 15])
    assert number == 1
    assert [match.frame for match in matches] == [3, 15]
    number, matches = numbered(tmp_path, film(), [4, 5], frames, paint=[3, 4])
    assert number == 0
    assert [match.frame for match in matches] == [4, 5]
    assert numbered(tmp_path, film(), [4], frames, paint=[3], first=1)[1][0].frame == 3


@pytest.mark.parametrize("held", [(2, 10), (0, 40), (20, 200)], ids=["mid", "first", "long"])
@pytest.mark.parametrize("share", [0.0, 0.4, 0.97])
def test_a_time_inside_a_held_frame_means_that_frame(tmp_path, held, share):
    """Frame `held[0]` stays on the screen for so many frames' time: any time in it is near its start."""
    frames, (frame, long) = colours(), held
    starts = [n if n <= frame else n + long - 1 for n in range(FRAMES)]
    Image.fromarray(frames[frame]).save(tmp_path / "key.png")
    place = Fraction(frame, 24) + Fraction(share) * Fraction(long, 24)
    found = Recogniser(film(), [Key(tmp_path / "key.png", place)])
    for index, (start, rgb) in enumerate(zip(starts, frames, strict=True)):
        found.add(Frame(index, index, grey(rgb)), Fraction(start, 24))
    assert found.matches(FRAMES)[1][0].frame == frame


def test_a_time_in_the_last_frame_and_beyond_the_neighbours(tmp_path):
    frames = colours()
    for n in (0, 11, FRAMES - 1):
        Image.fromarray(frames[n]).save(tmp_path / f"{n}.png")
    starts = [40 * n for n in range(FRAMES)]  # slower than the film's rate says
    keys = [
        Key(tmp_path / f"{n}.png", Fraction(40 * at + 9, 24)) for n, at in ((0, 2), (11, 9), (FRAMES - 1, FRAMES - 1))
    ]
    far = Key(tmp_path / "0.png", Fraction(40 * 9, 24))
    found = Recogniser(film(), [*keys, far])
    for index, (start, rgb) in enumerate(zip(starts, frames, strict=True)):
        found.add(Frame(index, index, grey(rgb)), Fraction(start, 24))
    assert [match.frame for match in found.matches(FRAMES)[1]] == [0, 11, FRAMES - 1, None]


def test_timecodes_that_count_frames_are_read(tmp_path):
    write_key(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("timecode,reference\n00:00:01:12,a.png\n00:01:00;02,a.png\n00:00:02.500,a.png\n")
    keys = read_refs(tmp_path / "t.csv", Fraction(30000, 1001))
    assert [key.place for key in keys] == [Fraction(42 * 1001, 30000), Fraction(1800 * 1001, 30000), Fraction(5, 2)]
    assert [str(key.counted) for key in keys] == ["00:00:01:12", "00:01:00;02", "None"]
    with pytest.raises(VidcolorError, match=r"row 3, column .timecode..*drop-frame"):
        read_refs(tmp_path / "t.csv", Fraction(25))


def test_numbered_files_that_are_no_keys_are_named(tmp_path, capsys):
    write_key(tmp_path / "000003.png")
    write_key(tmp_path / "9.png")
    (tmp_path / "9.png").rename(tmp_path / "000009")
    for name in ("000003.psd", "000020.exr", "k_000021.KRA", "000022.heic", "Thumbs.db", ".DS_Store", "000004.txt"):
        (tmp_path / name).write_bytes(b"not a picture")
    (tmp_path / "000005.png").mkdir()
    keys = read_refs(tmp_path)
    assert [(key.place, key.path.name) for key in keys] == [(3, "000003.png"), (9, "000009")]
    said = capsys.readouterr().err
    assert "000003.psd (000003.png is used)" in said
    for name in ("000020.exr", "k_000021.KRA", "000022.heic"):
        assert f"{name} (cannot be read, save it as PNG or TIFF)" in said
    for name in ("Thumbs", "DS_Store", "000004.txt", "000005"):
        assert name not in said
    (tmp_path / "000003.png").unlink()
    (tmp_path / "000009").unlink()
    with pytest.raises(VidcolorError, match=r"no key, but .*000003\.psd"):
        read_refs(tmp_path)


def test_keys_for_one_frame_are_named(tmp_path, capsys):
    for name in ("000003.png", "k3.jpg", "4.png"):
        write_key(tmp_path / name)
    read_refs(tmp_path)
    assert "000003.png and k3.jpg are both for frame 3" in capsys.readouterr().err
    (tmp_path / "t.csv").write_text("frame,reference\n7,4.png\n3,k3.jpg\n7,000003.png\n")
    read_refs(tmp_path / "t.csv")
    assert "4.png and 000003.png are both for frame 7" in capsys.readouterr().err
