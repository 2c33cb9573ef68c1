"""The map of the code in the order of a request: each room, and of each file the sentence that it begins with."""

import ast
from pathlib import Path

from tests.contract.picture import place_of

# What is above the rooms, and what is beside them.
_FIRST, _BESIDE = "main.py", "core"


def code_map(folder: Path, way: list[str]) -> str:
    """Tables, one a room. `way` are the files that a request enters, in that order: their number is in the first
    column, and the room that is entered first comes first."""
    steps = {path: number for number, path in enumerate(way, 1)}
    last = len(steps) + 1
    files = [path.relative_to(folder).as_posix() for path in [folder / _FIRST, *folder.glob("core/**/*.py")]]
    files += [path.relative_to(folder).as_posix() for path in folder.glob("modules/**/*.py")]
    rooms: dict[str, list[str]] = {}
    for path in sorted(files, key=lambda path: (path != _FIRST, steps.get(path, last), path)):
        if (folder / path).read_text(encoding="utf-8"):
            rooms.setdefault(_room(path), []).append(path)
    order = [*(room for room in rooms if room != _BESIDE), _BESIDE]
    return "\n\n".join(_table(folder, room, rooms[room], steps) for room in order)


def _room(path: str) -> str:
    """The folder of core or modules, `core` for a file beside the rooms, the file for what is above them."""
    place = place_of(path)
    return place if path == _FIRST or f"{place}.py" != path else _BESIDE


def _table(folder: Path, room: str, files: list[str], steps: dict[str, int]) -> str:
    title = _FIRST if room == "main" else room
    lines = [f"### {title}", "", "| | file | its job |", "|---|---|---|"]
    for path in files:
        name = path.removeprefix(f"{room}/")
        lines.append(f"| {steps.get(path, '')} | [{name}](../{path}) | {_job(folder / path)} |")
    return "\n".join(lines)


def _job(path: Path) -> str:
    """The first sentence of the file: its docstring up to an empty line, or to the end of the first line's."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.split("\n\n")[0].split()).replace("|", "\\|")
