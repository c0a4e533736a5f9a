"""`vidcolor propose`, and films without any reference, end to end with the shipped weights."""

import csv
import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from media import grey_frames, write_film

from vidcolor import api
from vidcolor.cli import main
from vidcolor.color.delta_e import ciede2000
from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.ycbcr import rgb_to_ycbcr
from vidcolor.errors import VidcolorError
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.models.anchors.model import Painter
from vidcolor.models.precision import pick_device
from vidcolor.plan.checks import check_request
from vidcolor.plan.request import Request
from vidcolor.plan.scan import scan
from vidcolor.plan.store import PROPOSED, load
from vidcolor.plan.survey import Survey, survey
from vidcolor.propose.anchors_file import Anchor, hex_of
from vidcolor.propose.keys import proposed_keys
from vidcolor.propose.proposer import DIFFERENT, Proposer, write_picture
from vidcolor.settings import Settings
from vidcolor.shots.representative import representative_frame


def landscapes(count=16, width=96, height=64):
    """A shot of a moving picture with sky, hills and a ball, and one of something else."""
    frames = []
    for n in range(count // 2):
        y, x = np.mgrid[:height, :width].astype(np.float32) * (256 / height)
        x = x + 2 * n
        luma = np.where(y < 110 + 15 * np.sin(x / 50), 200 - y / 3, 70 + y / 10)
        luma = np.where((y - 180) ** 2 + (x - 120) ** 2 < 45**2, 150 + (x - 120) / 3, luma)
        luma = luma + np.random.default_rng(n).normal(0, 3, luma.shape)
        frames.append(np.clip(luma, 16, 235).astype(np.uint8))
    return frames + grey_frames(count - len(frames), width, height, seed=3)


@pytest.fixture
def film(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "film.mkv", landscapes(), tags={"space": 6, "range": 1})
    return tmp_path / "film.mkv"


@pytest.fixture(scope="module")
def painter():
    return Painter(pick_device("cpu"))


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


def test_the_least_difference_is_kept(painter, film):
    found = probe(film)
    proposer = Proposer(found, painter)
    seen = proposer.see(representative_frame(found, scan(found).pts, (0, 8)))
    made = proposer.anchors(seen, 8)
    assert proposer.least_difference(seen, made) >= DIFFERENT
    same = [Anchor(a.frame, n, a.x, a.y, a.color) for n in (1, 2) for a in made if a.proposal == 1]
    assert proposer.least_difference(seen, same) == 0
    # what is written names the superpixels that were chosen, and colours that come back
    cells = painter.place(seen.analysis, 8)
    h, w = seen.owner.shape
    first = [a for a in made if a.proposal == 1]
    at = [int(seen.owner[int((a.y + 0.5) * h / 64), int((a.x + 0.5) * w / 96)]) for a in first]
    assert at == cells.tolist()
    wanted = painter.propose(seen.analysis, cells)[0]
    for anchor, ab in zip(first, wanted.tolist()):
        assert anchor.color == hex_of_near(anchor, ab)


def hex_of_near(anchor, ab):
    """The anchor's own text if its ab is what sRGB has of `ab`."""
    best = Anchor(0, 1, 0, 0, hex_of(50, ab)).ab
    return anchor.color if np.hypot(*(np.array(anchor.ab) - best)) < 2 else hex_of(50, ab)


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


@pytest.mark.slow
def test_a_film_without_reference(film, capsys, monkeypatch):
    """Coloured by what `propose` proposes, resumed with the same bits, and tidied up."""
    assert main.main(["propose", "film.mkv", "--proposals", "1", "-q", "--device", "cpu"]) == 0
    capsys.readouterr()
    options = ["film.mkv", "--size", "64", "--lossless", "-q", "--device", "cpu"]
    assert main.main([*options, "--dry-run"]) == 0
    said = capsys.readouterr()
    assert not list(film.parent.glob("*.vidcolor")) and said.out.count("painted frame") == 2
    assert "no reference: colours are proposed for 2 shots; vidcolor propose MOVIE shows" in said.err
    assert main.main([*options, "--keep-work", "-o", "a.mkv"]) == 0
    work = film.parent / "a.mkv.vidcolor"
    shown = {path.name: path.read_bytes() for path in (work / PROPOSED).glob("*.png")}
    proposed = film.parent / "film.proposed" / "1"
    assert shown == {path.name: path.read_bytes() for path in proposed.glob("*.png")} and len(shown) == 2

    # the same as a folder of keys: the same units
    assert main.main([*options, "--keep-work", "-o", "b.mkv", "--refs", str(proposed)]) == 0
    units = [sorted(p.name for p in (film.parent / f"{n}.mkv.vidcolor" / "units").iterdir()) for n in "ab"]
    assert units[0] == units[1] and len(units[0]) == 2
    assert planes(film.parent / "a.mkv") == planes(film.parent / "b.mkv")

    # again: nothing is looked at anew, nothing is coloured anew
    monkeypatch.setattr("vidcolor.propose.keys.representative_frame", lambda *_: pytest.fail("the pictures are there"))
    result = api.colorize(film, out=film.parent / "a.mkv", overwrite=True, lossless=True, size=64, device="cpu")
    assert result.reused == result.frames == 16
    assert not work.exists()


def test_a_farm_without_reference(film, capsys):
    line = ["plan", "film.mkv", "-o", "c.mkv", "--size", "64", "--lossless", "-q", "--device", "cpu"]
    assert main.main(line) == 0
    plan = load(film.parent / "c.plan.json")
    assert [unit.keys[0].painted for unit in plan.units] == [True, True]
    assert all(Path(unit.keys[0].path).is_file() for unit in plan.units)
    for n in (1, 0):
        assert main.main(["unit", "c.plan.json", str(n), "-q"]) == 0
    assert main.main(["join", "c.plan.json", "-q"]) == 0
    assert not (film.parent / "c.mkv.vidcolor").exists()
    assert colored(film.parent / "c.mkv")


def planes(path):
    """Every plane of every frame."""
    with av.open(str(path)) as container:
        return [bytes(plane) for frame in container.decode(video=0) for plane in frame.planes]


def colored(path):
    """Whether every frame has colour: Cb or Cr more than two codes off neutral on average."""
    found = [np.abs(np.frombuffer(plane, np.uint8).astype(float) - 128).mean() for plane in planes(path)]
    return all(max(found[n + 1 : n + 3]) > 2 for n in range(0, len(found), 3))


def test_other_films_and_seeds_get_pictures_of_their_own(film):
    def surveyed(**settings) -> Survey:
        (film.parent / "scenes.csv").write_text("Start Frame,End Frame\n1,16\n")
        request = Request(film, scenes=film.parent / "scenes.csv", out=film.parent / "w.mkv")
        return survey(check_request(request, Settings(device="cpu", **settings)))

    (first,) = proposed_keys(surveyed())
    path = Path(first.path)
    assert path.parent == film.parent / "w.mkv.vidcolor" / PROPOSED
    assert json.loads((path.parent / "proposed.json").read_text())["frames"] == {"0-16": first.frame}
    path.write_bytes(b"edited by hand")
    (kept,) = proposed_keys(surveyed())
    assert kept.path == first.path and path.read_bytes() == b"edited by hand" and kept.sha256 != first.sha256
    with pytest.raises(VidcolorError, match="not as vidcolor wrote it"):
        proposed_keys(surveyed(seed=5))
    assert path.read_bytes() == b"edited by hand"
    path.unlink()
    (anew,) = proposed_keys(surveyed(seed=5))
    assert anew.sha256 not in (first.sha256, kept.sha256)


def test_the_anchors_model_needs_no_pictures(film, capsys):
    options = ["film.mkv", "--model", "anchors", "--size", "64", "--lossless", "-q", "--device", "cpu"]
    assert main.main([*options, "-o", "d.mkv", "--keep-work"]) == 0
    assert "no reference: the model guesses" in capsys.readouterr().err
    assert not (film.parent / "d.mkv.vidcolor" / PROPOSED).exists()
    assert main.main([*options, "-o", "e.mkv"]) == 0
    assert planes(film.parent / "d.mkv") == planes(film.parent / "e.mkv")
    assert colored(film.parent / "d.mkv")


def test_a_turned_films_pictures_serve_as_its_keys(tmp_path, painter):
    """Written as a player shows them, taken back as the film is coded."""
    from vidcolor.keys.picture import load_key

    for turn in (0, 90, 180, 270):
        path = write_film(tmp_path / f"t{turn}.mkv", landscapes(4), tags={"space": 6, "range": 1}, rotation=turn).path
        found = probe(path)
        proposer = Proposer(found, painter)
        frame = next(iter(read(found, 0, 1)))
        seen = proposer.see(frame)
        made = proposer.anchors(seen, 5, 1)
        picture = proposer.picture(seen, made)
        assert picture.shape[:2] == proposer.size == ((96, 64) if turn in (90, 270) else (64, 96))
        assert all(0 <= a.x < picture.shape[1] and 0 <= a.y < picture.shape[0] for a in made)
        write_picture(tmp_path / "key.png", picture)
        luma = rgb_to_ycbcr(load_key(tmp_path / "key.png", found), "bt601")[0] * 219 + 16
        assert np.abs(luma - frame.luma).max() <= 1


def test_ten_bits_stay_ten_bits(tmp_path, painter):
    deep = [frame.astype(np.uint16) * 4 + 1 for frame in landscapes(2)]
    path = write_film(tmp_path / "deep.mkv", deep, pix_fmt="yuv420p10le", tags={"space": 1, "range": 1}).path
    found = probe(path)
    proposer = Proposer(found, painter)
    seen = proposer.see(next(iter(read(found, 0, 1))))
    picture = proposer.picture(seen, proposer.anchors(seen, 4, 1))
    assert picture.dtype == np.uint16
    luma = rgb_to_ycbcr(picture.astype(np.float32) / 65535, "bt709")[0] * 876 + 64
    assert np.abs(luma - seen.frame.luma).max() < 0.6
