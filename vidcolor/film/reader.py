"""Reading a film: the luma of its frames in order, with PTS, from any frame on; damage is reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from vidcolor.color.ycbcr import cbcr_to_codes, luma_weights, rgb_to_ycbcr
from vidcolor.errors import VidcolorError, warn
from vidcolor.film import images
from vidcolor.film.container import open_film, video_stream
from vidcolor.film.decode import ReadReport, decoded, drain, timed
from vidcolor.film.decoder_log import DecoderLog, touches_picture
from vidcolor.film.film import Facts, Film, Frame
from vidcolor.film.planes import chroma_planes, layout, luma_plane, rgb_planes
from vidcolor.film.side_data import CARRIED, TELL_FIELDS, SideData, of_the_source
from vidcolor.film.still import still
from vidcolor.reasons import reason

_WHOLE_PACKETS = frozenset(("mov", "matroska", "nut", "mxf", "flv"))
_UNSAID = 2  # ISO 23091-2
_EARLIER_SECONDS = (0, 1, 10)  # before the wanted frame; if no keyframe helps, from the film's start


def read(
    film: Film,
    first: int = 0,
    stop: int | None = None,
    pts: Sequence[int] | np.ndarray | None = None,
    on_error: str = "stop",
    report: ReadReport | None = None,
    chroma: bool = False,
) -> Iterator[Frame]:
    """Frames [first, stop) of the film, in presentation order; to its end where `stop` is None.

    pts: PTS of every frame of the film (from a scan). With it a read from `first` seeks: to the keyframe before,
    decoding on to exactly that PTS, and decodes from the film's start where no keyframe leads there.
    on_error: "stop" raises VidcolorError at the first damage, naming frame and time; "skip" goes on with what can be
    decoded, repairs time stamps that do not rise, and counts in `report` (a read of the whole film without one gives
    its summary as a warning).
    chroma: read `Frame.chroma` too, as decoded (for R'G'B', which has none, computed on every pixel).
    Raises VidcolorError too where size or depth changes inside the film, or it is not the film of `pts`.
    """
    own = report if report is not None else ReadReport()
    if pts is not None:
        stop = len(pts) if stop is None else min(stop, len(pts))
    if first < 0 or (stop is not None and first >= stop):
        return
    job = _Read(film, stop, pts, on_error, own, chroma)
    if film.kind == "images":
        yield from job.from_images(first)
    else:
        at = first
        if pts is not None and first > 0 and film.clock != "count":
            for seconds in _EARLIER_SECONDS:
                for frame in job.from_keyframe(at, seconds, pts):
                    yield frame
                    own.frames += 1
                    at = frame.index + 1
                if at != first:
                    break
        if stop is None or at < stop:
            yield from job.from_start(at)
    if report is None and pts is None and own.summary():
        warn(f"{film.path}: {own.summary()}")


class _Read:
    """One read of a film, up to `stop`. The arguments are those of `read`."""

    def __init__(
        self,
        film: Film,
        stop: int | None,
        pts: Sequence[int] | np.ndarray | None,
        on_error: str,
        report: ReadReport,
        chroma: bool,
    ) -> None:
        self.film, self.stop, self.pts = film, stop, pts
        self.on_error, self.report, self.chroma = on_error, report, chroma
        self._weights = luma_weights(film.matrix)
        self._side_data = SideData()

    def from_keyframe(self, first: int, seconds: int, pts: Sequence[int] | np.ndarray) -> Iterator[Frame]:
        """Frames from `first` on by a seek to `seconds` before; ends early, silently, at anything that is not as
        `pts` says.

        The decoder's log is ignored: a decoder that starts in mid-film complains about what it has not seen, and the
        scan has checked the whole film."""
        film = self.film
        target = int(pts[first]) - int(seconds / film.time_base)
        with open_film(film.path) as container:
            stream = video_stream(container, film.path, film.stream)
            stream.thread_type = "AUTO"
            at = first
            # Frames before the first keyframe depend on what was not decoded. If a seek may land inside a frame (MPEG
            # program streams), or the order of packets gives the time (AVI), stamps are right only from the next
            # keyframe on.
            wanted_keyframes = 1 if _WHOLE_PACKETS.intersection(container.format.name.split(",")) else 2
            try:
                container.seek(target, stream=stream, backward=True)
                frames = ((frame, None) for packet in container.demux(stream) for frame in packet.decode())
                for stamp, (frame, _) in timed(film, frames):
                    if stamp is None:
                        return
                    if frame.key_frame and stamp <= pts[at]:
                        wanted_keyframes -= 1
                    if stamp < pts[at]:
                        continue
                    # Too late for the wanted frame, or not the film of `pts`.
                    if wanted_keyframes > 0 or stamp > pts[at] or (frame.is_corrupt and self.on_error == "stop"):
                        return
                    yield self._frame(at, stamp, frame)
                    at += 1
                    if self.stop is not None and at >= self.stop:
                        return
            except av.FFmpegError:
                return
            finally:
                drain(stream.codec_context)

    def from_start(self, first: int) -> Iterator[Frame]:
        """Frames from `first` on, decoding from the film's start; all damage is noticed."""
        film, pts = self.film, self.pts
        index = -1
        with closing(decoded(film, self.on_error, self.report, listen=pts is None)) as frames:
            for index, (stamp, frame, aspect) in enumerate(frames):
                if pts is not None and index < len(pts) and stamp != pts[index]:
                    raise VidcolorError(
                        f"{film.path}: frame {index} has PTS {stamp}, not {pts[index]}: "
                        "the film changed since the plan was made; make the plan again"
                    )
                if index >= first:
                    self.report.frames += 1
                    yield self._frame(index, stamp, frame, aspect)
                if self.stop is not None and index + 1 >= self.stop:
                    return
        if self.stop is not None and pts is not None:
            raise VidcolorError(
                f"{film.path}: ends before frame {index + 1}, the plan has {len(pts)}: "
                "the film changed since the plan was made; make the plan again"
            )

    def from_images(self, first: int) -> Iterator[Frame]:
        """A picture for each frame; its PTS is its place in the sequence."""
        files = images.find(self.film.path).files
        index = first
        places = range(first, len(files)) if self.pts is None else [int(place) for place in self.pts[first : self.stop]]
        for place in places:
            if self.stop is not None and index >= self.stop:
                return
            if place >= len(files):
                raise VidcolorError(f"{self.film.path}: picture {place} is gone: make the plan again")
            frame, why = _picture(files[place])
            if why and frame is not None and self.pts is not None:
                why = ""  # the scan let it pass
            if why:
                if self.on_error == "stop":
                    does = f"leaves frame {index} out" if frame is None else f"takes frame {index} as it is"
                    raise VidcolorError(f"{why}; `on_error=skip` {does} and reports")
                self.report.lost += frame is None
                self.report.damaged += frame is not None
                self.report.notes.append(f"frame {index}: {why}")
            if frame is None:
                continue
            yield self._frame(index, place, frame)
            self.report.frames += 1
            index += 1

    def _frame(self, index: int, pts: int, frame: Any, aspect: Fraction | None = None) -> Frame:
        """What was decoded as a Frame. aspect: of its pixels, as the decoder has it now."""
        film = self.film
        if (frame.width, frame.height) != (film.width, film.height):
            raise VidcolorError(
                f"{film.path}: frame {index} is {frame.width}x{frame.height}, the film began with "
                f"{film.width}x{film.height}: cut the film there and colour the parts"
            )
        depth = layout(frame.format.name).depth
        if depth != film.depth:
            raise VidcolorError(
                f"{film.path}: frame {index} has {depth} bits, the film began with {film.depth}: "
                "cut the film there and colour the parts"
            )
        order: str
        order, side = self._side_data.of(frame)
        if film.codec not in TELL_FIELDS and film.field_order in ("tff", "bff"):
            order = film.field_order
        facts = _facts(frame, aspect, side)
        return Frame(
            index,
            int(pts),
            luma_plane(frame, self._weights),
            interlaced=order != "progressive",
            top_field_first=order == "tff",
            chroma=_chroma(film, frame) if self.chroma else None,
            facts=facts,
            source=frame if CARRIED.intersection(facts.side_data) else None,
        )


def _facts(frame: Any, aspect: Fraction | None, side: dict[str, bytes]) -> Facts:
    rgb, said = layout(frame.format.name).chroma == "rgb", int(frame.color_range)
    # If a film turns to limited range, its decoder stays in yuvj: the tag is right.
    full = True if rgb or said == 2 else False if said == 1 else frame.format.name.startswith("yuvj") or None
    return Facts(
        space=_UNSAID if rgb else int(frame.colorspace),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        full_range=full,
        rotation=round(-frame.rotation / 90) * 90 % 360 if "DISPLAYMATRIX" in side else None,
        chroma=layout(frame.format.name).chroma,
        aspect=aspect or None,
        side_data=of_the_source(side),
    )


def _chroma(film: Film, frame: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Cb and Cr of a frame on the film's grid."""
    if film.chroma != "rgb":
        return chroma_planes(frame)
    rgb = np.dstack(rgb_planes(frame)) / np.float32((1 << film.depth) - 1)
    _, cb, cr = rgb_to_ycbcr(rgb, film.matrix)
    return cbcr_to_codes(cb, cr, film.coding)


def _picture(file: Path) -> tuple[Any, str]:
    """The decoded picture of a file, None if there is none, and what is wrong with it, empty if nothing is."""
    try:
        frame = still(file)
        if frame is not None:
            return frame, ""
        frame, said, others = _decoded_picture(file, threads=0)
        if said or others:
            frame, said, _ = _decoded_picture(file, threads=1)
    except VidcolorError as error:
        return None, str(error)
    except av.FFmpegError as error:
        return None, f"{file}: {reason(error)}"
    if frame is None:
        return None, f"{file}: no picture in it"
    return frame, f"{file}: damaged ({said[0]})" if said else ""


def _decoded_picture(file: Path, threads: int) -> tuple[Any, list[str], bool]:
    """The picture, what its decoder logged about it, and whether another thread, perhaps one of the decoder's, logged
    an error. threads: of the decoder, 0 for one per processor."""
    with open_film(file) as container:
        stream = video_stream(container, file)
        context = stream.codec_context
        context.thread_count = threads
        with DecoderLog(context.codec.name, context.name) as log:
            with log.listening():
                frame = next(container.decode(stream), None)
            said = [line for line in log.take() if touches_picture(line, begun=True)]
            return frame, said, log.elsewhere()
