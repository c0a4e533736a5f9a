"""What a decoded frame carries beside its pixels. libav has more types of it than PyAV has names for."""

from __future__ import annotations

from typing import Any

from av.sidedata.sidedata import Type


def _nameless(cls: Any, number: int) -> Any:
    member = object.__new__(cls)
    member._name_, member._value_ = f"TYPE_{number}", number
    return member


# PyAV 18 looks every type of a frame up as soon as one is asked for, and raises ValueError at the first that it does
# not know: EXIF (31) of TIFF, PNG, JPEG and WebP, the views of MV-HEVC, and whatever libav adds next.
Type._missing_ = classmethod(_nameless)  # type: ignore[assignment]


def side_data(frame: Any, kind: str) -> bytes | None:
    """The bytes of a frame's side data of one type, None where it has none. kind: PyAV's name, e.g. `DISPLAYMATRIX`."""
    data = frame.side_data.get(Type[kind])
    return None if data is None else bytes(data)
