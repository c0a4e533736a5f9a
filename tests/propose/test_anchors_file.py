"""The file that a restorer edits: what is written comes back, and what is wrong is named."""

import numpy as np
import pytest

from vidcolor.color.lab import rgb_to_lab
from vidcolor.errors import VidcolorError
from vidcolor.propose.anchors_file import Anchor, hex_of, read, write

SIZE = (64, 96)


def test_what_is_written_is_read(tmp_path):
    anchors = [Anchor(12, 1, 0, 0, "#102030"), Anchor(12, 2, 95, 63, "#ffffff"), Anchor(3, 1, 5, 6, "#00ff00")]
    write(tmp_path / "a.csv", anchors)
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == ["frame,proposal,x,y,color", "12,1,0,0,#102030"]
    assert read(tmp_path / "a.csv", 13, SIZE) == anchors


def test_a_restorers_editor_may_write_it_otherwise(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffColor;X;Y;Frame;Proposal;note\n#AABBCC;1;2;3;1;sky\n\n")
    assert read(tmp_path / "a.csv", 13, SIZE) == [Anchor(3, 1, 1, 2, "#aabbcc")]


@pytest.mark.parametrize("ab", [(0.0, 0.0), (50.0, 30.0), (-40.0, 40.0), (20.0, -60.0), (5.0, -5.0)])
@pytest.mark.parametrize("l", [3.0, 50.0, 97.0])
def test_a_color_survives_as_text_at_any_lightness(l, ab):
    assert Anchor(0, 1, 0, 0, hex_of(l, ab)).ab == pytest.approx(ab, abs=1.5)


def test_the_lightness_is_kept_where_srgb_has_the_color():
    text = hex_of(62.0, (20.0, 10.0))
    rgb = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    assert rgb_to_lab(rgb).tolist() == pytest.approx([62, 20, 10], abs=0.5)


def test_a_color_that_srgb_lacks_keeps_its_hue():
    a, b = Anchor(0, 1, 0, 0, hex_of(50.0, (-100.0, -60.0))).ab
    assert np.degrees(np.arctan2(b, a)) == pytest.approx(np.degrees(np.arctan2(-60, -100)), abs=2)
    assert 20 < np.hypot(a, b) < 110


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", [":1:", "frame,proposal,x,y,color"]),
        ("frame,x,y,color\n", [":1:", "proposal"]),
        ("frame,proposal,x,y,color\n", ["no anchor"]),
        ("frame,proposal,x,y,color\n1,1,2,3,#112233\n13,1,2,3,#112233\n", [":3:", "frame", "0 to 12"]),
        ("frame,proposal,x,y,color\n1,4,2,3,#112233\n", [":2:", "proposal", "1 to 3"]),
        ("frame,proposal,x,y,color\n1,1,96,3,#112233\n", [":2:", 'x "96"', "0 to 95"]),
        ("frame,proposal,x,y,color\n1,1,2,-3,#112233\n", [":2:", 'y "-3"', "0 to 63"]),
        ("frame,proposal,x,y,color\n1,1,2,3,red\n", [":2:", "red", "#rrggbb"]),
        ("frame,proposal,x,y,color\n1,1,2,3\n", [":2:", "#rrggbb"]),
        ("frame,proposal,x,y,color\n1,1,2,3,#112233\n1,1,2,3,#112234\n", [":3:", "row 2", "delete"]),
        (
            "frame,proposal,x,y,color\n" + "".join(f"1,1,{n},3,#112233\n" for n in range(15)),
            [":16:", "more than 14", "delete"],
        ),
    ],
)
def test_bad_rows_are_named(tmp_path, text, words):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(VidcolorError) as error:
        read(path, 13, SIZE)
    assert all(word in str(error.value) for word in ["a.csv", *words]), error.value
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(VidcolorError, match="-o"):
        write(tmp_path / "none" / "a.csv", [])
    with pytest.raises(VidcolorError, match="`anchors`"):
        read(tmp_path / "none.csv", 3, SIZE)
