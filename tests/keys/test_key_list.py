"""Keys from lists and folders, and which shots they serve."""

from fractions import Fraction

import pytest
from media import write_key

from vidcolor.errors import VidcolorError
from vidcolor.keys.key_list import from_files, keys_of_shots, own_keys, read_refs
from vidcolor.keys.picture import load_key

# --- lists ---


def test_a_list_is_read(tmp_path):
    write_key(tmp_path / "a.png")
    (tmp_path / "sub").mkdir()
    write_key(tmp_path / "sub" / "b.png")
    (tmp_path / "refs.csv").write_text(
        "\ufeffframe,reference,weight\n3, a.png,\n\n17,sub/b.png,2.5\n", encoding="utf-8"
    )
    keys = read_refs(tmp_path / "refs.csv")
    assert [(key.path, key.place, key.weight) for key in keys] == [
        (tmp_path / "a.png", 3, 1.0),
        (tmp_path / "sub" / "b.png", 17, 2.5),
    ]


def test_timecodes_and_scenes_are_read(tmp_path):
    write_key(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("reference;timecode\na.png;00:00:01.500\na.png;2s\n")
    assert [key.place for key in read_refs(tmp_path / "t.csv")] == [Fraction(3, 2), Fraction(2)]
    (tmp_path / "s.csv").write_text("scene,reference\n2,a.png\n")
    assert [(key.place, key.scene) for key in read_refs(tmp_path / "s.csv")] == [(None, 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("frame,reference\nx,a.png\n", ["row 2", '"frame"']),
        ("frame,reference\n1,a.png\n-1,a.png\n", ["row 3", '"frame"']),
        ("scene,reference\n0,a.png\n", ["row 2", '"scene"']),
        ("timecode,reference\n1:99,a.png\n", ["row 2", '"timecode"']),
        ("frame,reference\n1,\n", ["row 2", '"reference"']),
        ("frame,reference\n1,missing.png\n", ["row 2", '"reference"', "missing.png"]),
        ("frame,reference\n1,refs.csv\n", ["row 2", '"reference"', "not a picture"]),
        ("frame,reference,weight\n1,a.png,0\n", ["row 2", '"weight"']),
        ("frame,reference,weight\n1,a.png,nan\n", ["row 2", '"weight"']),
        ("frame,reference\n1,a.png,7\n", ["row 2", "column 3"]),
        ("frame,scene,reference\n1,1,a.png\n", ["header", "frame and scene"]),
        ("place,reference\n1,a.png\n", ["header", "frame, timecode, scene", "has place and reference"]),
        ('frame,reference,note\n1,a.png,"open\n2,a.png,x\n', ["line 2", "quotation mark"]),
        ('frame,reference\n1,"a.png"b\n', ["line 2", "quotation mark"]),
        ("frame,picture\n1,a.png\n", ["header", '"reference"']),
        ("frame,reference\n", ["no reference"]),
        ("", ["header"]),
    ],
)
def test_a_bad_list_names_row_and_column(tmp_path, text: str, words: list[str]):
    write_key(tmp_path / "a.png")
    (tmp_path / "refs.csv").write_text(text)
    with pytest.raises(VidcolorError) as error:
        read_refs(tmp_path / "refs.csv")
    assert all(word in str(error.value) for word in words), error.value
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("first", ["", "sep=;\r\n"])
def test_a_list_as_a_spreadsheet_with_decimal_commas_writes_it(tmp_path, first: str):
    write_key(tmp_path / "a.png")
    (tmp_path / "refs.csv").write_text(first + "frame;reference;weight\r\n3;a.png;0,5\r\n7;a.png;\r\n", "utf-8-sig")
    assert [(key.place, key.weight) for key in read_refs(tmp_path / "refs.csv")] == [(3, 0.5), (7, 1.0)]
    rows = (tmp_path / "refs.csv").read_text("utf-8").replace("7;", "x;")
    (tmp_path / "refs.csv").write_text(rows, "utf-8")
    with pytest.raises(VidcolorError, match=f"row {4 if first else 3}, "):
        read_refs(tmp_path / "refs.csv")


def test_a_folder_is_read_by_the_numbers_in_names(tmp_path):
    for name in ("ref_000123.png", "0000874_out.png", "v2_ref_000009.jpg"):
        write_key(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a key")
    assert [(key.place, key.path.name) for key in read_refs(tmp_path)] == [
        (9, "v2_ref_000009.jpg"),
        (123, "ref_000123.png"),
        (874, "0000874_out.png"),
    ]


def test_a_name_without_a_number_is_an_error(tmp_path):
    write_key(tmp_path / "ref_000123.png")
    write_key(tmp_path / "ref_nnnnnn.jpg")
    with pytest.raises(VidcolorError, match=r"ref_nnnnnn\.jpg"):
        read_refs(tmp_path)


def test_missing_and_broken_pictures_are_errors(tmp_path):
    with pytest.raises(VidcolorError, match="no such file"):
        from_files([tmp_path / "none.png"])
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(VidcolorError, match="not a picture"):
        from_files([tmp_path / "text.png"])
    write_key(tmp_path / "cut.png", 200, 200)
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:3000])
    with pytest.raises(VidcolorError, match="broken"):
        load_key(tmp_path / "cut.png")


def test_which_shot_a_key_serves():
    shots = [(0, 10), (10, 20), (20, 30), (30, 40), (40, 50)]
    assert own_keys([15, None, 39, 31], shots) == [[], [0], [], [2, 3], []]
    assert keys_of_shots([[], [0], [], [1, 2], []]) == [[0], [0], [0, 1, 2], [1, 2], [0, 1, 2]]
    assert keys_of_shots([[1], [], [], [], [0]]) == [[1], [1, 0], [1, 0], [1, 0], [0]]
    assert keys_of_shots([[0], [1], [2], [], [], [3], [4]])[3:5] == [[1, 2, 3]] * 2, "two before, one after"
    assert keys_of_shots([[], []]) == [[], []]


# --- pictures ---


def test_timecodes_that_count_frames_are_read(tmp_path):
    write_key(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("timecode,reference\n00:00:01:12,a.png\n00:01:00;02,a.png\n00:00:02.500,a.png\n")
    keys = read_refs(tmp_path / "t.csv", Fraction(30000, 1001))
    assert [key.place for key in keys] == [Fraction(42 * 1001, 30000), Fraction(1800 * 1001, 30000), Fraction(5, 2)]
    assert [str(key.counted) for key in keys] == ["00:00:01:12", "00:01:00;02", "None"]
    with pytest.raises(VidcolorError, match=r"row 3, column .timecode..*drop-frame"):
        read_refs(tmp_path / "t.csv", Fraction(25))


def test_numbered_files_that_are_no_keys_are_named(tmp_path, capsys):
    write_key(tmp_path / "000003.png")
    write_key(tmp_path / "9.png")
    (tmp_path / "9.png").rename(tmp_path / "000009")
    for name in ("000003.psd", "000020.exr", "k_000021.KRA", "000022.heic", "Thumbs.db", ".DS_Store", "000004.txt"):
        (tmp_path / name).write_bytes(b"not a picture")
    (tmp_path / "000005.png").mkdir()
    keys = read_refs(tmp_path)
    assert [(key.place, key.path.name) for key in keys] == [(3, "000003.png"), (9, "000009")]
    said = capsys.readouterr().err
    assert "000003.psd (000003.png is used)" in said
    for name in ("000020.exr", "k_000021.KRA", "000022.heic"):
        assert f"{name} (cannot be read, save it as PNG or TIFF)" in said
    for name in ("Thumbs", "DS_Store", "000004.txt", "000005"):
        assert name not in said
    (tmp_path / "000003.png").unlink()
    (tmp_path / "000009").unlink()
    with pytest.raises(VidcolorError, match=r"no key, but .*000003\.psd"):
        read_refs(tmp_path)


def test_keys_for_one_frame_are_named(tmp_path, capsys):
    for name in ("000003.png", "k3.jpg", "4.png"):
        write_key(tmp_path / name)
    read_refs(tmp_path)
    assert "000003.png and k3.jpg are both for frame 3" in capsys.readouterr().err
    (tmp_path / "t.csv").write_text("frame,reference\n7,4.png\n3,k3.jpg\n7,000003.png\n")
    read_refs(tmp_path / "t.csv")
    assert "4.png and 000003.png are both for frame 7" in capsys.readouterr().err
