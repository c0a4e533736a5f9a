"""The sketch model behind the contract and in the pipeline, with a small untrained net."""

import av
import cv2
import numpy as np
import pytest
import torch
from media import grey_frames, write_film

from vidcolor import api
from vidcolor.cli import main
from vidcolor.errors import VidcolorError, one_run
from vidcolor.models import registry
from vidcolor.models.base import Batch, Colorizer
from vidcolor.models.sketch import model
from vidcolor.models.sketch.model import SketchColorizer
from vidcolor.models.sketch.scft import Scft
from vidcolor.shot import Reference, Shot

CPU = torch.device("cpu")
SMALL = {"widths": (4, 6, 8, 10), "levels": (4, 6, 8), "body": 8, "blocks": 1, "fold": 2, "grid": 8, "copy": True}


def net(seed=0):
    torch.manual_seed(seed)
    return Scft(**SMALL)


def line_art(count=5, h=64, w=96):
    """A ball that rolls over a ground line, black on white: (h, w) uint8 each."""
    frames = []
    for n in range(count):
        frame = np.full((h, w), 250, np.uint8)
        cv2.line(frame, (0, 54), (w, 54), 10, 2)
        cv2.circle(frame, (24 + 4 * n, 38), 14, 10, 2, cv2.LINE_AA)
        frames.append(frame)
    return frames


def shot(frames, first=100):
    return Shot(np.stack(frames), first)


def key(rgb=(200, 40, 40), frame=None, size=(64, 96), weight=1.0, **how):
    picture = np.full((*size, 3), (150, 200, 240), np.uint8)
    cv2.circle(picture, (48, 32), 20, rgb, -1)
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    return Reference(lab, frame, weight, **how)


def batch(film, first=0, last=None):
    positions = range(first, len(film) if last is None else last)
    lightness = torch.from_numpy(film.grey(slice(positions.start, positions.stop)))[:, None]
    return Batch(lightness, positions)


def colored(model, film, references):
    return model.colorize(batch(film), model.prepare(film, references))


def test_it_keeps_the_contract():
    model, film = SketchColorizer(CPU, net=net()), shot(line_art())
    out = colored(model, film, [key()])
    assert out.ab.shape == (5, 2, 64, 96) and out.ab.dtype == out.confidence.dtype == torch.float32
    assert out.confidence.shape == out.fill_lightness.shape == (5, 1, 64, 96)
    assert out.confidence.min() > 0 and out.confidence.max() <= 1
    assert out.fill_lightness.min() >= 0 and out.fill_lightness.max() <= 100
    colorizer: Colorizer = model
    assert (colorizer.name, len(colorizer.fingerprint)) == ("sketch", 64)


def test_line_art_gets_a_fill_and_pictures_with_tones_get_ab_only(capsys):
    art, tones = shot(line_art()), shot(grey_frames(3))
    with one_run():
        for output, wanted in (("auto", (True, False)), ("fill", (True, True)), ("ab", (False, False))):
            model = SketchColorizer(CPU, output, net=net())
            assert tuple(colored(model, film, [key()]).fill_lightness is not None for film in (art, tones)) == wanted
    said = capsys.readouterr().err
    assert said.count("luma is written anew") == 1 and said.count("\n") == 1


def test_without_a_reference_it_colors_by_itself_at_confidence_0():
    out = colored(SketchColorizer(CPU, net=net()), shot(line_art()), [])
    assert out.confidence.max() == 0 and out.fill_lightness is not None and out.ab.isfinite().all()


def test_the_reference_matters_and_a_sure_weight_leaves_the_others_out():
    model, film = SketchColorizer(CPU, "ab", net=net()), shot(line_art())
    red, blue = key(), key((30, 60, 200))
    one, other = (colored(model, film, [k]).ab for k in (red, blue))
    assert (one - other).abs().max() > 0.1
    both = colored(model, film, [red, key((30, 60, 200), weight=1e-9)]).ab
    torch.testing.assert_close(both, one, atol=0.3, rtol=0)
    assert (colored(model, film, [red, blue]).ab - one).abs().max() > 0.05


def test_what_a_cropped_key_does_not_cover_gives_nothing():
    model, film = SketchColorizer(CPU, "ab", net=net()), shot(line_art(2))
    covered = np.zeros((64, 96), bool)
    covered[:, :64] = True
    lab = key().lab.copy()
    lab[:, 64:] = (50, 100, 100)
    repainted = lab.copy()
    repainted[:, 80:] = (90, -100, 0)  # beyond what the covered tokens can see
    out = [colored(model, film, [Reference(x, None, covered=covered)]).ab for x in (lab, repainted)]
    seen = [colored(model, film, [Reference(x, None)]).ab for x in (lab, repainted)]
    assert (out[0] - out[1]).abs().max() < 0.2 * (seen[0] - seen[1]).abs().max()


def test_the_same_film_twice_gives_the_same_bits_and_equal_frames_equal_colors():
    film = shot(line_art())
    film.lightness[4] = film.lightness[1]
    one, again = (colored(SketchColorizer(CPU, net=net()), film, [key(frame=None)]) for _ in range(2))
    assert torch.equal(one.ab, again.ab) and torch.equal(one.fill_lightness, again.fill_lightness)
    torch.testing.assert_close(one.ab[4], one.ab[1])
    model = SketchColorizer(CPU, net=net())
    state = model.prepare(film, [key()])
    parts = torch.cat([model.colorize(batch(film, *p), state).ab for p in ((0, 2), (2, 5))])
    torch.testing.assert_close(parts, one.ab, atol=0.5, rtol=0)


def test_references_of_any_size():
    for size in ((64, 96), (40, 130), (100, 20)):
        assert colored(SketchColorizer(CPU, net=net()), shot(line_art(1)), [key(size=size)]).ab.isfinite().all()


def test_the_fingerprint_knows_weights_and_output():
    prints = {SketchColorizer(CPU, o, net=net(s)).fingerprint for o, s in (("auto", 0), ("ab", 0), ("auto", 1))}
    assert len(prints) == 3 and SketchColorizer(CPU, net=net()).fingerprint in prints


def test_painted_colors_are_the_references_own():
    out = colored(SketchColorizer(CPU, net=net()), shot(line_art()), [key()])
    lab = torch.cat([out.fill_lightness, out.ab], 1).permute(0, 2, 3, 1).reshape(-1, 3).numpy()
    palette = np.unique(key().lab.reshape(-1, 3).round(2), axis=0)
    apart = np.linalg.norm(lab[:, None] - palette[None], axis=-1).min(1)
    assert (apart < 1).mean() > 0.95, "regions take a colour that is there, no mixture"


# --- in the pipeline ---


@pytest.fixture
def small(monkeypatch):
    """`create` builds the model with the small net."""
    monkeypatch.setattr(model.weights, "load_net", lambda kind: net())


def planes(path):
    with av.open(str(path)) as container:
        frames = [f.to_ndarray() for f in container.decode(video=0)]
    h = frames[0].shape[0] * 2 // 3
    return [f[:h] for f in frames], [f[h:] for f in frames]


def sheet(path, rgb=(200, 40, 40)):
    lab = key(rgb).lab
    cv2.imwrite(str(path), np.rint(cv2.cvtColor(lab, cv2.COLOR_Lab2BGR) * 255).astype(np.uint8))
    return path


def test_ab_mode_leaves_every_bit_of_luma_and_fill_mode_paints_paper_and_keeps_black(tmp_path, small):
    film = write_film(tmp_path / "film.mkv", line_art())
    how = {"ref": sheet(tmp_path / "key.png"), "model": "sketch", "lossless": True, "size": 64}
    api.colorize(film.path, out=tmp_path / "ab.mkv", sketch_output="ab", **how)
    luma, chroma = planes(tmp_path / "ab.mkv")
    assert all(np.array_equal(a, b) for a, b in zip(luma, film.luma, strict=True))
    assert any((c != 128).any() for c in chroma)
    api.colorize(film.path, out=tmp_path / "fill.mkv", **how)
    painted, chroma = planes(tmp_path / "fill.mkv")
    for new, old, c in zip(painted, film.luma, chroma, strict=True):
        assert (new[old > 200] != old[old > 200]).mean() > 0.9, "paper takes the fill"
        assert (new[old <= 16] == 16).all(), "black stays black"
        assert (new.astype(int) <= np.maximum(old, 235)).all()
        assert (c != 128).mean() > 0.3


def test_tones_keep_their_luma_unasked(tmp_path, small):
    film = write_film(tmp_path / "film.mkv", 6)
    how = {"ref": sheet(tmp_path / "key.png"), "model": "sketch", "lossless": True, "size": 64}
    api.colorize(film.path, out=tmp_path / "out.mkv", **how)
    assert all(np.array_equal(a, b) for a, b in zip(planes(tmp_path / "out.mkv")[0], film.luma, strict=True))


def test_a_painted_frame_keeps_its_keys_colors(tmp_path, small):
    """The key is the film's own frame, painted: its flat fill comes back in that frame."""
    frames = line_art(5)
    film = write_film(tmp_path / "film.mkv", frames)
    paint = np.repeat(frames[2][..., None], 3, 2).astype(np.float32) / 250
    inside = np.hypot(*(np.indices((64, 96)) - np.array([38, 32])[:, None, None])) < 13
    paint[inside] *= (0.9, 0.3, 0.2)
    cv2.imwrite(str(tmp_path / "key.png"), np.rint(paint[..., ::-1] * 255).clip(0, 255).astype(np.uint8))
    (tmp_path / "refs.csv").write_text("frame,reference\n2,key.png\n")
    api.colorize(
        film.path, refs=tmp_path / "refs.csv", out=tmp_path / "out.mkv",
        model="sketch", sketch_output="fill", codec="ffv1", chroma="444", size=64,
    )  # fmt: skip
    with av.open(str(tmp_path / "out.mkv")) as container:
        painted = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)][2]
    np.testing.assert_allclose(np.median(painted[inside], 0), np.array([0.9, 0.3, 0.2]) * 255, atol=14)


def test_the_command_line_from_end_to_end_twice_the_same_bits(tmp_path, small, capsys):
    film = write_film(tmp_path / "film.mkv", line_art())
    command = [str(film.path), "--ref", str(sheet(tmp_path / "key.png")), "--model", "sketch", "--size", "64", "-q"]
    for out in ("a.mkv", "b.mkv"):
        assert main.main([*command, "-o", str(tmp_path / out)]) == 0
    for one, again in zip(planes(tmp_path / "a.mkv"), planes(tmp_path / "b.mkv"), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    said = capsys.readouterr().err
    assert said.count("luma is written anew") == 2, "once in each run"
    assert main.main([*command, "-o", str(tmp_path / "c.mkv"), "--sketch-output", "ab"]) == 0
    assert "luma" not in capsys.readouterr().err


def test_wrong_uses_say_what_to_do(tmp_path):
    with pytest.raises(VidcolorError, match=r"`sketch_output=fill`: .* use `model=sketch`"):
        registry.create("exemplar", sketch_output="fill")
    with pytest.raises(VidcolorError, match="`encoder=vgg19`: `model=sketch` does not take it"):
        registry.create("sketch", encoder="vgg19")
    with pytest.raises(VidcolorError, match="`sketch_output=lines`: one of auto, fill, ab"):
        SketchColorizer(CPU, "lines", net=net())
    assert "sketch" in registry.names()
