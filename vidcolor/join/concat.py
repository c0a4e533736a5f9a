"""Units put end to end without re-encoding: the picture of the result, with the film's own time stamps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from vidcolor.encode.format import OutputFormat
from vidcolor.errors import VidcolorError
from vidcolor.film.container import open_film
from vidcolor.film.film import Film
from vidcolor.reasons import reason


def picture_suffix(fmt: OutputFormat) -> str:
    """Container of the concatenated picture: MP4 or MOV where it can be, for they keep DTS, aspect ratio, display
    matrix and time base exactly; Matroska for what only it holds (FFV1), and whose tags only it holds (ProRes
    in Matroska)."""
    if fmt.container != "mov" and ".mp4" in fmt.row.suffixes:
        return ".mp4"
    return ".mkv" if fmt.container == "matroska" else ".mov"


def concatenate(
    film: Film, units: Sequence[Path], pts: np.ndarray, fmt: OutputFormat, path: Path, last: Fraction = Fraction(0)
) -> None:
    """Write the packets of all units to `path`, in order; frame k of the whole gets PTS `pts[k]`, and the last one is
    shown for `last` seconds (0: as the film's rate says).

    Raises VidcolorError where the units do not hold len(pts) frames together, were made with different stream
    headers, or the file cannot be written."""
    ranks, headers = [], None
    for unit in units:
        stamps, header = _survey(unit)
        ranks.append(np.argsort(np.argsort(stamps, kind="stable"), kind="stable"))
        if len(np.unique(stamps)) != len(stamps):
            raise VidcolorError(f"{unit}: damaged unit (two frames at one time): delete it and make it again")
        if headers is not None and header != headers:
            raise VidcolorError(
                f"{unit}: its stream header is not that of {units[0].name} (another version of the encoder?): "
                "delete the units and make them again on like machines"
            )
        headers = header
    count = sum(map(len, ranks))
    if count != len(pts):
        raise VidcolorError(f"{path.name}: the units hold {count} frames, the film {len(pts)}: make them again")
    # A packet may be written so long as its DTS, the sorted PTS delayed, is not after its PTS (H.264, C.4.5.3).
    delay = max(int((np.arange(len(rank)) - rank).max()) for rank in ranks)
    usual = max(1, round(1 / (film.frame_rate * film.time_base)))
    ends = np.append(pts[1:], pts[-1] + (max(1, round(last / film.time_base)) if last else usual))
    # The first DTS lie before the first PTS, no wider apart than frames are there: libav's MP4 muxer takes the start
    # of a late film amiss where they are.
    lead = min([usual, *np.diff(pts[: delay + 2]).tolist()])
    ticks, scale = film.time_base.numerator, film.time_base.denominator
    options = {"fflags": "+bitexact"}
    if path.suffix != ".mkv":
        options |= {"video_track_timescale": str(scale), "movie_timescale": str(scale)}
    try:
        with av.open(str(path), "w", container_options=options) as result:
            stream: Any = None
            base = 0
            for unit, rank in zip(units, ranks, strict=True):
                with open_film(unit) as container:
                    source = container.streams.video[0]
                    if stream is None:
                        stream = result.add_stream_from_template(source, opaque=True)
                        stream.time_base = Fraction(1, scale)
                        stream.codec_context.sample_aspect_ratio = film.sample_aspect_ratio
                        if film.display_matrix:
                            stream.set_display_matrix(list(film.display_matrix))
                    for number, packet in enumerate(_packets(container, source)):
                        place = base + number
                        shown = base + int(rank[number])
                        packet.stream = stream
                        packet.time_base = Fraction(1, scale)
                        packet.pts = int(pts[shown]) * ticks
                        early = place - delay
                        stamp = int(pts[early] if early >= 0 else pts[0] + early * lead)
                        packet.dts = stamp * ticks
                        packet.duration = int(ends[shown] - pts[shown]) * ticks
                        if place == count - 1 and path.suffix != ".mkv":
                            # MP4 and MOV count from DTS to DTS, and the first is early: the whole has to be as long,
                            # and a picture that stands at the end has to reach there.
                            whole = int(ends[-1]) - stamp - delay * lead
                            held = int(ends[-1] - pts[shown]) if ends[-1] - pts[-1] > usual else 0
                            packet.duration = max(1, whole, held) * ticks
                        result.mux(packet)
                base += len(rank)
    except (av.FFmpegError, OSError) as error:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise VidcolorError(f"{path}: cannot be written: {reason(error)}") from error


def _survey(unit: Path) -> tuple[np.ndarray, tuple[Any, ...]]:
    """PTS of a unit's packets in the order of the file, and what must be equal in all units."""
    with open_film(unit) as container:
        if not container.streams.video:
            raise VidcolorError(f"{unit}: damaged unit (no video): delete it and make it again")
        stream = container.streams.video[0]
        context = stream.codec_context
        header = (context.name, context.width, context.height, bytes(context.extradata or b""))
        try:
            stamps = [packet.pts for packet in _packets(container, stream)]
        except av.FFmpegError as error:
            raise VidcolorError(f"{unit}: a damaged unit: {reason(error, 'delete it and make it again')}") from error
    if not stamps or None in stamps:
        raise VidcolorError(f"{unit}: damaged unit (no frames): delete it and make it again")
    return np.array(stamps, np.int64), header


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    return (packet for packet in container.demux(stream) if packet.size)
