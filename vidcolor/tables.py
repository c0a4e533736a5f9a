"""CSV as spreadsheets write it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from vidcolor.errors import VidcolorError
from vidcolor.files import existing
from vidcolor.reasons import reason

_LONGEST_CELL = 4096
"""Characters: as long as a path can be."""


def read_table(path: Path, what: str, *, strip: bool = True) -> list[tuple[str, list[str]]]:
    """Number and cells of every row of a CSV file that is not empty. The number is the one that a spreadsheet shows. A
    text editor shows another one below cells of several lines; then both are given: `4 (line 5)`.

    strip: remove blanks around cells. Raises VidcolorError, naming the file as `what`, where it cannot be read as
    text (UTF-8, or UTF-16 with its byte order mark).
    """
    try:
        data = existing(path).read_bytes()
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise VidcolorError(f"{what} {path}: is not UTF-8 text; save it as CSV in UTF-8") from None
    except OSError as error:
        raise VidcolorError(f"{what} {path}: {reason(error)}") from None
    if named := re.match(r"sep=([,;\t])\r?\n", text):  # a first line of Excel's
        delimiter = named[1]
        text = text[named.start(1) + 1 :]  # an empty row, so that rows keep their numbers
    else:
        try:
            delimiter = csv.Sniffer().sniff(text.partition("\n")[0], ",;\t").delimiter
        except csv.Error:
            delimiter = ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    row, line = 1, 1
    try:
        for row, cells in enumerate(reader, 1):
            number = str(row) if row == line else f"{row} (line {line})"
            line = reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            rows.append((number, [cell.strip() if strip else cell for cell in cells]))
            for column, cell in enumerate(cells, 1):
                if "\0" in cell:
                    raise VidcolorError(
                        f"{what} {path}, row {number}, column {column}: a NUL character, which no name and no "
                        "number holds; save the list as CSV in UTF-8"
                    )
                if len(cell) > _LONGEST_CELL:
                    raise VidcolorError(
                        f"{what} {path}, row {number}, column {column}: {len(cell)} characters, no name and no "
                        "number; is a quotation mark missing?"
                    )
    except csv.Error:  # strict: else an unclosed cell would swallow all rows below
        wrong = 'a quotation mark (") is missing or out of place'
        raise VidcolorError(f"{what} {path}, line {line}: {wrong}; save it as CSV again") from None
    return rows
