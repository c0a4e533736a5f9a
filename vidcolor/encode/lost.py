"""What a film has and its result will not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av

from vidcolor.encode.codecs import names_with
from vidcolor.encode.format import OutputFormat
from vidcolor.errors import warn
from vidcolor.film.changes import Extras
from vidcolor.film.container import open_film
from vidcolor.film.film import Film
from vidcolor.film.side_data import NAMES
from vidcolor.text import listed, plural


def say_lost(film: Film, fmt: OutputFormat, extras: Extras, out: Path) -> None:
    """Name in one line what the result `out` in the format `fmt` will not have."""
    if found := lost(film, fmt, extras):
        warn(f"{out.name}: not kept: {'; '.join(found)}")


def lost(film: Film, fmt: OutputFormat, extras: Extras) -> list[str]:
    """The `extras` of the film that a result in the format `fmt` will not have, in words."""
    found = [*extras.changes, *(["the alpha channel"] if _has_alpha(film.pix_fmt) else [])]
    for kind, count in extras.data.items():
        if _kept(kind, film, fmt):
            continue
        name = NAMES.get(kind, f"side data {kind}")
        remedy = f" ({listed(names_with(lambda codec: codec.captions))} keep them)" if kind == "A53_CC" else ""
        if not any(name in one for one in found):
            found.append(f"{name} of {plural(count, 'frame')}{remedy}")
    return [*found, *_lost_flags(fmt, extras)]


def _kept(kind: str, film: Film, fmt: OutputFormat) -> bool:
    """Whether a result has side data of this type, or needs none."""
    match kind:
        case "A53_CC":
            return fmt.row.captions
        case "MASTERING_DISPLAY_METADATA":
            return bool(film.mastering_display)
        case "CONTENT_LIGHT_LEVEL":
            return bool(film.content_light)
        case "STEREO3D":
            return fmt.container == "matroska" and _has_stereo_tag(film)
        case "TYPE_31":  # EXIF: a scanner's notes on one picture do not belong to the film
            return film.kind == "images"
    return False


def _lost_flags(fmt: OutputFormat, extras: Extras) -> Iterator[str]:
    """Field flags that an encoder replaces by those of the whole result."""
    if fmt.field_order == "progressive" or fmt.row.fields == "frame":
        return
    for order in ("progressive", "tff", "bff"):
        count = extras.fields.get(order, 0)
        if not count or order == fmt.field_order or (fmt.row.fields == "order" and order != "progressive"):
            continue
        yield (
            f"the flag {order} of {plural(count, 'frame')}: {fmt.codec} makes them {fmt.field_order} "
            "(`codec=ffv1` keeps it)"
        )


def _has_alpha(pix_fmt: str) -> bool:
    form = av.VideoFormat(pix_fmt, 16, 16)
    return not form.has_palette and any(part.is_alpha for part in form.components)


def _has_stereo_tag(film: Film) -> bool:
    """Whether the film's container has the arrangement, so that it is copied as a tag."""
    if film.kind == "images":
        return False
    with open_film(film.path) as container:
        return "stereo_mode" in container.streams[film.stream].metadata
