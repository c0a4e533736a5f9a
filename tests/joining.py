"""Films coloured flatly, unit by unit, and joined; what is in the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from vidcolor.encode.encoder import Encoder
from vidcolor.encode.format import OutputFormat, output_format
from vidcolor.film.film import Film, Frame
from vidcolor.film.reader import read
from vidcolor.join.join import join_units
from vidcolor.settings import Settings

FORMATS = (
    *("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"),
    *("gray", "gray10le", "gray12le", "gray16le", "yuv422p12le", "yuv420p16le"),
)
TAGS = {"space": 1, "primaries": 1, "transfer": 1, "range": 1}


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def chroma_planes(film: Film, fmt: OutputFormat, cb: int = 100, cr: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Flat colour on the chroma grid of `fmt`, at the film's depth; 8-bit code values."""
    height, width = film.height, film.width
    shape = (-(-height // 2) if fmt.chroma == "420" else height, width if fmt.chroma == "444" else -(-width // 2))
    kind = np.uint8 if film.depth == 8 else np.uint16
    scale = 1 << (film.depth - 8)
    return np.full(shape, cb * scale, kind), np.full(shape, cr * scale, kind)


def encode(film: Film, fmt: OutputFormat, path: Path, frames: Iterable[Frame]) -> Path:
    cb, cr = chroma_planes(film, fmt)
    with Encoder(film, fmt, path) as encoder:
        for frame in frames:
            encoder.write(frame, cb, cr)
    return path


def color(
    film: Film, out: Path, settings: Settings, cuts: tuple[int, ...] = (), first: int = 0, stop: int = 0, **limits
):
    """Encode frames [first, stop) in units that begin at `cuts`, and join them."""
    frames = list(read(film))
    pts = [frame.pts for frame in frames]
    stop = stop or len(frames)
    fmt = output_format(film, settings, out)
    borders = [first, *(cut for cut in cuts if first < cut < stop), stop]
    units = [encode(film, fmt, out.parent / "units" / f"{a}.mkv", frames[a:b]) for a, b in pairwise(borders)]
    return join_units(film, units, pts[first:stop], fmt, out, **limits)


def packets(path: Path, kind: str) -> list[tuple[str, str]]:
    """Codec, and a hash over the data and times (to 1 ms) of the packets, of each stream of a kind.

    MP4's subtitles have empty packets for the time between two: they are no data."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        hashes = {stream.index: hashlib.sha256() for stream in streams}
        for packet in container.demux(*streams):
            if packet.size > 2:
                hashes[packet.stream_index].update(bytes(packet))
                hashes[packet.stream_index].update(str(round(packet.pts * packet.time_base * 1000)).encode())
        return [(stream.codec_context.name, hashes[stream.index].hexdigest()) for stream in streams]


def video_pts(path: Path) -> tuple[Fraction, list[int]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.time_base, [frame.pts for frame in container.decode(stream)]
