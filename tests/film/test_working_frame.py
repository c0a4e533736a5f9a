"""The working frame: its size."""

from fractions import Fraction

import pytest
from media import film_of

from vidcolor.film.working_frame import working_size


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [((854, 480), 1, (256, 448)), ((480, 854), 1, (448, 256)), ((720, 576), Fraction(16, 11), (256, 480)),
     ((64, 64), 1, (256, 256)), ((1, 100), 1, (2048, 256)), ((16, 1), 1, (256, 2048))],
)  # fmt: skip
def test_working_size(size, aspect, expected):
    film = film_of(width=size[0], height=size[1], sample_aspect_ratio=Fraction(aspect))
    assert working_size(film, 256) == expected
