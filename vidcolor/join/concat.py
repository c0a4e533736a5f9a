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
    """Ending of the concatenated picture's file. MP4 and MOV keep DTS, aspect ratio, display matrix and time base
    exactly; Matroska is for what only it can hold: FFV1, and the tags of ProRes in Matroska."""
    if fmt.container != "mov" and ".mp4" in fmt.row.suffixes:
        return ".mp4"
    return ".mkv" if fmt.container == "matroska" else ".mov"


def concatenate(film: Film, units: Sequence[Path], pts: np.ndarray, path: Path, last: Fraction = Fraction(0)) -> None:
    """Write the packets of all units to `path`, in order. Frame k of the whole gets PTS `pts[k]`, and the last one is
    shown for `last` seconds (0: one frame at the film's rate).

    Raises VidcolorError if the units do not hold len(pts) frames together or have different stream headers, or if the
    file cannot be written."""
    shown = _shown(units)
    if len(shown) != len(pts):
        raise VidcolorError(f"{path.name}: the units hold {len(shown)} frames, the film {len(pts)}: make them again")
    scale = film.time_base.denominator
    options = {"fflags": "+bitexact"}
    if path.suffix != ".mkv":
        options |= {"video_track_timescale": str(scale), "movie_timescale": str(scale)}
    times = iter(_times(film, pts, shown, last, in_dts=path.suffix != ".mkv").tolist())
    try:
        with av.open(str(path), "w", container_options=options) as result:
            stream: Any = None
            for unit in units:
                with open_film(unit) as container:
                    source = container.streams.video[0]
                    stream = stream or _stream_like(source, film, result)
                    for packet in _packets(container, source):
                        packet.stream, packet.time_base = stream, Fraction(1, scale)
                        packet.pts, packet.dts, packet.duration = next(times)
                        result.mux(packet)
    except (av.FFmpegError, OSError) as error:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise VidcolorError(f"{path}: cannot be written: {reason(error)}") from error


def _shown(units: Sequence[Path]) -> np.ndarray:
    """(n,) which frame of the whole each packet of the units shows, in their order in the files."""
    shown: list[np.ndarray] = []
    base, first = 0, None
    for unit in units:
        stamps, header = _stamps_and_header(unit)
        if len(np.unique(stamps)) != len(stamps):
            raise VidcolorError(f"{unit}: damaged unit (two frames at one time): delete it and make it again")
        if header != (first := first or header):
            raise VidcolorError(
                f"{unit}: its stream header is not that of {units[0].name} (another version of the encoder?): "
                "delete the units and make them again on like machines"
            )
        shown.append(base + np.argsort(np.argsort(stamps, kind="stable"), kind="stable"))
        base += len(stamps)
    return np.concatenate(shown)


def _times(film: Film, pts: np.ndarray, shown: np.ndarray, last: Fraction, *, in_dts: bool) -> np.ndarray:
    """(n, 3) PTS, DTS and duration of each packet, in units of 1 / the time base's denominator.

    pts: of the frames, in ticks. shown: `_shown`. last: as `concatenate` takes it. in_dts: whether the container counts
    durations from DTS to DTS, as MP4 and MOV do."""
    places = np.arange(len(pts))
    # A packet may be written so long as its DTS, the sorted PTS delayed, is not after its PTS (H.264, C.4.5.3).
    delay = int((places - shown).max())
    usual = max(1, round(1 / (film.frame_rate * film.time_base)))
    ends = np.append(pts[1:], pts[-1] + (max(1, round(last / film.time_base)) if last else usual))
    # The first DTS lie before the first PTS, no further apart than frames are there: otherwise libav's MP4 muxer gets
    # the start of a late film wrong.
    lead = min([usual, *np.diff(pts[: delay + 2]).tolist()])
    early = places - delay
    dts = np.where(early >= 0, pts[early.clip(0)], pts[0] + early * lead)
    durations = (ends - pts)[shown]
    if in_dts:  # the first DTS is early: the whole has to be as long, and a picture that stands at the end reach there
        whole = ends[-1] - dts[-1] - delay * lead
        held = ends[-1] - pts[shown[-1]] if ends[-1] - pts[-1] > usual else 0
        durations[-1] = max(1, whole, held)
    return np.stack([pts[shown], dts, durations], 1) * film.time_base.numerator


def _stream_like(source: Any, film: Film, result: Any) -> Any:
    """A stream of the file `result` for the packets of a unit's stream `source`, with the film's shape."""
    # opaque: not asking for an encoder of the decoder's name, which libdav1d has not
    stream = result.add_stream_from_template(source, opaque=True)
    stream.time_base = Fraction(1, film.time_base.denominator)
    stream.codec_context.sample_aspect_ratio = film.sample_aspect_ratio
    if film.display_matrix:
        stream.set_display_matrix(list(film.display_matrix))
    return stream


def _stamps_and_header(unit: Path) -> tuple[np.ndarray, tuple[Any, ...]]:
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
