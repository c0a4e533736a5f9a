"""A plan in words."""

from planning import plan_of

from vidcolor.plan.describe import describe


def test_the_plan_in_words(folder):
    words = "\n".join(describe(plan_of(folder)))
    assert "unit 2: frames 17 to 23" in words
    assert "a.png: plain reference for frame 2" in words
    assert "film.color.mkv: 24 frames (0 to 23), ffv1 yuv420p in matroska" in words
