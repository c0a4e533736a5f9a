"""Decodes a film's file from its start: every frame with its time. Damage and bad time stamps are reported."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av

from vidcolor.errors import VidcolorError
from vidcolor.film.container import open_film, video_stream
from vidcolor.film.decoder_log import DecoderLog, only_leans, touches_picture
from vidcolor.film.film import Film
from vidcolor.film.sound_form import SoundForms
from vidcolor.film.truncation import missing_bytes
from vidcolor.reasons import reason
from vidcolor.text import plural

_NOTES = 20
"""Most notes in a report."""
_ANEW = Fraction(1, 10)
"""Seconds from which a jump back means that another recording begins; by less, a single time stamp is wrong."""
_AWAY = 16
"""Frames in a row that may jump back further: after damage, decoders output a few frames in the wrong order."""
_HELD = 4
"""Frames held back until it is clear whether a frame has got the time of the next one."""
_LATER = 30
"""Packets to wait before a corrupt one is reported: where two recordings meet, their clock is the real fault."""


@dataclass
class ReadReport:
    """What went wrong in reading a film with `on_error="skip"`."""

    frames: int = 0
    """Frames that were delivered."""
    damaged: int = 0
    """Places where decoder or container reported damage; the frames were delivered as decoded."""
    lost: int = 0
    """Packets without a frame, and pictures that could not be read."""
    repaired: int = 0
    """Time stamps that did not rise and were replaced."""
    truncated: bool = False
    """The file is shorter than it says."""
    headless: bool = False
    """The file begins between two codec keyframes: what cannot be decoded is left out, as players do."""
    notes: list[str] = field(default_factory=list)
    """The first 20 faults, each with frame and time."""

    def summary(self) -> str:
        """One line, empty if nothing went wrong."""
        said = [
            f"{number} {what if number > 1 else one}"
            for number, one, what in (
                (self.damaged, "damaged place", "damaged places"),
                (self.lost, "frame lost", "frames lost"),
                (self.repaired, "time stamp repaired", "time stamps repaired"),
            )
            if number
        ]
        said += ["the file is truncated"] if self.truncated else []
        line = ", ".join(said) + (f" (first: {self.notes[0]})" if said and self.notes else "")
        begins = "begins between two codec keyframes: what cannot be decoded before the first is left out"
        return "; ".join(filter(None, [begins if self.headless else "", line]))


class _Amiss(Exception):
    """Something is wrong, and only the careful pass can tell what."""


def decoded(
    film: Film, on_error: str, report: ReadReport, *, listen: bool = True
) -> Generator[tuple[int, Any, Fraction | None], None, None]:
    """PTS, decoded frame, and pixel aspect by the decoder of every frame, in presentation order.

    A fast pass with frame threads runs until anything goes wrong. Then a careful pass starts over with a single thread,
    which shows whose log lines are the film's own decoder's and which frame they mean. No frame is yielded twice.

    listen: whether damage that shows only in libav's log counts; False to decode again what a scan let pass.
    on_error, report: as in `reader.read`. Raises VidcolorError at damage (`on_error="stop"`), and in either mode where
    the time stamps of picture or sound start over."""
    given = 0
    if not missing_bytes(film.path) and (listen or on_error == "stop"):
        try:
            for item in _pass(film, _Clock(film, on_error, ReadReport(), careful=False), listen):
                yield item
                given += 1
            return
        except _Amiss:
            pass
    for number, item in enumerate(_pass(film, _Clock(film, on_error, report, careful=True), listen)):
        if number >= given:
            yield item


def timed(film: Film, frames: Iterable[tuple[Any, Any]]) -> Iterator[tuple[int | None, tuple[Any, Any]]]:
    """The time in ticks of each decoded frame, None if unknown, and the item of `frames` that it came in.

    The time is the frame's PTS; in AVI its DTS, because the PTS are guesses; in raw streams the time of the frame
    before plus its duration. In program streams with several frames in a packet, libav may give a frame the time of the
    next: if two frames have the same time shortly after a gap, the frames between are moved back into the gap."""
    usual = usual_step(film)
    stamps: list[int | None] = []
    held: deque[tuple[Any, Any]] = deque()
    last: int | None = None
    duration = usual
    for frame, extra in frames:
        if film.clock == "count":
            stamp = 0 if last is None else last + duration
        else:
            stamp = frame.dts if film.clock == "dts" or frame.pts is None else frame.pts
            if stamp is None and last is not None:
                stamp = last + duration
        last, duration = stamp, _duration(frame, usual)
        stamps.append(stamp)
        held.append((frame, extra))
        _fill_gap(stamps, usual)
        if len(held) > _HELD:
            yield stamps[-1 - _HELD], held.popleft()
            del stamps[: -1 - _HELD]
    while held:
        yield stamps[-len(held)], held.popleft()


def _duration(frame: Any, usual: int) -> int:
    """Ticks for which a frame is shown: whole fields if its stream says so (pulldown), else the usual step."""
    fields = 2 * (frame.duration or 0) / usual
    return int(frame.duration) if fields > 0.5 and abs(fields - round(fields)) < 0.01 else usual


def _fill_gap(stamps: list[int | None], usual: int) -> None:
    """If the last two time stamps are equal, move those between a recent gap and them back by one step."""
    if len(stamps) < 3 or stamps[-1] is None or stamps[-1] != stamps[-2]:
        return
    for place in range(len(stamps) - 2, 0, -1):
        here, before = stamps[place], stamps[place - 1]
        if here is None or before is None:
            return
        if 2 * (here - before) >= 3 * usual:
            stamps[place:-1] = [stamp and stamp - usual for stamp in stamps[place:-1]]
            return


def usual_step(film: Film) -> int:
    """Ticks from a frame to the next at the film's average rate."""
    return max(1, round(1 / (film.frame_rate * film.time_base)))


def drain(context: Any) -> None:
    """Let decoding threads finish, without the GIL (see DecoderLog)."""
    context.flush_buffers()


def _pass(film: Film, clock: _Clock, listen: bool) -> Iterator[tuple[int, Any, Fraction | None]]:
    with open_film(film.path) as container:
        stream = video_stream(container, film.path, film.stream)
        context = stream.codec_context
        if clock.careful:
            context.thread_count = 1
        else:
            stream.thread_type = "AUTO"
        clock.joins_anew = container.format.name in ("mpegts", "mpeg")
        log = DecoderLog(context.codec.name, context.name, container.format.name) if listen else None
        with log or nullcontext():
            try:
                frames = _frames(container, stream, film, clock, log)
                shaped = ((frame, context.sample_aspect_ratio) for frame in frames)
                for own, (frame, aspect) in timed(film, shaped):
                    yield clock.stamp(own), frame, aspect
            finally:
                drain(context)


class _Clock:
    """Gives each frame its PTS, and deals with damage and bad time stamps."""

    def __init__(self, film: Film, on_error: str, report: ReadReport, *, careful: bool) -> None:
        self.film, self.stop, self.report, self.careful = film, on_error == "stop", report, careful
        self.index = 0
        self.seen = 0
        """Frames from the decoder, of which up to `_HELD` have no time yet."""
        self.start: int | None = None
        self.previous: int | None = None
        self.usual = usual_step(film)
        self.away = 0
        """Frames in a row whose own time stamps lie far before the times that they got."""
        self.behind = False
        """Whether the time of the last frame was repaired."""
        self.joins_anew = False
        """Whether ffmpeg can give recordings of this format that were put end to end a single clock."""
        self.forms = SoundForms()
        self.latest: dict[int, int] = {}
        """Last DTS of every stream, in its own ticks."""

    def stamp(self, own: int | None) -> int:
        """PTS of the next frame from its own time."""
        stamp = own if own is not None else 0 if self.previous is None else self.previous + self.usual
        if self.previous is not None and stamp <= self.previous:
            stamp = self._repaired(stamp, self.previous)
        else:
            self.away, self.behind = 0, False
        if self.start is None:
            self.start = stamp
        self.previous = stamp
        self.index += 1
        return stamp

    def judge(self) -> None:
        """Call before reporting a fault. Raises _Amiss in the fast pass, so that the careful one starts."""
        if not self.careful:
            raise _Amiss

    def _repaired(self, stamp: int, previous: int) -> int:
        self.judge()
        # Several in a row overlap the frames before, as at a splice: half steps soon catch up.
        after = previous + (max(1, self.usual // 2) if self.behind else self.usual)
        self.behind = True
        self.away = self.away + 1 if (after - stamp) * self.film.time_base > _ANEW else 0
        if self.away > _AWAY and len(self.latest) > 1:
            raise self.anew()
        if self.stop:
            same = "equal to" if stamp == previous else "before"
            raise VidcolorError(
                f"{self.film.path}: frame {self.index} ({self.seconds(after)}) has PTS {stamp}, {same} "
                "that of the frame before: `on_error=skip` repairs it"
            )
        self.report.repaired += 1
        self.note(f"PTS {stamp} is not after {previous}", f"frame {self.index} ({self.seconds(after)})")
        return after

    def watch(self, packet: Any) -> None:
        """Check a packet of picture or sound. Raises VidcolorError if time stamps start over or the format of the sound
        changes, which a result cannot hold. (Subtitles may come in any order.)"""
        if change := self.forms.change(packet):
            self.judge()
            path = shlex.quote(str(self.film.path))
            raise VidcolorError(
                f"{self.film.path}: sound stream {packet.stream.index} changes near {self.place()} ({change}), which "
                f"a result cannot hold: give it one format (ffmpeg -i {path} -map 0 -c copy -c:a aac whole.mkv) "
                "and colour whole.mkv, or cut the film there"
            )
        if packet.dts is None:
            return
        index = packet.stream.index
        back = self.latest.get(index, packet.dts) - packet.dts
        if back > 0 and back * packet.time_base > _ANEW:
            self.judge()
            raise self.anew()
        self.latest[index] = packet.dts

    def anew(self) -> VidcolorError:
        """The error for time stamps that start over, with a remedy."""
        if self.joins_anew:
            path = shlex.quote(str(self.film.path))
            remedy = f"give them one clock (ffmpeg -fflags +genpts -i {path} -map 0 -c copy whole.mkv)"
        else:
            remedy = (
                "join them by their time (ffmpeg -f concat -safe 0 -i parts.txt -map 0 -c copy whole.mkv, where each "
                "line of parts.txt is: file 'PART')"
            )
        return VidcolorError(
            f"{self.film.path}: time stamps start over near {self.place()}, as in recordings that were put end to end: "
            f"{remedy} and colour whole.mkv"
        )

    def seconds(self, stamp: int) -> str:
        return f"{float((stamp - (self.start or 0)) * self.film.time_base):.3f} s"

    def place(self) -> str:
        """Where the next frame is."""
        stamp = self.start or 0
        if self.previous is not None:
            stamp = self.previous + self.usual * (1 + self.seen - self.index)
        return f"frame {self.seen} ({self.seconds(stamp)})"

    def note(self, reason: str, place: str = "") -> str:
        text = f"{place or self.place()}: {reason}"
        if len(self.report.notes) < _NOTES:
            self.report.notes.append(text)
        return text

    def trouble(self, reason: str, lost: int = 0, place: str = "") -> None:
        """Report damage: raise VidcolorError, or note it and go on. place: where it is; the next frame if empty."""
        self.judge()
        text = self.note(reason, place)
        if self.stop:
            raise VidcolorError(f"{self.film.path}: damaged at {text}; `on_error=skip` goes on and reports")
        self.report.damaged += 0 if lost else 1
        self.report.lost += lost


def _frames(container: Any, stream: Any, film: Film, clock: _Clock, log: DecoderLog | None) -> Iterator[Any]:
    """Every frame from the decoder; damage goes to `clock.trouble`."""
    packets = container.demux(stream, *container.streams.audio)
    count, total, keyframe_seen = 0, 0, False
    flagged: tuple[int, str] | None = None
    packet: Any = None
    while True:
        error, frames = None, []
        with log.listening() if log else nullcontext():
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as failed:
                packet, error = None, failed
            if packet is not None:
                clock.watch(packet)
                total += 1
                if packet.stream is not stream:
                    continue
            ended = packet is None or (packet.size == 0 and packet.dts is None)
            if flagged and (ended or total > flagged[0]):
                clock.trouble("the container flags its data as corrupt", place=flagged[1])
                flagged = None
            if not ended and packet.is_corrupt:
                flagged = flagged or (total + _LATER, clock.place())
            if error is not None:
                clock.trouble(f"cannot be read further: {reason(error)}")
            error = None
            try:
                frames = stream.codec_context.decode(None if ended else packet)
            except av.error.EOFError:
                pass
            except av.FFmpegError as failed:
                error = failed
        count += not ended
        keyframe_seen = keyframe_seen or (not ended and packet.is_keyframe)
        said = log.take() if log else []
        if said or error or (log and log.elsewhere() and not clock.careful):
            clock.judge()
        clock.report.headless |= clock.seen == 0 and any(map(only_leans, said))
        said = [line for line in said if touches_picture(line, clock.seen > 0)]
        if error is not None and not keyframe_seen:
            clock.report.headless = True
        elif error is not None:
            clock.trouble(said[0] if said else reason(error), lost=1)
        elif said:
            clock.trouble(said[0])
        for frame in frames:
            if frame.is_corrupt and not said:
                clock.trouble("the decoder flags it as damaged")
            clock.seen += 1
            yield frame
        if ended:
            break
    _look_at_end(container, stream, film, clock, count)


def _look_at_end(container: Any, stream: Any, film: Film, clock: _Clock, count: int) -> None:
    """Check whether the file has all its frames. count: packets of the picture that were read."""
    report = clock.report
    if report.damaged:  # decoders silently drop frames that depend on lost ones
        report.lost = max(report.lost, count - clock.seen)
    missing = missing_bytes(film.path)
    listed = len(stream.index_entries) if "mov" in container.format.name else 0
    if missing or count < listed:
        clock.judge()
        report.truncated = True
        lacking = f"{plural(missing, 'byte')} missing" if missing else f"{count} of {plural(listed, 'frame')}"
        text = clock.note(f"the file is truncated here ({lacking})")
        if clock.stop:
            raise VidcolorError(f"{film.path}: {text}; `on_error=skip` goes on and reports")
