"""A film's file, open: its container and its video stream."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import av.logging
from av.stream import Disposition

from vidcolor.errors import VidcolorError
from vidcolor.film.decoder_log import LOG_LOCK
from vidcolor.film.images import meant
from vidcolor.reasons import reason

NO_TIMESTAMPS = av.format.Flags.no_timestamps.value


def open_film(file: Path) -> Any:
    """PyAV's input container of `file`. Raises VidcolorError if it cannot be opened."""
    # A picture whose path contains %d is just that file; libav would look for numbered ones first.
    options = {"pattern_type": "none"}
    if not file.exists():  # libav would open a picture that is not there
        raise VidcolorError(f"{file}: no such file; {meant(file)}")
    if not file.is_file():
        raise VidcolorError(f"{file}: a pipe or device, which cannot be read twice; save the film as a file first")
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
    """The film's video stream: the one flagged default, else the first, never a cover picture. Its decoder crops to
    the pixel, as ffmpeg does."""
    stream = container.streams[index] if index is not None else _default_stream(container, file)
    if stream.codec_context is None:
        raise VidcolorError(f"{file}: no decoder for its video stream")
    # Without the flag libav leaves columns at the left uncropped, so that rows begin at aligned addresses.
    stream.codec_context.flags |= av.codec.context.Flags.unaligned
    return stream


def _default_stream(container: Any, file: Path) -> Any:
    cover = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        only = " (only a cover picture)" if container.streams.video else ""
        raise VidcolorError(f"{file}: no video stream{only}")
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


def in_libavs_words(container: Any) -> str:
    """libav's own description of an open file, which tells more than PyAV does."""
    with LOG_LOCK:
        level = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)
        av.logging.set_libav_level(av.logging.VERBOSE)  # below it libav omits the chroma siting
        try:
            described: str = container.dumps_format()
        finally:
            av.logging.set_libav_level(av.logging.INFO)
            av.logging.set_level(level)
    return described
