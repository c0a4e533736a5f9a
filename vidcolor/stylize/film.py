"""`vidcolor stylize` of a film: the colours of every frame change, everything else of it stays.

The film is cut into shots, and all frames of a shot go through the same mapping, so that nothing starts to
flicker. One look for the cuts, one at a sample of each shot's frames, one to write.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vidcolor.color import guided_filter
from vidcolor.color.coding import Coding
from vidcolor.color.gamut import into_gamut
from vidcolor.color.ycbcr import cbcr_to_codes, codes_to_cbcr, luma01, ycbcr_to_rgb
from vidcolor.encode.encoder import Encoder
from vidcolor.encode.format import OutputFormat, output_format
from vidcolor.encode.lost import say_lost
from vidcolor.files import scratch_folder
from vidcolor.film import chroma_grid, reader
from vidcolor.film.film import Film, Frame
from vidcolor.film.probe import expected_frames, probe
from vidcolor.join.join import foresee, join_units
from vidcolor.plan.scan_cache import scanned
from vidcolor.progress import FramesBar
from vidcolor.render.prefetch import ahead
from vidcolor.settings import Settings
from vidcolor.shots.detector import shots_of
from vidcolor.stylize.label_maps import ContentMaps
from vidcolor.stylize.request import StyleRequest
from vidcolor.stylize.styles import Styles
from vidcolor.stylize.stylist import Stylist, make_stylist, small_size

SAMPLE = 8
"""Frames of a shot, evenly spaced, from which its statistics are taken."""
AHEAD = 4
"""Frames decoded ahead."""


def stylize_film(
    request: StyleRequest, out: Path, styles: Styles, settings: Settings, *, progress: bool = False
) -> tuple[int, int]:
    """Write the film in the colours of the styles to `out`; returns its frames and shots.

    Frames, PTS, sound and all else are the film's. Raises VidcolorError as `probe`, `scan` and `join_units` do.
    """
    film = probe(request.content, fps=request.fps, luma_only=False)
    fmt = output_format(film, settings, out)
    maps = None
    if styles.labels is not None and request.labels:
        maps = ContentMaps(request.labels[0], styles.labels)
        maps.check((film.height, film.width), request.content)
    stylist = make_stylist(styles, request.look, settings)
    with FramesBar("scan", progress, expected_frames(film), leave=False) as bar:
        found = scanned(film, on_frame=bar)
    say_lost(film, fmt, found.extras, out)
    foresee(film, fmt, out, found.pts)
    shots = shots_of(found.cuts, len(found.pts))
    with scratch_folder(out) as work:
        unit = work / f"unit{fmt.row.unit_suffix}"
        with FramesBar("stylize", progress, len(found.pts)) as bar, Encoder(film, fmt, unit) as encoder:
            for first, stop in shots:
                shot = _Shot(film, fmt, stylist, maps)
                shot.measure(found.pts, first, stop)
                for frame in _frames(film, found.pts, first, stop):
                    encoder.write(*shot.stylized(frame))
                    bar(frame.index)
        join_units(film, [unit], found.pts, fmt, out, overwrite=request.overwrite)
    return len(found.pts), len(shots)


def _frames(film: Film, pts: np.ndarray, first: int, stop: int) -> Iterator[Frame]:
    return ahead(reader.read(film, first, stop, pts, chroma=True), AHEAD)


class _Shot:
    """The mapping that all frames of a shot go through."""

    def __init__(self, film: Film, fmt: OutputFormat, stylist: Stylist, maps: ContentMaps | None) -> None:
        self.film, self.grid, self.stylist, self.maps = film, fmt.chroma, stylist, maps
        self.size = small_size((film.height, film.width), stylist.look.size)
        self.content: Any = None

    def measure(self, pts: np.ndarray, first: int, stop: int) -> None:
        """Take the statistics of the shot's frames [first, stop) from a sample of them."""
        if self.stylist.look.strength == 0:
            return
        wanted = set(np.linspace(first, stop - 1, min(SAMPLE, stop - first)).round().astype(int).tolist())
        sample, labels = [], []
        for frame in _frames(self.film, pts, first, stop):
            if frame.index in wanted:
                sample.append(self._small(frame, *self._planes(frame)))
                labels.append(self._labels(frame.index))
        maps = [one for one in labels if one is not None]
        self.content = self.stylist.content(sample, maps or None)

    def stylized(self, frame: Frame) -> tuple[Frame, np.ndarray, np.ndarray]:
        """The frame with its new luma, and code values of Cb and Cr on the result's grid."""
        film = self.film
        cb, cr = self._planes(frame)
        small = self._small(frame, cb, cr)
        functions = self.stylist.functions(small, film.matrix, self.content, self._labels(frame.index))
        if functions is None:
            return frame, *cbcr_to_codes(cb, cr, film.coding)
        y = luma01(chroma_grid.resample(frame.luma, film, self.grid), film.coding)
        changed = [
            plane + guided_filter.evaluate(chroma_grid.resample(function, film, self.grid), (y, cb, cr))
            for plane, function in zip((cb, cr), functions[1:], strict=True)
        ]
        if not self.stylist.look.keep_luma:
            wide = chroma_grid.upsample(np.dstack([cb, cr]), film, self.grid)
            guide = (luma01(frame.luma, film.coding), wide[..., 0], wide[..., 1])
            function = cv2.resize(functions[0], (film.width, film.height), interpolation=cv2.INTER_LINEAR)
            luma = _moved(frame.luma, guided_filter.evaluate(function, guide), film.coding)
            frame = replace(frame, luma=luma)
            y = luma01(chroma_grid.resample(luma, film, self.grid), film.coding)
        return frame, *cbcr_to_codes(*into_gamut(y, changed[0], changed[1], film.matrix), film.coding)

    def _planes(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        """Cb and Cr, -0.5..0.5, on the result's grid; 0 where the film has no colours."""
        film = self.film
        if frame.chroma is None:
            zero = np.zeros(chroma_grid.grid_size(film, self.grid), np.float32)
            return zero, zero
        cb, cr = codes_to_cbcr(*frame.chroma, film.coding)
        if film.chroma != self.grid:
            both = np.dstack([cb, cr])
            if film.chroma in ("420", "422"):
                both = chroma_grid.upsample(both, film, film.chroma)
            both = chroma_grid.resample(both, film, self.grid)
            cb, cr = (np.ascontiguousarray(both[..., n]) for n in (0, 1))
        return cb, cr

    def _small(self, frame: Frame, cb: np.ndarray, cr: np.ndarray) -> np.ndarray:
        """The frame as the net sees it: (h, w, 3) R'G'B' 0..1."""
        size = self.size[::-1]
        y = luma01(cv2.resize(frame.luma, size, interpolation=cv2.INTER_AREA), self.film.coding)
        # chroma siting is less than half a pixel of the full picture, and negligible here
        cb, cr = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (cb, cr))
        return ycbcr_to_rgb(y, cb, cr, self.film.matrix).clip(0, 1)

    def _labels(self, frame: int) -> np.ndarray | None:
        """The frame's label map at the net's size."""
        return None if self.maps is None else self.maps.of(frame, self.size)


def _moved(luma: np.ndarray, change: np.ndarray, coding: Coding) -> np.ndarray:
    """Luma codes plus a change of luma (0..1), rounded and clipped to black and white, or to the film's own code where
    that lies beyond."""
    black, white = coding.black, coding.white
    codes = np.rint(luma + change * np.float32(white - black)).astype(np.int32)
    return np.clip(codes, np.minimum(luma, black), np.maximum(luma, white)).astype(luma.dtype)
