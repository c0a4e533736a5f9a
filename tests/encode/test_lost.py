"""What a film has and its result will not have, in words."""

from __future__ import annotations

from media import film_of

from vidcolor.encode.format import output_format
from vidcolor.encode.lost import lost
from vidcolor.film.changes import Extras
from vidcolor.settings import Settings


def test_what_a_result_cannot_hold_is_named() -> None:
    film = film_of(codec="qtrle", pix_fmt="argb")
    extras = Extras(fields={}, data={"A53_CC": 3, "ICC_PROFILE": 1})
    kept, without = (output_format(film, Settings(codec=codec), "out.mkv") for codec in ("x264", "ffv1"))
    assert lost(film, kept, extras) == ["the alpha channel", "ICC profile of 1 frame"]
    assert lost(film, without, extras)[1] == "closed captions (A53) of 3 frames (x264 and x265 keep them)"
