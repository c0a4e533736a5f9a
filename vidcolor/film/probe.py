"""`probe`: what a film is, from its file's header and its first frame."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

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
_FIELD_ORDERS = {1: "progressive", 2: "tff", 3: "bff", 4: "tff", 5: "bff"}
"""By AVFieldOrder."""
FASTEST = 1000
"""Frames a second; headers with more (raw DV: 60000) mean ticks."""
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
    """What the film at `path` is; its first frame is decoded to find out.

    path: any file PyAV opens, or numbered images (a folder or a printf pattern).
    fps: rate of numbered images (24 where None); a file has its own.
    matrix, full_range: override the film's tags.
    luma_only: only its luma will be used (a film with colours is warned of).

    Warns, once, of what was decided by rule (untagged matrix: BT.601 below 720 lines, BT.709 from there on; rate of
    images), that the film's own colours are left out, and that PQ or HLG luma is left as it is. Raises VidcolorError
    for a missing or unreadable file, no video stream, no frame, an unsupported format.
    """
    if matrix is not None and matrix not in MATRICES:
        raise VidcolorError(f"matrix {matrix}: one of {', '.join(MATRICES)}")
    path = existing(Path(path))
    numbered = images.is_sequence(path)
    found = _describe_images(path, fps) if numbered else _describe_file(path, fps)
    tags = found.facts["color_tags"]
    chosen_matrix, space, matrix_by_rule = _choose_matrix(path, found.facts, matrix)
    full, range_number, range_by_rule = _choose_range(path, found, full_range)
    if tags["transfer"] in (16, 18):
        name = "PQ" if tags["transfer"] == 16 else "HLG"
        warn(f"{path}: {name} film: its luma is kept as it is, not tone-mapped")
    if found.colored and luma_only:
        warn(f"{path}: the film has colours of its own: they are ignored, only its luma is used")
    by_rule = {"matrix": matrix_by_rule, "range": range_by_rule}
    by_user = {"matrix": matrix is not None, "range": full_range is not None and found.facts["chroma"] != "rgb"}
    facts = found.facts | {
        "path": path,
        "kind": "images" if numbered else "video",
        "matrix": chosen_matrix,
        "full_range": full,
        "color_tags": tags | {"space": space, "range": range_number},
        "untagged": tuple(name for name, ruled in by_rule.items() if ruled),
        "chosen": tuple(name for name, given in by_user.items() if given),
    }
    return Film(**facts)


def _describe_images(path: Path, fps: Fraction | float | str | None) -> Described:
    """Numbered images by their first picture."""
    files = images.find(path).files
    if fps is None:
        warn(f"{path}: numbered images have no rate: taken for 24 frames a second (choose with `fps`)")
    rate = _rate(24 if fps is None else fps)
    first = describe(files[0])
    clock = {"frame_rate": rate, "base_rate": rate, "time_base": 1 / rate, "frames_hint": len(files), "stream": 0}
    return Described(first.facts | clock, first.colored, picture=True)


def _describe_file(path: Path, fps: Fraction | float | str | None) -> Described:
    if fps is not None and path.exists():
        raise VidcolorError(f"{path}: `fps` is for numbered images; a film file has its own time stamps")
    if path.is_file() and still(path) is not None:
        raise VidcolorError(f"{path}: a single picture; give a film of pictures by its folder or a pattern")
    return describe(path)


def _choose_matrix(path: Path, facts: dict[str, Any], wanted: str | None) -> tuple[str, int, bool]:
    """The matrix in force, its number for the tags, and whether it was decided by rule. wanted: the user's."""
    space, colorless = facts["color_tags"]["space"], facts["chroma"] in ("rgb", "400")
    tagged = matrix_of(space)
    if wanted is not None:
        return wanted, space if tagged == wanted else MATRICES[wanted].numbers[0], False
    if space == _UNSPECIFIED or (space == 0 and colorless):
        name = "bt601" if facts["height"] < _HD_LINES else "bt709"
        said = "BT.601, as below 720 lines" if name == "bt601" else "BT.709, as from 720 lines on"
        warn(f"{path}: no matrix tag: {said} (choose with `matrix`)")
        # The first chroma of a film that has none is ours: its tag says by which matrix.
        return name, MATRICES[name].numbers[0] if colorless else space, True
    if tagged is None:
        raise VidcolorError(f"{path}: matrix number {space} of ISO 23091-2 is not supported: choose one with `matrix`")
    return tagged, space, False


def _choose_range(path: Path, found: Described, wanted: bool | None) -> tuple[bool, int, bool]:
    """Whether the range is full, its number for the tags, and whether it was decided by rule. wanted: the user's."""
    number, rgb = found.facts["color_tags"]["range"], found.facts["chroma"] == "rgb"
    old_full = found.facts["pix_fmt"].startswith("yuvj")
    full = rgb or old_full or number == 2 or (found.picture and number == 0)
    by_rule = number == 0 and not rgb and not old_full
    if rgb and wanted is False:
        raise VidcolorError(f"{path}: `full_range=False`: RGB pictures have the full range; leave it out")
    if wanted is not None and not rgb:
        return wanted, number if wanted == full else 2 if wanted else 1, by_rule
    return full, 2 if full else number, by_rule


def own_timecode(film: Film) -> str:
    """The timecode that a file carries for its first frame, as written there; empty if it has none."""
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
        raise VidcolorError(f"`fps` {fps}: frames a second, such as 24 or 24000/1001")
    return rate


class Described(NamedTuple):
    """A file's video stream and its first frame, nothing decided."""

    facts: dict[str, Any]
    """Most of the fields of Film."""
    colored: bool
    """Whether the first frame has colours of its own."""
    picture: bool
    """Whether the file is a single picture."""


def describe(file: Path, index: int | None = None) -> Described:
    """Look at a file's video stream (the one of this index) and at its first frame."""
    with open_film(file) as container:
        stream = video_stream(container, file, index)
        frame = still(file) or _first_frame(container, stream, file)
        context = stream.codec_context
        try:
            how = layout(frame.format.name)
        except VidcolorError as error:
            raise VidcolorError(f"{file}: {error}") from None
        raw = bool(container.format.flags & NO_TIMESTAMPS)
        side = SideData().of(frame)[1]
        rotation, display = _display_matrix(frame, side.get("DISPLAYMATRIX"))
        facts = {
            "stream": stream.index,
            "codec": context.codec.name,
            "profile": context.profile or "",
            "width": frame.width,
            "height": frame.height,
            "pix_fmt": frame.format.name,
            "depth": how.depth,
            "chroma": how.chroma,
            "time_base": Fraction(stream.time_base or Fraction(1, 1000)),
            "frame_rate": _frame_rate(container, stream, raw),
            "base_rate": _unrounded(Fraction(stream.base_rate or 0)),
            "sample_aspect_ratio": Fraction(stream.sample_aspect_ratio or 0) or Fraction(1),
            "rotation": rotation,
            "display_matrix": display,
            "field_order": _FIELD_ORDERS.get(context.field_order, ""),
            "color_tags": _color_tags(container, stream, frame),
            "mastering_display": mastering_display(side.get("MASTERING_DISPLAY_METADATA")),
            "content_light": content_light(side.get("CONTENT_LIGHT_LEVEL")),
            "frames_hint": int(stream.frames or 0),
            "clock": "count" if raw else "dts" if container.format.name == "avi" else "pts",
        }
        picture = container.format.name.endswith("_pipe") or container.format.name == "image2"
        return Described(facts, is_colored(frame), picture)


def _color_tags(container: Any, stream: Any, frame: Any) -> dict[str, int]:
    """A frame's colour tags; what the decoder does not say, the container may."""
    context = stream.codec_context
    tags = {
        "space": int(frame.colorspace),
        "primaries": int(frame.color_primaries),
        "transfer": int(frame.color_trc),
        "range": int(frame.color_range),
        "chroma_location": _chroma_location(container, stream, frame),
    }
    unknown = {"space": 2, "primaries": 2, "transfer": 2, "range": 0}
    of_stream = {
        "space": context.colorspace,
        "primaries": context.color_primaries,
        "transfer": context.color_trc,
        "range": context.color_range,
    }
    return tags | {name: int(of_stream[name]) for name, number in unknown.items() if tags[name] == number}


def _frame_rate(container: Any, stream: Any, raw: bool) -> Fraction:
    """Average frames a second; 24 where nobody says. raw: the file is a raw stream."""
    rates = [stream.average_rate, stream.guessed_rate]
    # The first is of a raw stream what its demuxer takes for granted, and of AVI perhaps a tick only, of which frames
    # lie on some and the rest are empty.
    if raw or container.format.name == "avi":
        rates.reverse()
    return _unrounded(next((Fraction(rate) for rate in rates if rate and rate <= FASTEST), Fraction(24)))


def _unrounded(rate: Fraction) -> Fraction:
    """The exact rate: for Matroska, libav gives terms up to 30000, which is too few for 60000/1001."""
    return next((true for true in _BEYOND if abs(rate / true - 1) < Fraction(1, 10**7)), rate)


def _first_frame(container: Any, stream: Any, file: Path) -> Any:
    why = ""
    stream.thread_type = "SLICE"  # frame threads would hold frames back
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:  # the reader will report it; here any frame will do
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
    """Number of the chroma siting (`coding.SITINGS`), 0 if unknown.

    From version 19 on PyAV has it on frames; before, only libav's own description of the file shows it."""
    if hasattr(frame, "chroma_location"):
        return int(frame.chroma_location)
    line = re.search(rf"Stream #\d+:{stream.index}\D.*Video:.*", in_libavs_words(container))
    inside = re.search(rf"{stream.codec_context.pix_fmt or frame.format.name}\(([^)]*)\)", line[0]) if line else None
    words = inside[1].split(", ") if inside else []  # whole words: "top" is a siting, "top first" a field order
    return next((number for number, siting in enumerate(SITINGS) if number and siting.name in words), 0)


def expected_frames(film: Film) -> int | None:
    """About how many frames a film has, by its header; None if it does not say."""
    if film.frames_hint or film.kind == "images":
        return film.frames_hint or None
    with open_film(film.path) as container:
        duration = container.duration  # microseconds
    return round(duration / 1_000_000 * film.frame_rate) or None if duration and duration > 0 else None
