"""What a source has besides its picture: tracks and tags, and what containers call them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcolor.film.container import in_libavs_words, open_film
from vidcolor.film.film import Film

STALE = re.compile(r"^(BPS|NUMBER_OF_|_STATISTICS|DURATION|ENCODER)", re.IGNORECASE)
"""Tags of a coded stream that are no longer true once it is encoded anew."""
_PICTURE_TYPES = {"mjpeg": "image/jpeg", "png": "image/png", "bmp": "image/bmp", "gif": "image/gif"}
# What a muxer writes itself, or a demuxer reads from the container's own boxes.
_MADE_ANEW = frozenset(
    (
        *("encoder", "duration", "major_brand", "minor_version", "compatible_brands", "creation_time", "software"),
        *("handler_name", "vendor_id"),
    )
)
# Languages for which QuickTime's table (libavformat's isom.c) has another ISO 639-2 code than other containers.
_QUICKTIME = {
    "fre": "fra",
    "deu": "ger",
    "nld": "dut",
    "ell": "gre",
    "isl": "ice",
    "zho": "chi",
    "sqi": "alb",
    "rum": "ron",
    "cze": "ces",
    "slo": "slk",
    "mkd": "mac",
    "hye": "arm",
    "kat": "geo",
    "mya": "bur",
    "msa": "may",
    "bod": "tib",
    "cym": "wel",
    "eus": "baq",
    "swe": "sve",
}
_TEXT = frozenset(("mov_text", "srt", "subrip", "ass", "ssa", "webvtt", "text", "cc_dec"))
_TEXT_OF = {"matroska": "srt", "mp4": "mov_text", "mov": "mov_text"}


@dataclass(frozen=True)
class Track:
    """A stream of the source."""

    index: int
    """In the source."""
    kind: str
    """`audio`, `subtitle`, `attachment`, `data`, `video` or `cover`."""
    codec: str
    """Decoder name, empty if libav has none."""
    disposition: tuple[str, ...]
    """Names of the flags that are set."""
    metadata: dict[str, str]
    """Its own tags: language, title, ..."""
    converted: str = ""
    """What a text subtitle is converted to if the container cannot hold its own format; empty: it is copied."""

    def __str__(self) -> str:
        details = [self.metadata.get(key, "") for key in ("language", "title", "filename")]
        return " ".join(filter(None, [self.kind, f"stream {self.index}", self.codec, *details]))

    @classmethod
    def of(cls, stream: Any) -> Track:
        """PyAV's stream as a track."""
        flags = tuple(flag.name for flag in type(stream.disposition) if flag & stream.disposition and flag.name)
        kind = "cover" if "attached_pic" in flags else stream.type
        context = stream.codec_context
        return cls(stream.index, kind, context.name if context is not None else "", flags, dict(stream.metadata))

    def text_for(self, container: str) -> str:
        """The text subtitle format that `container` can hold; empty if this is no text subtitle."""
        return _TEXT_OF.get(container, "") if self.kind == "subtitle" and self.codec in _TEXT else ""

    def tags_for(self, container: str) -> list[str]:
        """Tags as MP4 and MOV have them (`NAME=VALUE`): the title is the handler's name, MOV has its own languages."""
        tags = []
        title, language = self.metadata.get("title"), self.metadata.get("language", "")
        if title and container != "matroska":
            tags.append(f"handler_name={title}")
        if container == "mov" and language in _QUICKTIME:
            tags.append(f"language={_QUICKTIME[language]}")
        return tags

    def lost_in(self, stream: Any, elsewhere: Iterable[str] = ()) -> list[str]:
        """Language, title, other tags and dispositions that the copy, PyAV's `stream`, lacks, in words.

        elsewhere: names of tags that the result holds in another place."""
        lost = []
        names = {name.lower(): value for name, value in stream.metadata.items()}
        language, title = self.metadata.get("language", ""), self.metadata.get("title", "")
        if language not in ("", "und") and names.get("language") not in (language, _QUICKTIME.get(language)):
            lost.append(f"{self}: its language {language}")
        if title and title not in (names.get("title"), names.get("handler_name"), names.get("name")):
            lost.append(f"{self}: its title {title}")
        of_a_file = ("filename", "mimetype") if self.kind == "cover" else ()
        others = lost_tags(self.metadata, {*names, *elsewhere, "language", "title", *of_a_file})
        if others:
            lost.append(f"{self}: its metadata {', '.join(others)}")
        gone = set(self.disposition) - {flag.name for flag in type(stream.disposition) if flag & stream.disposition}
        if stream.container.format.name == "mxf":
            gone.discard("default")  # MXF has no such flag: what is in the file is played
        if gone:
            lost.append(f"{self}: its disposition {', '.join(sorted(gone))}")
        return lost


def source_tracks(film: Film) -> list[Track]:
    """Everything in the source file besides its picture; nothing for numbered images.

    Without what the container creates anew: MOV's chapter and timecode tracks."""
    if film.kind == "images":
        return []
    tracks = []
    with open_film(film.path) as container:
        chapters = bool(container.chapters())
        for stream in container.streams:
            if stream.index == film.stream:
                continue
            track = Track.of(stream)
            mov = "mov" in container.format.name
            anew = "timecode" in track.metadata or (chapters and track.codec in ("", "bin_data"))
            if not (mov and track.kind == "data" and anew):
                tracks.append(track)
    return tracks


def picture_track(film: Film) -> Track:
    """The picture's own stream."""
    with open_film(film.path) as container:
        return Track.of(container.streams[film.stream])


def lost_tags(of: Mapping[str, str], found: Iterable[str]) -> list[str]:
    """Names of the tags in `of` that are not among those `found`, without those that are created anew."""
    there = {name.lower() for name in found} | _MADE_ANEW
    return [name for name in of if name.lower() not in there and not STALE.match(name)]


def lost_programs(container: Any) -> list[str]:
    """What a result cannot hold of a transport stream's programs, in words: their number and their names.

    PyAV shows programs only in libav's own description of the file."""
    blocks = re.split(r"^  Program (?=\d)", in_libavs_words(container), flags=re.MULTILINE)[1:]
    named = [
        f"{name} {value.strip()}"
        for block in blocks
        for name, value in re.findall(r"^      (service_\w+)\s*: (.*)$", block, flags=re.MULTILINE)
        if value.strip() not in ("Service01", "FFmpeg")  # FFmpeg's defaults
    ]
    lost = [f"the division into {len(blocks)} programs"] if len(blocks) > 1 else []
    return lost + ([f"metadata {', '.join(dict.fromkeys(named))}"] if named else [])


def cover_file(film: Film, track: Track, work: Path) -> tuple[Path, str]:
    """The cover picture as a file of its own in the folder `work`, and its media type."""
    kind = track.metadata.get("mimetype") or _PICTURE_TYPES.get(track.codec, "image/jpeg")
    suffix = ".jpg" if kind == "image/jpeg" else "." + kind.rpartition("/")[2]
    folder = work / f"cover-{track.index}"  # a folder each: names may be equal
    path = folder / (Path(track.metadata.get("filename", "")).name or f"cover{suffix}")
    if path.exists():
        return path, kind
    folder.mkdir()
    with open_film(film.path) as container:
        packet = next(packet for packet in container.demux(container.streams[track.index]) if packet.size)
        path.write_bytes(bytes(packet))
    return path, kind
