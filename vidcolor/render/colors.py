"""The first pass over a unit: its colours at working size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vidcolor.color.lab import rgb_to_lab
from vidcolor.film import reader, working_frame
from vidcolor.film.film import Film
from vidcolor.film.working_frame import working_size
from vidcolor.keys import picture
from vidcolor.models.base import Colorizer, ShotColors
from vidcolor.models.colorize import colorize_shot
from vidcolor.models.sketch import line_art
from vidcolor.plan.plan import KeyUse, Plan, Unit
from vidcolor.render.prefetch import AHEAD, Timings, ahead, timed
from vidcolor.render.sheets import is_dumped
from vidcolor.shot import Reference, Shot, quantized


@dataclass
class Colors:
    """All that is found out about a unit at working size, ready for full size."""

    shot: Shot
    keys: list[Reference]
    found: ShotColors
    """Of the frames warm_first to warm_stop."""
    art: line_art.LineArt | None = None
    """How line art is painted; None with nearly every model: the film's luma stays as it is."""


def find_colors(
    plan: Plan, unit: Unit, model: Colorizer, timings: Timings, step: Callable[[str], None] = lambda kind: None
) -> Colors:
    """First pass: the colours of all frames of a unit at working size. step: as `Shot.step`."""
    shot = read_shot(plan, unit, timings, step)
    keys = [load_reference(key, plan.film, shot.size) for key in unit.keys]
    inspected = [t for t in range(len(shot)) if is_dumped(plan, shot.first + t)]
    with timings.measure("model"):
        found = colorize_shot(model, shot, keys, inspected)
        shot.flow.clear()
        art = None if found.fill_lightness is None else line_art.line_art(found.fill_lightness, shot, keys)
    return Colors(shot, keys, found, art)


def read_shot(plan: Plan, unit: Unit, timings: Timings, step: Callable[[str], None] = lambda kind: None) -> Shot:
    """All frames of a unit, margins included, as lightness at working size."""
    h, w = working_size(plan.film, plan.settings.lines(plan.film.short_side))
    lightness = np.empty((unit.warm_stop - unit.warm_first, h, w), np.uint8)
    frames = reader.read(plan.film, unit.warm_first, unit.warm_stop, plan.pts, plan.settings.on_error)
    for frame in ahead(timed(frames, "decode", timings), AHEAD):
        with timings.measure("resize"):
            small = working_frame.working(frame.luma, plan.film, (h, w))
            lightness[frame.index - unit.warm_first] = quantized(small)
        step("read")
    return Shot(lightness, unit.warm_first, plan.settings.seed, plan.settings.temporal, unit.own_key, step)


def load_reference(key: KeyUse, film: Film, size: tuple[int, int]) -> Reference:
    """A key as the model wants it: Lab at working size (h, w), turned as the film is coded."""
    rgb, covered = key_picture(key, film)
    return Reference(rgb_to_lab(working_frame.resized(rgb, size)), key.frame, key.weight, key.painted, covered)


def key_picture(key: KeyUse, film: Film) -> tuple[np.ndarray, np.ndarray | None]:
    """A key's RGB (h, w, 3) 0..1 as it lies over the film's coded frame, and the mask of where it covers that (None:
    everywhere)."""
    rgb = picture.load_key(key.path, film, key.turn)
    if key.align is None:
        return rgb, None
    return picture.aligned(rgb, key.align, (film.height, film.width))
