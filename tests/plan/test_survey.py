"""One look at the whole film, or a part of it."""

from fractions import Fraction

import pytest
from media import write_film, write_images, write_key
from PIL import Image
from planning import plan_of, planned

from vidcolor.errors import VidcolorError
from vidcolor.plan.identity import film_identity
from vidcolor.plan.request import Request
from vidcolor.settings import Settings


def test_a_part_of_the_film(folder):
    plan = plan_of(folder, start=5, end=Fraction(15, 24))
    assert (plan.first, plan.stop) == (5, 15)
    assert [(u.first, u.stop, u.warm_first, u.warm_stop) for u in plan.units] == [(5, 10, 0, 10), (10, 15, 10, 17)]
    with pytest.raises(VidcolorError, match="`start`"):
        plan_of(folder, start=24)
    with pytest.raises(VidcolorError, match="`end`"):
        plan_of(folder, start=8, end=8)


def test_a_film_of_images(tmp_path):
    write_images(tmp_path / "scan", 12, cuts=(6,))
    write_key(tmp_path / "key.png")
    request = Request(tmp_path / "scan", ref=(tmp_path / "key.png",), fps=Fraction(18))
    plan = planned(request)
    assert plan.shots == ((0, 6), (6, 12))
    assert plan.out == tmp_path / "scan.color.mkv"
    before = film_identity(plan.film)
    Image.new("L", (96, 64), 7).save(tmp_path / "scan" / "frame_0012.png")
    assert film_identity(plan.film) != before


def test_interlaced_film_is_refused_with_the_remedy(folder):
    write_film(folder / "film.mkv", 12, codec="libx264", interlaced="tff")
    (folder / "refs.csv").write_text("frame,reference\n2,a.png\n")
    with pytest.raises(VidcolorError, match="`allow_interlaced`"):
        plan_of(folder)
    assert len(plan_of(folder, Settings(allow_interlaced=True)).pts) == 12
