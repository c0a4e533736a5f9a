"""The result: the coloured picture, and beside it everything else of the source, copied or named as lost."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from vidcolor.encode.format import OutputFormat
from vidcolor.errors import VidcolorError
from vidcolor.film.container import open_film
from vidcolor.film.film import Film
from vidcolor.film.tracks import STALE, Track, cover_file, picture_track
from vidcolor.join.timing import Span
from vidcolor.reasons import reason

# Stand for the files in a command until it is made: ffmpeg-python takes no names that are not UTF-8.
_PICTURE, _SOURCE, _RESULT = "<picture>", "<source>", "<result>"


def mux_tracks(
    film: Film,
    fmt: OutputFormat,
    picture: Path,
    tracks: list[Track],
    result: Path,
    work: Path,
    span: Span,
    *,
    trial: bool = False,
) -> tuple[list[Track], list[str]]:
    """Run ffmpeg; again without what the container cannot hold, and with text subtitles in its own form. Returns what
    was kept and what was lost. trial: only to know that."""

    def refused(tracks: list[Track], trial: bool) -> str:
        return _run(_command(film, fmt, picture, tracks, result, work, span, trial=trial)) or _unread(result, tracks)

    # MOV has no place for a cover; ffmpeg would drop it in silence.
    kept = [track for track in tracks if track.kind != "cover" or fmt.container != "mov"]
    lost = [f"{track}: {result.suffix} cannot hold it" for track in tracks if track not in kept]
    error = refused(kept, trial)
    if error:
        _stop_at_full_disk(result, error)
        tracks, kept = kept, []
        for track in tracks:
            forms = [track, replace(track, converted=track.text_for(fmt.container))]
            for form in forms if forms[1].converted else forms[:1]:
                reason = refused([form], trial=True)
                if not reason:
                    kept.append(form)
                    break
                _stop_at_full_disk(result, reason)
            else:
                lost.append(f"{track}: {result.suffix} cannot hold it")
        error = refused(kept, trial)
    if error:
        raise VidcolorError(f"{result.name}: ffmpeg cannot mux the result: {error}")
    return kept, lost


def _unread(result: Path, tracks: Sequence[Track]) -> str:
    """Which of the tracks in the file nobody can read; empty where there is none. QuickTime takes codecs that it has
    no name for."""
    kinds = ("audio", "video", "subtitle")
    with open_film(result) as container:
        streams = [stream for stream in container.streams if stream.type in kinds and stream.index > 0]
        known = [stream.codec_context is not None for stream in streams]
    ours = [track for track in tracks if track.kind in kinds]
    return next((f"{track}: not readable" for track, read in zip(ours, known) if track.codec and not read), "")


def _command(
    film: Film,
    fmt: OutputFormat,
    picture: Path,
    tracks: list[Track],
    result: Path,
    work: Path,
    span: Span,
    *,
    trial: bool = False,
) -> list[str]:
    """The argument list. trial: only the first moment of it, to see whether the container takes the tracks."""
    options: dict[str, Any] = {"c": "copy", "copyts": None, "f": fmt.container}
    inputs = [ffmpeg.input(_PICTURE, **_hdr(film, fmt))["v:0"]]
    more: list[str] = []  # options that are given several times, which ffmpeg-python does not know
    if film.kind == "video":
        before: dict[str, Any] = {}
        if span.start is not None and span.start >= 0:  # ffmpeg has no seek to before time 0
            before |= {"ss": _seconds(film, span.start), "seek_timestamp": 1}
        if span.end is not None:  # of the output: the input's would count from the start of the file
            options["to"] = _seconds(film, span.end + span.lift)
        if span.lift:
            before["itsoffset"] = _seconds(film, span.lift)
        source = ffmpeg.input(_SOURCE, **before)
        options |= {"map_metadata": 1, "map_chapters": 1, "map_metadata:s:0": f"1:s:{film.stream}"}
        own = picture_track(film)
        options["disposition:0"] = "+".join(own.disposition) or "0"
        tags = [*(f"{name}=" for name in own.metadata if STALE.match(name)), *own.tags_for(fmt.container)]
        more += [word for tag in tags for word in ("-metadata:s:0", tag)]
        # FFmpeg makes a track of a cover in Matroska; as an attachment it stays a cover.
        attached = [track for track in tracks if track.kind == "cover" and fmt.container == "matroska"]
        mapped = [track for track in tracks if track not in attached]
        for place, track in enumerate(mapped, 1):
            inputs.append(source[str(track.index)])
            options[f"map_metadata:s:{place}"] = f"1:s:{track.index}"
            options[f"disposition:{place}"] = "+".join(track.disposition) or "0"
            if span.start is not None and track.kind in ("audio", "subtitle", "data"):
                options[f"copypriorss:{place}"] = 0  # nothing from between the seek's keyframe and the start
                if "ss" not in before:
                    begin = _seconds(film, span.start + span.lift)
                    options[f"bsf:{place}"] = f"noise=drop=lt(pts*tb\\,{begin})"
            if track.converted:
                options[f"c:{place}"] = track.converted
            more += [word for tag in track.tags_for(fmt.container) for word in (f"-metadata:s:{place}", tag)]
        inputs.append(source["v:99?"])  # nothing: so that ffmpeg opens the source for its tags and chapters
        attachments = sum(track.kind == "attachment" for track in mapped)
        for place, track in enumerate(attached, attachments):
            name, kind = cover_file(film, track, work)
            more += ["-attach", f"file:{name}", f"-metadata:s:t:{place}", f"mimetype={kind}"]
            more += [f"-metadata:s:t:{place}", f"filename={name.name}"]
    if fmt.container == "matroska":
        options["r:v:0"] = str(film.frame_rate)  # as its DefaultDuration; else ffmpeg guesses from rounded times
        # The display's aspect: Matroska has no other, and PyAV does not write it. Rounded; then set exactly.
        display = film.sample_aspect_ratio * film.width / film.height
        if film.sample_aspect_ratio != 1:
            options["aspect"] = f"{display.numerator}:{display.denominator}"
    else:
        # Edit lists are counted in the movie's ticks: coarse ones would shift the picture.
        options |= {"video_track_timescale": film.time_base.denominator, "movie_timescale": film.time_base.denominator}
        if tag := fmt.row.tag(fmt.container, fmt.options):
            options["tag:v:0"] = tag
    if trial:
        options["t"] = "0.1"
    stream = ffmpeg.output(*inputs, _RESULT, **options)
    command = ffmpeg.compile(stream, cmd=_muxer(film, fmt), overwrite_output=True)
    end_of_options = command.index(_RESULT)
    command[end_of_options:end_of_options] = more
    files = {_PICTURE: picture, _SOURCE: film.path.absolute(), _RESULT: result}
    command = [f"file:{files[word]}" if word in files else word for word in command]
    return [command[0], "-hide_banner", "-nostdin", "-v", "error", *command[1:]]


def _hdr(film: Film, fmt: OutputFormat) -> dict[str, str]:
    """Options of the picture's input that put HDR mastering data into the container, for codecs without a place for
    it."""
    given = {"mastering_display:v:0": film.mastering_display, "content_light:v:0": film.content_light}
    given = {option: value for option, value in given.items() if value and fmt.row.hdr is None}
    return given if given and _knows_hdr(_muxer(film, fmt)) else {}


def _muxer(film: Film, fmt: OutputFormat) -> str:
    """The ffmpeg that muxes: where HDR data go into the container, one that can do it if there is any."""
    usual = program()
    if not (film.mastering_display or film.content_light) or fmt.row.hdr is not None or _knows_hdr(usual):
        return usual
    with contextlib.suppress(RuntimeError):
        if _knows_hdr(own := imageio_ffmpeg.get_ffmpeg_exe()):
            return own
    return usual


@lru_cache(maxsize=2)
def _knows_hdr(ffmpeg_program: str) -> bool:
    """Whether this ffmpeg has the options (from version 9 on)."""
    try:
        said = subprocess.run([ffmpeg_program, "-hide_banner", "-h", "long"], capture_output=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    return b"-mastering_display" in said and b"-content_light" in said


def _seconds(film: Film, ticks: int) -> str:
    return f"{float(ticks * film.time_base):.6f}"


@lru_cache(maxsize=1)
def program() -> str:
    """The ffmpeg that is run: the PATH's, where it is version 6 or later, else the one in imageio-ffmpeg."""
    found = shutil.which("ffmpeg")
    if found:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=20).stdout
            version = re.match(r"ffmpeg version n?(\d+)\.", said)
            if version is None or int(version[1]) >= 6:
                return found
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise VidcolorError("no ffmpeg: install ffmpeg 6 or later, or the package imageio-ffmpeg") from error


def _run(command: list[str]) -> str:
    """Run ffmpeg; empty where it succeeded, else the most telling line of its errors."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise VidcolorError(f"{command[0]}: cannot be run: {reason(error)}") from error
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    telling = [line for line in lines if "No space left" in line] or lines
    return re.sub(r"^\[[^]]*\]\s*", "", telling[0]) if telling else f"exit code {done.returncode}"


def _stop_at_full_disk(result: Path, error: str) -> None:
    if "No space left" in error or "File too large" in error or "Permission denied" in error:
        raise VidcolorError(f"{result.name}: cannot be written: {error}")
