"""libav's log while it decodes: much damage shows nowhere else."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import av.logging

LOG_LOCK = threading.Lock()
"""Held while libav's log level is changed: the process has only one."""
_listening = 0
_before: tuple[int | None, bool] = (None, True)
_silence = logging.NullHandler()

# About data that shape no pixel: messages besides the pictures (SEI, EXIF), buffering hints for players, and commands
# to drop a picture that is not there.
_NO_PICTURE = re.compile(r"\bSEI\b|\bVUI\b|buffering period|cpb_count|num_reorder_frames|^mmco: |EXIF|APP fields")
# About pictures that depend on others. A film that begins between two codec keyframes begins with such pictures, which
# players leave out.
_LEANS = re.compile(
    r"co located POCs|Could not find ref|constructing the frame RPS|[Mm]issing reference|reference picture missing"
    r"|non-existing [PS]PS|[PS]PS \S+ does not exist|decode_slice_header error|no frame!|VPS \d+ does not exist"
    r"|Not all references are available|invalid frame header"
)
# Decoders that flag each frame that they could not decode in full. Their log adds only lines about pictures that depend
# on lost ones; the rest (say, a damaged second copy of a header) does not concern the pictures.
_FLAG_DAMAGE = frozenset(("h264", "mpeg1video", "mpeg2video", "mpeg4"))


def touches_picture(line: str, begun: bool) -> bool:
    """Whether a line of a decoder or demuxer reports damage to a picture. begun: a frame was already delivered."""
    return not _NO_PICTURE.search(line) and (begun or not _LEANS.search(line))


def only_leans(line: str) -> bool:
    """Whether a line says only that a picture depends on one that is missing."""
    return bool(_LEANS.search(line))


class DecoderLog:
    """A context in which a reader hears what its own decoder and demuxer report about the film.

    libav has one log for the process, and a line names the kind of its writer (`h264`) but not which one. Lines written
    by the reader's own thread inside `listening` are certainly its own; with a single decoding thread these are all.
    Frame threads write from other threads: `elsewhere` says only that somebody, perhaps another reader, reported
    something.

    Inside the context, drain every decoder with frame threads before closing it: PyAV closes with the GIL held, for
    which a logging thread would wait for ever."""

    def __init__(self, codec: str, *names: str) -> None:
        """codec: the decoder's own name. names: others under which lines about this film are written."""
        self._codec, self._names = codec, {codec, *names}
        self._lines: list[str] = []
        self._counted = 0
        self._errors = 0

    def take(self) -> list[str]:
        """Lines of the decoder and the demuxer in this thread since the last call, oldest first."""
        lines, self._lines = self._lines, []
        return lines

    def elsewhere(self) -> bool:
        """Whether any other thread of the process has logged an error since the context was entered."""
        return int(av.logging.get_last_error()[0]) - self._counted > self._errors

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Around each call of libav whose lines are wanted."""
        with av.logging.Capture() as written:
            yield
        for level, name, line in written:
            self._errors += level == av.logging.ERROR
            tells = name != self._codec or self._codec not in _FLAG_DAMAGE or only_leans(line)
            if level <= av.logging.ERROR and name in self._names and tells:
                self._lines.append(line.strip())

    def __enter__(self) -> DecoderLog:
        global _before, _listening
        with LOG_LOCK:
            if not _listening:
                _before = av.logging.get_level(), av.logging.get_skip_repeated()
                level = _before[0]
                av.logging.set_level(av.logging.ERROR if level is None else max(level, av.logging.ERROR))
                av.logging.set_skip_repeated(False)
                logging.getLogger("libav").addHandler(_silence)
            _listening += 1
        self._counted = int(av.logging.get_last_error()[0])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _listening
        with LOG_LOCK:
            _listening -= 1
            if not _listening:
                logging.getLogger("libav").removeHandler(_silence)
                av.logging.set_skip_repeated(_before[1])
                av.logging.set_level(_before[0])
