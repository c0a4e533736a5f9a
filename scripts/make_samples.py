"""Make samples/: a black-and-white film of four shots, a coloured key of each, and their list.

The pictures are photographs of scikit-image's wheel, each free of rights (samples/README.md); a camera pans,
zooms and turns over them, what is near moves against what is far, and the film has grain, flicker and a tone.
The same bits come out on every run with the same libraries: python scripts/make_samples.py [FOLDER]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from skimage import data

WIDTH, HEIGHT, RATE = 480, 360, 24
SHOT_FRAMES = 36
SOUND_RATE = 48000
KR, KB = 0.2126, 0.0722  # BT.709


@dataclass(frozen=True)
class Move:
    """A shot: a picture and the camera's way over it."""

    picture: str
    """Name in skimage.data."""
    near: tuple[float, float, float, float]
    """Ellipse around what stands nearer: centre x, y and radii, in parts of the picture's size."""
    start: tuple[float, float, float, float]
    """Camera at the first frame: centre x, y and width of its window in such parts, turn in degrees."""
    end: tuple[float, float, float, float]
    """Camera at the last frame."""
    parallax: float
    """Pixels by which what is near moves against the rest over the shot."""
    key: int
    """Which frame of the shot is painted."""


SHOTS = (
    Move("astronaut", (0.42, 0.55, 0.30, 0.52), (0.46, 0.37, 0.80, 0.0), (0.50, 0.49, 0.90, 1.5), 8, 0),
    Move("coffee", (0.50, 0.48, 0.30, 0.48), (0.42, 0.54, 0.66, -3.0), (0.56, 0.48, 0.82, 3.0), 6, 12),
    Move("chelsea", (0.47, 0.45, 0.38, 0.55), (0.44, 0.46, 0.86, 1.0), (0.54, 0.52, 0.70, -1.0), 5, 35),
    Move("rocket", (0.50, 0.70, 0.10, 0.60), (0.40, 0.54, 0.66, 0.0), (0.58, 0.50, 0.74, 0.0), -6, 20),
)


@cache
def photograph(name: str) -> np.ndarray:
    """A photograph of scikit-image's, float RGB in 0..1."""
    return getattr(data, name)().astype(np.float32) / 255


def window(shot: Move, at: float) -> np.ndarray:
    """What the camera sees at `at` in 0..1 of the shot: (HEIGHT, WIDTH, 3) float RGB in 0..1."""
    picture = photograph(shot.picture)
    h, w = picture.shape[:2]
    ease = at * at * (3 - 2 * at)  # a camera starts and stops gently
    cx, cy, part, turn = (a + (b - a) * ease for a, b in zip(shot.start, shot.end))
    angle, scale = np.deg2rad(turn), part * w / WIDTH
    x, y = np.meshgrid(np.arange(WIDTH) - (WIDTH - 1) / 2, np.arange(HEIGHT) - (HEIGHT - 1) / 2)
    sx = cx * w + scale * (np.cos(angle) * x - np.sin(angle) * y)
    sy = cy * h + scale * (np.sin(angle) * x + np.cos(angle) * y)
    nx, ny, rx, ry = shot.near
    inside = ((sx / w - nx) / rx) ** 2 + ((sy / h - ny) / ry) ** 2
    sx = sx + shot.parallax * (ease - 0.5) / (1 + inside**3)  # falls off smoothly: nothing tears
    smooth = cv2.GaussianBlur(picture, (0, 0), max(0.3, 0.35 * scale))
    where = (sx.astype(np.float32), sy.astype(np.float32))
    return cv2.remap(smooth, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def luma_of(rgb: np.ndarray) -> np.ndarray:
    """BT.709 luma in 0..1."""
    return rgb @ np.array([KR, 1 - KR - KB, KB], np.float32)


def aged(luma: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Luma in 0..1 -> 8-bit limited-range codes with the grain and the flicker of a film."""
    gain = 1 + 0.012 * rng.standard_normal()
    grain = cv2.GaussianBlur(rng.standard_normal(luma.shape).astype(np.float32), (0, 0), 0.8)
    grain *= 0.030 * np.sqrt(np.clip(luma * (1 - luma), 0, 1))  # most in the middle tones
    codes = np.clip(luma * gain + grain, 0, 1) * 219 + 16
    return np.round(codes).astype(np.uint8)


def write_film(lumas: list[np.ndarray], path: Path) -> None:
    """H.264 with neutral chroma, tagged BT.709, and a tone that changes with the shot."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        # one thread: x264's choices depend on their number
        options = {"crf": "21", "preset": "slow", "threads": "1", "flags": "+bitexact"}
        video = container.add_stream("libx264", rate=RATE, options=options)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        context = video.codec_context
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries = context.color_trc = 1
        options = {"b": "48k", "flags": "+bitexact"}
        sound = container.add_stream("aac", rate=SOUND_RATE, options=options, layout="mono")
        for packet in tone(len(lumas)):
            container.mux(sound.encode(packet))
        for i, luma in enumerate(lumas):
            neutral = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.vstack([luma, neutral]), format="yuv420p")
            frame.color_range, frame.colorspace = ColorRange.MPEG, Colorspace.ITU709
            frame.pts, frame.time_base = i, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))


def tone(frames: int) -> list[av.AudioFrame]:
    """A quiet tone, a third higher with each shot, so that a lost or shifted sound track is heard."""
    out = []
    for i in range(frames):
        t = (np.arange(SOUND_RATE // RATE) + i * (SOUND_RATE // RATE)) / SOUND_RATE
        pitch = 220 * 2 ** ((i // SHOT_FRAMES) / 3)
        samples = (0.1 * np.sin(2 * np.pi * pitch * t)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, i * len(samples)
        frame.time_base = Fraction(1, SOUND_RATE)
        out.append(frame)
    return out


def decoded_luma(path: Path) -> list[np.ndarray]:
    """The film's luma in 0..1, as a restorer who exports a frame sees it."""
    with av.open(str(path)) as container:
        planes = [frame.to_ndarray(format="yuv420p")[:HEIGHT] for frame in container.decode(video=0)]
    return [(p.astype(np.float32) - 16) / 219 for p in planes]


def painted(luma: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """The film's frame with the picture's chroma, 8-bit RGB: what a painter would hand back."""
    rgb = luma[..., None] + colour - luma_of(colour)[..., None]
    return np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).resolve().parent.parent / "samples")
    folder: Path = parser.parse_args(argv).folder
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    for old in keys.glob("ref_*.png"):
        old.unlink()
    rng = np.random.default_rng(1927)
    colours = [window(shot, i / (SHOT_FRAMES - 1)) for shot in SHOTS for i in range(SHOT_FRAMES)]
    film = folder / "film.mp4"
    write_film([aged(luma_of(colour), rng) for colour in colours], film)
    lumas = decoded_luma(film)
    rows = ["frame,reference"]
    for number, shot in enumerate(SHOTS):
        frame = number * SHOT_FRAMES + shot.key
        name = f"ref_{frame:06d}.png"
        picture = painted(lumas[frame], colours[frame])
        cv2.imwrite(str(keys / name), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
        rows.append(f"{frame},keys/{name}")
    (folder / "refs.csv").write_text("\n".join(rows) + "\n")
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and "out" not in p.parts)
    print(f"{film}: {len(lumas)} frames, {len(SHOTS)} shots; {size / 2**20:.2f} MiB in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
