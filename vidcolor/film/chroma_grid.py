"""From ab of the working frame, or of a painted key, to Cb and Cr planes on the film's own chroma grid.

Positions are exact: luma pixel centres lie at 0..W-1, a working frame covers the same area, and chroma samples lie
where the film's `chroma_location` tag puts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vidcolor.color import guided_filter
from vidcolor.color.coding import siting_of
from vidcolor.color.gamut import ab_to_cbcr
from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.ycbcr import luma01
from vidcolor.film.film import Film

Chroma = Literal["420", "422", "444"]

_BACK_PROJECTIONS = 4
RADIUS = 1
"""Radius in working pixels of the windows in which ab is taken for a linear function of luma."""
EPS = 1e-3
"""Variance of luma (0..1) below which a window counts as flat, so that noise does not become colour."""


def grid_size(film: Film, chroma: Chroma) -> tuple[int, int]:
    """(rows, columns) of a chroma plane."""
    sx, sy = _steps(chroma)
    return -(-film.height // sy), -(-film.width // sx)


def to_planes(
    ab: np.ndarray, luma: np.ndarray, film: Film, chroma: Chroma, *, mode: str = "edge"
) -> tuple[np.ndarray, np.ndarray]:
    """Chroma planes of one frame.

    ab: (h, w, 2) Lab units, of any size, covering the frame. luma: (H, W) code values of the film. mode: with "edge"
    colour edges follow those of the luma: the local slope of ab over luma (the model of the guided filter, He et al.
    2013, Eq. 5) times the luma detail that the size of `ab` cannot show is added to the bilinear value. The filter
    itself would smooth ab (4 dB worse, measured on true colours). "fast" is bilinear.
    Returns Cb, Cr at `grid_size`, float32 in -0.5..0.5.
    """
    ab = np.ascontiguousarray(ab, dtype=np.float32)
    geometry = _geometry(film, chroma)
    at_grid = luma01(_resample(luma, geometry), film.coding)
    if mode == "edge" and ab.shape[0] < 1.5 * at_grid.shape[0]:
        on_grid = _detailed(ab, luma, at_grid, geometry, film)
    else:
        on_grid = _resample(ab, geometry)
    return ab_to_cbcr(at_grid, on_grid, film.matrix)


def key_planes(rgb: np.ndarray, luma: np.ndarray, film: Film, chroma: Chroma) -> tuple[np.ndarray, np.ndarray]:
    """Chroma planes of a painted key's own colours, for its own frame.

    rgb: (h, w, 3) sRGB 0..1 of any size. The colours get the film's luma at full size and are then sampled on the grid
    so that a player's bilinear upsampling restores them as closely as possible (back-projection).
    """
    rgb = full_size(rgb, (film.height, film.width))
    full = np.dstack(ab_to_cbcr(luma01(luma, film.coding), rgb_to_lab(np.clip(rgb, 0, 1))[..., 1:], film.matrix))
    if chroma == "444":
        return full[..., 0].copy(), full[..., 1].copy()
    geometry = _geometry(film, chroma)
    grid = _resample(full, geometry)
    for _ in range(_BACK_PROJECTIONS):
        grid += _resample(full - upsample(grid, film, chroma), geometry)
    np.clip(grid, -0.5, 0.5, out=grid)
    return grid[..., 0].copy(), grid[..., 1].copy()


def full_size(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture (h, w, c) at a film's size (H, W): averaged where it shrinks, else bicubic."""
    if picture.shape[:2] == size:
        return picture
    shrinks = picture.shape[0] * picture.shape[1] > size[0] * size[1]
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def on_grid(planes: np.ndarray, film: Film, chroma: Chroma) -> np.ndarray:
    """Chroma (H, W, 2) float32 at full size to the samples of the grid, (rows, columns, 2)."""
    return planes if chroma == "444" else _resample(np.ascontiguousarray(planes), _geometry(film, chroma))


def upsample(planes: np.ndarray, film: Film, chroma: Chroma) -> np.ndarray:
    """Chroma planes (rows, columns[, 2]) float32 to full size (H, W[, 2]), bilinear and sited, as a player does."""
    g = _geometry(film, chroma)
    return _warp(planes, 1 / g.sx, 0.5 - g.x0 / g.sx, 1 / g.sy, 0.5 - g.y0 / g.sy, g.width, g.height)


def resample(image: np.ndarray, film: Film, chroma: Chroma) -> np.ndarray:
    """An image (h, w[, c]) of any size that covers the frame, sampled on a chroma grid."""
    return _resample(image, _geometry(film, chroma))


@dataclass(frozen=True)
class _Geometry:
    """A film's size and its chroma grid: sample (i, j) lies at luma pixel (x0 + i * sx, y0 + j * sy)."""

    width: int
    height: int
    columns: int
    rows: int
    sx: int
    sy: int
    x0: float
    y0: float


def _steps(chroma: str) -> tuple[int, int]:
    return {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[chroma]


def _geometry(film: Film, chroma: Chroma) -> _Geometry:
    sx, sy = _steps(chroma)
    siting = siting_of(film.color_tags.get("chroma_location", 0))
    x0, y0 = siting.x if sx == 2 else 0.0, siting.y if sy == 2 else 0.0
    rows, columns = grid_size(film, chroma)
    return _Geometry(film.width, film.height, columns, rows, sx, sy, x0, y0)


def _resample(image: np.ndarray, g: _Geometry) -> np.ndarray:
    """An image (h, w[, c]) that covers the frame, sampled on the chroma grid: (rows, columns[, c]).

    Averaged over each sample's area if the image is clearly finer than the grid, else bilinear.
    """
    h, w = image.shape[:2]
    fx, fy = g.sx * w / g.width, g.sy * h / g.height  # pixels of the image a step of the grid
    if max(fx, fy) <= 1.5:
        return _warp(image, fx, (g.x0 + 0.5) * w / g.width, fy, (g.y0 + 0.5) * h / g.height, g.columns, g.rows)
    # cut out what the samples' areas cover, at whole pixels of about the same size, then average
    left, top = (g.x0 + 0.5 - g.sx / 2) * w / g.width, (g.y0 + 0.5 - g.sy / 2) * h / g.height
    columns, rows = round(fx * g.columns), round(fy * g.rows)
    px, py = fx * g.columns / columns, fy * g.rows / rows
    if (left, top, columns, rows, px) == (-0.5, 0, w, h, 1):  # the usual siting of 4:2:0, by what is quicker
        before = cv2.copyMakeBorder(image, 0, 0, 1, 0, cv2.BORDER_REPLICATE)[:, :-1]
        image = cv2.addWeighted(before, 0.5, image, 0.5, 0)
    elif (left, top, columns, rows) != (0, 0, w, h):
        image = _warp(image, px, left + px / 2, py, top + py / 2, columns, rows)
    return cv2.resize(image, (g.columns, g.rows), interpolation=cv2.INTER_AREA)


def _warp(image: np.ndarray, fx: float, x: float, fy: float, y: float, columns: int, rows: int) -> np.ndarray:
    """Bilinear samples in steps of (fx, fy) from (x, y), in pixels from the image's corner; edges are repeated."""
    matrix = np.array([[fx, 0, x - 0.5], [0, fy, y - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _detailed(ab: np.ndarray, luma: np.ndarray, at_grid: np.ndarray, g: _Geometry, film: Film) -> np.ndarray:
    """ab on the grid, (rows, columns, 2): bilinear samples plus the slope of ab over luma times the luma detail that
    the size of `ab` cannot show."""
    h, w = ab.shape[:2]
    guide = luma01(cv2.resize(luma, (w, h), interpolation=cv2.INTER_AREA), film.coding)
    planes = [cv2.extractChannel(ab, i) for i in (0, 1)]
    fits = guided_filter.fit_grey(guide, planes, RADIUS, EPS)
    slopes = [guided_filter.window_mean(slope, RADIUS) for slope, _ in fits]
    # OpenCV is quick on four channels, not on two, and slow to split them.
    on_grid = _resample(cv2.merge(planes + slopes), g)
    a, b, slope_a, slope_b = (cv2.extractChannel(on_grid, i) for i in range(4))
    missing = at_grid - _resample(guide, g)
    slope_a *= missing
    slope_b *= missing
    return cv2.merge((cv2.add(a, slope_a), cv2.add(b, slope_b)))
