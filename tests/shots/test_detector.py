"""Cuts on luma: found, and not found where there is none; scene lists."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from media import grey_frames

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import frame_at, frame_shown, parse_point, timecode
from vidcolor.shots.detector import CutDetector, shots_of
from vidcolor.shots.scene_list import cuts_of_scenes, read_scenes, write_scenes


def scene(seed: int, frames: int, speed: float = 1.0) -> list[np.ndarray]:
    """A textured background that pans by `speed` pixels a frame, a bright ball crossing it."""
    random = np.random.default_rng(seed)
    wide = cv2.resize(random.uniform(30, 200, (12, 60)).astype(np.float32), (1000, 200), interpolation=cv2.INTER_CUBIC)
    out = []
    for t in range(frames):
        x = int(t * speed)
        frame = wide[20:164, x : x + 192].copy()
        cv2.circle(frame, (20 + 3 * t, 60 + seed % 40), 14, 230.0, -1)
        out.append(np.clip(frame + random.normal(0, 3, frame.shape), 16, 235).astype(np.uint8))
    return out


def cuts(frames: list[np.ndarray], depth: int = 8, **options: int) -> list[int]:
    detector = CutDetector(**options)
    for frame in frames:
        detector.add(frame, depth)
    return detector.cuts()


def test_hard_cuts_are_found_to_the_frame():
    frames = [*scene(1, 20), *scene(2, 12), *scene(3, 25)]
    assert cuts(frames) == [20, 32]
    assert shots_of([20, 32], 57) == ((0, 20), (20, 32), (32, 57))


def test_cuts_do_not_depend_on_depth_or_brightness():
    frames = [*scene(1, 15), *scene(2, 15)]
    assert cuts([frame.astype(np.uint16) << 8 for frame in frames], depth=16) == [15]
    assert cuts([(frame // 6 + 10).astype(np.uint8) for frame in frames]) == [15]
    assert cuts([frame.astype(np.uint16) * 4 for frame in frames], depth=10) == [15]


@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("kind", ["white", "black", "picture", "gain"])
def test_a_flash_is_no_cut(kind: str, length: int):
    frames = scene(4, 40)
    for t in range(18, 18 + length):
        frames[t] = {
            "white": np.full_like(frames[t], 235),
            "black": np.full_like(frames[t], 16),
            "picture": scene(9, 1)[0],
            "gain": np.clip(frames[t].astype(int) * 2, 16, 235).astype(np.uint8),
        }[kind]
    assert cuts(frames) == []


def test_flicker_dirt_and_scratches_are_no_cuts():
    random = np.random.default_rng(0)
    frames = []
    for frame in scene(5, 60):
        ramp = 1 + random.uniform(-0.2, 0.2) * np.linspace(-1, 1, frame.shape[1])
        y = frame * ramp * random.uniform(0.6, 1.3) + random.uniform(-25, 25)
        for _ in range(4):
            cv2.circle(y, (int(random.integers(192)), int(random.integers(144))), int(random.integers(3, 14)), 16.0, -1)
        y[:, random.integers(192)] = 235
        frames.append(np.clip(y, 16, 235).astype(np.uint8))
    assert cuts(frames) == []


def test_a_fast_pan_is_no_cut():
    assert cuts(scene(6, 50, speed=14)) == []


@pytest.mark.parametrize("length", [4, 12, 30])
def test_a_dissolve_gives_no_double_cut(length: int):
    before, after = scene(7, 30 + length), scene(8, 30 + length)
    mixed = [
        cv2.addWeighted(a, 1 - w, b, w, 0)
        for a, b, w in zip(before[30:], after[:length], np.linspace(0, 1, length), strict=True)
    ]
    found = cuts([*before[:30], *mixed, *after[length:]])
    assert len(found) <= 1
    assert all(30 <= cut <= 30 + length for cut in found)


def test_a_flash_on_a_cut_leaves_one_cut():
    frames = [*scene(1, 20), *scene(2, 20)]
    frames[20] = np.full_like(frames[20], 235)
    found = cuts(frames)
    assert len(found) == 1
    assert found[0] in (20, 21)


def test_shots_shorter_than_the_least_are_not_made():
    frames = [*scene(1, 20), *scene(2, 7), *scene(3, 20)]
    assert cuts(frames) == [20, 27]
    assert len(cuts(frames, min_shot=10)) == 1
    assert cuts([*scene(1, 20), *scene(2, 3)]) == []


def test_the_detector_holds_few_frames():
    detector = CutDetector()
    for frame in grey_frames(60):
        detector.add(frame)
    assert len(detector._recent) <= 10
    assert len(detector._proposed) < 5


PYSCENEDETECT = """Timecode List:,00:00:00.833
Scene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame,End Timecode,End Time (seconds),\
Length (frames),Length (timecode),Length (seconds)
1,1,00:00:00.000,0.000,20,00:00:00.833,0.833,20,00:00:00.833,0.833
2,21,00:00:00.833,0.833,48,00:00:02.000,2.000,28,00:00:01.167,1.167
"""


@pytest.mark.parametrize("first_row", [True, False])
def test_both_layouts_of_pyscenedetect_are_read(tmp_path, first_row: bool):
    path = tmp_path / "scenes.csv"
    path.write_text(PYSCENEDETECT if first_row else PYSCENEDETECT.split("\n", 1)[1])
    scenes = read_scenes(path)
    assert scenes == [(0, 20), (20, 48)]
    assert cuts_of_scenes(scenes, 48, path) == [20]


def test_what_is_written_is_pyscenedetects(tmp_path):
    path = tmp_path / "scenes.csv"
    write_scenes(path, [(0, 20), (20, 48)], np.arange(48), Fraction(1, 24), Fraction(24))
    assert path.read_text().replace("\r", "") == PYSCENEDETECT


def test_between_scenes_lies_a_shot(tmp_path):
    path = tmp_path / "scenes.csv"
    path.write_text("Start Frame,End Frame\n6,10\n21,30\n")
    assert cuts_of_scenes(read_scenes(path), 40, path) == [5, 10, 20, 30]


@pytest.mark.parametrize(
    ("text", "row", "column"),
    [
        ("Start Frame,End Frame\n1,20\nx,30\n", "row 3", "Start Frame"),
        ("Start Frame,End Frame\n1,20\n21,\n", "row 3", "End Frame"),
        ("Start Frame,End Frame\n0,20\n", "row 2", "Start Frame"),
        ("Start Frame,End Frame\n1,20\n20,30\n", "row 3", "Start Frame"),
        ("Start Frame,End Frame\n1,20\n25,22\n", "row 3", "End Frame"),
        ("Start Frame,Last\n1,20\n", "scenes.csv", "End Frame"),
    ],
)
def test_a_bad_scene_list_names_row_and_column(tmp_path, text: str, row: str, column: str):
    path = tmp_path / "scenes.csv"
    path.write_text(text)
    with pytest.raises(VidcolorError) as error:
        read_scenes(path)
    assert row in str(error.value)
    assert column in str(error.value)


def test_scenes_beyond_the_end_are_an_error(tmp_path):
    with pytest.raises(VidcolorError, match="30"):
        cuts_of_scenes([(0, 30)], 20, tmp_path / "scenes.csv")


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("12", 12),
        ("12.5s", Fraction(25, 2)),
        ("12s", Fraction(12)),
        ("0.25", Fraction(1, 4)),
        ("00:01:02.500", Fraction(125, 2)),
        ("1:02", Fraction(62)),
    ],
)
def test_points_are_read(text: str, point):
    assert parse_point(text) == point
    assert type(parse_point(text)) is type(point)


@pytest.mark.parametrize("text", ["", "-3", "abc", "1:99", "12.5f", "1:2:3:4"])
def test_a_bad_point_is_an_error(text: str):
    with pytest.raises(VidcolorError):
        parse_point(text)


def test_points_become_frames_by_pts():
    pts, base = np.array([100, 140, 180, 300, 340]), Fraction(1, 1000)  # variable rate, first PTS not 0
    assert [frame_at(Fraction(ms, 1000), pts, base) for ms in (0, 40, 41, 200, 240, 900)] == [0, 1, 2, 3, 4, 5]
    assert [frame_shown(Fraction(ms, 1000), pts, base) for ms in (0, 39, 40, 199, 200)] == [0, 0, 1, 2, 3]
    assert frame_shown(Fraction(9), pts, base) == 5
    ntsc = np.arange(0, 100) * 1001
    for frame in range(100):
        written = timecode(Fraction(frame * 1001, 30000))
        assert frame_at(parse_point(written), ntsc, Fraction(1, 30000)) == frame
        assert frame_shown(parse_point(written), ntsc, Fraction(1, 30000)) == frame
