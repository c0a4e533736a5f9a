"""Speed of each stage, and memory: python scripts/benchmark.py [--memory]

Without --film it makes a film of 854x480: a camera moves over the samples' keys. Stages overlap in threads, so their
seconds add up to more than the whole run takes, and on few cores they slow each other down. The colour stage (model,
upsampling) is therefore measured again alone, on the film's first unit. --memory colours films of 1,000 and 5,000
frames, each in a process of its own, and compares their peaks.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import vidcolor  # noqa: F401  (before torch: it decides how OpenMP's threads wait, a factor of ten beside other work)

# isort: split
import av
import cv2
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace

from vidcolor import api
from vidcolor.color.ycbcr import cbcr_to_codes
from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film import chroma_grid, reader
from vidcolor.film.working_frame import working_size
from vidcolor.join import join
from vidcolor.models.base import Colorizer
from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.models.precision import autocast
from vidcolor.plan.plan import Plan
from vidcolor.plan.request import Request
from vidcolor.render.colors import find_colors
from vidcolor.render.prefetch import Timings
from vidcolor.render.unit import render_all
from vidcolor.settings import Settings

WIDTH, HEIGHT, RATE = 854, 480, 24
SHOT_FRAMES = 200
KEYS = Path(__file__).resolve().parent.parent / "samples" / "keys"
PAPER_WIDTH, PAPER_FRAME = 64, (256, 448)


def make_film(frames: int, folder: Path) -> tuple[Path, Path]:
    """A grey H.264 film of shots that pan over the samples' keys, and the list of its keys."""
    film, refs = folder / f"film-{frames}.mkv", folder / f"refs-{frames}.csv"
    pictures = []
    for path in sorted(KEYS.glob("*.png")):
        picture = cv2.imread(str(path))
        if picture is None:
            raise VidcolorError(f"{path}: cannot be read")
        pictures.append(cv2.resize(picture, (1152, 864), interpolation=cv2.INTER_CUBIC))
    rows = ["frame,reference"]
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "gray"
        stream.codec_context.color_range, stream.codec_context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        for i in range(frames):
            shot, at = divmod(i, SHOT_FRAMES)
            x = 149 * (1 - np.cos(2 * np.pi * at / SHOT_FRAMES))
            y = 192 * (1 - np.cos(4 * np.pi * at / SHOT_FRAMES))
            picture = pictures[shot % len(pictures)]
            seen = cv2.getRectSubPix(picture, (WIDTH, HEIGHT), (x + WIDTH / 2, y + HEIGHT / 2))
            if at == 0:
                key = folder / f"key-{frames}-{i:06d}.png"
                cv2.imwrite(str(key), seen)
                rows.append(f"{i},{key.name}")
            luma = seen[..., ::-1].astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
            codes = np.round(luma * 219 / 255 + 16).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(codes, format="gray")
            frame.pts, frame.time_base = i, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refs.write_text("\n".join(rows) + "\n")
    return film, refs


def paper_net_ms(size: tuple[int, int], device: torch.device, repeats: int = 5) -> float:
    """Milliseconds of one forward pass of the paper-size colorization net on a frame of (h, w)."""
    net = ColorizationNet(PAPER_WIDTH).eval().to(device)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    luma = torch.full((1, 1, *size), 50.0, device=device)
    hints, mask = luma.new_zeros(1, 2, *size), luma.new_zeros(1, 1, *size)
    times = []
    with torch.inference_mode(), autocast(device):
        for _ in range(repeats + 1):
            start = time.perf_counter()
            net(luma, hints, mask)
            if device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
    return 1000 * min(times[1:])


def color_stage_ms(plan: Plan, model: Colorizer) -> float:
    """Milliseconds a frame of everything between decoder and encoder, on the film's first unit and with nothing else
    at work: the model and chroma at full size."""
    unit, timings = plan.units[0], Timings()
    frames = list(reader.read(plan.film, unit.first, unit.stop, plan.pts))
    colors = find_colors(plan, unit, model, timings)
    grid = output_format(plan.film, plan.settings, plan.out).chroma
    start = time.perf_counter()
    for frame in frames:
        ab = colors.found.ab[frame.index - unit.warm_first].astype(np.float32)
        planes = chroma_grid.to_planes(ab, frame.luma, plan.film, grid, mode=plan.settings.upsample)
        cbcr_to_codes(*planes, plan.film.coding)
    upsample = (time.perf_counter() - start) / len(frames)
    return 1000 * (upsample + timings["model"] / len(colors.shot))


def stages(request: Request, settings: Settings) -> str:
    """Colour a film and say what each stage took, as a Markdown table."""
    began = time.perf_counter()
    plan, model = api.plan_film(request, settings, progress=False)
    scanned = time.perf_counter()
    timings = render_all(plan, model, plan.units)
    rendered = time.perf_counter()
    join.join_plan(plan, overwrite=True)
    ended = time.perf_counter()
    count = plan.stop - plan.first
    size = working_size(plan.film, settings.lines(plan.film.short_side))
    lines = [
        f"{count} frames of {plan.film.width}x{plan.film.height}, {len(plan.units)} units, working size "
        f"{size[1]}x{size[0]}, model {model.name} on {model.device}, codec {settings.codec}, "
        f"{os.cpu_count()} cores ({platform.processor() or platform.machine()}), torch {torch.__version__}\n",
        "| stage | s | frames/s | ms a frame |",
        "|---|---|---|---|",
    ]

    def row(name: str, seconds: float) -> None:
        speed, each = count / max(seconds, 1e-9), 1000 * seconds / count
        lines.append(f"| {name} | {seconds:.2f} | {speed:.1f} | {each:.1f} |")

    row("plan (scan: decode, shots, keys)", scanned - began)
    for stage, seconds in timings.items():
        row(stage, seconds)
    row("all units (stages overlap)", rendered - scanned)
    row("join", ended - rendered)
    row("**whole**", ended - began)
    paper = paper_net_ms(PAPER_FRAME, model.device)
    ours = color_stage_ms(plan, model)
    lines.append(
        f"\nOne forward pass of the paper-size colorization net at {PAPER_FRAME[1]}x{PAPER_FRAME[0]}: {paper:.0f} "
        f"ms; the colour stage by itself takes {ours:.0f} ms a frame, {ours / paper:.2f} of it."
    )
    return "\n".join(lines)


def peak_mb(command: list[str]) -> float:
    """Run a command; the peak resident memory of its process (or of one it waited for) in MB."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise VidcolorError(f"exit code {process.returncode} of {' '.join(command)}")
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def memory(lengths: list[int], options: list[str], folder: Path) -> str:
    """Peak memory of the command line on films of these lengths, as a Markdown table."""
    lines, peaks = ["| frames | peak MB | s |", "|---|---|---|"], []
    for frames in lengths:
        film, refs = make_film(frames, folder)
        command = [sys.executable, "-m", "vidcolor", str(film), "--refs", str(refs), "-q", "-y"]
        start = time.perf_counter()
        peaks.append(peak_mb([*command, "-o", str(folder / f"result-{frames}.mkv"), *options]))
        lines.append(f"| {frames} | {peaks[-1]:.0f} | {time.perf_counter() - start:.0f} |")
    lines.append(f"\nThe longest film takes {100 * (peaks[-1] / peaks[0] - 1):+.1f} % against the shortest.")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    split = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--film", type=Path, help="film to time (default: a made one)")
    parser.add_argument("--ref", type=Path, help="its key")
    parser.add_argument("--refs", type=Path, help="its list of keys")
    parser.add_argument("--frames", type=int, default=200, help="length of the made film (default 200)")
    parser.add_argument("--model", default=Settings.model)
    parser.add_argument("--size", type=int, help="as of vidcolor")
    parser.add_argument("--quality", action="store_true", help="as of vidcolor")
    parser.add_argument("--device", default=Settings.device)
    parser.add_argument("--codec", default="x264")
    parser.add_argument("--memory", nargs="*", type=int, metavar="FRAMES", help="peak memory on 1000 and 5000")
    args = parser.parse_args(argv[:split])
    try:
        with tempfile.TemporaryDirectory(prefix="vidcolor-benchmark-") as temporary:
            folder = Path(temporary)
            if args.memory is not None:
                options = ["--model", args.model, "--device", args.device, *["--quality"] * args.quality]
                options += [] if args.size is None else ["--size", str(args.size)]
                print(memory(args.memory or [1000, 5000], options + argv[split + 1 :], folder))
                return 0
            film, ref, refs = args.film, (args.ref,) if args.ref else (), args.refs
            if film is None:
                film, refs = make_film(args.frames, folder)
            shared = {name: getattr(args, name) for name in ("model", "size", "quality", "device", "codec")}
            settings = Settings(**shared)
            print(stages(Request(film, ref, refs, folder / "result.mkv"), settings))
    except VidcolorError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
