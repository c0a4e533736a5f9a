"""What libav says while it decodes: of much damage there is no other sign than a line in its log."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import av.logging

LOG_LOCK = threading.Lock()
"""Held by whoever changes libav's log level: it is one for the process."""
_listening = 0
_before: tuple[int | None, bool] = (None, True)
_silence = logging.NullHandler()

# Of data that shape no pixel: messages beside the pictures (SEI, EXIF), how a player is to buffer, and commands to
# forget a picture that is not there.
_NO_PICTURE = re.compile(r"\bSEI\b|\bVUI\b|buffering period|cpb_count|num_reorder_frames|^mmco: |EXIF|APP fields")
# Of pictures that lean on others. A film that begins between two codec keyframes has such pictures first; players leave
# them out.
_LEANS = re.compile(
    r"co located POCs|Could not find ref|constructing the frame RPS|[Mm]issing reference|reference picture missing"
    r"|non-existing [PS]PS|[PS]PS \S+ does not exist|decode_slice_header error|no frame!|VPS \d+ does not exist"
    r"|Not all references are available|invalid frame header"
)
# Decoders that flag each frame that they could not decode in full: their lines tell no more than that, but of pictures
# that lean on lost ones. What else they say (a second copy of a header is damaged) is nothing to the pictures.
_FLAG_DAMAGE = frozenset(("h264", "mpeg1video", "mpeg2video", "mpeg4"))


def touches_picture(line: str, begun: bool) -> bool:
    """Whether a line of a decoder or demuxer tells of damage to a picture. begun: a frame was already given out."""
    return not _NO_PICTURE.search(line) and (begun or not _LEANS.search(line))


def only_leans(line: str) -> bool:
    """Whether a line tells no more than that a picture leans on one that is not there."""
    return bool(_LEANS.search(line))


class DecoderLog:
    """A context for a reader that wants to know what its own decoder and demuxer say against the film.

    libav's log is one for the process, and a line carries no more than the name of who wrote it (`h264`), not which.
    Lines written by the reader's own thread inside `listening` are its own beyond doubt: with one decoding thread that
    is all of them. Frame threads write from threads of their own: of these, only `elsewhere` tells that somebody,
    perhaps another reader, wrote something.

    Inside the context every decoder of frame threads must be drained before it is closed: PyAV closes with the GIL
    held, for which a logging thread would wait for ever."""

    def __init__(self, codec: str, *names: str) -> None:
        """codec: the decoder's own name. names: others under which lines against this film are written."""
        self._codec, self._names = codec, {codec, *names}
        self._lines: list[str] = []
        self._counted = 0
        self._errors = 0

    def take(self) -> list[str]:
        """What the decoder and the demuxer wrote in this thread since the last call, oldest first."""
        lines, self._lines = self._lines, []
        return lines

    def elsewhere(self) -> bool:
        """Whether any other thread of the process had an error to tell since the context was entered."""
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
