"""Every room of the package imports only rooms below it; `docs/architecture.md` lists them in the same order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scripts_of import script

ROOMS = [
    "__main__", "cli", "api", "stylize", "propose", "join", "render", "plan", "settings", "keys", "shots", "encode",
    "outputs", "models", "motion", "film", "pictures", "color", "shot", "tables", "progress", "files", "reasons",
    "errors", "text", "version",
]  # fmt: skip
"""From the top floor down."""
MODELS = [
    "registry", "exemplar", "adain", "sscn", "anchors", "sketch", "matching", "nets", "references", "weights",
    "precision", "colorize", "base", "options",
]  # fmt: skip
"""The rooms of `models/`."""
BESIDE = ["training", "evaluation"]
"""They import what they need, and no room imports them."""
imports = script("imports")


@pytest.mark.parametrize(("inside", "order"), [("", ROOMS), ("models", MODELS)], ids=["vidcolor", "models"])
def test_rooms_import_only_downwards(inside, order):
    found = imports.room_imports(inside=inside)
    rooms = {room: others for room, others in found.items() if room not in (*BESIDE, "")}
    assert sorted(rooms) == sorted(order)
    upward = [
        f"{room} imports {other}: {', '.join(places)}"
        for room, others in rooms.items()
        for other, places in others.items()
        if other in BESIDE or (other and order.index(other) <= order.index(room))
    ]
    assert upward == []


def test_nothing_imports_in_a_circle():
    assert imports.circles(imports.room_imports()) == []
    assert imports.circles(imports.room_imports(inside="models")) == []


def test_a_circle_and_an_upward_import_are_found(tmp_path):
    for name, code in (
        ("low", "def f():\n    from pack.high import x\n"),
        ("high", "from . import low\n"),
        ("alone", "import pack.low.f\n"),
    ):
        (tmp_path / "pack").mkdir(exist_ok=True)
        (tmp_path / "pack" / f"{name}.py").write_text(code)
    (tmp_path / "pack" / "__init__.py").touch()
    found = imports.room_imports(tmp_path / "pack")
    assert found["low"]["high"] == ["pack/low.py:2"] and found["alone"]["low"] == ["pack/alone.py:1"]
    assert imports.circles(found) == [["high", "low"]]
    assert imports.floors(found) == {"alone": 1, "high": 0, "low": 0}


def test_the_documentation_has_the_same_order():
    text = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text()
    tables = text.split("## The rooms")[1].split("## Beside")[0].split("### Inside `models/`")
    for table, order in zip(tables, (ROOMS, MODELS), strict=True):
        assert re.findall(r"^\| `(\w+)(?:\.py|/)` \|", table, re.MULTILINE)[: len(order)] == order
