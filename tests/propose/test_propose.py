"""`vidcolor propose`, and films without any reference, end to end with the shipped weights."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from vidcolor.cli import main
from vidcolor.color.delta_e import ciede2000
from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.ycbcr import rgb_to_ycbcr
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.propose.proposer import DIFFERENT


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def edited(path, change):
    """The file with a change made to its rows (dicts)."""
    table = rows(path)
    table = change(table) or table
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, ["frame", "proposal", "x", "y", "color"])
        out.writeheader()
        out.writerows(table)


@pytest.mark.slow
def test_proposals_of_a_film(film, capsys):
    assert main.main(["propose", "film.mkv", "-o", "p", "--anchors-per-frame", "5", "--device", "cpu"]) == 0
    assert "2 frames in 3 versions" in capsys.readouterr().out
    made = contents(film.parent / "p")
    frames = sorted({row["frame"] for row in rows(film.parent / "p" / "anchors.csv")}, key=int)
    assert [0 <= int(frames[0]) < 8, 8 <= int(frames[1]) < 16] == [True, True] and len(frames) == 2
    names = [f"{n}/{int(frame):06d}.png" for n in (1, 2, 3) for frame in frames]
    assert sorted(made) == sorted([*names, "anchors.csv", "sheet.png"])
    table = rows(film.parent / "p" / "anchors.csv")
    for frame in frames:
        for number in "123":
            own = [row for row in table if (row["frame"], row["proposal"]) == (frame, number)]
            assert 3 <= len(own) <= 5
            assert len({(row["x"], row["y"]) for row in own}) == len(own)

    for frame in frames:  # luma untouched, and three clearly different versions
        luma = next(iter(read(probe(film), int(frame), int(frame) + 1))).luma
        versions = []
        for number in (1, 2, 3):
            bgr = cv2.imread(str(film.parent / "p" / str(number) / f"{int(frame):06d}.png"))
            rgb = bgr[..., ::-1].astype(np.float32) / 255
            assert rgb.shape == (*luma.shape, 3)
            y = rgb_to_ycbcr(rgb, "bt601")[0] * 219 + 16
            assert np.abs(y - luma).max() <= 1
            versions.append(rgb_to_lab(rgb))
        for n in range(3):
            assert ciede2000(versions[n], versions[n - 1]).mean() > DIFFERENT - 0.3  # 8 bits, other pixels
    assert main.main(["film.mkv", "--refs", "p"]) == 2
    assert "such as --refs p/1" in capsys.readouterr().err
    assert main.main(["film.mkv", "--ref", "p/sheet.png"]) == 2
    assert "contact sheet" in capsys.readouterr().err
    # the same again gives the same bits; an existing folder is refused, and replaced with -y
    assert main.main(["propose", "film.mkv", "-o", "p", "-q"]) == 2
    assert "p: exists already; replace its proposals with -y" in capsys.readouterr().err
    (film.parent / "p" / "1" / "000099.png").write_bytes(made[names[0]])  # from an earlier run
    assert main.main(["propose", "film.mkv", "-o", "p", "--anchors-per-frame", "5", "-qy", "--device", "cpu"]) == 0
    assert contents(film.parent / "p") == made
    # pictures are made again from the file: the same ones, and after a change another one
    csv_path = film.parent / "p" / "anchors.csv"
    again = ["propose", "film.mkv", "-o", "p", "--anchors", "p/anchors.csv", "-q", "--device", "cpu"]
    assert main.main(again) == 0
    assert contents(film.parent / "p") == made

    # what a restorer painted is neither replaced nor removed, with -y or without
    painted, other = film.parent / "p" / names[0], film.parent / "p" / "2" / "000077.png"
    cv2.imwrite(str(painted), 255 - cv2.imread(str(painted)))
    for line in (again, [*again[:4], "-qy"]):
        before = contents(film.parent / "p")
        assert main.main(line) == 2
        assert f"{names[0]}: not as vidcolor wrote it" in capsys.readouterr().err
        assert contents(film.parent / "p") == before
    painted.write_bytes(made[names[0]])
    cv2.imwrite(str(other), cv2.imread(str(painted)))
    assert main.main([*again[:4], "-qy"]) == 2
    other.unlink()

    def redder(table):
        table[0]["color"] = "#e01010"

    edited(csv_path, redder)
    own = csv_path.read_bytes()
    assert (
        main.main([*again[:4], "--anchors-per-frame", "5", "-qy", "--device", "cpu"]) == 0
    )  # edited rows are not lost
    assert "anchors.csv: the earlier rows are kept as anchors-1.csv" in capsys.readouterr().err
    assert (csv_path.with_name("anchors-1.csv").read_bytes(), contents(film.parent / "p" / "1")) == (
        own,
        {name.partition("/")[2]: data for name, data in made.items() if name.startswith("1/")},
    )
    csv_path.with_name("anchors-1.csv").replace(csv_path)
    assert main.main(again) == 0
    after = contents(film.parent / "p")
    assert {name for name in made if made[name] != after[name]} == {"anchors.csv", "sheet.png", names[0]}
    edited(csv_path, lambda table: [row for row in table if row["proposal"] == "2"][:1])
    assert main.main(again) == 0
    assert contents(film.parent / "p")[names[0]] == after[names[0]]  # not in the file: left alone


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("film.mkv --proposals 4", ["--proposals 4", "1 to 3"]),
        ("film.mkv --anchors-per-frame 2", ["--anchors-per-frame 2", "3 to 14"]),
        ("film.mkv -o film.mkv", ["film.mkv", "a file"]),
        ("film.mkv -o none/p", ["none"]),
        ("film.mkv --anchors none.csv", ["none.csv"]),
        ("film.mkv --anchors bad.csv", ["bad.csv:2", "frame", "0 to 15"]),
        ("none.mkv", ["none.mkv"]),
        ("film.mkv --start 99", ["--start", "16 frames"]),
        ("film.mkv --device none", ["--device none"]),
    ],
)
def test_errors_are_one_line(film, capsys, line, words):
    (film.parent / "bad.csv").write_text("frame,proposal,x,y,color\n16,1,2,3,#112233\n")
    before = contents(film.parent)
    assert main.main(["propose", *line.split(), "-q"]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said and said.startswith("vidcolor: ") and all(word in said for word in words), said
    assert contents(film.parent) == before


def test_one_proposal_of_a_part(film):
    line = ["propose", "film.mkv", "--proposals", "1", "--start", "9", "--end", "13", "-q", "--device", "cpu"]
    assert main.main(line) == 0
    made = contents(film.parent / "film.proposed")
    (frame,) = {int(row["frame"]) for row in rows(film.parent / "film.proposed" / "anchors.csv")}
    assert 9 <= frame < 13 and sorted(made) == [f"1/{frame:06d}.png", "anchors.csv", "sheet.png"]
