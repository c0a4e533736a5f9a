"""Set film, keys and result side by side, a row for each shot that has a key.

    python scripts/make_before_after.py FILM RESULT --refs LIST -o PICTURE

Of each shot it shows the frame farthest from the key, where colours are hardest to keep.
"""

from __future__ import annotations

import argparse
import csv
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CUT = 35  # mean change of 8-bit luma between frames: far above any camera move in the samples
COLUMN, CAPTION, GAP = 272, 22, 6


def pictures(path: Path) -> list[Image.Image]:
    """Every frame at column width, as a player shows it."""
    with av.open(str(path)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    return [f.resize((COLUMN, round(COLUMN * f.height / f.width)), Image.Resampling.LANCZOS) for f in frames]


def farthest(frame: int, cuts: list[int]) -> int:
    """The frame of `frame`'s shot farthest from it; `cuts` are the shots' first frames and the end."""
    first, end = next((a, b) for a, b in pairwise(cuts) if a <= frame < b)
    return first if frame - first > end - 1 - frame else end - 1


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--refs", type=Path, required=True, help="CSV of frame,reference")
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args(argv)
    film, result = pictures(args.film), pictures(args.result)
    luma = [np.asarray(f.convert("L"), np.float32) for f in film]
    jumps = [i for i, (a, b) in enumerate(pairwise(luma), 1) if np.abs(b - a).mean() > CUT]
    cuts = [0, *jumps, len(film)]
    with args.refs.open(newline="") as file:
        keys = [(int(row["frame"]), args.refs.parent / row["reference"]) for row in csv.DictReader(file)]
    height, font = film[0].height, ImageFont.load_default(13)
    size = (3 * COLUMN + 2 * GAP, len(keys) * (height + CAPTION))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for row, (frame, path) in enumerate(keys):
        shown = farthest(frame, cuts)
        with Image.open(path) as opened:
            key = opened.convert("RGB").resize((COLUMN, height), Image.Resampling.LANCZOS)
        cells = ((film[shown], f"film, frame {shown}"), (key, f"key, frame {frame}"))
        for column, (picture, words) in enumerate((*cells, (result[shown], f"vidcolor, frame {shown}"))):
            x, y = column * (COLUMN + GAP), row * (height + CAPTION)
            sheet.paste(picture, (x, y + CAPTION - GAP // 2))
            draw.text((x + 2, y + 1), words, fill="black", font=font)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(args.out, optimize=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
