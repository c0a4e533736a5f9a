"""A plan in words."""

from __future__ import annotations

from vidcolor.film.timecode import timecode
from vidcolor.plan import keyless
from vidcolor.plan.plan import KeyUse, Plan
from vidcolor.text import plural


def describe(plan: Plan) -> list[str]:
    """A plan in lines of text: film, result, shots, units and their keys."""
    from vidcolor.encode.format import output_format

    film, base = plan.film, plan.film.time_base
    fmt = output_format(film, plan.settings, plan.out)
    read = " scanned" if plan.stop < len(plan.pts) else ""  # the film may be longer: the scan stops after the last key
    lines = [
        f"film    {film.path}: {plural(len(plan.pts), 'frame')}{read}, {film.width}x{film.height} {film.pix_fmt} "
        f"{float(film.frame_rate):.3f} fps, {film.matrix} {'full' if film.full_range else 'limited'} range",
        f"result  {plan.out}: {plural(plan.stop - plan.first, 'frame')} ({plan.first} to {plan.stop - 1}), {fmt}",
        f"shots   {len({unit.shot for unit in plan.units})} in {plural(len(plan.units), 'unit')}",
        *([f"keyless {words}"] if (words := keyless.words(plan)) else []),
    ]
    for unit in plan.units:
        a, b = plan.shots[unit.shot]
        seconds = (int(plan.pts[unit.first]) - int(plan.pts[0])) * base
        done = ", finished" if plan.unit_path(unit).exists() else ""
        lines.append(
            f"unit {unit.index}: frames {unit.first} to {unit.stop - 1} at {timecode(seconds)}, "
            f"shot {unit.shot + 1} ({a} to {b - 1}){done}"
        )
        elsewhere = "" if unit.own_key else ", not of this shot"
        lines += [f"    {describe_key(key)}{elsewhere}" for key in unit.keys]
    return lines


def describe_key(key: KeyUse) -> str:
    """A key of a unit in words."""
    weight = "" if key.weight == 1 else f", weight {key.weight:g}"
    if key.painted:
        moved = "" if key.align is None else ", cropped or shifted: brought into place"
        return f"{key.path}: painted frame {key.frame}{weight}{moved}"
    place = "" if key.frame is None else f" for frame {key.frame}"
    return f"{key.path}: plain reference{place}{weight}"
