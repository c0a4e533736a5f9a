"""The last look: is the finished file what the film was, but for its colours?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from vidcolor.encode.format import OutputFormat
from vidcolor.errors import VidcolorError
from vidcolor.film.container import open_film
from vidcolor.film.film import Film
from vidcolor.film.probe import describe
from vidcolor.film.tracks import Track, lost_programs, lost_tags, picture_track
from vidcolor.reasons import reason
from vidcolor.text import plural

if TYPE_CHECKING:
    from vidcolor.join.timing import Span

_MATROSKA_TICK = Fraction(1, 1000)
_ROOM = Fraction(1, 100)
"""Seconds by which sound may lie elsewhere than in the source; rounding takes up to 1 ms."""
_FAR = Fraction(1, 4)
"""Seconds from which on it is out of step."""


def verify(film: Film, fmt: OutputFormat, pts: np.ndarray, path: Path, kept: Sequence[Track], span: Span) -> list[str]:
    """Compare the file `path` with what it should be. Returns in words what was lost and not foreseen.

    The picture's frame count, PTS (exact in MP4 and MOV, within half a tick of 1 ms in Matroska), size, pixel
    format, tags, aspect ratio and rotation must be right, and sound and subtitles of a whole film within a quarter of a
    second of their place beside the picture; otherwise VidcolorError is raised. What other streams lack of their
    packets, language, title and disposition is returned."""
    found = describe(path, 0).facts
    for difference in differences(film, fmt, found):
        raise _wrong(path, *difference)
    with open_film(path) as container:
        try:
            stamps, times = _walk(container)
        except av.FFmpegError as error:
            raise VidcolorError(f"{path.name}: the finished file cannot be read: {reason(error)}") from error
        tick = Fraction(container.streams[0].time_base or _MATROSKA_TICK)
        later = span.lift * film.time_base
        if fmt.container == "matroska" and stamps:  # its muxer moves all streams where sound begins before time 0
            shift = round((stamps[0] * tick - int(pts[0]) * film.time_base) / tick)
            if 0 < shift * tick < _ROOM:
                stamps, later = [stamp - shift for stamp in stamps], later + shift * tick
        _check_pts(film, pts, stamps, tick, path)
        lost = [] if film.kind == "images" else _lost(film, _Finished(path, container, times, later), kept, span)
    for name in ("mastering_display", "content_light"):
        if getattr(film, name) and found[name] != getattr(film, name):
            lost.append(f"HDR {name.replace('_', ' ')} {getattr(film, name)}")
    return lost


def _wrong(path: Path, what: str, is_: object, should: object) -> VidcolorError:
    return VidcolorError(f"{path.name}: the finished file is wrong: {what} {is_} instead of {should}; nothing was kept")


def differences(film: Film, fmt: OutputFormat, found: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Every property of a picture that is wrong: its name, its value, the right value.

    found: facts of the result, as `describe` gives them."""
    size = found["width"], found["height"]
    if size != (film.width, film.height):
        yield "size", size, (film.width, film.height)
    form = found["pix_fmt"].replace("yuvj", "yuv")  # libav's old name of full range
    encoded = fmt.row.decoded.get(fmt.pix_fmt, fmt.pix_fmt)
    if form != encoded:
        yield "pixel format", form, encoded
    for name, should in fmt.color_tags.items():
        if not _means(name, found["color_tags"][name], should, fmt):
            yield f"colour tag {name}", found["color_tags"][name], should
    shape: Fraction = found["sample_aspect_ratio"]
    # Matroska holds the display's size in whole pixels.
    room = Fraction(1, film.width) if fmt.container == "matroska" else 0
    if abs(shape / film.sample_aspect_ratio - 1) > room:
        yield "pixel aspect ratio", shape, film.sample_aspect_ratio
    if found["rotation"] != film.rotation:
        yield "rotation", found["rotation"], film.rotation


_SAME = {"space": {5, 6}, "transfer": {1, 6, 14, 15}, "range": {0, 1}, "chroma_location": {0, 1}}
"""Numbers of tags that mean the same (ISO/IEC 23091-2); untagged range is taken as limited, untagged siting as left."""


def _means(name: str, found: int, should: int, fmt: OutputFormat) -> bool:
    """Whether a colour tag means what it should."""
    if name == "chroma_location" and (found == 0 or fmt.chroma != "420"):  # it has a meaning in 4:2:0 only
        return True
    return found == should or {found, should} <= _SAME.get(name, set())


@dataclass
class PacketTimes:
    """When the packets of a stream are shown, in ticks."""

    time_base: Fraction
    """Seconds of a tick."""
    packets: int = 0
    """How many there are with data."""
    first: int | None = None
    """PTS of the earliest."""
    last: int | None = None
    """PTS of the latest."""
    size: int = 0
    """Bytes of their data."""
    still: int = 0
    """How many do not advance in DTS."""
    dts: int | None = None
    """DTS of the last."""

    def add(self, packet: Any) -> None:
        self.packets += 1
        self.size += packet.size
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None:
            self.first = stamp if self.first is None else min(self.first, stamp)
            self.last = stamp if self.last is None else max(self.last, stamp)
        if packet.dts is not None:
            self.still += self.dts is not None and packet.dts <= self.dts
            self.dts = packet.dts

    def ends(self) -> tuple[Fraction, Fraction] | None:
        """Seconds of the first and the last, None where they are not known."""
        if self.first is None or self.last is None:
            return None
        return self.first * self.time_base, self.last * self.time_base


def _walk(container: Any) -> tuple[list[int], dict[int, PacketTimes]]:
    """PTS of the first stream's packets in rising order, and the times of every stream."""
    stamps: list[int] = []
    times: dict[int, PacketTimes] = {}
    for packet in container.demux(*(stream for stream in container.streams if stream.type != "attachment")):
        if packet.size:
            if packet.stream_index not in times:
                times[packet.stream_index] = PacketTimes(Fraction(packet.time_base))
            times[packet.stream_index].add(packet)
            if packet.stream_index == 0:
                stamps.append(packet.pts)
    return sorted(stamps), times


def _check_pts(film: Film, pts: np.ndarray, stamps: list[int], tick: Fraction, path: Path) -> None:
    if len(stamps) != len(pts):
        raise _wrong(path, "frames", len(stamps), len(pts))
    exact = tick * film.time_base.denominator == 1
    if exact:
        same = np.array_equal(np.array(stamps), pts * film.time_base.numerator)
        late = [] if same else [n for n, stamp in enumerate(stamps) if stamp != pts[n] * film.time_base.numerator]
    else:
        late = [n for n, stamp in enumerate(stamps) if abs(stamp * tick - int(pts[n]) * film.time_base) > tick / 2]
    if late:
        n = late[0]
        raise _wrong(path, f"time of frame {n}", float(stamps[n] * tick), float(int(pts[n]) * film.time_base))


@dataclass(frozen=True)
class _Finished:
    """The finished file, open."""

    path: Path
    container: Any
    """PyAV's."""
    times: dict[int, PacketTimes]
    """When the packets of each stream are shown."""
    later: Fraction
    """Seconds by which the picture lies later than in the source."""


def _lost(film: Film, result: _Finished, kept: Sequence[Track], span: Span) -> list[str]:
    """What of the source is not in the result, in words."""
    streams = list(result.container.streams)
    with open_film(film.path) as source:
        lost = lost_chapters(source.chapters(), result.container.chapters()) if span.whole else []
        # A timecode is the film's in one container, its picture's in another.
        tags = [result.container.metadata, *(stream.metadata for stream in streams)]
        names = {name.lower() for one in tags for name in one}
        gone = lost_tags(source.metadata, names)
        lost += [f"metadata {', '.join(gone)}"] if gone else []
        lost += lost_programs(source)
        before: dict[int, PacketTimes] = {}
        if span.whole and kept:
            with suppress(av.FFmpegError):  # a damaged source: what can be counted was copied
                before = _walk(source)[1]
    lost += picture_track(film).lost_in(streams[0], elsewhere={"timecode"} & names)
    # Covers become attachments in Matroska, and come last: pair the others by order, covers by order.
    for covers in (False, True):
        ours = [track for track in kept if (track.kind == "cover") == covers]
        theirs = [stream for stream in streams[1:] if _is_cover(stream) == covers and not _is_chapter_track(stream)]
        lost += [f"{track}: not in the finished file" for track in ours[len(theirs) :]]
        for track, stream in zip(ours, theirs, strict=False):
            lost += track.lost_in(stream)
            if not covers and track.index in before:
                lost += _lost_packets(track, before[track.index], result.times.get(stream.index), result)
    return lost


def lost_chapters(before: list[Any], after: list[Any]) -> list[str]:
    if len(before) > len(after):
        missing = len(before) - len(after)
        return [plural(missing, "chapter")]
    titles = [[one.get("metadata", {}).get("title") for one in chapters] for chapters in (before, after)]
    wrong = sum(was is not None and was != is_ for was, is_ in zip(*titles))
    return [f"the title{'' if wrong == 1 else 's'} of {plural(wrong, 'chapter')}"] if wrong else []


def _lost_packets(track: Track, was: PacketTimes, now: PacketTimes | None, result: _Finished) -> list[str]:
    """What the finished file lacks of a stream's packets, or has at another time."""
    count = 0 if now is None else now.packets
    if track.converted:
        return [] if count else [f"{track}: its text"]
    if now is not None and track.codec.startswith("pcm_") and now.size >= was.size and count != was.packets:
        return []  # the same samples, cut into other packets
    if count < was.packets or now is None:
        return [f"{track}: {was.packets - count} of its {was.packets} packets"]
    return _moved(track, was, now, result) if count == was.packets else []


def _moved(track: Track, before: PacketTimes, after: PacketTimes, result: _Finished) -> list[str]:
    """Sound and subtitles begin, end and advance as in the source, so that they keep to the picture.

    What is a little off, as where a recording is damaged, is named; VidcolorError is raised where more than that is."""
    later, path = result.later, result.path
    was, now = before.ends(), after.ends()
    if was is None or now is None:
        return []
    off = [is_ - should - later for is_, should in zip(now, was, strict=True)]
    for name, place in (("first", 0), ("last", 1)):
        if abs(off[place]) > _FAR:
            raise _wrong(path, f"{track}: time of its {name} packet", float(now[place]), float(was[place] + later))
    still = after.still - before.still
    if still > 0 and still * (was[1] - was[0]) > _FAR * before.packets:
        raise _wrong(path, f"{track}: packets at the time of the one before", after.still, before.still)
    if still > 0:
        return [f"{track}: the time of {still} of its packets"]
    most = max(map(abs, off))
    return [f"{track}: {float(most):.3f} s of its place beside the picture"] if most > _ROOM else []


def _is_cover(stream: Any) -> bool:
    return any(flag.name == "attached_pic" for flag in type(stream.disposition) if flag & stream.disposition)


def _is_chapter_track(stream: Any) -> bool:
    return stream.type == "data" and stream.codec_context is None
