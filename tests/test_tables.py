"""CSV as spreadsheets write it."""

from vidcolor.tables import read_table


def test_rows_are_counted_as_editors_show_them(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n\n1,"x\ny"\n2,z\n')
    assert [number for number, _ in read_table(tmp_path / "t.csv", "list")] == ["1", "3", "4 (line 5)"]
