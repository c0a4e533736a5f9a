"""The first pass over a unit: its colours at working size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from vidcolor.color.lab import rgb_to_lab
from vidcolor.film import reader, working_frame
from vidcolor.film.film import Film
from vidcolor.film.working_frame import working_size
from vidcolor.keys import picture
from vidcolor.models.base import Batch, Colorizer
from vidcolor.models.sketch import line_art
from vidcolor.motion import key_colors, propagate, smooth
from vidcolor.plan.plan import BATCH, KeyUse, Plan, Unit
from vidcolor.render.prefetch import AHEAD, Timings, ahead, timed
from vidcolor.render.sheets import is_dumped
from vidcolor.shot import Reference, Shot


@dataclass
class Colors:
    """What the model and the temporal pass say of a unit, ready for full size."""

    shot: Shot
    keys: list[Reference]
    pins: dict[int, np.ndarray]
    """As `key_colors.key_colors` gives them."""
    ab: np.ndarray
    """(n, h, w, 2) float16, Lab units, for frames warm_first to warm_stop."""
    confidence: np.ndarray
    """(n, h, w) float16."""
    coarse: dict[int, np.ndarray]
    """Film frame to coarse ab (h, w, 2), for the frames that are dumped."""
    art: line_art.LineArt | None = None
    """What a model that paints line art says beside ab; None of every other: the film's luma stays as it is."""


def find_colors(
    plan: Plan, unit: Unit, model: Colorizer, timings: Timings, step: Callable[[str], None] = lambda kind: None
) -> Colors:
    """First pass: ab and confidence of all frames of a unit at working size. step: as `Shot.step`."""
    settings = plan.settings
    shot = read_shot(plan, unit, timings, step)
    h, w = shot.lightness.shape[1:]
    keys = [load_reference(key, plan.film, (h, w)) for key in unit.keys]
    ab = np.empty((len(shot), h, w, 2), np.float16)
    confidence = np.empty((len(shot), h, w), np.float16)
    coarse: dict[int, np.ndarray] = {}
    shares: list[np.ndarray] = []
    fills: list[np.ndarray] = []
    with timings.measure("model"):
        state = model.prepare(shot, keys)
        for start in range(0, len(shot), BATCH):
            positions = range(start, min(start + BATCH, len(shot)))
            grey = torch.from_numpy(shot.lightness[start : positions.stop]).to(model.device)[:, None].float() / 2.55
            colored = model.colorize(Batch(grey, positions), state)
            torch.from_numpy(ab[start : positions.stop]).copy_(colored.ab.permute(0, 2, 3, 1))  # quicker than numpy's
            confidence[start : positions.stop] = colored.confidence[:, 0].cpu().numpy()
            if colored.traced is not None:
                shares.append(colored.traced[:, 0].cpu().numpy().astype(np.float16))
            if colored.fill is not None:
                fills.append(colored.fill[:, 0].cpu().numpy().astype(np.float16))
            for i, position in enumerate(positions):
                if colored.coarse is not None and is_dumped(plan, shot.first + position):
                    small = colored.coarse[i].permute(1, 2, 0).cpu().numpy()
                    coarse[shot.first + position] = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
            step("colour")
        del state
    with timings.measure("temporal"):
        pins = key_colors.key_colors(shot, keys)
        art = None if not fills else line_art.line_art(np.concatenate(fills), confidence, shot, keys, settings.temporal)
        if not model.steady:
            smooth.smooth_coarse(shot, ab, confidence, pins, settings.temporal)
        believed = np.concatenate(shares) if shares else None
        propagate.apply(shot, ab, pins, settings.temporal, believed, key_colors.key_reach(shot, keys))
        shot.cache.clear()
    return Colors(shot, keys, pins, ab, confidence, coarse, art)


def read_shot(plan: Plan, unit: Unit, timings: Timings, step: Callable[[str], None] = lambda kind: None) -> Shot:
    """All frames of a unit, margins included, as lightness at working size."""
    h, w = working_size(plan.film, plan.settings.lines(plan.film.short_side))
    lightness = np.empty((unit.warm_stop - unit.warm_first, h, w), np.uint8)
    frames = reader.read(plan.film, unit.warm_first, unit.warm_stop, plan.pts, plan.settings.on_error)
    for frame in ahead(timed(frames, "decode", timings), AHEAD):
        with timings.measure("resize"):
            small = working_frame.working(frame.luma, plan.film, (h, w))
            lightness[frame.index - unit.warm_first] = np.rint(small * 2.55)
        step("read")
    return Shot(lightness, unit.warm_first, plan.settings.seed, plan.settings.temporal, unit.own_key, step)


def load_reference(key: KeyUse, film: Film, size: tuple[int, int]) -> Reference:
    """A key as the model wants it: Lab at working size (h, w), turned as the film is coded."""
    rgb, covered = load_picture(key, film)
    return Reference(rgb_to_lab(working_frame.resized(rgb, size)), key.frame, key.weight, key.painted, covered)


def load_picture(key: KeyUse, film: Film) -> tuple[np.ndarray, np.ndarray | None]:
    """A key's RGB (h, w, 3) 0..1 as it lies over the film's coded frame, and the mask of where it covers that (None:
    everywhere)."""
    rgb = picture.load_key(key.path, film, key.turn)
    if key.align is None:
        return rgb, None
    return picture.aligned(rgb, key.align, (film.height, film.width))
