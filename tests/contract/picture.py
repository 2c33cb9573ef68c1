"""The picture of the product, drawn from its imports: slices, rooms of core, and the way of a request through them."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Edges = Mapping[str, set[str]]


def picture(folder: Path, way: list[str]) -> str:
    """A Mermaid chart of the project in `folder`. `way` are the files that a request enters, in that order.

    An arrow is an import; one that others together say already is left out, and so are the files beside the rooms.
    """
    edges = reduced(imports(folder))
    places = dict.fromkeys(place for place in map(place_of, way) if place in edges)
    numbers = {place: number for number, place in enumerate(places, 1)}
    lines = ["flowchart TD", '    main["main.py"]']
    for title, group in (("modules: the slices", "modules"), ("core: the rooms", "core")):
        names = [name for name in sorted(edges) if name.startswith(f"{group}/")]
        nodes = " & ".join(f'{_key(name)}["{_label(name, numbers)}"]' for name in names)
        lines += [f'    subgraph {group}["{title}"]', f"        {nodes}", "    end"]
    lines += [f"    {_key(one)} --> {' & '.join(map(_key, sorted(edges[one])))}" for one in sorted(edges) if edges[one]]
    return "\n".join(["```mermaid", *lines, "```"])


def imports(folder: Path) -> dict[str, set[str]]:
    """Which places import which: `main`, a slice, or a room of core."""
    found: dict[str, set[str]] = {}
    for path in [folder / "main.py", *folder.glob("core/**/*.py"), *folder.glob("modules/**/*.py")]:
        place = place_of(path.relative_to(folder).as_posix())
        if path.name == "main.py" or path.parent.parent.parent == folder:
            found.setdefault(place, set()).update(_imported(ast.parse(path.read_text(encoding="utf-8"))))
    return {place: {one for one in others if one in found and one != place} for place, others in found.items()}


def reduced(edges: Edges) -> dict[str, set[str]]:
    """The same without each arrow whose end is also reached by others. There are no circles: a contract says so."""
    reached: dict[str, set[str]] = {}

    def reach(place: str) -> set[str]:
        if place not in reached:
            reached[place] = edges[place].union(*map(reach, edges[place]))
        return reached[place]

    return {place: others - set().union(*map(reach, others)) for place, others in edges.items()}


def place_of(path: str) -> str:
    """`core/http/routing.py` is in `core/http`, `core/config.py` is a place of its own."""
    return "/".join(path.removesuffix(".py").removesuffix("/__init__").split("/")[:2])


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (place_of(alias.name.replace(".", "/")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (place_of(f"{node.module}.{alias.name}".replace(".", "/")) for alias in node.names)


def _key(name: str) -> str:
    return name.replace("/", "_")


def _label(name: str, numbers: Mapping[str, int]) -> str:
    number = numbers.get(name)
    return name.rpartition("/")[2] + (f" ({number})" if number else "")
