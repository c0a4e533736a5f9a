"""What a film is, read from its file and its first frame (`probe`)."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging

from vidcolor.color.coding import MATRICES, SITINGS, matrix_of
from vidcolor.errors import VidcolorError, warn
from vidcolor.files import existing
from vidcolor.film import images
from vidcolor.film.container import NO_TIMESTAMPS, in_libavs_words, open_film, video_stream
from vidcolor.film.film import Film
from vidcolor.film.planes import is_colored, layout
from vidcolor.film.side_data import SideData, content_light, mastering_display
from vidcolor.film.still import still
from vidcolor.reasons import reason

_UNSPECIFIED = 2
FASTEST = 1000
"""Frames a second; what a header has beyond that (raw DV: 60000) is a tick."""
_HD_LINES = 720
_BEYOND = (Fraction(60000, 1001), Fraction(120000, 1001))
_UPRIGHT = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
"""The display matrix that changes nothing."""


def probe(
    path: str | Path,
    *,
    fps: Fraction | float | str | None = None,
    matrix: str | None = None,
    full_range: bool | None = None,
    luma_only: bool = True,
) -> Film:
    """What the film at `path` is; its first frame is decoded to know it.

    path: any file PyAV opens, or numbered images (a folder or a printf pattern).
    fps: rate of numbered images (24 where None); a file has its own.
    matrix, full_range: the user's word against the tags.
    luma_only: only its luma will be used (said where it has colours).

    Says once, as a warning, what was decided by rule (untagged matrix: BT.601 below 720 lines, BT.709 from
    there on; rate of images), that the film's own colours are left out, and that PQ or HLG luma is left as
    it is. Raises VidcolorError for a missing or unreadable file, no video stream, no frame, an unsupported
    format."""
    if matrix is not None and matrix not in MATRICES:
        raise VidcolorError(f"matrix {matrix}: one of {', '.join(MATRICES)}")
    path = existing(Path(path))
    numbered = images.is_sequence(path)
    if numbered:
        files = images.find(path).files
        if fps is None:
            warn(f"{path}: numbered images have no rate: 24 frames a second taken (choose with --fps)")
        rate = _rate(24 if fps is None else fps)
        found = describe(files[0])
        found |= {"frame_rate": rate, "base_rate": rate, "time_base": 1 / rate, "frames_hint": len(files), "stream": 0}
    else:
        if fps is not None and path.exists():
            raise VidcolorError(f"{path}: --fps is for numbered images; a film file has its own time stamps")
        if path.is_file() and still(path) is not None:
            raise VidcolorError(f"{path}: a single picture; a film of pictures is named by its folder or by a pattern")
        found = describe(path)
    picture = numbered or found.pop("picture")
    found.pop("picture", None)
    tags = found["color_tags"]
    untagged = []
    rgb, grey = found["chroma"] == "rgb", found["chroma"] == "400"
    if matrix is not None:
        chosen = matrix
        if matrix_of(tags["space"]) != chosen:
            tags["space"] = MATRICES[chosen].numbers[0]
    elif tags["space"] == _UNSPECIFIED or (tags["space"] == 0 and (rgb or grey)):
        untagged.append("matrix")
        lines = found["height"]
        chosen = "bt601" if lines < _HD_LINES else "bt709"
        said = "BT.601, as below 720 lines" if chosen == "bt601" else "BT.709, as from 720 lines on"
        warn(f"{path}: no matrix tag: {said} (choose with --matrix)")
        if rgb or grey:  # its first chroma is ours: it says by which matrix
            tags["space"] = MATRICES[chosen].numbers[0]
    elif (tagged := matrix_of(tags["space"])) is not None:
        chosen = tagged
    else:
        raise VidcolorError(
            f"{path}: matrix number {tags['space']} of ISO 23091-2 is not supported: choose one with --matrix"
        )
    full = rgb or found["pix_fmt"].startswith("yuvj") or (picture and tags["range"] == 0) or tags["range"] == 2
    if not rgb and tags["range"] == 0 and not found["pix_fmt"].startswith("yuvj"):
        untagged.append("range")
    if full_range is False and rgb:
        raise VidcolorError(f"{path}: --range limited: RGB pictures have the full range; leave it out")
    if full_range is not None and not rgb:
        if full_range != full:
            full, tags["range"] = full_range, 2 if full_range else 1
    elif full:
        tags["range"] = 2
    if tags["transfer"] in (16, 18):
        name = "PQ" if tags["transfer"] == 16 else "HLG"
        warn(f"{path}: {name} film: its luma is passed on untouched, never tone-mapped")
    if found.pop("colored") and luma_only:
        warn(f"{path}: the film has colour of its own: it is left out, only luma is used")
    return Film(
        path=path,
        kind="images" if numbered else "video",
        matrix=chosen,
        full_range=full,
        untagged=tuple(untagged),
        chosen=tuple(
            name for name, word in (("matrix", matrix), ("range", None if rgb else full_range)) if word is not None
        ),
        **found,
    )


def own_timecode(film: Film) -> str:
    """The timecode of the first frame that a file carries, as it is written there; empty where it has none."""
    if film.kind == "images":
        return ""
    with open_film(film.path) as container:
        for tags in (container.metadata, *(stream.metadata for stream in container.streams)):
            for name, value in tags.items():
                if name.lower() == "timecode":
                    return str(value)
    return ""


def _rate(fps: Fraction | float | str) -> Fraction:
    try:
        rate = Fraction(fps) if isinstance(fps, str) else Fraction(fps).limit_denominator(1001)
    except (ValueError, ZeroDivisionError, OverflowError):
        rate = Fraction(0)
    if not 0 < rate <= FASTEST:
        raise VidcolorError(f"--fps {fps}: frames a second, such as 24 or 24000/1001")
    return rate


def describe(file: Path, index: int | None = None) -> dict[str, Any]:
    """Facts of a file's video stream and of its first frame, nothing decided: most of the fields of Film."""
    with open_film(file) as container:
        stream = video_stream(container, file, index)
        frame = still(file) or _first_frame(container, stream, file)
        context = stream.codec_context
        try:
            how = layout(frame.format.name)
        except VidcolorError as error:
            raise VidcolorError(f"{file}: {error}") from None
        tags = {
            "space": int(frame.colorspace),
            "primaries": int(frame.color_primaries),
            "transfer": int(frame.color_trc),
            "range": int(frame.color_range),
            "chroma_location": _chroma_location(container, stream, frame),
        }
        # What the decoder does not say of a frame, the container may.
        unknown = {"space": 2, "primaries": 2, "transfer": 2, "range": 0}
        of_stream = {
            "space": context.colorspace,
            "primaries": context.color_primaries,
            "transfer": context.color_trc,
            "range": context.color_range,
        }
        for name, number in unknown.items():
            if tags[name] == number:
                tags[name] = int(of_stream[name])
        rates = [stream.average_rate, stream.guessed_rate]
        raw = bool(container.format.flags & NO_TIMESTAMPS)
        if raw:  # what the demuxer takes for granted, and the coded stream's own
            rates.reverse()
        if container.format.name == "avi":  # the header's may be a tick only: frames lie on some, the rest are empty
            rates.reverse()
        rate = _unrounded(next((Fraction(rate) for rate in rates if rate and rate <= FASTEST), Fraction(24)))
        side = SideData().of(frame)[1]
        rotation, display = _display_matrix(frame, side.get("DISPLAYMATRIX"))
        shape = Fraction(stream.sample_aspect_ratio or 0) or Fraction(1)
        return {
            "stream": stream.index,
            "codec": context.codec.name,
            "profile": context.profile or "",
            "width": frame.width,
            "height": frame.height,
            "pix_fmt": frame.format.name,
            "depth": how.depth,
            "chroma": how.chroma,
            "time_base": Fraction(stream.time_base or Fraction(1, 1000)),
            "frame_rate": rate,
            "base_rate": _unrounded(Fraction(stream.base_rate or 0)),
            "sample_aspect_ratio": shape,
            "rotation": rotation,
            "display_matrix": display,
            "field_order": {2: "tff", 4: "tff", 3: "bff", 5: "bff", 1: "progressive"}.get(context.field_order, ""),
            "color_tags": tags,
            "mastering_display": mastering_display(side.get("MASTERING_DISPLAY_METADATA")),
            "content_light": content_light(side.get("CONTENT_LIGHT_LEVEL")),
            "frames_hint": int(stream.frames or 0),
            "clock": "count" if raw else "dts" if container.format.name == "avi" else "pts",
            "colored": is_colored(frame),
            "picture": container.format.name.endswith("_pipe") or container.format.name == "image2",
        }


def _unrounded(rate: Fraction) -> Fraction:
    """A rate as it was meant: of Matroska's, libav gives terms up to 30000, which 60000/1001 has not."""
    return next((true for true in _BEYOND if abs(rate / true - 1) < Fraction(1, 10**7)), rate)


def _first_frame(container: Any, stream: Any, file: Path) -> Any:
    why = ""
    stream.thread_type = "SLICE"  # frame threads would hold frames back
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:  # the reader says so in its place; here any frame will do
                why = f": {reason(error)}"
                continue
            if frames:
                return frames[0]
    except (av.FFmpegError, OSError) as error:
        why = f": {reason(error)}"
    raise VidcolorError(f"{file}: the video stream has no frame that can be decoded{why}")


def _display_matrix(frame: Any, data: bytes | None) -> tuple[int, tuple[int, ...]]:
    """Clockwise quarter turns in degrees, and the nine numbers of the display matrix; 0 and () if none."""
    numbers = struct.unpack("=9i", data[:36]) if data else _UPRIGHT
    return (0, ()) if numbers == _UPRIGHT else (round(-frame.rotation / 90) * 90 % 360, numbers)


def _chroma_location(container: Any, stream: Any, frame: Any) -> int:
    """Number of the chroma siting (`coding.SITINGS`), 0 where nobody says.

    PyAV has it on a frame from version 19 on; before, only libav's own description of the file shows it."""
    if hasattr(frame, "chroma_location"):
        return int(frame.chroma_location)
    line = re.search(rf"Stream #\d+:{stream.index}\D.*Video:.*", in_libavs_words(container))
    inside = re.search(rf"{stream.codec_context.pix_fmt or frame.format.name}\(([^)]*)\)", line[0]) if line else None
    words = inside[1].split(", ") if inside else []  # whole ones: "top" is a siting, "top first" an order of fields
    return next((number for number, siting in enumerate(SITINGS) if number and siting.name in words), 0)


def expected_frames(film: Film) -> int | None:
    """About how many frames a film has, by its header; None where that says nothing."""
    if film.frames_hint or film.kind == "images":
        return film.frames_hint or None
    with open_film(film.path) as container:
        duration = container.duration  # microseconds
    return round(duration / 1_000_000 * film.frame_rate) or None if duration and duration > 0 else None
