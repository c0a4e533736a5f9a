"""What a film is: its picture, its clock and its colour tags, read from the file (`probe`)."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import av
import av.logging
import numpy as np
from av.stream import Disposition

from . import names, sequence
from .damage import LOG_LOCK
from .errors import VidcolorError, warn
from .planes import is_colored, layout
from .reasons import reason
from .sequence import meant
from .side_data import content_light, mastering_display, told
from .still import still

Matrix = Literal["bt601", "bt709", "bt2020", "smpte240m", "fcc"]


@dataclass(frozen=True)
class Film:
    """A film's video stream as it was found, before anything is decoded but its first frame."""

    path: Path
    """A file that PyAV opens, a folder of numbered images, or a printf pattern of them."""
    kind: Literal["video", "images"]
    """Whether `path` is one file or numbered images."""
    stream: int
    """Index of the video stream inside the container; 0 for images."""
    codec: str
    """Decoder name, e.g. `h264`, `ffv1`, `png`."""
    width: int
    """Coded luma width in pixels, unrotated."""
    height: int
    """Coded luma height in pixels, unrotated."""
    pix_fmt: str
    """Decoded pixel format, e.g. `yuv420p10le`, `gray`, `rgb24`."""
    depth: int
    """Bits of one luma sample."""
    chroma: Literal["400", "420", "422", "444", "rgb"]
    """Chroma sampling of the source; `rgb` where there is no Y plane."""
    time_base: Fraction
    """Seconds of one PTS tick."""
    frame_rate: Fraction
    """Average frames a second (for rate control and timecode; a frame's time is its PTS)."""
    sample_aspect_ratio: Fraction
    """Width of a pixel over its height; 1 where untagged."""
    rotation: int
    """Degrees clockwise by which a player turns the picture: 0, 90, 180 or 270."""
    matrix: Matrix
    """YCbCr matrix in force: tagged, chosen by the user, or the rule for untagged film."""
    full_range: bool
    """True where luma 0 is black and the largest code white (pc); False for 16-235 scaled to depth."""
    color_tags: dict[str, int]
    """The stream's own numbers (ISO 23091-2): `space`, `primaries`, `transfer`, `range`, `chroma_location`;
    2 (0 for range and location) where unspecified. They are the tags of the result: as the film has them, but
    for `space` and `range` that the user chose, the matrix of a film without chroma (its first chroma is
    ours) and the full range of pictures, which are declared."""
    untagged: tuple[str, ...]
    """Names of what was decided by rule and not by a tag: `matrix`, `range`."""
    frames_hint: int
    """The container's own count of frames, 0 where it has none; never trusted, only for a progress bar."""
    base_rate: Fraction = Fraction(0)
    """Rate on whose grid the time stamps lie, as libav guesses it (`r_frame_rate`); 0 where it does not."""
    display_matrix: tuple[int, ...] = ()
    """The nine numbers of the display matrix behind `rotation` (mirroring too), () where there is none."""
    clock: Literal["pts", "dts", "count"] = "pts"
    """Which time stamp of a decoded frame is its time: `dts` where the container stores the order of packets only
    (AVI), `count` where there is none (a raw stream): each frame then comes after the one before by the stream's own
    rate."""
    profile: str = ""
    """The codec's profile as libav names it, e.g. `HQ` or `XQ` of ProRes; empty where it has none."""
    field_order: str = ""
    """`progressive`, `tff` or `bff` as the stream says, empty where it does not; from the scan on as its frames say."""
    chosen: tuple[str, ...] = ()
    """Names of what the user decided, whatever the tags say: `matrix`, `range`."""
    mastering_display: str = ""
    """HDR mastering display of the first frame (`side_data.mastering_display`), empty where it has none."""
    content_light: str = ""
    """HDR content light level of the first frame: MaxCLL and MaxFALL, empty where it has none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "display_matrix", tuple(self.display_matrix))  # a list when it comes from JSON

    @property
    def display_aspect(self) -> float:
        """Width over height as shown, before rotation."""
        return self.width * float(self.sample_aspect_ratio) / self.height

    @property
    def short_side(self) -> int:
        """Lines of a wide picture, columns of a tall one."""
        return min(self.width, self.height)


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its place and its luma, untouched."""

    index: int
    """0-based number in presentation order."""
    pts: int
    """Presentation time stamp in ticks of `Film.time_base`."""
    luma: np.ndarray
    """(height, width) uint8 or uint16, the Y plane's code values as decoded (made from RGB if there is none)."""
    interlaced: bool = False
    """The frame's own flag."""
    top_field_first: bool = False
    """The frame's own flag; meaningful where `interlaced`."""
    chroma: tuple[np.ndarray, np.ndarray] | None = None
    """Cb and Cr code values on the film's chroma grid where they were asked for and there are any (`reader.read`)."""
    facts: Facts | None = None
    """What the frame says of itself."""
    source: Any = None
    """The decoded frame where an encoder can take something beside the picture from it (closed captions)."""


class Facts(NamedTuple):
    """What a frame says of itself, for films that change their ways."""

    space: int
    """Matrix number of ISO 23091-2, 2 where unsaid."""
    primaries: int
    """Likewise."""
    transfer: int
    """Likewise."""
    full_range: bool | None
    """None where unsaid."""
    rotation: int | None
    """Degrees clockwise by which a player turns it; None where unsaid (H.264 says it at key frames only)."""
    chroma: str
    """Sampling, as in `Film.chroma`."""
    aspect: Fraction | None
    """Width of a pixel over its height as the decoder has it now; None where unsaid."""
    beside: dict[str, bytes]
    """`side_data.of_the_source`."""


# Numbers of ISO/IEC 23091-2: MatrixCoefficients.
MATRIX_OF_SPACE: dict[int, Matrix] = {
    1: "bt709",
    4: "fcc",
    5: "bt601",
    6: "bt601",
    7: "smpte240m",
    9: "bt2020",
    10: "bt2020",
}
SPACE_OF_MATRIX = {"bt601": 6, "bt709": 1, "bt2020": 9, "smpte240m": 7, "fcc": 4}
"""The number that is written for a matrix that was chosen."""
_CHROMA_LOCATIONS = ("unspecified", "left", "center", "topleft", "top", "bottomleft", "bottom")
_UNSPECIFIED = 2
NO_TIMESTAMPS = av.format.Flags.no_timestamps.value
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
    if matrix is not None and matrix not in SPACE_OF_MATRIX:
        raise VidcolorError(f"matrix {matrix}: one of {', '.join(SPACE_OF_MATRIX)}")
    path = names.existing(Path(path))
    images = sequence.is_sequence(path)
    if images:
        files = sequence.find(path).files
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
    picture = images or found.pop("picture")
    found.pop("picture", None)
    tags = found["color_tags"]
    untagged = []
    rgb, grey = found["chroma"] == "rgb", found["chroma"] == "400"
    chosen: Matrix
    if matrix is not None:
        chosen = matrix  # type: ignore[assignment]
        if MATRIX_OF_SPACE.get(tags["space"]) != chosen:
            tags["space"] = SPACE_OF_MATRIX[chosen]
    elif tags["space"] == _UNSPECIFIED or (tags["space"] == 0 and (rgb or grey)):
        untagged.append("matrix")
        lines = found["height"]
        chosen = "bt601" if lines < _HD_LINES else "bt709"
        said = "BT.601, as below 720 lines" if chosen == "bt601" else "BT.709, as from 720 lines on"
        warn(f"{path}: no matrix tag: {said} (choose with --matrix)")
        if rgb or grey:  # its first chroma is ours: it says by which matrix
            tags["space"] = SPACE_OF_MATRIX[chosen]
    elif tags["space"] in MATRIX_OF_SPACE:
        chosen = MATRIX_OF_SPACE[tags["space"]]
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
        kind="images" if images else "video",
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
        side = told(frame)[1]
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


def open_film(file: Path) -> Any:
    """PyAV's input container of `file`; what PyAV says against it comes as VidcolorError."""
    # A picture whose path holds a %d is that file; libav would look for numbered ones first.
    options = {"pattern_type": "none"}
    if not file.exists():  # libav opens a picture that is not there
        raise VidcolorError(f"{file}: no such file; {meant(file)}")
    if not file.is_file():
        raise VidcolorError(f"{file}: a pipe or a device, which cannot be read twice; save the film as a file first")
    try:
        return av.open(str(Path(file).absolute()), metadata_errors="replace", options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        if not os.access(file, os.R_OK):
            why = "no permission to read it; change its rights"
        elif file.is_file() and file.stat().st_size == 0:
            why = "the file is empty; copy it again"
        elif isinstance(error, av.error.EOFError):
            why = "no frame in it: the file ends with its header; copy it again"
        else:
            why = f"not a film that can be read: {reason(error)}"
        raise VidcolorError(f"{file}: {why}") from error


def video_stream(container: Any, file: Path, index: int | None = None) -> Any:
    """The film's video stream: the default one or else the first, never a cover picture; its decoder crops to the
    pixel, as ffmpeg does."""
    stream = container.streams[index] if index is not None else _default_stream(container, file)
    if stream.codec_context is None:
        raise VidcolorError(f"{file}: no decoder for its video stream")
    # Without the flag libav keeps columns at the left, so that rows begin at aligned addresses.
    stream.codec_context.flags |= av.codec.context.Flags.unaligned
    return stream


def _default_stream(container: Any, file: Path) -> Any:
    cover = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        only = " (only a cover picture)" if container.streams.video else ""
        raise VidcolorError(f"{file}: no video stream{only}")
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


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


def in_libavs_words(container: Any) -> str:
    """libav's own description of an open file, which has more in it than PyAV shows."""
    with LOG_LOCK:
        level = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)
        av.logging.set_libav_level(av.logging.VERBOSE)  # below it libav leaves the chroma siting out
        try:
            described: str = container.dumps_format()
        finally:
            av.logging.set_libav_level(av.logging.INFO)
            av.logging.set_level(level)
    return described


def _chroma_location(container: Any, stream: Any, frame: Any) -> int:
    """Number of the chroma siting (1 left, 2 center, 3 topleft, ...), 0 where nobody says.

    PyAV has it on a frame from version 19 on; before, only libav's own description of the file shows it."""
    if hasattr(frame, "chroma_location"):
        return int(frame.chroma_location)
    line = re.search(rf"Stream #\d+:{stream.index}\D.*Video:.*", in_libavs_words(container))
    inside = re.search(rf"{stream.codec_context.pix_fmt or frame.format.name}\(([^)]*)\)", line[0]) if line else None
    words = inside[1].split(", ") if inside else []  # whole ones: "top" is a siting, "top first" an order of fields
    return next((number for number, name in enumerate(_CHROMA_LOCATIONS) if number and name in words), 0)
