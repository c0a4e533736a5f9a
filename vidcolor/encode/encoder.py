"""One unit's file, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.codec.context import Flags

from vidcolor.color.coding import code_type
from vidcolor.color.ycbcr import recoding
from vidcolor.encode.codecs import CONTAINERS
from vidcolor.encode.format import OutputFormat
from vidcolor.errors import VidcolorError
from vidcolor.files import part_of
from vidcolor.film.film import Film, Frame
from vidcolor.reasons import reason


class Encoder:
    """Writes one unit. The file gets its name only when it is complete.

    A context manager: it closes the file at the end, and discards it after an exception."""

    def __init__(self, film: Film, fmt: OutputFormat, path: str | Path) -> None:
        self.path = Path(path)
        self.frames = 0
        self._film, self._fmt = film, fmt
        self._part = part_of(self.path)
        self._fields: dict[str, Any] = {}
        self._container: Any = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Bit-exact headers: the same frames give the same file.
            self._container = av.open(
                str(self._part), "w", format=CONTAINERS[fmt.row.unit_suffix], container_options={"fflags": "+bitexact"}
            )
            self._stream = self._add_stream()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.discard()
            raise _failed(self.path, error) from error

    def _add_stream(self) -> Any:
        film, fmt = self._film, self._fmt
        stream: Any = self._container.add_stream(fmt.row.encoder, rate=fmt.rate, options=dict(fmt.options))
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = film.width, film.height, fmt.pix_fmt
        context.time_base = stream.time_base = 1 / fmt.rate
        context.color_range = fmt.color_tags["range"]
        context.colorspace = fmt.color_tags["space"]
        context.color_primaries = fmt.color_tags["primaries"]
        context.color_trc = fmt.color_tags["transfer"]
        context.sample_aspect_ratio = film.sample_aspect_ratio
        context.thread_type = fmt.row.threads
        if fmt.field_order != "progressive":
            context.flags |= Flags.interlaced_dct
            context.field_order = {"tff": 4, "bff": 5}[fmt.field_order]  # lines of both fields in turn
        elif film.field_order == "progressive":
            context.field_order = 1
        return stream

    def write(self, frame: Frame, cb: np.ndarray, cr: np.ndarray) -> None:
        """Add a frame. cb, cr: code values at the film's depth and range on the chroma grid of the format,
        uint8 or uint16. Luma goes in as it is; where the format cannot hold it, it is fitted (see
        `output_format`). Raises VidcolorError where the file cannot be written."""
        film, fmt = self._film, self._fmt
        try:
            picture = self._new_picture(frame)
        except (av.FFmpegError, OSError, ValueError) as error:
            self.discard()
            raise _failed(self.path, error) from error
        target = film.coding._replace(depth=fmt.depth, full_range=fmt.full_range)
        if film.coding == target:
            planes = (frame.luma, cb, cr)
        else:
            luma, chroma = recoding(film.coding, target)
            planes = (luma[frame.luma], chroma[cb], chroma[cr])
        for plane, values in zip(picture.planes, planes, strict=True):
            if values.shape != (plane.height, plane.width):
                raise ValueError(f"plane of {values.shape}, the format has {(plane.height, plane.width)}")
            rows = np.frombuffer(plane, code_type(fmt.depth))  # type: ignore[call-overload]
            rows.reshape(plane.height, -1)[:, : plane.width] = values
        picture.color_range = fmt.color_tags["range"]
        picture.colorspace = fmt.color_tags["space"]
        picture.color_primaries = fmt.color_tags["primaries"]
        picture.color_trc = fmt.color_tags["transfer"]
        picture.pts, picture.time_base = self.frames, 1 / fmt.rate
        try:
            if fmt.field_order != "progressive":
                picture = self._flagged(picture, frame)
            self._mux(self._stream.encode(picture))
        except (av.FFmpegError, OSError, ValueError) as error:
            self.discard()
            raise _failed(self.path, error) from error
        self.frames += 1

    def _new_picture(self, frame: Frame) -> av.VideoFrame:
        """An empty picture; for codecs that keep closed captions a copy of the film's frame, because PyAV has no other
        way to pass on what a frame has beside its picture."""
        film, fmt = self._film, self._fmt
        if frame.source is None or not fmt.row.captions:
            return av.VideoFrame(film.width, film.height, fmt.pix_fmt)
        picture: av.VideoFrame = frame.source.reformat(format=fmt.pix_fmt)
        picture.make_writable()
        picture.pict_type = 0  # the encoder chooses the frame type
        return picture

    def _flagged(self, picture: av.VideoFrame, frame: Frame) -> Any:
        """The same picture with the field flags of `frame`, as far as the codec keeps them. PyAV sets them through a
        filter only."""
        mode = "prog" if not frame.interlaced else "tff" if frame.top_field_first else "bff"
        kept = self._fmt.row.fields
        if kept == "constant" or (kept == "order" and mode == "prog"):
            mode = self._fmt.field_order
        if mode not in self._fields:
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=picture.width,
                height=picture.height,
                format=picture.format,
                time_base=picture.time_base,
            )
            graph.link_nodes(source, graph.add("setfield", mode), graph.add("buffersink")).configure()
            self._fields[mode] = graph
        graph = self._fields[mode]
        pts = picture.pts
        graph.push(picture)
        flagged = graph.pull()
        flagged.pts, flagged.time_base = pts, 1 / self._fmt.rate
        return flagged

    def _mux(self, packets: Iterable[av.Packet]) -> None:
        mend = self._fmt.row.mend
        for packet in packets:
            whole = packet
            if mend is not None:
                whole = av.Packet(mend(bytes(packet)))
                for name in ("stream", "time_base", "pts", "dts", "duration", "is_keyframe"):
                    setattr(whole, name, getattr(packet, name))
            self._container.mux(whole)

    def close(self) -> None:
        """Finish the file and give it its name. Raises VidcolorError where it has no frame or cannot be written."""
        if self._container is None:
            return
        if not self.frames:
            self.discard()
            raise VidcolorError(f"{self.path}: no frame to write")
        try:
            self._mux(self._stream.encode(None))
            self._container.close()
            self._container = None
            os.replace(self._part, self.path)
        except (av.FFmpegError, OSError, ValueError) as error:
            self.discard()
            raise _failed(self.path, error) from error

    def discard(self) -> None:
        """Leave nothing behind."""
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                container.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def _failed(path: Path, error: Exception) -> VidcolorError:
    if isinstance(error, FileNotFoundError):  # its folder was made: the end of another run has removed it
        why = "removed by another run for the same result; when that has ended, give the command again"
    else:
        why = reason(error)
    return VidcolorError(f"{path}: cannot be written: {why}")
