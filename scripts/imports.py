"""Who imports whom: the rooms of the package, their floors, and imports that run in a circle.

A room is a file or a folder of the package. Every import counts, those inside functions and those for type checkers
too. A room stands one floor above the highest that it imports; rooms in a circle share a floor.

    python scripts/imports.py                 # this package
    python scripts/imports.py --inside models # the rooms of one folder of it
    python scripts/imports.py ../other/vidcolor -v
"""

from __future__ import annotations

import argparse
import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "vidcolor"
Imports = Mapping[str, Mapping[str, list[str]]]
"""By the importing room and the imported one: the lines of code, as FILE:LINE."""


def modules(package: Path) -> dict[str, Path]:
    """The modules of a package by their names inside it (`film.reader`), packages by theirs (`film`)."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(file: Path, package: Path, names: Mapping[str, Path]) -> Iterator[tuple[str, int]]:
    """The modules of the package that a file imports, each with the line."""
    here = (package.name, *file.relative_to(package).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, [above, node.module]))
            wanted = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in wanted:
            head, _, rest = name.partition(".")
            if head != package.name:
                continue
            while rest not in names:  # the last part is a name inside a module
                rest = rest.rpartition(".")[0]
            yield rest, node.lineno


def room_of(module: str, inside: str = "") -> str:
    """The room that a module belongs to: its first part, or the first part of its name inside a folder."""
    return module.removeprefix(f"{inside}.").partition(".")[0] if inside else module.partition(".")[0]


def room_imports(package: Path = PACKAGE, inside: str = "") -> dict[str, dict[str, list[str]]]:
    """Imports between the rooms of a package, or of one folder of it. The package's own `__init__` is no room."""
    names = modules(package)
    own = {name for name in names if (name.startswith(f"{inside}.") if inside else name)}
    found: dict[str, dict[str, list[str]]] = {room_of(name, inside): defaultdict(list) for name in sorted(own)}
    for name in own:
        for other, line in imported(names[name], package, names):
            room, target = room_of(name, inside), room_of(other, inside)
            if other in own and room != target:
                found[room][target].append(f"{names[name].relative_to(package.parent)}:{line}")
    return found


def circles(imports: Imports) -> list[list[str]]:
    """Groups of rooms that import one another, directly or by way of others."""
    reached = {room: _reached(room, imports) for room in imports}
    groups = {tuple(sorted(other for other in reached[room] if room in reached[other])) for room in imports}
    return sorted(list(group) for group in groups if group)


def floors(imports: Imports) -> dict[str, int]:
    """The floor of every room, 0 for those that import none."""
    reached = {room: _reached(room, imports) for room in imports}
    below = {room: {other for other in reached[room] if room not in reached[other]} for room in imports}
    found: dict[str, int] = {}
    for room in sorted(imports, key=lambda name: len(below[name])):
        found[room] = max((found[other] + 1 for other in below[room]), default=0)
    for group in circles(imports):
        for room in group:
            found[room] = max(found[other] for other in group)
    return found


def _reached(room: str, imports: Imports) -> set[str]:
    seen: set[str] = set()
    todo = list(imports[room])
    while todo:
        other = todo.pop()
        if other not in seen:
            seen.add(other)
            todo += imports[other]
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package", type=Path, nargs="?", default=PACKAGE, help="folder of the package (this one's)")
    parser.add_argument("--inside", default="", metavar="FOLDER", help="the rooms of one folder of it")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every import")
    options = parser.parse_args()
    package = options.package.resolve()
    imports = room_imports(package, options.inside)
    levels = floors(imports)
    for level in sorted(set(levels.values()), reverse=True):
        print(f"floor {level}: {' '.join(room for room in imports if levels[room] == level)}")
    if options.verbose:
        for room, others in imports.items():
            for other, places in others.items():
                print(f"{room} -> {other}: {', '.join(places)}")
    between = sum(len(others) for others in imports.values())
    round_ = circles(imports)
    print(f"{len(imports)} rooms on {max(levels.values()) + 1} floors, {between} imports between them")
    print(f"circles: {'; '.join(' - '.join(group) for group in round_) or 'none'}")


if __name__ == "__main__":
    main()
