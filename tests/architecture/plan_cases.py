"""Every statement of the product in every shape, with values that find rows in big_tables.py."""

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from core.database.queries import Query
from tests.architecture.big_tables import BIG, SMALL, SPECIAL, VALUES
from tests.architecture.statements import found
from tests.conftest import project_root

Shape = dict[str, Any]

PAGE, COUNT = "modules.tasks.repository._page", "modules.tasks.repository._count"
_SORTS = [direction + key for direction in ("", "-") for key in ("created_at", "updated_at", "due_at", "title")]
_FILTERS = ("q", "due_before", "due_after", "updated_since")
_FILTERED = [
    frozenset((*status, *others))
    for status in ((), ("status",), ("one_status",))
    for size in range(len(_FILTERS) + 1)
    for others in itertools.combinations(_FILTERS, size)
]
# By the keyword-only parameters, which choose a statement's shape.
SHAPES: dict[str, list[Shape]] = {
    "modules.tasks.repository._change": [
        {"fields": frozenset({one})} for one in ("title", "description", "status", "due_at")
    ],
    "modules.users.repository._take_over": [{"shows": True}, {"shows": False}],
    COUNT: [{"filters": filters} for filters in _FILTERED],
    PAGE: [
        {"sort": sort, "filters": filters | after}
        for sort in _SORTS
        for filters in _FILTERED
        for after in (frozenset[str](), frozenset({"after"}))
    ],
}


@dataclass(frozen=True)
class Case:
    """A statement in a shape, for an owner."""

    name: str
    owner: str
    shape: Shape
    query: Query[Any]

    def __str__(self) -> str:
        return " ".join(
            [self.name, *(f"{key}={_text(value)}" for key, value in self.shape.items()), f"of {self.owner}"]
        )

    @property
    def filters(self) -> frozenset[str]:
        """Those of a list or a count."""
        filters: frozenset[str] = self.shape.get("filters", frozenset())
        return filters

    @property
    def cheap(self) -> bool:
        """Whether to run it: a list has too many shapes for that, so those of several filters are planned only."""
        return len(self.filters - {"after"}) <= 1


def cases(*names: str) -> Iterator[Case]:
    """Those of these statements, or of all: for the owner of many tasks, and of few."""
    for name, statement in found().items():
        if names and name not in names:
            continue
        positional, chosen = parameters(statement)
        for shape in shapes(name, chosen):
            for owner in (BIG, SMALL):
                query = statement(*values(name, positional, shape), **shape)
                yield Case(name, owner, shape, query.for_owner(owner))


def parameters(statement: Callable[..., Query[Any]]) -> tuple[list[str], list[str]]:
    """The names of those that are values, and of those that choose the shape."""
    compiled = inspect.getclosurevars(statement).nonlocals["compiled"]
    build = inspect.getclosurevars(compiled.__wrapped__).nonlocals["build"]
    found = inspect.signature(build).parameters.values()
    return (
        [one.name for one in found if one.kind is not one.KEYWORD_ONLY],
        [one.name for one in found if one.kind is one.KEYWORD_ONLY],
    )


def shapes(name: str, chosen: list[str]) -> list[Shape]:
    """Fails for a statement that nobody has placed."""
    listed = SHAPES.get(name, [] if chosen else [{}])
    assert listed, f"{name} is new: list the values of {chosen} in SHAPES of tests/architecture/plan_cases.py"
    return listed


def values(name: str, positional: list[str], shape: Shape) -> list[Any]:
    """Fails for a statement that nobody has placed."""
    known = VALUES | SPECIAL.get(name, {})
    if "status" in shape.get("filters", ()):
        known = known | {"status": ["pending", "in_progress"]}
    if shape.get("sort", "").endswith("title"):
        known = known | {"after": "task 2500"}
    missing = [one for one in positional if one not in known]
    assert not missing, f"{name} is new: give {missing} a value that finds rows in VALUES of big_tables.py"
    return [known[one] for one in positional]


def decorated() -> set[str]:
    """The names of all functions under @statement, as the product's files spell them, wherever they stand."""
    names = set()
    for folder in ("core", "modules"):
        for file in (project_root() / folder).rglob("*.py"):
            module = ".".join(file.relative_to(project_root()).with_suffix("").parts)
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and any(_is_statement(one) for one in node.decorator_list):
                    names.add(f"{module}.{node.name}")
    return names


def _is_statement(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).rpartition(".")[2] == "statement"


def _text(value: object) -> str:
    return ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)
