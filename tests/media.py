"""Small test films: textured, moving, grey, with hard cuts; and tracks, chapters and covers for them.

Tests say `from media import write_film`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
from PIL import Image

from vidcolor.film.film import Film

TAGS = {
    "space": "colorspace",
    "primaries": "color_primaries",
    "transfer": "color_trc",
    "range": "color_range",
}


@dataclass(frozen=True)
class Written:
    """A film as it went into the encoder."""

    path: Path
    luma: list[np.ndarray]
    """(h, w) uint8 or uint16 planes, in presentation order."""
    pts: list[int]
    """Time stamps given to the encoder, in ticks of `time_base`."""
    time_base: Fraction


def depth_of(pix_fmt: str) -> int:
    return av.VideoFormat(pix_fmt, 16, 16).components[0].bits


def grey_frames(
    count: int, width: int = 96, height: int = 64, *, depth: int = 8, cuts: Sequence[int] = (), seed: int = 0
) -> list[np.ndarray]:
    """`count` luma planes of a texture that pans slowly; a new texture from each frame of `cuts` on.

    Code values stay inside the limited range of `depth`; every bit of a code value is used."""
    peak = 1 << (depth - 8)
    frames = []
    for number in range(count):
        shot = sum(number >= cut for cut in cuts)
        random = np.random.default_rng([seed, shot])
        if number == 0 or number in cuts:
            side = max(width, height) + 2 * count + 16
            grain = random.random((side, side))
            blobs = random.random((side // 12 + 2, side // 12 + 2)).astype(np.float32)
            big = np.asarray(Image.fromarray(blobs).resize((side, side), Image.Resampling.BICUBIC))
            low, high = 24 + 60 * (shot % 2), 140 + 80 * (shot % 2)
            texture = np.clip(low + (high - low) * (0.85 * big + 0.15 * grain), 16, 235) * peak
            # The low bits too, so that a plane that lost them is noticed.
            texture = np.floor(texture + random.random((side, side)) * (peak - 1))
        frame = texture[number : number + height, 2 * number : 2 * number + width]
        frames.append(np.ascontiguousarray(frame).astype(np.uint8 if depth == 8 else np.uint16))
    return frames


def video_frame(luma: np.ndarray, pix_fmt: str, chroma: tuple[int, int] | None = None) -> av.VideoFrame:
    """A frame with this Y plane, and flat chroma: neutral, or the code values `chroma` (Cb, Cr)."""
    height, width = luma.shape
    frame = av.VideoFrame(width, height, pix_fmt)
    depth = depth_of(pix_fmt)
    half = 1 << (depth - 1)
    for number, plane in enumerate(frame.planes):
        kind = np.uint8 if depth == 8 else np.uint16
        rows = np.frombuffer(plane, kind).reshape(plane.height, -1)
        if number == 0:
            rows[:, :width] = luma
        else:
            rows[:] = half if chroma is None else chroma[number - 1]
    return frame


def flagged(frame: av.VideoFrame, order: str) -> av.VideoFrame:
    """The frame flagged `tff` or `bff`."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add("setfield", order), graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull()


def write_film(
    path: str | Path,
    frames: int | Sequence[np.ndarray] = 24,
    *,
    width: int = 96,
    height: int = 64,
    cuts: Sequence[int] = (),
    seed: int = 0,
    pix_fmt: str = "yuv420p",
    codec: str = "ffv1",
    rate: Fraction | int = 24,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    tags: dict[str, int] | None = None,
    sar: Fraction | None = None,
    rotation: int = 0,
    interlaced: str | None = None,
    chroma: tuple[int, int] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Written:
    """Encode a film. `frames`: how many to make (`grey_frames`), or the luma planes themselves.

    pts: one per frame in ticks of `time_base` (default 1 / `rate`), so gaps make a variable rate.
    tags: any of `space`, `primaries`, `transfer`, `range` as numbers. rotation: clockwise degrees on playing.
    interlaced: "tff" or "bff" (with libx264). chroma: flat Cb, Cr code values in place of neutral."""
    path = Path(path)
    rate = Fraction(rate)
    time_base = time_base or 1 / rate
    depth = depth_of(pix_fmt)
    luma = (
        grey_frames(frames, width, height, depth=depth, cuts=cuts, seed=seed)
        if isinstance(frames, int)
        else list(frames)
    )
    height, width = luma[0].shape
    stamps = list(pts) if pts is not None else [int(n / rate / time_base) for n in range(len(luma))]
    options = dict(options or {})
    if interlaced and codec == "libx264":
        options["x264-params"] = ":".join(filter(None, [options.get("x264-params", ""), f"{interlaced}=1"]))
    repack = sar is not None or rotation != 0
    target = path.with_name(f"raw-{path.name}") if repack else path
    with av.open(str(target), "w", container_options=container_options or {}) as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.time_base = stream.codec_context.time_base = time_base
        for tag, value in (tags or {}).items():
            setattr(stream.codec_context, TAGS[tag], value)
        if sar is not None:
            stream.codec_context.sample_aspect_ratio = sar
        if interlaced:
            stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct
        for plane, stamp in zip(luma, stamps, strict=True):
            frame = video_frame(plane, pix_fmt, chroma)
            for tag, value in (tags or {}).items():
                setattr(frame, TAGS[tag], value)
            frame.pts, frame.time_base = stamp, time_base
            if interlaced:
                frame = flagged(frame, interlaced)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if repack:
        before = ["-display_rotation", str(-rotation)] if rotation else []
        # `-aspect` is the display's: PyAV alone does not write the pixel's into a container (FFV1, ProRes).
        shape = ["-aspect", f"{sar.numerator * width}:{sar.denominator * height}"] if sar is not None else []
        ffmpeg(*before, "-i", target, "-c", "copy", "-copyts", *shape, path)
        target.unlink()
    return Written(path, luma, stamps, time_base)


def ffmpeg(*arguments: object) -> None:
    """Run imageio-ffmpeg's program; its error text is in the exception."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-hide_banner", "-v", "error", "-y", "-nostdin", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")


def times_by_ffmpeg(path: str | Path) -> list[Fraction]:
    """Seconds at which ffmpeg itself shows each frame of a film's picture."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    arguments = ["-v", "error", "-nostdin", "-copyts", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough"]
    arguments += ["-enc_time_base", "demux", "-f", "framecrc", "-"]
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    tick = next(Fraction(line.split(": ")[1]) for line in lines if line.startswith("#tb 0"))
    return [int(line.split(",")[2]) * tick for line in lines if not line.startswith("#")]


def write_images(
    folder: str | Path,
    frames: int | Sequence[np.ndarray] = 12,
    *,
    name: str = "frame_%04d.png",
    start: int = 1,
    depth: int = 8,
    width: int = 96,
    height: int = 64,
    cuts: Sequence[int] = (),
) -> list[np.ndarray]:
    """Numbered grey pictures; `name` is their printf pattern. Returns their luma planes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(frames, int):
        frames = grey_frames(frames, width, height, depth=depth, cuts=cuts)
    planes = list(frames)
    for number, plane in enumerate(planes, start):
        Image.fromarray(plane).save(folder / (name % number))
    return planes


def write_key(path: str | Path, width: int = 96, height: int = 64, *, seed: int = 0) -> np.ndarray:
    """A colourful picture for use as a reference; returns its (h, w, 3) uint8 sRGB values."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (height // 12 + 2, width // 12 + 2, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    picture.save(path)
    return np.asarray(picture)


def add_tracks(video: str | Path, out: str | Path, *, seconds: float = 1.0, cover: bool = True) -> Path:
    """Beside the picture: two audio tracks (languages, titles, dispositions), a subtitle, two chapters,
    metadata, in Matroska an attachment; with `cover` a cover picture (not in MOV, which has none)."""
    video, out = Path(video), Path(out)
    matroska, work = out.suffix == ".mkv", out.parent
    (work / "sub.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,600\nHello\n\n2\n00:00:00,700 --> 00:00:00,900\nThere\n"
    )
    (work / "meta.txt").write_text(
        ";FFMETADATA1\ntitle=An old film\nartist=Nobody\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND={int(seconds * 1000)}\ntitle=Two\n"
    )
    (work / "note.ttf").write_bytes(b"not really a font " * 20)
    Image.fromarray(grey_frames(1, 32, 32)[0]).save(work / "cover.png")
    cover = cover and out.suffix != ".mov"
    arguments: list[object] = ["-i", video]
    for pitch in (440, 880):
        arguments += ["-f", "lavfi", "-i", f"sine={pitch}:d={seconds}:r=44100"]
    arguments += ["-i", work / "sub.srt", "-i", work / "meta.txt"]
    if cover and not matroska:
        arguments += ["-i", work / "cover.png"]
    arguments += ["-map", "0:v:0", "-map", "1", "-map", "2", "-map", "3"]
    arguments += ["-map_metadata", "4", "-map_chapters", "4", "-copyts"]
    arguments += ["-c:v", "copy", "-c:a", "aac", "-c:s", "srt" if matroska else "mov_text"]
    arguments += ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre"]
    arguments += ["-metadata:s:s:0", "language=ger"]
    arguments += ["-disposition:a:0", "default", "-disposition:a:1", "comment", "-disposition:s:0", "forced"]
    if matroska:
        arguments += ["-metadata:s:a:0", "title=Main", "-metadata:s:a:1", "title=Commentary"]
        arguments += ["-metadata:s:s:0", "title=Signs", "-attach", work / "note.ttf"]
        arguments += ["-metadata:s:t:0", "mimetype=application/x-truetype-font"]
        if cover:
            arguments += ["-attach", work / "cover.png", "-metadata:s:t:1", "mimetype=image/png"]
    else:
        arguments += ["-metadata:s:a:0", "handler_name=Main", "-metadata:s:a:1", "handler_name=Commentary"]
        if cover:
            arguments += ["-map", "5", "-disposition:v:1", "attached_pic"]
    ffmpeg(*arguments, out)
    return out


def film_of(width: int = 96, height: int = 64, **facts: Any) -> Film:
    """A film that is only talked about: H.264 in 4:2:0, 8 bits, BT.709 in limited range."""
    usual: dict[str, Any] = {
        "path": Path("film.mkv"),
        "kind": "video",
        "stream": 0,
        "codec": "h264",
        "pix_fmt": "yuv420p",
        "depth": 8,
        "chroma": "420",
        "time_base": Fraction(1, 24),
        "frame_rate": Fraction(24),
        "sample_aspect_ratio": Fraction(1),
        "rotation": 0,
        "matrix": "bt709",
        "full_range": False,
        "color_tags": {"space": 1, "primaries": 1, "transfer": 1, "range": 1, "chroma_location": 1},
        "untagged": (),
        "frames_hint": 0,
    }
    return Film(width=width, height=height, **usual | facts)


def landscapes(count=16, width=96, height=64):
    """A shot of a moving picture with sky, hills and a ball, and one of something else."""
    frames = []
    for n in range(count // 2):
        y, x = np.mgrid[:height, :width].astype(np.float32) * (256 / height)
        x = x + 2 * n
        luma = np.where(y < 110 + 15 * np.sin(x / 50), 200 - y / 3, 70 + y / 10)
        luma = np.where((y - 180) ** 2 + (x - 120) ** 2 < 45**2, 150 + (x - 120) / 3, luma)
        luma = luma + np.random.default_rng(n).normal(0, 3, luma.shape)
        frames.append(np.clip(luma, 16, 235).astype(np.uint8))
    return frames + grey_frames(count - len(frames), width, height, seed=3)
