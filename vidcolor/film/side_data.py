"""Side data of decoded frames: captions, HDR metadata, time codes and the like."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Literal

import av
from av.sidedata.sidedata import Type

FieldOrder = Literal["progressive", "tff", "bff"]


def _nameless(cls: Any, number: int) -> Any:
    member = object.__new__(cls)
    member._name_, member._value_ = f"TYPE_{number}", number
    return member


# libav has more types than PyAV has names for. PyAV 18 looks up all types of a frame at once and raises ValueError at
# the first unknown one: EXIF (31) of TIFF, PNG, JPEG and WebP, the views of MV-HEVC, and whatever libav adds next.
Type._missing_ = classmethod(_nameless)  # type: ignore[assignment]


CARRIED = frozenset(("A53_CC",))
"""Types that encoders copy from the frames that they encode."""
TELL_FIELDS = frozenset(
    (
        *("h264", "mpeg1video", "mpeg2video", "mpegvideo", "mpeg4", "vc1", "wmv3", "cavs", "dvvideo", "ffv1", "prores"),
        *("dnxhd", "mjpeg", "mjpegb", "cfhd", "rawvideo"),
    )
)
"""Decoders that flag interlaced frames and their field order; for others only the container does."""
NAMES = {
    "A53_CC": "closed captions (A53)",
    "MASTERING_DISPLAY_METADATA": "HDR mastering display",
    "CONTENT_LIGHT_LEVEL": "HDR content light level",
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DOVI_METADATA": "Dolby Vision",
    "AMBIENT_VIEWING_ENVIRONMENT": "ambient viewing environment",
    "S12M_TIMECODE": "time codes (SMPTE 12M)",
    "GOP_TIMECODE": "time codes (of the groups of pictures)",
    "AFD": "active format description",
    "PANSCAN": "pan and scan",
    "FILM_GRAIN_PARAMS": "film grain parameters",
    "STEREO3D": "stereo 3D arrangement",
    "SPHERICAL": "spherical projection",
    "ICC_PROFILE": "ICC profile",
    "SEI_UNREGISTERED": "user data (SEI)",
    "TYPE_28": "LCEVC enhancement",
    "TYPE_29": "view number (3D)",
    "TYPE_30": "3D reference displays",
    "TYPE_31": "EXIF",
}
"""Types of side data in words."""
_SIDE = 16
"""Pixels along each side of the small copy that PyAV sees."""


class SideData:
    """Reads the side data of one frame after another; frames of the same size and format share libav's filters."""

    def __init__(self) -> None:
        self._form: tuple[int, int, str] | None = None
        self._graph: Any = None

    def of(self, frame: av.VideoFrame) -> tuple[FieldOrder, dict[str, bytes]]:
        """The frame's field order by its own flags, and its side data by PyAV's names of their types (of an ICC
        profile only that there is one).

        PyAV must not see an ICC profile: it frees the profile's name, which belongs to the frame, a second time. And a
        frame whose side data were read stays in memory until the next garbage collection. So libav's filters remove
        the profile and crop the frame, and PyAV reads the small copy."""
        form = frame.width, frame.height, frame.format.name
        if form != self._form:
            self._form, self._graph = form, _Graph(frame)
        profile, top_first, small = self._graph.split(frame)
        found = {data.type.name: bytes(data) for data in _ordered(small.side_data)}
        if profile is not None:
            found["ICC_PROFILE"] = b""
        order: FieldOrder = "progressive" if not frame.interlaced_frame else "bff" if top_first is None else "tff"
        return order, found


def _ordered(sides: Iterable[Any]) -> list[Any]:
    """Of several entries of one type the last counts, so those in which encoders name themselves come first."""
    return sorted(sides, key=lambda data: not bytes(data)[:16].startswith(_ENCODERS_OWN))


class _Graph:
    """Filters for frames of one size and format. They find out whether a frame has an ICC profile and whether its top
    field comes first (which PyAV does not show), and copy its first pixels without the profile."""

    def __init__(self, frame: av.VideoFrame) -> None:
        graph = self._graph = av.filter.Graph()
        graph.threads = 1
        self._source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1)
        )
        split = graph.add("split", "3")
        self._source.link_to(split)
        size = f"{min(_SIDE, frame.width)}:{min(_SIDE, frame.height)}:0:0:exact=1"
        self._ends: list[Any] = []
        chains: list[list[tuple[str, str | None]]] = [
            [("sidedata", "mode=select:type=ICC_PROFILE")],
            [("select", "eq(interlace_type,TOPFIRST)")],
            [("sidedata", "mode=delete:type=ICC_PROFILE"), ("crop", size), ("copy", None)],
        ]
        for number, chain in enumerate(chains):
            last, output = split, number
            for node in [*(graph.add(*one) for one in chain), graph.add("buffersink")]:
                last.link_to(node, output)
                last, output = node, 0
            self._ends.append(last)
        graph.configure()

    def split(self, frame: av.VideoFrame) -> list[Any]:
        """The frame that comes out of each branch, None if the branch dropped it."""
        self._source.push(frame)
        return [_pulled(end) for end in self._ends]


def _pulled(end: Any) -> Any:
    try:
        return end.pull()
    except av.error.BlockingIOError:
        return None


def of_the_source(found: dict[str, bytes]) -> dict[str, bytes]:
    """A frame's side data without what libav adds itself, what says nothing, and the display matrix, which belongs to
    the film."""
    return {
        kind: value for kind, value in found.items() if kind not in _NOT_OF_THE_SOURCE and _says_something(kind, value)
    }


_NOT_OF_THE_SOURCE = frozenset(
    (
        *("DISPLAYMATRIX", "MOTION_VECTORS", "REGIONS_OF_INTEREST", "VIDEO_ENC_PARAMS", "DETECTION_BBOXES"),
        *("VIDEO_HINT", "MATRIXENCODING", "DOWNMIX_INFO", "REPLAYGAIN", "SKIP_SAMPLES", "AUDIO_SERVICE_TYPE"),
    )
)
_ENCODERS_OWN = (
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"),  # x264
    bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"),  # x265
)
"""UUIDs of user data in which encoders name themselves."""


def _says_something(kind: str, value: bytes) -> bool:
    if kind == "SEI_UNREGISTERED":
        return not value.startswith(_ENCODERS_OWN)
    if kind == "PANSCAN":  # every MPEG-1 and MPEG-2 frame has one; AVPanScan's three positions tell if it is used
        return any(value[12:24])
    if kind == "STEREO3D":  # AVStereo3D.type 0: flat
        return any(value[:4])
    return True


def mastering_display(data: bytes | None) -> str:
    """AVMasteringDisplayMetadata as encoders take it: `G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)` in 1/50000 and 1/10000
    cd/m2; empty if any of it is unknown."""
    if data is None:
        return ""
    numbers: tuple[int, ...] = struct.unpack("=22i", data[:88])
    if not all(numbers[20:]) or not all(numbers[1:20:2]):
        return ""
    parts = [Fraction(a, b) for a, b in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
    red, green, blue, white = (f"({round(x * 50000)},{round(y * 50000)})" for x, y in zip(parts[0:8:2], parts[1:8:2]))
    low, high = (round(part * 10000) for part in parts[8:])
    return f"G{green}B{blue}R{red}WP{white}L({high},{low})"


def content_light(data: bytes | None) -> str:
    """AVContentLightMetadata as encoders take it: MaxCLL and MaxFALL in cd/m2, e.g. `1000,400`; empty if unknown."""
    if data is None:
        return ""
    most, average = struct.unpack("=2I", data[:8])
    return f"{most},{average}"
