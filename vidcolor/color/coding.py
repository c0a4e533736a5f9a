"""How a film codes its colours: matrix, depth and range of the code values, siting of chroma (ISO/IEC 23091-2)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Matrix(NamedTuple):
    """A YCbCr matrix."""

    kr: float
    """Weight of R' in luma."""
    kb: float
    """Weight of B' in luma."""
    numbers: tuple[int, ...]
    """MatrixCoefficients that mean it; the first is the one that is written."""


MATRICES = {
    "bt601": Matrix(0.299, 0.114, (6, 5)),
    "bt709": Matrix(0.2126, 0.0722, (1,)),
    "bt2020": Matrix(0.2627, 0.0593, (9, 10)),
    "smpte240m": Matrix(0.212, 0.087, (7,)),
    "fcc": Matrix(0.30, 0.11, (4,)),
}
"""By name. BT.2020 means its non-constant-luminance form."""


def matrix_of(number: int) -> str | None:
    """Name of the matrix that a MatrixCoefficients number means; None for those not supported, and for 2 (unsaid)."""
    return next((name for name, matrix in MATRICES.items() if number in matrix.numbers), None)


class Coding(NamedTuple):
    """Matrix, depth and range of a film: what its code values mean."""

    matrix: str
    """One of `MATRICES`."""
    depth: int
    """Bits of a code value, 8 to 16."""
    full_range: bool
    """Whether black is code 0 and white the largest; else 16 and 235, scaled to the depth."""

    @property
    def top(self) -> int:
        """The largest code value."""
        return (1 << self.depth) - 1

    @property
    def black(self) -> int:
        """Code value of luma 0."""
        return 0 if self.full_range else 16 << (self.depth - 8)

    @property
    def white(self) -> int:
        """Code value of luma 1."""
        return self.top if self.full_range else 235 << (self.depth - 8)

    @property
    def neutral(self) -> int:
        """Code value of Cb and Cr 0."""
        return 1 << (self.depth - 1)

    @property
    def chroma_span(self) -> int:
        """Code values between Cb or Cr -0.5 and 0.5."""
        return self.top if self.full_range else 224 << (self.depth - 8)


def code_type(depth: int) -> type[np.uint8] | type[np.uint16]:
    """What code values of a depth are held in."""
    return np.uint8 if depth == 8 else np.uint16


class Siting(NamedTuple):
    """Where chroma samples lie among those of luma."""

    name: str
    """As FFmpeg calls it."""
    x: float
    """Of the first chroma sample, in luma pixels."""
    y: float
    """Likewise."""


SITINGS = (
    Siting("unspecified", 0.0, 0.5),  # taken for left
    Siting("left", 0.0, 0.5),  # MPEG-2 and later
    Siting("center", 0.5, 0.5),  # MPEG-1, JPEG
    Siting("topleft", 0.0, 0.0),
    Siting("top", 0.5, 0.0),
    Siting("bottomleft", 0.0, 1.0),
    Siting("bottom", 0.5, 1.0),
)
"""By number: 0, and Chroma420SampleLocType plus 1, which is FFmpeg's AVChromaLocation."""


def siting_of(number: int) -> Siting:
    """The siting that a number means, `SITINGS[0]` for an unknown one."""
    return SITINGS[number] if 0 <= number < len(SITINGS) else SITINGS[0]
