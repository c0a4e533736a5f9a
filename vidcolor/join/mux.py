"""The result: the coloured picture, and beside it everything else of the source, copied or named as lost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ffmpeg

from vidcolor.encode.format import OutputFormat
from vidcolor.errors import VidcolorError
from vidcolor.film.container import open_film
from vidcolor.film.film import Film
from vidcolor.film.timecode import Label, counted_rate, parse_point
from vidcolor.film.tracks import STALE, Track, cover_file, picture_track
from vidcolor.join.matroska import set_display_aspect
from vidcolor.join.program import find_ffmpeg, run, writes_hdr
from vidcolor.join.timing import Span

# Stand for the files in a command until it is made: ffmpeg-python takes no names that are not UTF-8.
_PICTURE, _SOURCE, _RESULT = "<picture>", "<source>", "<result>"


@dataclass(frozen=True)
class Muxing:
    """A picture on its way into the result."""

    film: Film
    """The source of everything else."""
    fmt: OutputFormat
    """Of the result."""
    picture: Path
    """The coloured picture: the units, put end to end."""
    result: Path
    """The file that is written."""
    work: Path
    """A folder for cover pictures."""
    span: Span
    """What of the film's time goes into the result."""

    @cached_property
    def source_picture(self) -> Track:
        """The film's own picture, whose tags and flags the result takes over."""
        return picture_track(self.film)

    @cached_property
    def program(self) -> str:
        """The ffmpeg that muxes, looked for once whatever the number of trials."""
        return find_ffmpeg(hdr=self._hdr_in_container)

    @cached_property
    def hdr(self) -> dict[str, str]:
        """Options of the picture's input that put HDR mastering data into the container; none where the codec holds
        them, the film has none, or ffmpeg cannot."""
        if not (self._hdr_in_container and writes_hdr(self.program)):
            return {}
        given = {"mastering_display:v:0": self.film.mastering_display, "content_light:v:0": self.film.content_light}
        return {option: value for option, value in given.items() if value}

    @property
    def _hdr_in_container(self) -> bool:
        return bool(self.film.mastering_display or self.film.content_light) and self.fmt.row.hdr is None

    def seconds(self, ticks: int) -> str:
        """Ticks of the film's time base as ffmpeg takes times."""
        return f"{float(ticks * self.film.time_base):.6f}"


def mux_tracks(muxing: Muxing, tracks: Sequence[Track], *, trial: bool = False) -> tuple[list[Track], list[str]]:
    """Run ffmpeg; if it refuses, again without what the container cannot hold, and with text subtitles in its own form.

    trial: write the first moment only, to see what it takes. Returns what was kept and, in words, what was lost.
    Raises VidcolorError where the result cannot be written."""
    # MOV has no place for a cover; ffmpeg would drop it in silence.
    kept = [track for track in tracks if track.kind != "cover" or muxing.fmt.container != "mov"]
    if _refused(muxing, kept, trial):
        forms = [_accepted(muxing, track) for track in kept]
        kept = [form for form in forms if form is not None]
        if error := _refused(muxing, kept, trial):
            raise VidcolorError(f"{muxing.result.name}: ffmpeg cannot mux the result: {error}")
    film = muxing.film
    if muxing.fmt.container == "matroska" and film.sample_aspect_ratio != 1:
        set_display_aspect(muxing.result, film.sample_aspect_ratio * film.width / film.height)
    there = {track.index for track in kept}
    return kept, [f"{track}: {muxing.result.suffix} cannot hold it" for track in tracks if track.index not in there]


def _accepted(muxing: Muxing, track: Track) -> Track | None:
    """The track in the form that the container takes, None where it takes none."""
    forms = [track]
    if text := track.text_for(muxing.fmt.container):
        forms.append(replace(track, converted=text))
    return next((form for form in forms if not _refused(muxing, [form], trial=True)), None)


def _refused(muxing: Muxing, tracks: Sequence[Track], trial: bool) -> str:
    """Why ffmpeg does not write these tracks into the result; empty if it does. Raises VidcolorError where the disk is
    at fault."""
    error = run(command(muxing, tracks, trial=trial))
    if any(fault in error for fault in ("No space left", "File too large", "Permission denied")):
        raise VidcolorError(f"{muxing.result.name}: cannot be written: {error}")
    return error or _unread(muxing.result, tracks)


def _unread(result: Path, tracks: Sequence[Track]) -> str:
    """The first of the tracks in the file that cannot be read back; empty if all can. QuickTime accepts codecs that it
    has no name for."""
    kinds = ("audio", "video", "subtitle")
    with open_film(result) as container:
        streams = [stream for stream in container.streams if stream.type in kinds and stream.index > 0]
        known = [stream.codec_context is not None for stream in streams]
    ours = [track for track in tracks if track.kind in kinds]
    return next((f"{track}: not readable" for track, read in zip(ours, known) if track.codec and not read), "")


def command(muxing: Muxing, tracks: Sequence[Track], *, trial: bool = False) -> list[str]:
    """ffmpeg's arguments. trial: as `mux_tracks` takes it."""
    film, fmt = muxing.film, muxing.fmt
    inputs = [ffmpeg.input(_PICTURE, **muxing.hdr)["v:0"]]
    options: dict[str, Any] = {"c": "copy", "copyts": None, "f": fmt.container, **_of_container(muxing)}
    repeated: list[str] = []  # options that are given several times, which ffmpeg-python does not know
    if film.kind == "video":
        # FFmpeg makes a track of a cover in Matroska; as an attachment it stays a cover.
        covers = [track for track in tracks if track.kind == "cover" and fmt.container == "matroska"]
        mapped = [track for track in tracks if track not in covers]
        source = ffmpeg.input(_SOURCE, **_of_source(muxing))
        inputs += [source[str(track.index)] for track in mapped]
        inputs.append(source["v:99?"])  # nothing: so that ffmpeg opens the source for its tags and chapters
        own = muxing.source_picture
        options |= _of_picture(muxing, own)
        repeated += _tags(0, [f"{tag}=" for tag in own.metadata if STALE.match(tag)])
        for place, track in enumerate([own, *mapped]):
            repeated += _tags(place, track.tags_for(fmt.container))
        for place, track in enumerate(mapped, 1):
            options |= _of_track(muxing, track, place)
        attachments = sum(track.kind == "attachment" for track in mapped)
        for place, track in enumerate(covers, attachments):
            name, kind = cover_file(film, track, muxing.work)
            repeated += ["-attach", f"file:{name}"]
            repeated += _tags(f"t:{place}", [f"mimetype={kind}", f"filename={name.name}"])
    if trial:
        options["t"] = "0.1"
    made = ffmpeg.compile(ffmpeg.output(*inputs, _RESULT, **options), cmd=muxing.program, overwrite_output=True)
    words = {
        muxing.program: [muxing.program, "-hide_banner", "-nostdin", "-v", "error"],
        _PICTURE: [f"file:{muxing.picture}"],
        _SOURCE: [f"file:{film.path.absolute()}"],
        _RESULT: [*repeated, f"file:{muxing.result}"],
    }
    return [part for word in made for part in words.get(word, [word])]


def _tags(stream: int | str, tags: Sequence[str]) -> list[str]:
    """Options that set tags (`NAME=VALUE`) of a stream of the result."""
    return [word for tag in tags for word in (f"-metadata:s:{stream}", tag)]


def _of_source(muxing: Muxing) -> dict[str, Any]:
    """Options of the source as an input: where it begins."""
    span = muxing.span
    options: dict[str, Any] = {}
    if span.start is not None and span.start >= 0:  # ffmpeg has no seek to before time 0
        options |= {"ss": muxing.seconds(span.start), "seek_timestamp": 1}
    if span.lift:
        options["itsoffset"] = muxing.seconds(span.lift)
    return options


def _of_picture(muxing: Muxing, own: Track) -> dict[str, Any]:
    """Options of the result: the tags and chapters of the source, those of its picture, where it ends."""
    film, span = muxing.film, muxing.span
    options: dict[str, Any] = {
        "map_metadata": 1,
        "map_chapters": 1,
        "map_metadata:s:0": f"1:s:{film.stream}",
        "disposition:0": "+".join(own.disposition) or "0",
    }
    if span.end is not None:  # of the output: the input's would count from the start of the file
        options["to"] = muxing.seconds(span.end + span.lift)
    return options


def _of_track(muxing: Muxing, track: Track, place: int) -> dict[str, Any]:
    """Options of a track at a place in the result."""
    span = muxing.span
    options: dict[str, Any] = {
        f"map_metadata:s:{place}": f"1:s:{track.index}",
        f"disposition:{place}": "+".join(track.disposition) or "0",
    }
    if span.start is not None and track.kind in ("audio", "subtitle", "data"):
        options[f"copypriorss:{place}"] = 0  # nothing from between the seek's key frame and the start
        if span.start < 0:
            options[f"bsf:{place}"] = f"noise=drop=lt(pts*tb\\,{muxing.seconds(span.start + span.lift)})"
    if track.converted:
        options[f"c:{place}"] = track.converted
    return options


def _of_container(muxing: Muxing) -> dict[str, Any]:
    """Options that make the container say what the film says of its picture."""
    film, fmt = muxing.film, muxing.fmt
    options: dict[str, Any] = {}
    if fmt.container == "matroska":
        options["r:v:0"] = str(film.frame_rate)  # as its DefaultDuration; else ffmpeg guesses from rounded times
        # The display's aspect: Matroska has no other, and PyAV does not write it. Rounded; then set exactly.
        if film.sample_aspect_ratio != 1:
            display = film.sample_aspect_ratio * film.width / film.height
            options["aspect"] = f"{display.numerator}:{display.denominator}"
    elif fmt.container == "mxf":
        options["strict"] = "unofficial"  # rates of silent film too
        if muxing.span.start is not None and (timecode := _timecode(film, muxing.span.start)):
            options["metadata"] = f"timecode={timecode}"
    else:
        # Edit lists are counted in the movie's ticks: coarse ones would shift the picture.
        options = dict.fromkeys(("video_track_timescale", "movie_timescale"), film.time_base.denominator)
    if tag := fmt.row.tag(fmt.container, fmt.options):
        options["tag:v:0"] = tag
    return options


def _timecode(film: Film, start: int) -> str:
    """The timecode of a frame by the film's own one, for a container that has no times; empty where there is none.

    start: the frame's PTS."""
    with open_film(film.path) as source:
        stream = source.streams[film.stream]
        first = stream.metadata.get("timecode") or source.metadata.get("timecode", "")
        frames = round((start - (stream.start_time or 0)) * film.time_base * film.frame_rate)
    with suppress(VidcolorError):
        if isinstance(label := parse_point(first), Label):
            return str(label.later(frames, counted_rate(film)))
    return ""
