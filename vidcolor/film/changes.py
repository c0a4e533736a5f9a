"""What frames carry besides luma (field flags, side data), and what changes inside a film."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vidcolor.color.coding import matrix_of
from vidcolor.errors import VidcolorError
from vidcolor.film.film import Facts, Film, Frame
from vidcolor.film.side_data import NAMES, TELL_FIELDS

_UNSAID = 2
_TIMECODE_DIGITS = 0x1F << 19 | 0x3F << 13 | 0x3F << 6 | 0x3F
"""Of the 25 bits of a group's time code (ISO/IEC 13818-2, 6.3.8): hours, minutes, seconds, pictures."""


@dataclass(frozen=True)
class Extras:
    """What a scan found in a film's frames besides their luma."""

    fields: Mapping[str, int]
    """How many frames are flagged `progressive`, `tff` and `bff`."""
    data: Mapping[str, int]
    """How many frames have side data of each type (`side_data.of_the_source`)."""
    changes: tuple[str, ...] = ()
    """What changes inside the film though a result has one value for it, in words."""

    @property
    def field_order(self) -> str:
        """`progressive`, or the order of most interlaced frames."""
        tff, bff = self.fields.get("tff", 0), self.fields.get("bff", 0)
        return "progressive" if not tff + bff else "tff" if tff >= bff else "bff"

    def with_fields(self, film: Film) -> Film:
        """The film with the field order of its frames, if they say any."""
        said = self.field_order != "progressive" or film.codec in TELL_FIELDS
        return replace(film, field_order=self.field_order) if said else film


class Watch:
    """Watches the frames of a scan for changes, and counts what they carry."""

    def __init__(self, film: Film, *, skip: bool) -> None:
        """skip: pixel aspect and rotation may change: the first frame's are kept, and the change is named."""
        self._film, self._skip = film, skip
        self._fields: Counter[str] = Counter()
        self._data: Counter[str] = Counter()
        self._changes: dict[str, str] = {}
        self._first: Facts | None = None

    def add(self, frame: Frame, seconds: float) -> None:
        """The next frame, `seconds` after the first.

        Raises VidcolorError if matrix or range change and the user has not chosen them, or if pixel aspect or rotation
        change: a result has one of each."""
        self._fields["progressive" if not frame.interlaced else "tff" if frame.top_field_first else "bff"] += 1
        facts = frame.facts
        if facts is None:
            return
        first = self._first = self._first or facts
        self._data.update(_worth_naming(facts, first))
        if facts is first:
            return
        place = f"frame {frame.index} ({seconds:.3f} s)"
        self._check_code_values(frame.index, facts, place)
        self._check_shape(facts, first, place)
        film = self._film
        for name, now in (("primaries", facts.primaries), ("transfer", facts.transfer)):
            before = film.color_tags[name]
            if now not in (_UNSAID, before):
                self._note(name, f"colour tag {name} {now} from {place} on: {before} stands for the whole film")
        if facts.chroma != film.chroma and {facts.chroma, film.chroma} <= {"420", "422", "444"}:
            self._note(
                "chroma",
                f"chroma sampling {':'.join(facts.chroma)} from {place} on, {':'.join(film.chroma)} before",
            )
        for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
            values = facts.side_data.get(kind)
            if values is not None and first.side_data.get(kind) not in (None, values):
                self._note(kind, f"{NAMES[kind]} changes at {place}: the first stands for the whole film")

    def _check_code_values(self, frame: int, facts: Facts, place: str) -> None:
        film = self._film
        if facts.full_range not in (None, film.full_range) and "range" not in film.chosen:
            now, before = ("full", "limited") if facts.full_range else ("limited", "full")
            change = f"{place} has {now} range, the film began with {before}"
            raise self._parts(frame, change, "full_range", facts.full_range)
        matrix = matrix_of(facts.space)
        unsaid = facts.space == _UNSAID or (facts.space == 0 and facts.chroma in ("400", "rgb"))
        if not unsaid and matrix != film.matrix and "matrix" not in film.chosen:
            now = matrix or f"matrix number {facts.space}"
            change = f"{place} has {now}, the film began with {film.matrix}"
            raise self._parts(frame, change, "matrix", matrix or "NAME")

    def _parts(self, frame: int, change: str, setting: str, value: object) -> VidcolorError:
        return VidcolorError(
            f"{self._film.path}: {change}: colour the parts (`end` {frame}; `start` {frame} with "
            f"`{setting}={value}`), or decide for the whole film with `{setting}`"
        )

    def _check_shape(self, facts: Facts, first: Facts, place: str) -> None:
        pairs: tuple[tuple[str, object, object], ...] = (
            ("pixel aspect", facts.aspect, first.aspect or self._film.sample_aspect_ratio),
            ("rotation", facts.rotation, self._film.rotation),
        )
        for name, now, before in pairs:
            if now == before or None in (now, before):
                continue
            change = f"{name} {now} from {place} on, {before} before"
            if not self._skip:
                raise VidcolorError(
                    f"{self._film.path}: {change}: cut the film there and colour the parts; "
                    "`on_error=skip` keeps the first value"
                )
            self._note(name, change)

    def _note(self, what: str, words: str) -> None:
        self._changes.setdefault(what, words)

    def extras(self) -> Extras:
        """What all frames had."""
        order = self._film.field_order
        if order in ("tff", "bff") and not self._fields["tff"] + self._fields["bff"]:
            self._note("fields", f"field order {order} of the container, whose frames are progressive")
        return Extras(dict(self._fields), dict(self._data), tuple(self._changes.values()))


def _worth_naming(facts: Facts, first: Facts) -> list[str]:
    """Types of a frame's side data, without MPEG-2 group time codes that merely count from the film's start."""
    start = int.from_bytes(first.side_data.get("GOP_TIMECODE", b""), sys.byteorder) & _TIMECODE_DIGITS
    return [kind for kind in facts.side_data if kind != "GOP_TIMECODE" or start]
