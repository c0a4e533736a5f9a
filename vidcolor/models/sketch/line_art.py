"""Line art: whether a shot is line art, and colours under its lines.

White paper has no chroma to give, so line art is coloured by what an animator calls ink and paint: the fill, flat
inside closed lines, times the lines as the film has them. This is the only place where the program writes new luma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vidcolor.color.lab import lab_to_rgb
from vidcolor.color.ycbcr import luma01, luma_codes, rgb_to_ycbcr
from vidcolor.film import chroma_grid
from vidcolor.film.film import Film
from vidcolor.motion import propagate
from vidcolor.shot import PER_L, Reference, Shot

SAMPLE = 8
"""Frames of a shot, evenly spaced, that decide whether it is line art."""
GREYS = 0.12
"""Share of grey tones (`greys`) up to which a shot is line art."""
PAPER_LEAST = 45.0
"""Lowest lightness that counts as paper."""
NEAR_PAPER, INK = 12.0, 25.0
"""Difference from the paper's lightness up to which a pixel is paper, and lightness up to which it is ink."""
THICK = 9
"""Width in pixels of the working frame from which something darker than paper is no longer a line."""
LINE = 0.75
"""Share of the paper's luma below which a pixel is line."""
LARGE = 0.05
"""Share of the picture from which a region is checked for leaking lines."""
ONE_COLOR = 12.0
"""Without a palette: mean distance in Lab from a region's median up to which the region has one colour."""
PALETTE_NEAR = 16.0
"""Distance in Lab within which at least one pixel of a region must match the region's colour of the palette."""
PALETTE_LEAST = 0.0006
"""Least fraction of a reference that a colour of its palette covers."""


@dataclass(frozen=True)
class LineArt:
    """What painting a unit needs besides ab."""

    lightness: np.ndarray
    """(n, h, w) float16, 0..100, of the fill at working size."""
    paper: float
    """Lightness of the film's paper."""
    palette: np.ndarray
    """(k, 3) float32 Lab: flat colours of the references; k may be 0."""

    def planes(
        self, n: int, ab: np.ndarray, luma: np.ndarray, film: Film, grid: chroma_grid.Chroma, strength: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame n of the unit: new luma codes (H, W) of the film's depth and range, and Cb, Cr on its chroma grid,
        -0.5..0.5.

        ab: (h, w, 2), with `lightness` the fill. luma: (H, W) code values of the film, the lines. strength: of the
        paint, 0 for the film as it is to 1.
        """
        white = _luma_of(self.paper)
        grey = luma01(luma, film.coding)
        line = np.minimum(grey / white, 1)
        rgb = painted(np.dstack([self.lightness[n], ab]).astype(np.float32), line, self.palette) * line[..., None]
        rgb = grey[..., None] + (rgb - grey[..., None]) * np.float32(strength)
        y, cb, cr = rgb_to_ycbcr(rgb, film.matrix)
        on_grid = chroma_grid.on_grid(np.dstack([cb, cr]), film, grid)
        cb, cr = (np.ascontiguousarray(on_grid[..., i]) for i in (0, 1))
        return luma_codes(y, film.coding), cb, cr

    def shown(self, n: int, l: np.ndarray) -> np.ndarray:
        """Lightness (h, w) of frame n painted, about, for an inspection sheet; l: as the film has it."""
        return self.lightness[n].astype(np.float32) * np.minimum(l / np.float32(self.paper), 1)


def line_art(fill_lightness: np.ndarray, shot: Shot, keys: Sequence[Reference]) -> LineArt:
    """What painting a shot needs, from its final fill (n, h, w) float16 and the shot itself."""
    white = paper(shot.lightness)
    return LineArt(fill_lightness, 100.0 if white is None else white, palette(keys))


def steady(shot: Shot, keys: Sequence[Reference], fill_lightness: np.ndarray, confidence: np.ndarray) -> None:
    """Make a fill's lightness (n, h, w) float16 follow motion as its ab does; in place."""
    pairs = np.stack([fill_lightness, fill_lightness], -1)  # in place of a and b
    propagate.steady(shot, [replace(key, lab=np.repeat(key.lab[..., :1], 3, -1)) for key in keys], pairs, confidence)
    fill_lightness[:] = pairs[..., 0]


# --- is it line art? ---


def paper(lightness: np.ndarray) -> float | None:
    """Lightness of the paper of a shot, (n, h, w) uint8 as `Shot.lightness`: its most frequent bright tone. None where
    it has no bright tone."""
    counts = np.bincount(_sample(lightness).ravel(), minlength=256).astype(np.float32)
    smooth = cv2.GaussianBlur(counts[None], (0, 0), 3, borderType=cv2.BORDER_CONSTANT)[0]
    smooth[: round(PAPER_LEAST * PER_L)] = 0
    return float(smooth.argmax() / PER_L) if smooth.any() else None


def greys(lightness: np.ndarray) -> float:
    """How much of a shot (n, h, w) uint8, lines and ink aside, is tone and not bare paper: near 0 in line art, half
    of a photograph and more; 1 where there is no paper."""
    white = paper(lightness)
    if white is None:
        return 1.0
    found = []
    for frame in _sample(lightness):
        l = cv2.GaussianBlur(np.ascontiguousarray(frame), (0, 0), 1.5).astype(np.float32) / np.float32(PER_L)
        off = (np.abs(l - white) > NEAR_PAPER).astype(np.uint8)
        wide = cv2.morphologyEx(off, cv2.MORPH_OPEN, np.ones((THICK, THICK), np.uint8)) > 0
        found.append([(wide & (l > INK)).sum(), (off == 0).sum()])
    tone, bare = np.sum(found, 0)
    return float(tone / max(tone + bare, 1))


def is_line_art(lightness: np.ndarray) -> bool:
    """Whether a shot, (n, h, w) uint8, shows lines on paper and next to no greys."""
    return greys(lightness) <= GREYS


def _sample(lightness: np.ndarray) -> np.ndarray:
    n = len(lightness)
    return lightness[np.unique(np.linspace(0, n - 1, min(SAMPLE, n)).round().astype(int))]


def palette(references: Sequence[Reference]) -> np.ndarray:
    """(k, 3) float32 Lab: the flat colours of the references, the most frequent first."""
    found: list[tuple[int, np.ndarray]] = []
    for key in references:
        lab = cv2.blur(key.lab, (3, 3))
        flat = cv2.dilate(key.lab, np.ones((3, 3))) - cv2.erode(key.lab, np.ones((3, 3)))
        colors = lab[flat.max(-1) < 3]
        if key.covered is not None:
            colors = lab[(flat.max(-1) < 3) & (cv2.resize(key.covered.astype(np.uint8), lab.shape[1::-1]) > 0)]
        if not len(colors):
            continue
        bins = np.floor((colors + np.array([0, 128, 128])) / 6).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        order = np.argsort(bins, kind="stable")
        _, first = np.unique(bins[order], return_index=True)
        for group in np.split(order, first[1:]):
            if len(group) >= PALETTE_LEAST * lab.shape[0] * lab.shape[1]:
                found.append((len(group), np.median(colors[group], 0)))
    chosen: list[np.ndarray] = []
    for _, one in sorted(found, key=lambda entry: -entry[0]):
        if all(np.linalg.norm(one - other) > 6 for other in chosen):
            chosen.append(one)
    return np.array(chosen, np.float32).reshape(-1, 3)


# --- painting ---


def painted(fill: np.ndarray, line: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """The fill at full size, (H, W, 3) RGB 0..1: of one colour in each region that lines (H, W), 0 black to 1 paper,
    close off. fill: (h, w, 3) Lab. colors: the palette (k, 3).

    A region takes the colour of the palette that most of its pixels are nearest to, or its median where that is far.
    Where a large region holds several colours its lines leak, and the fill is kept as it is.
    """
    h, w = fill.shape[:2]
    labels = regions(line)
    count = int(labels.max()) + 1
    small = cv2.resize(labels.astype(np.float32), (w, h), interpolation=cv2.INTER_NEAREST).astype(np.int32)
    clear = cv2.erode(cv2.resize(line, (w, h), interpolation=cv2.INTER_AREA), np.ones((3, 3))) > LINE
    pixels = _chosen(small, clear, count)
    table, flat = np.zeros((count, 3), np.float32), np.zeros(count, bool)
    for n, where in enumerate(pixels):
        if len(where):  # else too small to be seen at working size
            table[n], flat[n] = _color_of(fill.reshape(-1, 3)[where], colors, len(where) > LARGE * h * w)
    rgb = lab_to_rgb(table)[labels]
    if not flat.all():
        soft = lab_to_rgb(cv2.resize(fill, line.shape[::-1], interpolation=cv2.INTER_LINEAR))
        rgb = np.where(flat[labels][..., None], rgb, soft)
    return rgb


def voted(fill: np.ndarray, votes: np.ndarray, line: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """The fill (h, w, 3) Lab with every region of the lines (h, w), 0 black to 1 paper, in the colour of the palette
    (k, 3) for which its pixels say most together. votes: (h, w, k), logarithms of how likely a pixel takes it: a place
    that rules a colour out counts as much as one that is sure. Large regions that do not agree stay as they are."""
    h, w, k = votes.shape
    labels = regions(line)
    clear = cv2.erode(line, np.ones((3, 3))) > LINE
    said, out = votes.reshape(-1, k), fill.reshape(-1, 3).copy()
    winners = np.full(int(labels.max()) + 1, -1)
    for n, where in enumerate(_chosen(labels, clear, len(winners))):
        if len(where):
            winner = int(said[where].sum(0).argmax())
            if len(where) <= LARGE * h * w or (said[where].argmax(1) == winner).mean() > 0.5:
                winners[n] = winner
    chosen = winners[labels.ravel()]
    out[chosen >= 0] = colors[chosen[chosen >= 0]]
    return out.reshape(h, w, 3)


def palette_of(lab: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """(n, 3) Lab to the colour of the palette (k, 3) that each is nearest to: (n, k) of 0 and 1, float32."""
    nearest = np.linalg.norm(lab[:, None] - colors[None], axis=-1).argmin(1)
    return np.eye(len(colors), dtype=np.float32)[nearest]


def _color_of(pixels: np.ndarray, colors: np.ndarray, large: bool) -> tuple[np.ndarray, bool]:
    """Lab colour of a region's pixels (n, 3), and whether the region seems to have only one."""
    median = np.median(pixels, 0)
    if len(colors):
        votes = np.bincount(np.linalg.norm(pixels[:, None] - colors[None], axis=-1).argmin(1), minlength=len(colors))
        winner = colors[votes.argmax()]
        if np.linalg.norm(pixels - winner, axis=1).min() < PALETTE_NEAR:
            return winner, bool(not large or votes.max() > len(pixels) / 2)
    return median, bool(not large or np.linalg.norm(pixels - median, axis=1).mean() <= ONE_COLOR)


def _chosen(labels: np.ndarray, clear: np.ndarray, count: int) -> list[np.ndarray]:
    """For each region the indices of its pixels away from lines, or of all its pixels where there are none."""
    number, certain = labels.ravel(), clear.ravel()
    order = np.lexsort((~certain, number))
    starts = np.searchsorted(number[order], np.arange(count + 1))
    away = np.bincount(number[certain], minlength=count)
    groups = [order[starts[n] : starts[n + 1]] for n in range(count)]
    return [group[: away[n]] if away[n] else group for n, group in enumerate(groups)]


def regions(line: np.ndarray) -> np.ndarray:
    """(H, W) int32 from 0: the region that lines (0 black to 1 paper) close off; a line's own pixels belong to the
    nearest. Gaps of two pixels in a line are closed; regions too thin for that are kept."""
    open_ = (line > LINE).astype(np.uint8)
    core = cv2.erode(open_, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    count, cores = cv2.connectedComponents(core, connectivity=4)
    _, parts = cv2.connectedComponents(open_, connectivity=4)
    kept = np.zeros(parts.max() + 1, bool)
    kept[np.unique(parts[core > 0])] = True
    thin = ~kept
    thin[0] = False
    seeds = np.where((open_ > 0) & thin[parts], count + parts, cores)
    if not seeds.any():
        return np.zeros(line.shape, np.int32)
    numbers = np.unique(seeds[seeds > 0])
    order = np.zeros(int(seeds.max()) + 1, np.int32)
    order[numbers] = np.arange(len(numbers))
    _, nearest = cv2.distanceTransformWithLabels(
        (seeds == 0).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(nearest.max()) + 1, np.int32)
    of_label[nearest[seeds > 0]] = order[seeds[seeds > 0]]
    return of_label[nearest]


def _luma_of(lightness: float) -> float:
    """Luma 0..1 of the grey of this lightness."""
    return float(lab_to_rgb(np.array([[lightness, 0, 0]], np.float32))[0, 0])
