"""What is checked before the film is read."""

import torch
from planning import plan_of

from vidcolor.models import precision
from vidcolor.settings import Settings


def test_a_plan_says_what_its_units_compute_in(folder):
    """So that machines of a farm do not mix; another precision makes other units."""
    exact, reduced = (plan_of(folder, settings=Settings(precision=name)) for name in ("float32", "bfloat16"))
    assert (exact.settings.precision, reduced.settings.precision) == ("float32", "bfloat16")
    assert exact.units[0].content_hash != reduced.units[0].content_hash
    assert plan_of(folder).settings.precision == precision.name(precision.choose(torch.device("cpu")))
