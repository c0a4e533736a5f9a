"""Which frame of a film a key paints, and from which number its frames count."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from media import film_of, write_film, write_key
from PIL import Image

from vidcolor.film.film import Film, Frame
from vidcolor.keys.key_list import Key, read_refs
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
