"""The evaluation's inputs are the protocol's, and its table says what was measured."""

import argparse
import math
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from scripts_of import script

pytest.importorskip("skimage", reason="scikit-image is in the dev extra")
from vidcolor.errors import VidcolorError
from vidcolor.evaluation import metrics

evaluate = script("evaluate")

FRAMES, H, W = 12, 48, 64


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory) -> Path:
    """A small clip in colour, tagged BT.709, whose frames have uneven times."""
    path = tmp_path_factory.mktemp("clips") / "small.mp4"
    rng = np.random.default_rng(0)
    wide = cv2.GaussianBlur(rng.integers(0, 255, (H, W + FRAMES, 3), np.uint8), (0, 0), 3)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.codec_context.color_range, stream.codec_context.colorspace = 1, 1
        stream.codec_context.time_base = Fraction(1, 1000)
        for i in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[:, i : i + W]), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
            frame.pts, frame.time_base = i * 40 + (i % 2) * 7, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def clip(clip_path):
    return evaluate.load(clip_path, "first")


@pytest.mark.parametrize(
    ("keys", "frames"),
    [("first", [0]), ("last", [FRAMES - 1]), ("middle", [6]), ("first+last", [0, FRAMES - 1]), ("none", [])],
)
def test_keys(clip_path, keys, frames):
    assert evaluate.load(clip_path, keys).keys == frames


def test_grey_film_is_the_truth_bit_for_bit(clip, tmp_path):
    evaluate.write_grey(clip, tmp_path / "grey.mkv")
    with av.open(str(tmp_path / "grey.mkv")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "ffv1"
        assert stream.codec_context.pix_fmt == "gray"
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)
        frames = list(container.decode(stream))
    assert len(frames) == FRAMES
    assert all(np.array_equal(f.to_ndarray(), p[0]) for f, p in zip(frames, clip.planes))
    times = [float(f.pts * f.time_base) for f in frames]
    assert times == pytest.approx(clip.pts, abs=1e-4)
    assert len({round(b - a, 3) for a, b in zip(times, times[1:])}) > 1, "times are uneven, and stay so"  # noqa: RUF007


def test_untagged_clips_are_refused(tmp_path):
    path = tmp_path / "untagged.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((48, 32), 128, np.uint8), format="yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(VidcolorError, match=r"BT\.709"):
        evaluate.load(path, "first")


def test_truth_is_perfect_and_grey_is_grey(clip):
    methods = {"truth again": clip.planes.__getitem__, "grey": lambda t: evaluate.neutral(clip, t)}
    perfect, grey = evaluate.judge(clip, methods)
    assert perfect.psnr == math.inf
    assert (perfect.ciede2000, perfect.colorfulness, perfect.flicker) == pytest.approx((0, 1, 1))
    assert perfect.luma_equal
    assert perfect.cdc == perfect.cdc_truth
    assert grey.colorfulness == pytest.approx(0, abs=1e-5)
    assert 10 < grey.psnr < 30
    assert grey.luma_equal


def test_key_frames_are_left_out(clip):
    def ruined_key(t):
        return evaluate.neutral(clip, t) if t in clip.keys else clip.planes[t]

    (score,) = evaluate.judge(clip, {"ruined key": ruined_key})
    assert score.psnr == math.inf
    assert score.flicker == pytest.approx(1)
    assert score.key_ciede2000 > 5


def test_changed_luma_is_seen(clip):
    def changed(t):
        y, cb, cr = clip.planes[t]
        return (y ^ 1, cb, cr) if t == 7 else (y, cb, cr)

    (score,) = evaluate.judge(clip, {"changed": changed})
    assert not score.luma_equal


def test_copied_key_keeps_luma_and_gives_the_key_its_colours(clip):
    y, cb, cr = evaluate.copied(clip, 0)
    assert np.array_equal(y, clip.planes[0][0])
    assert cb.shape == cr.shape == (H // 2, W // 2)
    assert metrics.ciede2000(metrics.to_rgb(y, cb, cr), metrics.to_rgb(*clip.planes[0])) < 2


def test_chroma_is_sited_as_it_is_read():
    ramp = np.broadcast_to(np.linspace(-0.3, 0.3, W, dtype=np.float32), (H, W))
    plane = evaluate.to_chroma(np.ascontiguousarray(ramp), (H // 2, W // 2))
    back = (metrics.upsample_chroma(plane.astype(np.float32), (H, W)) - 128) / 224
    assert np.abs(back - ramp)[:, 2:-2].max() < 0.6 / 224


def test_baselines_run_end_to_end(clip_path, tmp_path, capsys):
    given = ["--data", str(clip_path.parent), "--only", "baselines", "--out", str(tmp_path), "--compat", "uint8"]
    assert evaluate.main(given) == 0
    out = capsys.readouterr().out
    assert "| small | " in out
    assert "**mean of 1**" in out
    assert "wraps" in out
    assert (tmp_path / "small.png").stat().st_size > 1000
    rows = (tmp_path / "default-first.csv").read_text().splitlines()
    assert [row.split(",")[1] for row in rows] == ["method", "grey", "copied key"]


def test_unknown_clips_are_named(clip_path, tmp_path, capsys):
    assert evaluate.main(["--data", str(clip_path.parent), "--clips", "nosuch", "--out", str(tmp_path)]) == 2
    assert "nosuch" in capsys.readouterr().err


def test_the_program_is_run_by_its_command_line(clip, tmp_path, monkeypatch):
    said: dict[str, list[str]] = {}

    def run(command, **_):
        said["command"] = command
        return argparse.Namespace(returncode=0, stderr="")

    monkeypatch.setattr(evaluate.subprocess, "run", run)
    evaluate.colour(clip, tmp_path, ["--temporal", "0"], 1)
    command = said["command"]
    assert command[1:3] == ["-m", "vidcolor"]
    assert command[-2:] == ["--temporal", "0"]
    assert "--lossless" in command
    key = cv2.imread(command[command.index("--ref") + 1])[..., ::-1] / 255
    assert np.abs(key - metrics.to_rgb(*clip.planes[0])).max() <= 0.5 / 255 + 1e-6
    clip.keys = [0, FRAMES - 1]
    evaluate.colour(clip, tmp_path, [], 1)
    command = said["command"]
    rows = Path(command[command.index("--refs") + 1]).read_text().split()
    assert rows == ["frame,reference", "0,small_000000.png", f"{FRAMES - 1},small_{FRAMES - 1:06d}.png"]
