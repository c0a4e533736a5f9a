"""How long the units of a plan will take, and the progress bar that shows it."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from vidcolor.encode.codecs import CODECS
from vidcolor.models.colorize import BATCH
from vidcolor.models.registry import spec_of
from vidcolor.plan.plan import Plan, Unit
from vidcolor.progress import FramesBar

PAUSE = 0.1
"""Least time in seconds between two updates of a bar."""


class UnitsBar(FramesBar):
    """A bar over both passes of every unit. It shows the time passed as a share of the whole, by `Estimate`."""

    def __init__(self, title: str, shown: bool, estimate: Estimate, total: int, done: int) -> None:
        super().__init__(title, shown, total, done)
        self._estimate, self._done, self._lock = estimate, done, threading.Lock()
        self._moved = 0.0
        bar = "{l_bar}{bar}| {n:.0f}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
        self._how = {"bar_format": bar, "smoothing": 0, "miniters": 0}
        self._opened(**self._how)

    def step(self, unit: Unit, kind: str) -> None:
        """A step of a unit is done, as `Estimate.step` takes it; from either pass's thread."""
        with self._lock:
            self._estimate.step(unit, kind)
            bar = self._opened()
            if not bar.disable and time.monotonic() - self._moved > PAUSE:
                self._moved = time.monotonic()
                now = self._done + (bar.total - self._done) * self._estimate.share()
                bar.update(max(0, now - bar.n))

    def __exit__(self, *error: object) -> None:
        if not any(error):
            bar = self._opened()
            bar.update(bar.total - bar.n)
        super().__exit__()


COSTS = {"read": 1.0, "flow": 2.5, "trace": 2.5, "match": 17.0, "again": 11.0, "colour": 36.0}
"""Relative time of the steps of a frame until they have been measured (480 lines, a CPU): reading, flow, following a
painted key, matching, matching at the second size of `--quality`; per batch, the rest of the model."""
WRITING = 3.0
"""The same for bringing a frame's colours to full size, relative to reading it."""
SECOND = ("finish", "close")
"""The steps of the second pass: a frame is written; the encoder writes the frames that it held back."""


class Estimate:
    """How long units take, from the measured time of each step, or from `COSTS` until it has been measured."""

    def __init__(self, plan: Plan, units: Sequence[Unit], clock: Callable[[], float] = time.monotonic) -> None:
        """units: those that are still to be made."""
        self._clock, self._began = clock, clock()
        codec = CODECS[plan.settings.codec]
        encoding, held = codec.cost, codec.held
        frames = sum(map(len, units))
        at_once = sum(max(0, len(unit) - held) for unit in units) / max(frames, 1)
        self._priors = COSTS | {"finish": WRITING + encoding * at_once, "close": encoding}
        self.expected = [_expected(plan, unit, held) for unit in units]
        """How often each step comes in each unit."""
        self._place = {unit.index: n for n, unit in enumerate(units)}
        self._steps: list[Counter[str]] = [Counter() for _ in units]
        self._seconds: dict[str, float] = defaultdict(float)
        self._seen: Counter[str] = Counter()
        self._at = [self._began, self._began]  # when the latest step of either pass was done
        self._kinds = ["", ""]  # and what it was
        self._colouring, self._finishing = 0, 0  # positions of the units that the two passes are at
        self._submitted = self._began  # when the latest unit was handed over to be finished

    def step(self, unit: Unit, kind: str) -> None:
        """One more frame has gone through a step, a key of `COSTS` or of `SECOND`; `close`: all that were held back."""
        now, n = self._clock(), self._place[unit.index]
        which = int(kind in SECOND)
        if which and not self._steps[n]["finish"]:
            self._at[1] = max(self._at[1], self._submitted)
        count = self.expected[n]["close"] if kind == "close" else 1
        took = now - self._at[which]
        if kind != self._kinds[which] and kind != "close" and self._begun():
            # other work came between
            took = min(took, self._costs()[kind] or took)
        if kind == "read" or self._begun() or kind == self._kinds[which]:  # the first of all comes after a start
            self._seconds[kind] += took
            self._seen[kind] += count
        self._at[which], self._kinds[which] = now, kind
        self._steps[n][kind] += count
        if which:
            self._finishing = n + (kind == "close")
        elif kind == "colour" and self._steps[n]["colour"] >= self.expected[n]["colour"]:
            self._colouring, self._submitted = n + 1, now

    def share(self) -> float:
        """Share of the whole time that has passed, 0 to 1; 0 while only reading was measured, which says little."""
        if not self._begun():
            return 0.0
        passed = self._clock() - self._began
        return passed / max(passed + self.remaining(), 1e-9)

    def _begun(self) -> bool:
        """Whether a step that takes long has been measured."""
        return any(kind != "read" for kind in self._seen)

    def remaining(self) -> float:
        """Seconds left, as the two passes overlap."""
        costs = self._costs()
        finished = self._left(self._finishing, SECOND, costs) if self._finishing < self._colouring else 0.0
        coloured = 0.0
        for n in range(self._colouring, len(self.expected)):
            coloured = max(coloured + self._left(n, COSTS, costs), finished)
            finished = coloured + self._left(n, SECOND, costs)
        return max(coloured, finished)

    def _costs(self) -> dict[str, float]:
        """Seconds of a step of each kind."""
        # reading and writing grow with the film's size, all else with the working size
        reading = self._seconds["read"] / max(self._seen["read"], 1)
        known = [kind for kind in self._seen if kind not in ("read", *SECOND)]
        prior = sum(self._priors[kind] * self._seen[kind] for kind in known)
        scales = dict.fromkeys(self._priors, sum(self._seconds[kind] for kind in known) / prior if prior else reading)
        scales |= dict.fromkeys(SECOND, reading)
        return {
            kind: self._seconds[kind] / self._seen[kind] if self._seen[kind] else prior * scales[kind]
            for kind, prior in self._priors.items()
        }

    def _left(self, n: int, kinds: Iterable[str], costs: dict[str, float]) -> float:
        """Seconds that steps of a unit still take. A step that another has followed in its unit is over."""
        steps, left = self._steps[n], 0.0
        for kind in reversed(tuple(kinds)):
            left += max(0, self.expected[n][kind] - steps[kind]) * costs[kind]
            if steps[kind]:
                break
        return left


def _expected(plan: Plan, unit: Unit, held: int) -> Counter[str]:
    """How often each step comes in a unit. held: frames that the encoder holds back."""
    frames = unit.warm_stop - unit.warm_first
    steps = Counter(read=frames, colour=-(-frames // BATCH), finish=len(unit), close=max(1, min(held, len(unit))))
    if spec_of(plan.settings.model).follows_motion:
        moving = plan.settings.temporal > 0
        painted = sum(key.painted and unit.warm_first <= (key.frame or 0) < unit.warm_stop for key in unit.keys)
        steps["flow"] = (frames - 1) * moving
        steps["trace"] = (frames - 1) * painted * moving
        steps["match"] = round(frames * (2 / 3 if moving else 1))
        steps["again"] = frames * plan.settings.quality
    return steps
