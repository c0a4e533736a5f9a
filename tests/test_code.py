"""Functions that a reader takes in at a glance; the few that are not say why."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES, PARAMETERS = 60, 7
FILE = 450
REASON = {"lines": r"\b(in one piece|lines)\b", "parameters": r"\b(parameters|keywords)\b"}
"""What the docstring of a longer or wider function says, in a sentence that gives the reason."""


def functions():
    for file in [*(ROOT / "vidcolor").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield file.relative_to(ROOT), node


def parameters(function):
    given = function.args
    named = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs) if a.arg not in ("self", "cls")]
    return len(named) + (given.vararg is not None) + (given.kwarg is not None)


def test_no_function_is_long_or_wide_without_a_reason():
    wanting = []
    for file, node in functions():
        said = ast.get_docstring(node) or ""
        for what, size, most in (
            ("lines", (node.end_lineno or 0) - node.lineno + 1, LINES),
            ("parameters", parameters(node), PARAMETERS),
        ):
            if size > most and not re.search(REASON[what], said):
                wanting.append(f"{file}:{node.lineno} {node.name}: {size} {what}")
    assert wanting == []


def test_no_file_is_long():
    long = {file.relative_to(ROOT): len(file.read_text().splitlines()) for file in (ROOT / "vidcolor").rglob("*.py")}
    assert {str(file): lines for file, lines in long.items() if lines > FILE} == {}
