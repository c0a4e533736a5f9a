"""A unit of the plan becomes a finished file: read grey, find colours, bring them to full size, encode.

Two passes over the unit's frames: the first at working size for the model, the second at full size for the encoder,
so that memory holds small frames only. While one unit is finished in the background the next is being coloured; each
pass reads ahead in a thread of its own with a bounded queue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from vidcolor.color.lab import lab_to_rgb
from vidcolor.color.ycbcr import cbcr_to_codes, lightness
from vidcolor.encode.encoder import Encoder
from vidcolor.encode.format import OutputFormat, output_format
from vidcolor.film import chroma_grid, reader
from vidcolor.film.film import Film, Frame
from vidcolor.film.timecode import counted_rate, label
from vidcolor.models.base import Colorizer
from vidcolor.outputs import sheets
from vidcolor.plan.identity import check_unchanged
from vidcolor.plan.plan import KeyUse, Plan, Unit
from vidcolor.render.colors import Colors, find_colors, key_picture
from vidcolor.render.prefetch import AHEAD, Timings, ahead, timed
from vidcolor.render.sheets import is_dumped, missing_sheets


def render_all(
    plan: Plan,
    model: Colorizer,
    units: Sequence[Unit],
    on_frame: Callable[[int], None] = lambda frame: None,
    on_step: Callable[[Unit, str], None] = lambda unit, kind: None,
) -> Timings:
    """Colour units one after another; each is written at full size while the next is being coloured. A unit whose file
    is there stays as it is: its missing inspection sheets are made.

    on_frame: called with the film's frame number after each encoded frame. on_step: called by the threads of both
    passes with the unit and what a frame of it has gone through, a key of `estimate.COSTS` or one of `estimate.SECOND`.
    An exception, such as that of Ctrl-C, does not wait for the unit that is being written: it is discarded.
    """
    timings = Timings()
    fmt = output_format(plan.film, plan.settings, plan.out)
    stop = threading.Event()

    def written(unit: Unit, frame: int) -> None:
        if stop.is_set():
            raise CancelledError
        on_frame(frame)
        on_step(unit, "finish")

    def finished(unit: Unit, colors: Colors) -> None:
        write_unit(plan, unit, colors, fmt, timings, partial(written, unit))
        on_step(unit, "close")

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="finish") as pool:
        pending: Future[None] | None = None
        try:
            for unit in units:
                colors = find_colors(plan, unit, model, timings, partial(on_step, unit))
                if pending is not None:
                    pending.result()
                pending = pool.submit(copy_context().run, finished, unit, colors)
                del colors
            if pending is not None:
                pending.result()
        except BaseException:
            stop.set()
            raise
    return timings


def write_unit(
    plan: Plan, unit: Unit, colors: Colors, fmt: OutputFormat, timings: Timings, on_frame: Callable[[int], None]
) -> None:
    """Second pass: chroma of the full frames, encoded into the unit's file. If that exists, only its missing sheets."""
    film, settings = plan.film, plan.settings
    path = plan.unit_path(unit)
    if path.is_file():
        for index in missing_sheets(plan, unit):
            write_sheet(plan, unit, colors, index)
        for index in range(unit.first, unit.stop):
            on_frame(index)
        return
    painted = {key.frame: key for key in unit.keys if key.painted}
    path.parent.mkdir(parents=True, exist_ok=True)
    source = reader.read(film, unit.first, unit.stop, plan.pts, settings.on_error)
    with Encoder(film, fmt, path) as encoder:
        for frame in ahead(timed(source, "decode", timings), AHEAD):
            position = frame.index - unit.warm_first
            with timings.measure("upsample"):
                ab = colors.found.ab[position].astype(np.float32) * settings.strength
                key = painted.get(frame.index)
                if colors.art is not None:
                    luma, cb, cr = colors.art.planes(
                        position, colors.found.ab[position], frame.luma, film, fmt.chroma, settings.strength
                    )
                    frame = replace(frame, luma=luma)
                elif key is not None and settings.strength == 1:
                    cb, cr = painted_planes(key, frame, ab, colors.found.key_colors[position], film, fmt.chroma)
                else:
                    cb, cr = chroma_grid.to_planes(ab, frame.luma, film, fmt.chroma, mode=settings.upsample)
                codes = cbcr_to_codes(cb, cr, film.coding)
            with timings.measure("encode"):
                encoder.write(frame, *codes)
            if is_dumped(plan, frame.index):
                write_sheet(plan, unit, colors, frame.index)
            on_frame(frame.index)
        check_unchanged(plan, [unit])  # film and keys are still what the plan was made for


def painted_planes(
    key: KeyUse, frame: Frame, ab: np.ndarray, key_colors: np.ndarray, film: Film, grid: chroma_grid.Chroma
) -> tuple[np.ndarray, np.ndarray]:
    """Chroma planes of a painted frame: the key's own colours, and the model's ab where `key_colors` is NaN."""
    rgb, _ = key_picture(key, film)
    known = ~np.isnan(key_colors[..., 0])
    if not known.all():
        l = lightness(frame.luma, film.coding)
        wide = cv2.resize(ab, (film.width, film.height), interpolation=cv2.INTER_LINEAR)
        found = lab_to_rgb(np.dstack([l, wide]))
        weight = cv2.blur(cv2.erode(known.astype(np.float32), np.ones((3, 3))), (3, 3))  # no seam
        weight = cv2.resize(weight, (film.width, film.height), interpolation=cv2.INTER_LINEAR)[..., None]
        rgb = rgb * weight + found * (1 - weight)
    return chroma_grid.key_planes(rgb, frame.luma, film, grid)


def write_sheet(plan: Plan, unit: Unit, colors: Colors, frame: int) -> None:
    """The frame's inspection sheet, at working size."""
    position = frame - unit.warm_first
    l = colors.shot.grey(position)
    result = l if colors.art is None else colors.art.shown(position, l)
    coarse = colors.found.coarse.get(position)
    near = min(colors.keys, key=lambda k: abs((frame if k.frame is None else k.frame) - frame), default=None)
    picture = sheets.sheet(
        _picture(l),
        None if near is None else _picture(near.lab[..., 0], near.lab[..., 1:]),
        None if coarse is None else _picture(l, coarse),
        _picture(result, colors.found.ab[position].astype(np.float32) * plan.settings.strength),
        colors.found.confidence[position].astype(np.float32),
        frame,
        label(int(plan.pts[frame] - plan.pts[0]) * plan.film.time_base, counted_rate(plan.film)),
    )
    sheets.save(picture, str(plan.settings.dump_dir), frame, unit.content_hash)


def _picture(l: np.ndarray, ab: np.ndarray | None = None) -> np.ndarray:
    """L (h, w) and ab (h, w, 2), or grey, as sRGB uint8."""
    ab = np.zeros((*l.shape, 2), np.float32) if ab is None else ab
    return np.rint(lab_to_rgb(np.dstack([l, ab])) * 255).astype(np.uint8)
