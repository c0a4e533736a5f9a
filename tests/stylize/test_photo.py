"""`vidcolor stylize` of photographs, with the shipped transfer sub-net."""

import cv2
import numpy as np
import pytest
import torch
from media import write_film
from PIL import Image
from skimage import data

from vidcolor.cli import main
from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.ycbcr import luma_weights
from vidcolor.models import weights
from vidcolor.models.adain import transfer
from vidcolor.models.precision import choose


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder with photographs: cat.png, coffee.png (150x100) and deep.png (16 bits)."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, picture in (("cat", data.chelsea()), ("coffee", data.coffee())):
        Image.fromarray(cv2.resize(picture, (150, 100), interpolation=cv2.INTER_AREA)).save(folder / f"{name}.png")
    codes = cv2.resize(data.astronaut()[..., ::-1], (120, 100), interpolation=cv2.INTER_AREA).astype(np.uint16) * 257
    cv2.imwrite(str(folder / "deep.png"), codes + np.arange(120, dtype=np.uint16)[:, None] // 3)
    return folder


@pytest.fixture
def stand(pictures, tmp_path, monkeypatch):
    """Where the user stands: the photographs, and label maps halves.png (left 1, right 2), ones.png and
    deep1.png (all 1), square.png (of another shape)."""
    for file in pictures.iterdir():
        (tmp_path / file.name).symlink_to(file)
    halves = np.ones((50, 75), np.uint8)
    halves[:, 37:] = 2
    Image.fromarray(halves).save(tmp_path / "halves.png")
    Image.fromarray(np.ones((100, 150), np.uint8)).save(tmp_path / "ones.png")
    Image.fromarray(np.ones((50, 60), np.uint8)).save(tmp_path / "deep1.png")
    Image.fromarray(halves[:, :50]).save(tmp_path / "square.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line: str) -> np.ndarray:
    """The result of a command that has to succeed, as RGB codes."""
    assert main.main(["stylize", *line.split(), "-q", "-y", "-o", "out.png"]) == 0
    return cv2.imread("out.png", cv2.IMREAD_UNCHANGED)[..., ::-1]


def codes(name):
    return cv2.imread(name, cv2.IMREAD_UNCHANGED)[..., ::-1]


def psnr(a, b):
    return -10 * np.log10(np.mean(((a.astype(float) - b) / 255) ** 2) + 1e-12)


def lab(picture):
    return rgb_to_lab(picture.astype(np.float32) / 255)


@pytest.mark.parametrize("name", ["cat.png", "deep.png"])
def test_strength_0_returns_the_picture_at_its_depth(stand, name):
    out = run(f"{name} coffee.png --strength 0")
    assert out.dtype == codes(name).dtype
    assert np.array_equal(out, codes(name))


def test_16_bits_are_kept_and_used(stand):
    out = run("deep.png coffee.png --size 64")
    assert out.dtype == np.uint16 and out.shape == codes("deep.png").shape
    assert len(np.unique(out)) > 5000


@pytest.mark.parametrize("how", ["adain", "wct"])
def test_the_style_of_itself_is_about_the_picture(stand, how):
    assert psnr(run(f"cat.png cat.png --size 96 --transfer {how}"), codes("cat.png")) > 38


@pytest.mark.parametrize("how", ["adain", "wct"])
def test_the_result_has_the_styles_colours_and_the_contents_detail(stand, how):
    content, style = codes("cat.png"), codes("coffee.png")
    out = run(f"cat.png coffee.png --size 96 --transfer {how}")
    far = np.abs(lab(content).mean((0, 1)) - lab(style).mean((0, 1)))
    near = np.abs(lab(out).mean((0, 1)) - lab(style).mean((0, 1)))
    assert near.sum() < 0.6 * far.sum(), (near, far)
    edges = [cv2.Laplacian(lab(x)[..., 0], cv2.CV_32F).ravel() for x in (content, out)]
    assert np.corrcoef(edges)[0, 1] > 0.9


def test_adain_and_wct_differ_and_strength_lies_between(stand):
    full, half, wct = (run(f"cat.png coffee.png --size 64 {o}") for o in ("", "--strength 0.5", "--transfer wct"))
    content = codes("cat.png")
    assert psnr(full, wct) < 40
    assert psnr(half, content) > psnr(full, content) + 2


def test_keep_luma_changes_colours_only(stand):
    out, content = run("cat.png coffee.png --size 64 --keep-luma"), codes("cat.png")
    weights = luma_weights("bt709")
    assert np.abs((out.astype(np.float32) - content) @ weights).max() <= 0.51  # rounding
    assert np.abs(lab(out) - lab(content))[..., 1:].mean() > 3


def test_labels_change_their_own_pixels_only(stand):
    """The left half (label 1) has the cup as its style, the right half (2) none."""
    out = run("cat.png coffee.png --labels halves.png ones.png --labels-unmatched keep --size 64").astype(int)
    content = codes("cat.png").astype(int)
    assert np.abs(out - content)[:, :60].mean() > 15
    assert np.abs(out - content)[:, 110:].mean() < 4  # the net sees some way beyond the border
    everywhere = run("cat.png coffee.png --labels halves.png ones.png --size 64").astype(int)
    assert np.abs(everywhere - content)[:, 110:].mean() > 15


def test_which_style_a_label_has_matters_there_only(stand):
    line = "cat.png coffee.png deep.png --labels halves.png ones.png deep1.png --labels-unmatched keep --size 64"
    one, other = (run(f"{line} --weights {weights}").astype(int) for weights in ("1,0", "0,1"))
    assert np.abs(one - other)[:, :60].mean() > 4
    assert np.abs(one - other)[:, 110:].mean() < 2


def test_several_styles_are_mixed_by_weights(stand):
    alone = [run(f"cat.png {style} --size 64").astype(int) for style in ("coffee.png", "deep.png")]
    assert np.array_equal(run("cat.png coffee.png deep.png --weights 1,0 --size 64"), alone[0])
    mixed = run("cat.png coffee.png deep.png --size 64").astype(int)
    apart = np.abs(alone[0] - alone[1]).mean()
    assert all(np.abs(mixed - one).mean() < 0.8 * apart for one in alone)


def test_the_same_command_gives_the_same_bits(stand):
    for options in ("", "--transfer wct", "--labels halves.png halves.png"):
        line = f"cat.png coffee.png --size 64 {options}"
        assert np.array_equal(run(line), run(line))


def test_the_shipped_net_gives_photographs_back():
    """What the change is measured against: plain reconstruction."""
    net = weights.load_net(transfer.TransferNet).in_precision(choose(torch.device("cpu")))
    for name in ("astronaut", "chelsea", "coffee"):
        rgb = cv2.resize(getattr(data, name)(), (192, 128), interpolation=cv2.INTER_AREA)
        seen = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            again = net.reconstruct(seen)[0].clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255
        assert psnr(again, rgb) > 22, name


def test_default_names_and_formats(stand, capsys):
    assert main.main(["stylize", "cat.png", "coffee.png", "--size", "32"]) == 0
    assert "cat.style.png" in capsys.readouterr().out
    assert codes("cat.style.png").shape == (100, 150, 3)
    for name in ("a.jpg", "a.webp", "a.tif"):
        assert main.main(["stylize", "deep.png", "coffee.png", "--size", "32", "-q", "-o", name]) == 0
        assert codes(name).dtype == (np.uint16 if name == "a.tif" else np.uint8)
    assert "holds 8 bits of the content's 16" in capsys.readouterr().err
    assert not list(stand.glob("*.part"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("none.png coffee.png", ["content none.png", "no such file"]),
        ("cat.png none.png", ["style none.png", "no such file"]),
        ("cat.png film.mkv", ["style film.mkv", "STYLE is a picture", "PNG"]),
        ("cat.png coffee.png -o cat.png -y", ["cat.png", "would replace CONTENT"]),
        ("cat.png coffee.png -o coffee.png", ["coffee.png", "a style"]),
        ("cat.png coffee.png -o out.exr", ["out.exr", ".png, .tif"]),
        ("cat.png coffee.png -o none/out.png", ["none"]),
        ("cat.png coffee.png --labels ones.png", ["--labels", "1 map for 1 content and 1 style"]),
        ("cat.png coffee.png --labels square.png ones.png", ["label map square.png", "50x50", "150x100"]),
        ("cat.png coffee.png --labels ones.png square.png", ["label map square.png", "coffee.png"]),
        ("cat.png coffee.png --labels none.png ones.png", ["label map none.png"]),
        ("cat.png coffee.png --labels . ones.png", ["--labels .", "for a film"]),
        ("cat.png coffee.png --labels ones.png ones.png --transfer wct", ["--transfer wct", "adain only"]),
        ("cat.png coffee.png --weights 1,2", ["--weights", "2 numbers for 1 style"]),
        ("cat.png coffee.png --weights 1,x", ["--weights", "1,x"]),
        ("cat.png coffee.png --weights 0", ["--weights", "one of them above 0"]),
        ("cat.png coffee.png --strength 2", ["--strength", "0 to 1"]),
        ("cat.png coffee.png --size 8", ["--size", "32"]),
        ("cat.png coffee.png --encoder vgg20", ["--encoder vgg20"]),
        ("cat.png coffee.png --device tpu", ["--device tpu"]),
        ("cat.png coffee.png --fps 24", ["--fps", "numbered images"]),
        ("cat.png", ["STYLE"]),
        ("film.txt coffee.png", ["film.txt"]),
        ("film.mkv coffee.png -o out.png", ["out.png", ".mkv, .mp4"]),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(stand, capsys, line, words):
    write_film(stand / "film.mkv", 6, tags={"space": 6, "range": 1})
    before = sorted(path.name for path in stand.iterdir())
    assert main.main(["stylize", *line.split()]) == 2
    said = capsys.readouterr()
    last = said.err.rstrip("\n").splitlines()[-1]
    assert last.startswith("vidcolor: ")
    assert all(word in last for word in words), last
    assert "Traceback" not in said.err and said.out == ""
    assert sorted(path.name for path in stand.iterdir()) == before
