"""`vidcolor stylize` of films: colours change, everything else stays."""

from fractions import Fraction

import av
import numpy as np
import pytest
from joining import packets
from media import add_tracks, grey_frames, write_film, write_key
from PIL import Image

from vidcolor.cli import main
from vidcolor.film.probe import probe
from vidcolor.film.reader import read

TAGS = {"space": 1, "primaries": 1, "transfer": 1, "range": 1}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the user stands: style.png, ones.png and halves.png."""
    write_key(tmp_path / "style.png", seed=3)
    halves = np.ones((64, 96), np.uint8)
    halves[:, 48:] = 2
    Image.fromarray(halves).save(tmp_path / "halves.png")
    Image.fromarray(np.ones_like(halves)).save(tmp_path / "ones.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def film(path, frames=8, **options):
    """A film in a greenish tint that moves."""
    depth = av.VideoFormat(options.get("pix_fmt", "yuv420p"), 16, 16).components[0].bits
    codes = (110 << (depth - 8), 120 << (depth - 8))
    return write_film(path, frames, chroma=codes, **{"tags": TAGS} | options)


def stylize(line):
    assert main.main(["stylize", *line.split(), "-q", "-y"]) == 0


def decoded(path):
    """Planes (luma, cb, cr) of every frame, and their times in seconds."""
    found = probe(path, luma_only=False)
    frames = list(read(found, chroma=True))
    return [(f.luma, *f.chroma) for f in frames], [float(f.pts * found.time_base) for f in frames]


def test_frames_times_sound_and_everything_else_stay(folder):
    stamps = [0, 1, 2, 5, 6, 7, 8, 10, 11, 12, 13, 20]
    film("bare.mkv", 12, cuts=(6,), pts=stamps, time_base=Fraction(1, 24))
    add_tracks("bare.mkv", folder / "film.mkv")
    stylize("film.mkv style.png --size 32 -o out.mkv")
    assert decoded("film.mkv")[1] == pytest.approx(decoded("out.mkv")[1], abs=6e-4)
    assert len(decoded("out.mkv")[1]) == 12
    for kind in ("audio", "subtitle"):
        assert packets(folder / "out.mkv", kind) == packets(folder / "film.mkv", kind) != []
    with av.open("out.mkv") as out:
        assert len(out.chapters()) == 2
    before, after = (np.stack([f[1] for f in decoded(name)[0]]).astype(int) for name in ("film.mkv", "out.mkv"))
    assert np.abs(before - after).mean() > 3
    assert not [p for p in folder.iterdir() if p.is_dir()]


def test_both_shots_take_the_styles_light(folder):
    film("film.mkv", 12, cuts=(6,))
    stylize("film.mkv style.png --size 64 --lossless -o out.mkv")
    style = np.asarray(Image.open("style.png").convert("L")).astype(float)
    wanted = 16 + style.mean() * 219 / 255
    planes, source = decoded("out.mkv")[0], decoded("film.mkv")[0]
    for shot in (slice(0, 6), slice(6, 12)):
        before, after = (np.mean([f[0] for f in x[shot]]) for x in (source, planes))
        assert abs(after - wanted) < 0.6 * abs(before - wanted) + 6, (before, after, wanted)


@pytest.mark.parametrize(
    ("pix_fmt", "rate"), [("yuv420p", 24), ("yuv422p10le", 25), ("yuv444p", 24), ("yuvj420p", 24), ("gray", 24)]
)
def test_keep_luma_leaves_the_luma_bit_identical(folder, pix_fmt, rate):
    if pix_fmt == "gray":
        write_film("film.mkv", 6, pix_fmt="gray", tags={"space": 6, "range": 1})
    else:
        codec = "mjpeg" if pix_fmt == "yuvj420p" else "ffv1"
        film("film.mkv", 6, pix_fmt=pix_fmt, rate=rate, codec=codec, tags={} if codec == "mjpeg" else TAGS)
    stylize("film.mkv style.png --size 32 --keep-luma --lossless -o out.mkv")
    source = [frame.luma for frame in read(probe("film.mkv", luma_only=False))]
    out = decoded("out.mkv")[0]
    assert len(out) == len(source) == 6
    assert all(np.array_equal(a, b[0]) and a.dtype == b[0].dtype for a, b in zip(source, out))
    assert np.std([b[1] for b in out]) > 0.5


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le"])
def test_strength_0_leaves_every_plane_as_it_is(folder, pix_fmt):
    film("film.mkv", 6, pix_fmt=pix_fmt)
    stylize("film.mkv style.png --size 32 --strength 0 --lossless -o out.mkv")
    for before, after in zip(decoded("film.mkv")[0], decoded("out.mkv")[0], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_same_film_twice_gives_the_same_bits_and_equal_frames_equal_colours(folder):
    """Nothing hangs on anything but the frame and its shot."""
    frames = grey_frames(8)
    film("film.mkv", [*frames[:4], frames[1], *frames[4:]])
    for name in ("one.mkv", "two.mkv"):
        stylize(f"film.mkv style.png --size 32 --lossless -o {name}")
    assert packets(folder / "one.mkv", "video") == packets(folder / "two.mkv", "video") != []
    planes = decoded("one.mkv")[0]
    assert all(np.array_equal(a, b) for a, b in zip(planes[1], planes[4]))


def test_a_frame_that_is_darker_than_its_shot_stays_darker(folder):
    """Statistics are the shot's: with its own, a dimmed frame would come out as bright as the others."""
    frames = grey_frames(9)
    frames[4] = (16 + (frames[4].astype(int) - 16) * 0.6).astype(np.uint8)
    film("film.mkv", frames)
    stylize("film.mkv style.png --size 32 --lossless -o out.mkv")
    means = [f[0].mean() for f in decoded("out.mkv")[0]]
    assert means[4] < np.mean([*means[:4], *means[5:]]) - 10
    assert np.ptp([*means[:4], *means[5:]]) < 6


def test_wct_labels_and_containers(folder):
    film("film.mkv", 6)
    (folder / "maps").mkdir()
    for number, name in ((0, "ones.png"), (3, "halves.png")):
        Image.open(folder / name).save(folder / "maps" / f"map_{number:03d}.png")
    stylize("film.mkv style.png --size 32 --transfer wct -o wct.mp4")
    stylize("film.mkv style.png --size 32 -o adain.mp4")
    wct, adain = (np.stack([f[1] for f in decoded(name)[0]]).astype(int) for name in ("wct.mp4", "adain.mp4"))
    assert np.abs(wct - adain).mean() > 0.5
    stylize("film.mkv style.png --size 32 --labels maps ones.png --labels-unmatched keep --lossless -o maps.mkv")
    source, out = decoded("film.mkv")[0], decoded("maps.mkv")[0]
    apart = [np.abs(a[1].astype(int) - b[1]) for a, b in zip(source, out, strict=True)]
    moved = [(one[:, :16].mean(), one[:, 36:].mean()) for one in apart]
    assert min(m[0] for m in moved) > 1.5
    assert min(m[1] for m in moved[:3]) > 1.5  # label 1 everywhere
    assert max(m[1] for m in moved[3:]) < 0.6 * min(m[1] for m in moved[:3])  # label 2, which the style lacks


def test_numbered_images(folder):
    """R'G'B' pictures have a colour on every pixel: it is brought to the result's grid, and at strength 0 stays."""
    (folder / "scan").mkdir()
    for number in range(6):
        key = write_key(folder / "scan" / f"{number:03d}.png", seed=7)
    for options in ("--strength 0", "--strength 1 --keep-luma"):
        stylize(f"scan style.png --fps 24 --size 32 --lossless -o out.mkv {options}")
        planes, times = decoded("out.mkv")
        assert len(times) == 6 and planes[0][1].shape == (32, 48)
        cr = (key @ [0.5, -0.4187, -0.0813] + 128).reshape(32, 2, 48, 2).mean((1, 3))
        apart = np.abs(planes[0][2] - cr).mean()
        assert (apart < 6) == (options == "--strength 0"), apart


def test_one_line_sums_it_up_and_errors_leave_nothing(folder, capsys):
    film("film.mkv", 12, cuts=(6,))
    assert main.main(["stylize", "film.mkv", "style.png", "--size", "32"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1 and said[0].startswith("12 frames, 2 shots, 1 style, ") and said[0].endswith("film.style.mkv")
    before = sorted(folder.iterdir())
    for line, words in (
        ("film.mkv style.png", "exists already"),
        ("film.mkv style.png -o film.mkv -y", "would replace CONTENT"),
        ("film.mkv style.png -o a.mp4 --lossless", "does not fit"),
        ("film.mkv style.png -o a.mkv --labels style.png ones.png", "labels"),
        ("film.mkv style.png -o a.mkv --crf 99", "--crf"),
    ):
        assert main.main(["stylize", *line.split()]) == 2
        assert words in capsys.readouterr().err.splitlines()[-1]
    assert sorted(folder.iterdir()) == before
