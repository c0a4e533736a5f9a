"""A unit of the plan becomes a finished file: read grey, find colours, smooth in time, bring to full size, encode.

Two passes over the unit's frames: the first at working size for the model, the second at full size for the encoder,
so that memory holds small frames only. While one unit is finished in the background the next is being coloured; each
pass reads ahead in a thread of its own with a bounded queue.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import torch

from vidcolor import chroma, color, dump, fill, keyframes, picture, reader, references, temporal, trace
from vidcolor.encode import Encoder, OutputFormat, output_format
from vidcolor.film import Film, Frame
from vidcolor.models.contract import Batch, Colorizer, Reference, Shot
from vidcolor.plan import BATCH, KeyUse, Plan, Unit, check
from vidcolor.timecode import counted_rate, label

AHEAD = 8
"""Full-size frames decoded ahead of the encoder."""

T = TypeVar("T")


class Timings(dict[str, float]):
    """Seconds spent in each stage, over all threads: decode, resize, model (prepare and colorize), temporal,
    upsample, encode."""

    def measure(self, stage: str) -> Any:
        return _Stage(self, stage)


class _Stage:
    def __init__(self, timings: Timings, stage: str):
        self.timings, self.stage = timings, stage

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.timings[self.stage] = self.timings.get(self.stage, 0.0) + time.perf_counter() - self.start


@dataclass
class Colors:
    """What the model and the temporal pass say of a unit, ready for full size."""

    shot: Shot
    keys: list[Reference]
    pins: dict[int, np.ndarray]
    """As `temporal.pins` gives them."""
    ab: np.ndarray
    """(n, h, w, 2) float16, Lab units, for frames warm_first to warm_last."""
    confidence: np.ndarray
    """(n, h, w) float16."""
    coarse: dict[int, np.ndarray]
    """Film frame to coarse ab (h, w, 2), for the frames that are dumped."""
    art: fill.LineArt | None = None
    """What a model that paints line art says beside ab; None of every other: the film's luma stays as it is."""


def render(plan: Plan, unit: Unit, model: Colorizer, on_frame: Callable[[int], None] = lambda frame: None) -> Path:
    """Colour one unit and write its file (atomically); returns the file, at once where it is already there.

    on_frame: called with the film's frame number after each encoded frame.
    """
    path = plan.unit_path(unit)
    if not path.exists():
        render_all(plan, model, [unit], on_frame)
    return path


def render_all(
    plan: Plan,
    model: Colorizer,
    units: Sequence[Unit],
    on_frame: Callable[[int], None] = lambda frame: None,
    on_step: Callable[[Unit, str], None] = lambda unit, kind: None,
) -> Timings:
    """Colour units one after another; each is written at full size while the next is being coloured. A unit whose file
    is there stays as it is: its missing inspection sheets are made.

    on_frame: as `render` takes it. on_step: called with the unit and what a frame of it has gone through, a key of
    `progress.COSTS` or one of `progress.SECOND`, by the threads of both passes.
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
        finish(plan, unit, colors, fmt, timings, partial(written, unit))
        on_step(unit, "close")

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="finish") as pool:
        pending: Future[None] | None = None
        try:
            for unit in units:
                colors = find_colors(plan, unit, model, timings, partial(on_step, unit))
                if pending is not None:
                    pending.result()
                pending = pool.submit(finished, unit, colors)
                del colors
            if pending is not None:
                pending.result()
        except BaseException:
            stop.set()
            raise
    return timings


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
        pins = temporal.pins(shot, keys)
        art = None if not fills else fill.line_art(np.concatenate(fills), confidence, shot, keys, settings.temporal)
        if not model.steady:
            temporal.smooth_coarse(shot, ab, confidence, pins, settings.temporal)
        believed = np.concatenate(shares) if shares else None
        trace.bring(shot, ab, pins, settings.temporal, believed, temporal.reaches(shot, keys))
        shot.cache.clear()
    return Colors(shot, keys, pins, ab, confidence, coarse, art)


def finish(
    plan: Plan, unit: Unit, colors: Colors, fmt: OutputFormat, timings: Timings, on_frame: Callable[[int], None]
) -> None:
    """Second pass: chroma of the full frames, encoded into the unit's file; where that is there, its sheets only."""
    film, settings = plan.film, plan.settings
    if plan.unit_path(unit).is_file():
        for index in missing_sheets(plan, unit):
            _dump(plan, unit, colors, index)
        for index in range(unit.first, unit.last):
            on_frame(index)
        return
    painted = {key.frame: key for key in unit.keys if key.painted}
    path = plan.unit_path(unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    source = reader.read(film, unit.first, unit.last, plan.pts, settings.on_error)
    with Encoder(film, fmt, path) as encoder:
        for frame in ahead(timed(source, "decode", timings), AHEAD):
            position = frame.index - unit.warm_first
            with timings.measure("upsample"):
                ab = colors.ab[position].astype(np.float32) * settings.strength
                key = painted.get(frame.index)
                if colors.art is not None:
                    luma, cb, cr = colors.art.planes(
                        position, colors.ab[position], frame.luma, film, fmt.chroma, settings.strength
                    )
                    frame = replace(frame, luma=luma)
                elif key is not None and settings.strength == 1:
                    cb, cr = painted_planes(key, frame, ab, colors.pins[position], film, fmt.chroma)
                else:
                    cb, cr = chroma.to_planes(ab, frame.luma, film, fmt.chroma, mode=settings.upsample)
                codes = color.cbcr_to_codes(cb, cr, film.depth, film.full_range)
            with timings.measure("encode"):
                encoder.write(frame, *codes)
            if is_dumped(plan, frame.index):
                _dump(plan, unit, colors, frame.index)
            on_frame(frame.index)
        check(plan, [unit])  # nothing that was read for this file has changed meanwhile


def read_shot(plan: Plan, unit: Unit, timings: Timings, step: Callable[[str], None] = lambda kind: None) -> Shot:
    """All frames of a unit, margins included, as lightness at working size."""
    h, w = color.working_size(plan.film, plan.settings.lines(plan.film.short_side))
    lightness = np.empty((unit.warm_last - unit.warm_first, h, w), np.uint8)
    if plan.settings.reader == "decord":
        lumas: Iterable[tuple[int, np.ndarray]] = enumerate(
            reader.read_decord(plan.film, range(unit.warm_first, unit.warm_last))
        )
    else:
        frames = reader.read(plan.film, unit.warm_first, unit.warm_last, plan.pts, plan.settings.on_error)
        lumas = ((f.index - unit.warm_first, f.luma) for f in frames)
    for position, luma in ahead(timed(lumas, "decode", timings), AHEAD):
        with timings.measure("resize"):
            lightness[position] = np.rint(keyframes.working(luma, plan.film, (h, w)) * 2.55)
        step("read")
    return Shot(lightness, unit.warm_first, plan.settings.seed, plan.settings.temporal, unit.own_key, step)


def load_reference(key: KeyUse, film: Film, size: tuple[int, int]) -> Reference:
    """A key as the model wants it: Lab at working size (h, w), turned as the film is coded."""
    rgb, covered = load_picture(key, film)
    how = cv2.INTER_AREA if rgb.shape[0] >= size[0] else cv2.INTER_LINEAR
    lab = color.rgb_to_lab(cv2.resize(rgb, size[::-1], interpolation=how))
    return Reference(lab, key.frame, key.weight, key.painted, covered)


def load_picture(key: KeyUse, film: Film) -> tuple[np.ndarray, np.ndarray | None]:
    """A key's RGB (h, w, 3) 0..1 as it lies over the film's coded frame, and the mask of where it covers that (None:
    everywhere)."""
    rgb = references.load_key(key.path, film, key.turn)
    if key.align is None:
        return rgb, None
    return picture.brought_into_place(rgb, key.align, (film.height, film.width))


def painted_planes(
    key: KeyUse, frame: Frame, ab: np.ndarray, pin: np.ndarray, film: Film, grid: chroma.Chroma
) -> tuple[np.ndarray, np.ndarray]:
    """Chroma planes of a painted frame: the key's own colours, and what the model found (ab) where the pin has none."""
    rgb, _ = load_picture(key, film)
    known = ~np.isnan(pin[..., 0])
    if not known.all():
        l = color.lightness(frame.luma, film)
        wide = cv2.resize(ab, (film.width, film.height), interpolation=cv2.INTER_LINEAR)
        found = color.lab_to_rgb(np.dstack([l, wide]))
        share = cv2.blur(cv2.erode(known.astype(np.float32), np.ones((3, 3))), (3, 3))  # no seam
        share = cv2.resize(share, (film.width, film.height), interpolation=cv2.INTER_LINEAR)[..., None]
        rgb = rgb * share + found * (1 - share)
    return chroma.key_planes(rgb, frame.luma, film, grid)


def is_dumped(plan: Plan, frame: int) -> bool:
    every = plan.settings.dump_every
    return every > 0 and (frame - plan.first) % every == 0


def missing_sheets(plan: Plan, unit: Unit) -> list[int]:
    """The unit's frames whose inspection sheets are wanted and not there."""
    wanted = [frame for frame in range(unit.first, unit.last) if is_dumped(plan, frame)]
    return [frame for frame in wanted if not dump.is_there(str(plan.settings.dump_dir), frame, unit.key)]


def _dump(plan: Plan, unit: Unit, colors: Colors, frame: int) -> None:
    """The frame's inspection sheet, at working size."""
    position = frame - unit.warm_first
    l = colors.shot.lightness[position].astype(np.float32) / 2.55
    result = l if colors.art is None else colors.art.shown(position, l)
    coarse = colors.coarse.get(frame)
    near = min(colors.keys, key=lambda k: abs((frame if k.frame is None else k.frame) - frame), default=None)
    sheet = dump.sheet(
        _picture(l),
        None if near is None else _picture(near.lab[..., 0], near.lab[..., 1:]),
        None if coarse is None else _picture(l, coarse),
        _picture(result, colors.ab[position].astype(np.float32) * plan.settings.strength),
        colors.confidence[position].astype(np.float32),
        frame,
        label(int(plan.pts[frame] - plan.pts[0]) * plan.film.time_base, counted_rate(plan.film)),
    )
    dump.save(sheet, str(plan.settings.dump_dir), frame, unit.key)


def _picture(l: np.ndarray, ab: np.ndarray | None = None) -> np.ndarray:
    """L (h, w) and ab (h, w, 2), or grey, as sRGB uint8."""
    ab = np.zeros((*l.shape, 2), np.float32) if ab is None else ab
    return np.rint(color.lab_to_rgb(np.dstack([l, ab])) * 255).astype(np.uint8)


def timed(items: Iterable[T], stage: str, timings: Timings) -> Iterator[T]:
    """The same items; the time that making them takes is booked."""
    iterator = iter(items)
    while True:
        with timings.measure(stage):
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item


def ahead(items: Iterable[T], depth: int) -> Iterator[T]:
    """The same items, made by a thread at most `depth` ahead; errors come out where the item would have."""
    ready: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    stop = threading.Event()

    def put(entry: tuple[bool, Any]) -> bool:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as error:  # handed over, raised in the thread that consumes
            put((False, error))

    thread = threading.Thread(target=work, daemon=True, name="ahead")
    thread.start()
    try:
        while True:
            more, item = ready.get()
            if more:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        stop.set()
        thread.join()
