"""Measure vidcolor on clips whose colours are known: python scripts/evaluate.py --data DIR

The Y plane of each clip in DIR (8-bit 4:2:0, BT.709 limited range) becomes a grey FFV1 film, bit for bit, and its key
frames become PNGs. The command line colours the film, and the result is compared with the clip on all frames but the
keys. Two baselines stand beside it: grey (no colour) and copied key (the key's a and b on every frame). The table goes
to stdout; a CSV and a contact sheet of each clip to --out.

What follows `--` is passed on to the command line: python scripts/evaluate.py --data DIR -- --temporal 0
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from vidcolor.errors import VidcolorError
from vidcolor.evaluation import metrics
from vidcolor.evaluation.lpips import lpips
from vidcolor.evaluation.lpips import net as lpips_net

CLOCK = Fraction(1, 1000)  # Matroska's own
EVERY = 5  # CIEDE2000, SSIM and LPIPS are of every fifth frame
SHEET_TIMES = 4
PROGRAM = "vidcolor"
Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass
class Clip:
    """A clip's truth: its planes and its clock."""

    name: str
    planes: list[Planes]
    """8-bit Y, Cb, Cr of each frame."""
    pts: list[float]
    """Seconds of each frame."""
    rate: float
    keys: list[int] = field(default_factory=list)
    """Frames given to the program in colour, and left out of the measures."""


@dataclass
class Score:
    """One method on one clip: a row of the CSV."""

    clip: str
    method: str
    psnr: float = math.nan
    ciede2000: float = math.nan
    ssim: float = math.nan
    lpips: float = math.nan
    colorfulness: float = math.nan
    flicker: float = math.nan
    cdc: float = math.nan
    cdc_truth: float = math.nan
    key_ciede2000: float = math.nan
    luma_equal: bool = True
    psnr_uint8_wrapped: float = math.nan
    frames: int = 0
    seconds: float = math.nan


def read_planes(path: Path) -> Iterator[tuple[Planes, float]]:
    """Every frame's 8-bit planes, as decoded, and its time in seconds."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            name = frame.format.name
            if name not in ("yuv420p", "yuv422p", "yuv444p") or frame.pts is None or frame.time_base is None:
                raise VidcolorError(f"{path}: pixels are {name}; the protocol is of 8-bit Y'CbCr with times")
            y, cb, cr = (
                np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size)[: p.height, : p.width].copy()
                for p in frame.planes
            )
            yield (y, cb, cr), float(frame.pts * frame.time_base)


def load(path: Path, keys: str) -> Clip:
    """The truth; raises VidcolorError unless it is tagged as the protocol has it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        tags = (stream.codec_context.colorspace, stream.codec_context.color_range)
        if tags != (Colorspace.ITU709, ColorRange.MPEG):
            raise VidcolorError(f"{path}: tags are {tags}; the protocol is of BT.709 in limited range")
        rate = float(stream.average_rate or 25)
    frames = list(read_planes(path))
    if len(frames) < 3:
        raise VidcolorError(f"{path}: {len(frames)} frames; at least 3 are needed")
    last = len(frames) - 1
    at = {"first": [0], "last": [last], "middle": [len(frames) // 2], "first+last": [0, last], "none": []}[keys]
    return Clip(path.stem, [p for p, _ in frames], [t for _, t in frames], rate, at)


def write_grey(clip: Clip, path: Path) -> None:
    """The clip's Y planes as a grey FFV1 film with its times and tags."""
    h, w = clip.planes[0][0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=round(clip.rate))
        stream.width, stream.height, stream.pix_fmt = w, h, "gray"
        context = stream.codec_context
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries = context.color_trc = 1
        context.time_base = stream.time_base = CLOCK
        for (y, _, _), seconds in zip(clip.planes, clip.pts):
            frame = av.VideoFrame.from_ndarray(y, format="gray")
            frame.color_range, frame.colorspace = ColorRange.MPEG, Colorspace.ITU709
            frame.time_base, frame.pts = CLOCK, round(seconds / CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_png(rgb: np.ndarray, path: Path) -> None:
    """Float RGB in 0..1 as an 8-bit PNG."""
    if not cv2.imwrite(str(path), np.round(rgb[..., ::-1] * 255).astype(np.uint8)):
        raise VidcolorError(f"{path}: cannot be written")


def colour(clip: Clip, folder: Path, options: list[str], threads: int) -> tuple[Path, float]:
    """Run the command line on the clip's grey film; the result's path and the seconds it took."""
    grey, result = folder / f"{clip.name}.mkv", folder / f"{clip.name}.color.mkv"
    write_grey(clip, grey)
    keys = []
    for frame in clip.keys:
        keys.append(folder / f"{clip.name}_{frame:06d}.png")
        write_png(metrics.to_rgb(*clip.planes[frame]), keys[-1])
    given: list[str] = []
    if len(keys) == 1:
        given = ["--ref", str(keys[0])]
    elif keys:
        listed = folder / f"{clip.name}.csv"
        rows = [f"{frame},{key.name}" for frame, key in zip(clip.keys, keys)]
        listed.write_text("\n".join(["frame,reference", *rows]) + "\n")
        given = ["--refs", str(listed)]
    command = [sys.executable, "-m", "vidcolor", str(grey), *given, "--lossless", "-o", str(result)]
    command += ["-y", "-q", *options]
    # several processes on few cores starve each other where OpenMP's threads spin while they wait
    quiet = {"OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": "0", "OMP_WAIT_POLICY": "PASSIVE"}
    start = time.perf_counter()
    environment = os.environ | quiet
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip()
        raise VidcolorError(f"{clip.name}: exit code {done.returncode} of {' '.join(command)}: {said}")
    return result, time.perf_counter() - start


def check_clock(clip: Clip, result: Path) -> list[Planes]:
    """The result's planes; raises VidcolorError unless it has the clip's frames at the clip's times."""
    frames = list(read_planes(result))
    if len(frames) != len(clip.planes):
        raise VidcolorError(f"{result}: {len(frames)} frames, the clip has {len(clip.planes)}")
    late = max(abs(a - b) for (_, a), b in zip(frames, clip.pts))
    if late > 0.001:
        raise VidcolorError(f"{result}: a frame is {late:.3f} s away from its time in the clip")
    return [planes for planes, _ in frames]


def nearest_key(clip: Clip, t: int) -> int:
    return min(clip.keys, key=lambda k: abs(k - t))


def judge(clip: Clip, methods: dict[str, Callable[[int], Planes]]) -> list[Score]:
    """Measure every method on every frame but the keys, in one pass over the truth."""
    every = {"truth": clip.planes.__getitem__, **methods}
    scores = {m: Score(clip.name, m, frames=len(clip.planes)) for m in methods}
    sums: dict[str, dict[str, list[float]]] = {m: {} for m in every}
    flow, cdc = metrics.LumaFlow(), {m: metrics.ColorDistributionConsistency() for m in every}
    before: dict[str, np.ndarray] = {}
    for t in range(len(clip.planes)):
        truth_rgb = metrics.to_rgb(*clip.planes[t])
        step, here = flow.step(clip.planes[t][0]), {}
        for method, get in every.items():
            planes = get(t)
            rgb = truth_rgb if method == "truth" else metrics.to_rgb(*planes)
            here[method] = metrics.working_ab(rgb)
            cdc[method].add(rgb)

            def note(what: str, value: float, method: str = method) -> None:
                sums[method].setdefault(what, []).append(value)

            if t in clip.keys:
                if method != "truth":
                    note("key_ciede2000", metrics.ciede2000(rgb, truth_rgb))
                    scores[method].luma_equal &= np.array_equal(planes[0], clip.planes[t][0])
                continue
            note("colorfulness", metrics.colorfulness(rgb))
            if step is not None and t - 1 not in clip.keys:
                note("flicker", metrics.flicker(here[method], before[method], step))
            if method == "truth":
                continue
            scores[method].luma_equal &= np.array_equal(planes[0], clip.planes[t][0])
            note("psnr", metrics.psnr(rgb, truth_rgb))
            note("psnr_uint8_wrapped", metrics.psnr_uint8_wrapped(rgb, truth_rgb))
            if t % EVERY == 0:
                note("ciede2000", metrics.ciede2000(rgb, truth_rgb))
                note("ssim", metrics.ssim(rgb, truth_rgb))
                note("lpips", lpips(rgb, truth_rgb))
        before = here
    for method, score in scores.items():
        for what, values in sums[method].items():
            mean = float(np.mean(values))
            if what in ("colorfulness", "flicker"):
                truth = float(np.mean(sums["truth"][what]))
                mean = mean / truth if truth else math.nan
            setattr(score, what, mean)
        score.cdc, score.cdc_truth = cdc[method].value(), cdc["truth"].value()
    return list(scores.values())


def contact_sheet(clip: Clip, method: Callable[[int], Planes], path: Path) -> None:
    """truth | grey | key | result, one under the other at `SHEET_TIMES` times."""
    rows = []
    for t in np.linspace(1, len(clip.planes) - 1, SHEET_TIMES).round().astype(int).tolist():
        key = [clip.planes[nearest_key(clip, t)]] if clip.keys else []
        shown = [metrics.to_rgb(*planes) for planes in (clip.planes[t], neutral(clip, t), *key, method(t))]
        size = (320, round(320 * shown[0].shape[0] / shown[0].shape[1]))
        rows.append(np.hstack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in shown]))
    write_png(np.vstack(rows), path)


def neutral(clip: Clip, t: int) -> Planes:
    y, cb, cr = clip.planes[t]
    return y, np.full_like(cb, 128), np.full_like(cr, 128)


def copied(clip: Clip, t: int) -> Planes:
    """The nearest key's a and b, at the size the program works at, on the frame's luma."""
    y, cb, cr = clip.planes[t]
    ab = metrics.working_ab(metrics.to_rgb(*clip.planes[nearest_key(clip, t)]))
    lightness = cv2.cvtColor(metrics.to_rgb(*neutral(clip, t)), cv2.COLOR_RGB2Lab)[..., :1]
    ab = cv2.resize(ab, y.shape[::-1], interpolation=cv2.INTER_LINEAR)
    rgb = np.clip(cv2.cvtColor(np.concatenate([lightness, ab], -1), cv2.COLOR_Lab2RGB), 0, 1)
    luma = rgb @ np.array([metrics.KR, 1 - metrics.KR - metrics.KB, metrics.KB], np.float32)
    pb = (rgb[..., 2] - luma) / (2 * (1 - metrics.KB))
    pr = (rgb[..., 0] - luma) / (2 * (1 - metrics.KR))
    return y, to_chroma(pb, cb.shape), to_chroma(pr, cr.shape)


def to_chroma(full: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Chroma in -0.5..0.5 at every pixel -> an 8-bit limited-range plane, left-sited."""
    if shape[1] != full.shape[1]:
        full = cv2.sepFilter2D(full, -1, np.array([0.25, 0.5, 0.25]), np.array([1.0]))[:, ::2]
    if shape[0] != full.shape[0]:
        full = (full[::2] + np.concatenate([full[1::2], full[-1:]])[: shape[0]]) / 2
    return np.clip(np.round(full * 224 + 128), 16, 240).astype(np.uint8)


def evaluate(path: Path, args: argparse.Namespace, threads: int) -> list[Score]:
    """One clip: colour it, measure it, write its contact sheet."""
    clip = load(path, args.keys)
    methods: dict[str, Callable[[int], Planes]] = {"grey": lambda t: neutral(clip, t)}
    if clip.keys:
        methods["copied key"] = lambda t: clip.planes[t] if t in clip.keys else copied(clip, t)
    seconds, shown = math.nan, list(methods)[-1]
    with tempfile.TemporaryDirectory(prefix="vidcolor-evaluate-") as temporary:
        folder = args.keep or Path(temporary)
        if args.only != "baselines":
            options = (["--model", args.model] if args.model else []) + args.options
            result, seconds = colour(clip, folder, options, threads)
            planes = check_clock(clip, result)
            methods[PROGRAM], shown = planes.__getitem__, PROGRAM
        scores = judge(clip, methods)
    scores[-1].seconds = seconds
    contact_sheet(clip, methods[shown], args.out / f"{clip.name}.png")
    return scores


def table(scores: list[Score], compat: bool) -> str:
    """A Markdown table: a line per clip, the mean, and columns for each method."""
    methods = list(dict.fromkeys(s.method for s in scores))
    clips = list(dict.fromkeys(s.clip for s in scores))
    by = {(s.clip, s.method): s for s in scores}
    main = methods[-1]
    head = ["clip", *(f"{m}: PSNR / CIEDE2000 / colourfulness" for m in methods)]
    extra = {"SSIM": "ssim", "LPIPS": "lpips", "flicker": "flicker", "CDC": "cdc", "CDC of truth": "cdc_truth"}
    extra["CIEDE2000 of key"] = "key_ciede2000"
    if compat:
        extra["field's uint8 PSNR (wraps)"] = "psnr_uint8_wrapped"
    head += [f"{main}: {title}" for title in extra] + ["luma equal", "s", "fps"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]

    def mean(method: str, what: str) -> float:
        return float(np.mean([getattr(by[c, method], what) for c in clips]))

    def row(name: str, get: Callable[[str, str], float], equal: bool) -> str:
        three = ("psnr", "ciede2000", "colorfulness")
        cells = [" / ".join(f"{get(m, what):.2f}" for what in three) for m in methods]
        digits = {"cdc": 5, "cdc_truth": 5, "ssim": 3, "lpips": 3}
        cells += [f"{get(main, what):.{digits.get(what, 2)}f}" for what in extra.values()]
        seconds, frames = get(main, "seconds"), get(main, "frames")
        cells += ["yes" if equal else "NO", f"{seconds:.1f}", f"{frames / seconds:.1f}"]
        return "| " + " | ".join([name, *cells]) + " |"

    for c in clips:
        lines.append(row(c, lambda m, what, c=c: getattr(by[c, m], what), by[c, main].luma_equal))  # type: ignore[misc]
    lines.append(row(f"**mean of {len(clips)}**", mean, all(by[c, main].luma_equal for c in clips)))
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    split = argv.index("--") if "--" in argv else len(argv)
    own, options = argv[:split], argv[split + 1 :]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of clips (*.mp4, *.mkv, *.mov)")
    parser.add_argument("--clips", nargs="+", help="names of the clips to take (default: all)")
    parser.add_argument(
        "--keys",
        choices=["first", "last", "middle", "first+last", "none"],
        default="first",
        help="frames that are keys (default: first)",
    )
    parser.add_argument("--model", help="as in vidcolor --model")
    parser.add_argument("--only", choices=["baselines"], help="grey and copied key, without the program")
    parser.add_argument(
        "--compat",
        choices=["uint8"],
        help="add the PSNR of differences that wrap around in uint8, as some papers' scripts compute it",
    )
    parser.add_argument("--jobs", type=int, default=1, help="clips at a time (default 1)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/evaluate"),
        help="folder for the CSV and contact sheets (default: runs/evaluate)",
    )
    parser.add_argument("--keep", type=Path, help="keep the grey films, keys and results here")
    args = parser.parse_args(own)
    args.options = options
    try:
        lpips_net()  # said at once if its weights are missing
        found = sorted(p for p in args.data.glob("*") if p.suffix in (".mp4", ".mkv", ".mov"))
        unknown = set(args.clips or []) - {p.stem for p in found}
        if unknown or not found:
            missing = ", ".join(sorted(unknown)) or "(*.mp4, *.mkv, *.mov)"
            raise VidcolorError(f"{args.data}: no clips {missing} in it")
        for folder in filter(None, (args.out, args.keep)):
            folder.mkdir(parents=True, exist_ok=True)
        chosen = [p for p in found if not args.clips or p.stem in args.clips]
        threads = max(1, (os.cpu_count() or 1) // args.jobs)
        scores: list[Score] = []
        with ThreadPoolExecutor(args.jobs) as pool:
            for path, got in zip(chosen, pool.map(lambda p: evaluate(p, args, threads), chosen)):
                scores += got
                figures = ", ".join(f"{s.method} {s.psnr:.2f} dB" for s in got)
                print(f"{path.stem}: {figures}", file=sys.stderr)
    except VidcolorError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    name = args.out / f"{args.model or 'default'}-{args.keys}.csv"
    with name.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(vars(scores[0])))
        writer.writeheader()
        writer.writerows(vars(s) for s in scores)
    print(f"Keys: {args.keys}. Options: {' '.join(options) or 'none'}. CSV: {name}\n")
    print(table(scores, bool(args.compat)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
