"""The documentation keeps up: every option, file and dependency is in it, and its links lead somewhere."""

import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from scripts_of import script

from vidcolor.api import colorize
from vidcolor.cli import COMMANDS, main
from vidcolor.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "samples/README.md")
DOCS = [*(ROOT / page for page in PAGES), *sorted((ROOT / "docs").glob("*.md"))]


def manual() -> str:
    return (ROOT / "README.md").read_text() + (ROOT / "docs" / "modes.md").read_text()


def options(step: list[str], capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The options that `vidcolor STEP --help` lists."""
    with pytest.raises(SystemExit) as end:
        main.main([*step, "--help"])
    assert end.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    listed = " ".join(line for line in lines if re.match(r" +-", line))
    return set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", listed))


@pytest.mark.parametrize("step", [[], ["plan"], ["unit"], ["join"], ["scenes"], ["propose"], ["stylize"]], ids=" ".join)
def test_every_option_is_documented(step, capsys):
    text = manual()
    found = options(step, capsys)
    assert "--help" in found
    assert len(found) > 3
    assert {o for o in found if not re.search(rf"(?<![\w-]){re.escape(o)}(?![\w-])", text)} == set()


def test_options_are_arguments_of_the_same_name_but_for_those_that_the_readme_names(capsys):
    words = {o.removeprefix("--").replace("-", "_") for o in options([], capsys) if o.startswith("--")}
    words -= {"help", "version", "quiet", "verbose", "dry_run"}  # of the terminal
    arguments = set(inspect.signature(colorize).parameters) | {field.name for field in fields(Settings)}
    assert words - arguments == {"range", "dump"}
    text = (ROOT / "README.md").read_text()
    assert "`--range full` is `full_range=True`" in text and '`dump_dir="DIR"`' in text
    assert {"full_range", "dump_dir", "dump_every"} <= arguments


def test_the_readme_has_the_options_as_in_the_help():
    text = (ROOT / "README.md").read_text()
    assert script("option_table").replaced(text) == text, "run scripts/option_table.py"


def test_every_step_is_documented():
    assert all(f"vidcolor {step}" in manual() for step in COMMANDS)


def test_every_file_of_the_package_is_in_the_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = dict(re.findall(r"^\| `([\w.]+)/?` \| (.*) \|$", text, re.MULTILINE))
    package = ROOT / "vidcolor"
    for file in package.rglob("*.py"):
        parts = file.relative_to(package).parts
        parts = parts[1:] if parts[0] == "models" and len(parts) > 1 else parts
        if parts[-1] != "__init__.py":
            assert parts[0] in rows, file
            assert len(parts) == 1 or f"`{parts[-1]}`" in rows[parts[0]], file
    for room, words in rows.items():
        folder = package / room if (package / room).is_dir() else package / "models" / room
        assert {n for n in re.findall(r"`(\w+\.py)`", words) if not (folder / n).exists()} == set(), room


def test_every_script_is_in_the_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text()
    scripts = {f"scripts/{p.name}" for p in (ROOT / "scripts").glob("*.py") if not p.name.startswith("train_")}
    assert {s for s in scripts if s not in text} == set()


def test_every_dependency_is_explained():
    text = (ROOT / "docs" / "dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [d for extra in project["optional-dependencies"].values() for d in extra]
    names = {re.match(r"[\w-]+", d)[0] for d in wanted}  # type: ignore[index]
    assert {n for n in names if not re.search(rf"(?<![\w-]){n}(?![\w-])", text)} == set()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(there), f"{page.name}: {target}#{anchor}"


def test_imports_in_the_manual_work():
    found = re.findall(r"^ {4}from (vidcolor[\w.]*) import (.+)$", manual(), re.MULTILINE)
    assert len(found) > 1
    for module, names in found:
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


def test_the_examples_of_changes_are_as_in_the_files():
    lines = "".join(re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)).splitlines()
    assert len(lines) > 40
    there: list[str] = []
    for line in (line.strip() for line in lines):
        if line.startswith("+++ b/"):
            there = (ROOT / line.removeprefix("+++ b/")).read_text().splitlines()
        elif line.startswith("+"):
            assert line[1:] in there, line


def test_the_glossary_is_in_order():
    terms = re.findall(r"^\*\*(.+?)\*\*:", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert len(terms) > 30
    assert terms == sorted(set(terms), key=str.lower)


def test_the_makefile_lists_its_targets():
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.M)
    assert phony
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^make ([\w-]+)", shown, re.M)) == set(phony[1].split())


def test_importing_the_package_and_any_help_are_quick_and_load_no_network():
    code = f"""
import contextlib, sys, vidcolor
from vidcolor.cli.main import main
for command in [[], *([name] for name in {list(COMMANDS)})]:
    with contextlib.suppress(SystemExit):
        main([*command, "--help"])
print("torch" in sys.modules, "cv2" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False False", done.stderr


def test_the_version_is_in_the_changelog():
    from vidcolor.version import __version__

    assert f"## {__version__} " in (ROOT / "CHANGELOG.md").read_text()
