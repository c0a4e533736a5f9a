"""Make samples/sketch/: a short drawn film, black lines on paper, and a coloured model sheet of who is in it.

    python scripts/make_sketch_sample.py [FOLDER]

Two figures walk through a landscape. They are made for this sample; what they share with the drawings that
`scripts/train.py sketch` makes is the renderer and its kinds of outlines (round limbs, ellipses, boxes), not the
figures, their parts' order or their colours. Nothing here is from elsewhere: CC0 1.0.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from vidcolor.training.drawings import Drawing, Pen, Placed, render
from vidcolor.training.figures import BLACK, WHITE, Part, box, ellipse, joint, limb

WIDTH, HEIGHT = 320, 240
FRAMES, RATE = 32, 12
PEN = Pen(1.3, 0.04)
PAPER = 0.93
"""Luma of the paper."""

SKY, HILL, MEADOW, SUN = (0.62, 0.83, 0.95), (0.55, 0.68, 0.45), (0.74, 0.85, 0.47), (1.0, 0.85, 0.35)
SKIN, HAIR, DRESS, BOOTS, BOW = (
    (0.98, 0.82, 0.70),
    (0.55, 0.25, 0.12),
    (0.85, 0.20, 0.25),
    (0.25, 0.25, 0.45),
    (0.98, 0.8, 0.2),
)
STEEL, CHEST, EYE, FEET = (0.62, 0.70, 0.76), (0.95, 0.55, 0.15), (0.45, 0.90, 0.80), (0.35, 0.40, 0.50)


def girl(step: float, wave: float) -> list[Part]:
    """A girl with two bunches; step: phase of her walk, wave: how far her front arm is up, 0..1."""
    out, swing = [], 0.5 * np.sin(step)
    for side in (-1, 1):
        knee = joint((0.03 * side, -0.3), 0.16, swing * side)
        foot = joint(knee, 0.14, swing * side - 0.2 * (1 + np.sin(step * 1.0 + side)))
        out.append(Part(limb((0.03 * side, -0.3), foot, 0.035, 0.03), SKIN))
        out.append(Part(limb((foot[0], foot[1] - 0.04), (foot[0] + 0.05, foot[1]), 0.045, 0.035), BOOTS))
    shoulder = (0.0, -0.54)
    hand = joint(joint(shoulder, 0.13, -0.5 - swing), 0.12, -0.3 - swing)
    out.append(Part(limb(shoulder, hand, 0.035, 0.028), SKIN))
    t = np.linspace(0, 1, 7)
    hem = np.stack([0.2 - 0.4 * t, -0.24 + 0.02 * np.sin(step + 9 * t)], 1)
    out.append(Part(np.concatenate([[[-0.07, -0.58], [0.07, -0.58]], hem]), DRESS))
    out.append(Part(box(-0.085, -0.45, 0.085, -0.415), BOW))
    for side in (-1, 1):
        out.append(Part(ellipse(0.21 * side, -0.74 + 0.01 * np.sin(step), 0.07, 0.11, 0.35 * side), HAIR))
    out.append(Part(ellipse(0, -0.78, 0.175, 0.18), HAIR))
    out.append(Part(ellipse(0.025, -0.745, 0.135, 0.13), SKIN))
    for x in (-0.02, 0.09):
        out.append(Part(ellipse(x, -0.745, 0.014, 0.025, n=10), BLACK, False))
    up = 0.5 + swing + 1.5 * wave
    elbow = joint(shoulder, 0.13, up)
    out.append(Part(limb(shoulder, joint(elbow, 0.12, up + 0.5), 0.04, 0.028), SKIN))
    return out


def robot(step: float, lean: float) -> list[Part]:
    """A robot on two boots."""
    out, swing = [], 0.35 * np.sin(step)
    for side in (-1, 1):
        foot = joint((0.09 * side, -0.3), 0.25, swing * side)
        out.append(Part(limb((0.09 * side, -0.3), foot, 0.04, 0.04), STEEL))
        out.append(Part(box(foot[0] - 0.07, foot[1] - 0.02, foot[0] + 0.11, foot[1] + 0.05), FEET))
    for side in (-1, 1):
        hand = joint((0.2 * side, -0.55), 0.22, 0.25 * side - swing * side)
        out.append(Part(limb((0.2 * side, -0.55), hand, 0.035, 0.035), STEEL))
        out.append(Part(ellipse(*hand, 0.055, 0.055), FEET))
    out.append(Part(box(-0.19, -0.64, 0.19, -0.27), STEEL))
    out.append(Part(box(-0.12, -0.58, 0.12, -0.4), CHEST))
    x = 0.05 * lean
    out.append(Part(limb((x, -0.9), (x + 0.03 * np.sin(step), -0.98), 0.012, 0.012), STEEL))
    out.append(Part(ellipse(x + 0.03 * np.sin(step), -0.985, 0.03, 0.03), CHEST))
    head = np.array([[-0.15, -0.68], [0.15, -0.68], [0.12, -0.9], [-0.12, -0.9]])
    out.append(Part(head + np.array([x, 0.0]), STEEL))
    for side in (-1, 1):
        out.append(Part(ellipse(x + 0.06 * side + 0.02, -0.79, 0.042, 0.042, n=16), EYE))
    return out


def land(shift: float) -> list[Part]:
    """Sky, sun, a far hill and a meadow, moved sideways by `shift` pixels."""
    along = np.linspace(-120, WIDTH + 120, 60)
    low = [[WIDTH + 120, HEIGHT + 9], [-120, HEIGHT + 9]]
    hill = np.stack([along, 120 - 34 * np.sin((along + 30) / 75)], 1)
    ground = np.stack([along, 172 + 7 * np.sin(along / 50)], 1)
    cloud = np.concatenate([ellipse(96, 36, 30, 12, n=30)[15:], ellipse(96, 40, 34, 9, n=30)[:15]])
    parts = [
        Part(box(-9, -9, WIDTH + 9, HEIGHT + 9), SKY),
        Part(ellipse(262, 40, 20, 20), SUN),
        Part(cloud, WHITE),
    ]
    parts += [Part(np.concatenate([hill, low]), HILL), Part(np.concatenate([ground, low]), MEADOW)]
    return [parts[0], *(Part(p.outline + np.array([shift, 0.0]), p.color, p.lined) for p in parts[1:])]


def frame(n: int) -> Drawing:
    """Frame n of the film: the girl walks in from the left and waves, the robot comes to meet her."""
    t = n / (FRAMES - 1)
    wave = float(np.clip(3 * t - 1.6, 0, 1))
    figures = [
        Placed(girl(0.8 * n * (1 - wave), wave), 60 + 60 * min(t * 1.4, 1), 222, 165),
        Placed(robot(0.7 * n, float(np.sin(0.3 * n))), 275 - 55 * t, 226, 180, True, 1),
    ]
    return render(land(-6 * t), figures, (HEIGHT, WIDTH), PEN)


def sheet() -> np.ndarray:
    """The model sheet: both figures as no frame shows them, in front of the same land; (HEIGHT, WIDTH, 3) uint8 RGB."""
    figures = [Placed(robot(1.4, -1.0), 78, 214, 168), Placed(girl(2.2, 0.45), 222, 226, 185, True, 1)]
    return render(land(14), figures, (HEIGHT, WIDTH), PEN).colored()


def write_film(lumas: list[np.ndarray], path: Path) -> None:
    """H.264 with neutral chroma, tagged BT.709."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        options = {"crf": "18", "preset": "slow", "threads": "1", "flags": "+bitexact"}
        video: Any = container.add_stream("libx264", rate=RATE, options=options)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        context = video.codec_context
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries = context.color_trc = 1
        for i, luma in enumerate(lumas):
            neutral = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
            picture = av.VideoFrame.from_ndarray(np.vstack([luma, neutral]), format="yuv420p")
            picture.color_range, picture.colorspace = ColorRange.MPEG, Colorspace.ITU709
            picture.pts, picture.time_base = i, Fraction(1, RATE)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))


def photographed(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A drawing (h, w) uint8 on paper, filmed: a little blur, flicker and grain; 8-bit limited-range codes."""
    luma = cv2.GaussianBlur(ink.astype(np.float32) / 255 * PAPER, (0, 0), 0.4)
    luma = luma * (1 + 0.006 * rng.standard_normal()) + 0.006 * rng.standard_normal(ink.shape)
    return np.rint(np.clip(luma, 0, 1) * 219 + 16).astype(np.uint8)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    home = Path(__file__).resolve().parent.parent / "samples" / "sketch"
    parser.add_argument("folder", type=Path, nargs="?", default=home)
    folder: Path = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1928)
    film = folder / "film.mp4"
    write_film([photographed(frame(n).ink, rng) for n in range(FRAMES)], film)
    cv2.imwrite(str(folder / "sheet.png"), sheet()[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    size = sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
    print(f"{film}: {FRAMES} frames and a model sheet; {size / 1000:.0f} kB in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
