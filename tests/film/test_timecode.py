"""Timecodes that count frames, drop-frame too, on films of constant and variable rate."""

from fractions import Fraction

import numpy as np
import pytest

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import (
    Label,
    counted_from,
    counted_rate,
    frame_at,
    frame_shown,
    has_constant_rate,
    label,
    parse_point,
)

NTSC = Fraction(30000, 1001)


def frame_of(text: str, rate: Fraction, first: int | Label | None = None) -> Fraction:
    """Frames from the first one, of a film of constant rate."""
    return counted_from(parse_point(text), rate, first) * rate


@pytest.mark.parametrize(
    ("text", "rate", "frame"),
    [
        ("00:00:00:00", Fraction(24), 0),
        ("00:00:01:23", Fraction(24), 47),
        ("01:00:00:00", Fraction(25), 90_000),
        ("01:00:00:00", Fraction(24000, 1001), 86_400),  # counts in 24: later than the clock by 3.6 s
        ("00:01:00:00", NTSC, 1800),
        ("00:01:00;02", NTSC, 1800),
        ("00:00:59;29", NTSC, 1799),
        ("00:10:00;00", NTSC, 17_982),
        ("01:00:00;00", NTSC, 107_892),
        ("00:01:00;04", NTSC * 2, 3600),
        ("00:00:01:99", Fraction(100), 199),
        ("00:00:00:119", Fraction(120), 119),
        ("00:00:02:03", Fraction(25, 2), 28),  # 12.5: a second begins with the first frame that starts in it
    ],
)
def test_frames_of_timecodes(text, rate, frame):
    assert frame_of(text, rate) == frame
    assert str(parse_point(text)) == text


@pytest.mark.parametrize(
    ("text", "rate", "words"),
    [
        ("00:00:01:24", Fraction(24), "frame 24 of a second, but the film has 24"),
        ("00:00:01:30", NTSC, "frame 30 of a second"),
        ("00:00:01;10", Fraction(25), "drop-frame"),
        ("00:00:01;10", Fraction(30), "drop-frame"),
        ("00:01:00;01", NTSC, "skips this number"),
        ("00:01:00;03", NTSC * 2, "skips this number"),
    ],
)
def test_there_are_no_such_timecodes(text, rate, words):
    with pytest.raises(VidcolorError, match=words):
        frame_of(text, rate)


@pytest.mark.parametrize("rate", [24, 25, 30, 50, 60, NTSC, NTSC * 2, Fraction(24000, 1001), Fraction(25, 2), 16])
def test_what_sheets_print_is_read_back(rate):
    rate = Fraction(rate)
    for base in (1 / rate, Fraction(1, 1000), Fraction(1, 90_000)):
        pts = np.array([round(n / rate / base) for n in range(4000)])
        assert has_constant_rate(pts, base, rate)
        for frame in [*range(200), *range(1780, 1830), 3599, 3600, 3999]:
            point = counted_from(parse_point(label(int(pts[frame]) * base, rate)), rate, None)
            assert frame_shown(point, pts, base) == frame_at(point, pts, base) == frame


def test_a_variable_rate_is_noticed_and_printed_as_time():
    pts = np.array([0, 1, 2, 10, 11, 13])
    assert not has_constant_rate(pts, Fraction(1, 24), Fraction(24))
    assert label(Fraction(10, 24), Fraction(24)) == "00:00:00:10"
    assert label(Fraction(103, 1000), Fraction(24)) == "00:00:00.103"
    held = counted_from(parse_point("00:00:00:06"), Fraction(24), None)
    assert frame_shown(held, pts, Fraction(1, 24)) == 2


def test_the_films_own_timecode_counts_where_it_is_given():
    first = parse_point("01:00:00:00")
    assert frame_of("01:00:02:05", Fraction(24), first) == 53
    with pytest.raises(VidcolorError, match="00:59:59:00 lies before the film's first frame, 01:00:00:00"):
        counted_from(parse_point("00:59:59:00"), Fraction(24), first)
    assert counted_from(3, Fraction(24), 1) == 2
    with pytest.raises(VidcolorError, match="0 lies before"):
        counted_from(0, Fraction(24), 1)


@pytest.mark.parametrize(
    ("mean", "grid", "counted"),
    [
        (Fraction(24), Fraction(24), 24),
        (Fraction(25), Fraction(50), 25),  # fields
        (Fraction(80, 3), Fraction(24), 24),  # few frames, the last of no length
        (Fraction(17), Fraction(24), 17),
        (Fraction(87, 10), NTSC, NTSC),  # gaps
        (Fraction(87, 10), Fraction(90_000), Fraction(87, 10)),
    ],
)
def test_the_rate_that_timecodes_count_at(mean, grid, counted):
    class Film:
        frame_rate, base_rate = mean, grid

    assert counted_rate(Film()) == counted


def test_decimal_commas_are_read():
    assert parse_point("00:00:01,500") == parse_point("1,5s") == parse_point("1,5") == Fraction(3, 2)


@pytest.mark.parametrize(
    ("text", "frames", "rate", "later"),
    [
        ("01:00:00:05", 20, Fraction(24), "01:00:01:01"),
        ("23:59:59:23", 1, Fraction(24000, 1001), "00:00:00:00"),
        ("00:00:59;28", 2, Fraction(30000, 1001), "00:01:00;02"),
        ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
    ],
)
def test_a_timecode_some_frames_later(text: str, frames: int, rate: Fraction, later: str) -> None:
    label = parse_point(text)
    assert isinstance(label, Label) and str(label.later(frames, rate)) == later
