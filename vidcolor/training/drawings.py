"""Training drawings made by rule: outlined flat colours as in a cartoon, with the part at every pixel known.

A figure (a person, an animal, a vehicle, a house, a tree, a blob) is drawn from its own seed in any pose, so that a
drawing and a model sheet can show the same figure in different poses and the same colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from vidcolor.training.figures import WHITE, Color, Figure, Part, blob, box, color, ellipse, figure, pose

SCALE = 2
"""Drawings are made at this many times their size and averaged."""
_SHIFT = 4  # bits behind the point in OpenCV's coordinates


class Drawing(NamedTuple):
    fill: np.ndarray
    """(h, w, 3) uint8 RGB, without lines."""
    ink: np.ndarray
    """(h, w) uint8, 0 on a line to 255 on paper."""
    parts: np.ndarray
    """(h, w) int32: which part of which figure lies there."""

    def colored(self) -> np.ndarray:
        """(h, w, 3) uint8: colours with lines."""
        return (self.fill.astype(np.uint16) * self.ink[..., None] // 255).astype(np.uint8)


class Placed(NamedTuple):
    """A figure in a drawing."""

    parts: Sequence[Part]
    x: float
    y: float
    """Of its feet, pixels."""
    height: float
    """Pixels; negative x scale where `mirror`."""
    mirror: bool = False
    number: int = 0
    """Of the figure: its parts are known as 64 times this, and on."""


# --- drawing ---


@dataclass(frozen=True)
class Pen:
    """How a drawing is inked and shaded."""

    width: float = 1.5
    """Of its lines, pixels; 0 for none."""
    ink: float = 0.05
    """Lightness of the lines, 0..1."""
    wobble: float = 0.0
    """Standard deviation of outlines from their true place, pixels."""
    shade: tuple[float, float, float] | None = None
    """Cel shading: shift of the light (x, y) in pixels, and the factor of colours in the shade; None for none."""


def render(
    ground: Sequence[Part], figures: Sequence[Placed], size: tuple[int, int], pen: Pen, seed: int = 0
) -> Drawing:
    """A drawing of `size` (h, w): the ground's parts (in pixels), then the figures on top of each other."""
    h, w = size[0] * SCALE, size[1] * SCALE
    fill, ink = np.full((h, w, 3), 255, np.uint8), np.full((h, w), 255, np.uint8)
    known = np.zeros((h, w), np.int32)
    rng = np.random.default_rng(seed)
    for part, number, outline in _placed(ground, figures):
        outline = outline + rng.normal(0, pen.wobble, outline.shape) if pen.wobble else outline
        points = [np.rint(outline * (SCALE << _SHIFT)).astype(np.int32)]
        rgb = tuple(round(255 * c) for c in part.color)
        if pen.shade is not None and number >= 64:
            _shaded(fill, points, rgb, pen.shade)
        else:
            cv2.fillPoly(fill, points, rgb, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(known, points, number, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(ink, points, 255, cv2.LINE_8, _SHIFT)
        if pen.width and part.lined:
            thick = max(1, round(pen.width * SCALE))
            cv2.polylines(ink, points, True, round(255 * pen.ink), thick, cv2.LINE_AA, _SHIFT)
        elif not part.lined:  # an eye is ink
            cv2.fillPoly(ink, points, round(255 * pen.ink), cv2.LINE_AA, _SHIFT)
    small = (size[1], size[0])
    fill = np.asarray(cv2.resize(fill, small, interpolation=cv2.INTER_AREA))
    ink = np.asarray(cv2.resize(ink, small, interpolation=cv2.INTER_AREA))
    return Drawing(fill, ink, np.ascontiguousarray(known[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]))


def _placed(ground: Sequence[Part], figures: Sequence[Placed]) -> list[tuple[Part, int, np.ndarray]]:
    """Every part with its number and its outline in pixels."""
    out = [(part, n + 1, part.outline) for n, part in enumerate(ground)]
    for one in figures:
        scale = np.array([-one.height if one.mirror else one.height, one.height])
        for n, part in enumerate(one.parts):
            out.append((part, 64 * (one.number + 1) + n, part.outline * scale + (one.x, one.y)))
    return out


def _shaded(
    fill: np.ndarray, points: list[np.ndarray], rgb: tuple[int, ...], shade: tuple[float, float, float]
) -> None:
    """Fill with a darker side: what is left of the shape when it is shifted towards the light."""
    dark = tuple(round(c * shade[2]) for c in rgb)
    low = np.maximum((points[0].min(0) >> _SHIFT) - 2, 0)
    high = np.minimum((points[0].max(0) >> _SHIFT) + 3, (fill.shape[1], fill.shape[0]))
    if (high <= low).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    here = points[0] - (low << _SHIFT)
    cv2.fillPoly(mask, [here.astype(np.int32)], 1, cv2.LINE_8, _SHIFT)
    light = np.zeros_like(mask)
    shift = np.rint(np.array(shade[:2]) * (SCALE << _SHIFT)).astype(np.int32)
    cv2.fillPoly(light, [(here + shift).astype(np.int32)], 1, cv2.LINE_8, _SHIFT)
    region = fill[low[1] : high[1], low[0] : high[0]]
    region[mask > 0] = dark
    region[(mask & light) > 0] = rgb


# --- scenes ---


def landscape(rng: np.random.Generator, size: tuple[int, int]) -> list[Part]:
    """Sky, hills and ground, or a wall and a floor."""
    h, w = size
    horizon = rng.uniform(0.45, 0.8) * h
    blue = (rng.uniform(0.4, 0.75), rng.uniform(0.6, 0.9), rng.uniform(0.8, 1.0)) if rng.random() < 0.5 else color(rng)
    out = [Part(box(-9, -9, w + 9, h + 9), blue)]
    if rng.random() < 0.35:  # a room
        out.append(Part(box(-9, horizon, w + 9, h + 9), color(rng)))
        for _ in range(rng.integers(0, 3)):
            x, y, r = rng.uniform(0, w), rng.uniform(0.1, 0.35) * h, rng.uniform(0.06, 0.15) * h
            out.append(Part(box(x - r, y - r, x + r, y + r), color(rng)))
        return out
    if rng.random() < 0.5:
        out.append(Part(ellipse(rng.uniform(0, w), rng.uniform(0.08, 0.3) * h, 0.08 * h, 0.08 * h), (1, 0.9, 0.3)))
    for _ in range(rng.integers(0, 4)):
        x, y = rng.uniform(0, w), rng.uniform(0.05, 0.35) * h
        out.append(Part(blob(rng, 0, 0, 0.09 * h, 0.5) * (1.6, 0.7) + (x, y), WHITE))
    along = np.linspace(-9, w + 9, 30)
    for n in range(rng.integers(1, 4)):
        wave = np.sin(along / w * rng.uniform(3, 9) + rng.uniform(0, 6))
        ridge = horizon + (n - 1) * 0.08 * h + rng.uniform(0.02, 0.1) * h * wave
        green = (rng.uniform(0.2, 0.6), rng.uniform(0.5, 0.8), rng.uniform(0.1, 0.4))
        hill = np.concatenate([np.stack([along, ridge], 1), [[w + 9, h + 9], [-9, h + 9]]])
        out.append(Part(hill, green if rng.random() < 0.5 else color(rng)))
    return out


def plain(tint: Color, size: tuple[int, int]) -> list[Part]:
    return [Part(box(-9, -9, size[1] + 9, size[0] + 9), tint, True)]


def crowd(figures: Sequence[Figure], size: tuple[int, int], rng: np.random.Generator, big: float = 1.0) -> list[Placed]:
    """The figures beside each other, each in some pose, size and direction."""
    h, w = size
    order, out = rng.permutation(len(figures)), []
    for n, number in enumerate(order):
        x = w * (n + 0.5 + rng.uniform(-0.25, 0.25)) / len(figures)
        height = h * float(np.clip(rng.normal(0.7, 0.15), 0.3, 1.1)) * big
        y = min(h * rng.uniform(0.8, 1.05), h + 0.2 * height)
        out.append(Placed(figures[number](pose(rng)), x, y, height, bool(rng.random() < 0.5), int(number)))
    return out


def pen(rng: np.random.Generator) -> Pen:
    """Any pen."""
    shade = None
    if rng.random() < 0.25:
        shade = (rng.uniform(-4, 4), rng.uniform(-5, 0), rng.uniform(0.6, 0.85))
    wobble = rng.uniform(0, 0.5) if rng.random() < 0.4 else 0.0
    return Pen(rng.uniform(0.5, 2.2), rng.uniform(0, 0.25), wobble, shade)


class Example(NamedTuple):
    """A drawing and another one of the same figures."""

    target: Drawing
    reference: Drawing


def example(rng: np.random.Generator, size: tuple[int, int], again: bool = True) -> Example:
    """Figures in a scene, and the same figures again in other poses and places (`again` False: the same drawing twice).

    Half of the time both are frames of one scene; else both have a plain sheet as their ground.
    """
    figures = [figure(rng) for _ in range(rng.integers(1, 5))]
    style, sheet = pen(rng), rng.random() < 0.5
    if sheet:
        ground = moved = plain(WHITE if rng.random() < 0.6 else color(rng), size)
    else:
        ground = moved = landscape(rng, size)
        if rng.random() < 0.5:  # the camera moves
            shift = rng.uniform(-0.15, 0.15, 2) * size[::-1]
            moved = [ground[0], *(Part(p.outline + shift, p.color, p.lined) for p in ground[1:])]
    target = render(ground, crowd(figures, size, rng), size, style, int(rng.integers(1 << 30)))
    if not again:
        return Example(target, target)
    other = crowd(figures, size, rng, 0.85 if sheet else 1.0)
    return Example(target, render(moved, other, size, style, int(rng.integers(1 << 30))))
