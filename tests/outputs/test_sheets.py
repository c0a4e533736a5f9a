"""Inspection sheets: five panels, labelled, named by frame."""

import os

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from vidcolor.errors import VidcolorError
from vidcolor.outputs import sheets

RED, BLUE = (200, 30, 30), (20, 40, 210)


def plain(color, h=48, w=120) -> np.ndarray:
    return np.full((h, w, 3), color, np.uint8)


def a_sheet(**changes) -> np.ndarray:
    grey = np.full((48, 120), 90, np.uint8)
    panels = {"grey": grey, "reference": plain(RED, 24, 24), "coarse": None, "result": plain(BLUE),
              "confidence": np.zeros((48, 120), np.float32)}  # fmt: skip
    return sheets.sheet(**{**panels, **changes}, frame_number=123, timecode="00:00:05:03")


def panel(sheet: np.ndarray, i: int) -> np.ndarray:
    return sheet[-48:, i * 124 : i * 124 + 120]


def test_panels_are_in_order_and_keep_their_colours():
    sheet = a_sheet()
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 5 * 120 + 4 * 4
    assert (panel(sheet, 0) == 90).all() and (panel(sheet, 3) == BLUE).all()
    assert (panel(sheet, 1)[24, 60] == RED).all()
    assert (panel(sheet, 1)[24, 5] != RED).any()  # a square reference keeps its aspect


def test_an_empty_panel_says_none_and_labels_are_written():
    sheet = a_sheet()
    empty = panel(sheet, 2)
    assert empty.max() > 150 and (empty == empty[0, 0]).all(-1).mean() > 0.9
    labels = sheet[28:56]
    for i in range(5):
        assert labels[:, i * 124 : i * 124 + 100].max() > 150
    assert sheet[:28].max() > 150  # the frame number's strip
    grey = np.full((48, 120), 90, np.uint8)
    other = sheets.sheet(grey, None, None, None, None, 124, "00:00:05:03")
    assert other.shape == sheet.shape and not np.array_equal(sheet[:28], other[:28])


def test_confidence_in_numbers_is_shown_in_colours():
    ramp = np.tile(np.linspace(-0.5, 1.5, 120, dtype=np.float32), (48, 1))
    shown = panel(a_sheet(confidence=ramp), 4)[20].astype(int)
    assert (shown[0] == shown[20]).all() and (shown[-1] == shown[-20]).all()  # cut off at 0 and 1
    assert shown[0, 2] > shown[0, 0] and shown[-1, 0] > shown[-1, 2]  # dark blue to yellow


def test_large_frames_are_shrunk():
    sheet = sheets.sheet(None, None, None, plain(BLUE, 1080, 1920), None, 1, "")
    assert sheet.shape[0] <= sheets.MOST_ROWS + 64 and sheet.shape[1] == 5 * 960 + 16


def test_saved_by_frame_number(tmp_path):
    sheet = a_sheet()
    path = sheets.save(sheet, tmp_path / "new" / "folder", 123)
    assert path == tmp_path / "new" / "folder" / "sheet_000123.vidcolor.png"
    assert np.array_equal(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), sheet)


def test_a_sheet_that_was_drawn_on_is_left_alone(tmp_path, capsys):
    path = sheets.save(a_sheet(), tmp_path, 123)
    with Image.open(path) as image:
        kept = PngImagePlugin.PngInfo()
        kept.add_text("vidcolor", image.text["vidcolor"])
        drawn = image.copy()
    drawn.putpixel((0, 0), (255, 0, 0))
    drawn.save(path, pnginfo=kept)
    before = path.read_bytes()
    sheets.check_folder(tmp_path)
    sheets.save(a_sheet(), tmp_path, 123)
    assert path.read_bytes() == before
    assert "left as it is" in capsys.readouterr().err
    path.unlink()
    sheets.save(a_sheet(), tmp_path, 123)
    sheets.save(a_sheet(coarse=plain(RED)), tmp_path, 123)
    assert panel(np.asarray(Image.open(path)), 2)[24, 60].tolist() == list(RED)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VidcolorError, match="`dump_dir`") as caught:
        sheets.save(a_sheet(), tmp_path / "file" / "sheets", 1)
    assert "\n" not in str(caught.value) and os.fspath(tmp_path / "file") in str(caught.value)
