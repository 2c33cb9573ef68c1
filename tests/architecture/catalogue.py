"""Every statement of the product in its variants, with values that find rows in big_tables.py."""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

import main  # noqa: F401 (with it come all slices)
from core.database.queries import Query
from core.database.statements import CATALOGUE, Statement, Variant
from modules.tasks.repository import TaskRepository
from tests.architecture.big_tables import BIG, SMALL, SPECIAL, VALUES
from tests.conftest import project_root

PAGE, COUNT = "modules.tasks.repository.Task.page", "modules.tasks.repository.Task.count"
# A column without a value of its own in VALUES gets one of its type.
# Those of the rows that every slice has (core.resources.rows); a filter's value is that of a column, or else text.
_PARAMETERS: dict[str, Any] = {name: VALUES[name] for name in ("id", "after_id", "versions", "limit", "after", "q")}
# Where the rows of big_tables.py are.
OURS = ("core.", "modules.auth.", "modules.tasks.", "modules.users.")
_OF_TYPE: dict[type, Any] = {
    str: "text",
    int: 1,
    float: 1.0,
    bool: True,
    bytes: b"bytes",
    UUID: UUID(int=1),
    datetime: datetime(2030, 1, 1, tzinfo=UTC),
}


@dataclass(frozen=True)
class Case:
    """A statement in a variant, for an owner."""

    name: str
    owner: str
    variant: Variant
    query: Query[Any]

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.variant.items()), f"of {self.owner}"])

    @property
    def filters(self) -> frozenset[str]:
        """Those of a list or a count."""
        return frozenset(self.variant.get("filters", ()))


def statements() -> dict[str, Statement[..., Any]]:
    """Those of the product, by name."""
    return {name: one for name, one in CATALOGUE.items() if name.startswith(("core.", "modules."))}


def cases(*names: str, every: bool = False) -> Iterator[Case]:
    """Those of these statements, or of all: for the owner of many tasks, and of few.

    The list of tasks in its declared variants, or with `every` in each combination of its filters.
    """
    for name, one in statements().items():
        if names and name not in names:
            continue
        for variant in _combined(name) if every and name in (PAGE, COUNT) else one.variants():
            for owner in (BIG, SMALL):
                yield Case(name, owner, variant, one(*values(one, variant), **variant).for_owner(owner))


def values(statement: Statement[..., Any], variant: Variant) -> list[Any]:
    """A value for each of its parameters. Fails for one that nobody has given a value."""
    known = (VALUES if statement.name.startswith(OURS) else {}) | SPECIAL.get(statement.name, {})
    if variant.get("sort", "").endswith("title"):
        known = known | {"after": "task 2500"}
    names = [name.removeprefix("p_") for name in statement.compiled(**variant).names]
    known = {name: _of_a_column(statement.name, name) for name in names if name not in known} | known
    missing = [name for name in names if known[name] is None and not (name in VALUES and VALUES[name] is None)]
    assert not missing, f"{statement.name} is new: give {missing} a value that finds rows in VALUES of big_tables.py"
    return [known[name] for name in names]


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


def _combined(name: str) -> Iterator[Variant]:
    rows = TaskRepository.rows
    offered = [name for name in rows.filters.offered if name != "status"]
    filtered = [
        (*status, *others)
        for status in ((), ("status",), ("status_several",))
        for size in range(len(offered) + 1)
        for others in itertools.combinations(offered, size)
    ]
    if name == COUNT:
        yield from ({"filters": filters} for filters in filtered)
        return
    sorts = [direction + sort for direction in ("", "-") for sort in rows.sorts]
    for sort, filters, after in itertools.product(sorts, filtered, (False, True)):
        yield {"sort": sort, "filters": filters, "after": after}


def _of_a_column(statement: str, name: str) -> Any:
    """A value of the type of the column that is called so: in a table of the statement's slice, if there is one."""
    if name.endswith("_several"):
        return [_of_a_column(statement, name.removesuffix("_several"))]
    if name in _PARAMETERS:
        return _PARAMETERS[name]
    slices = {table: mapper.class_.__module__ for mapper in SQLModel._sa_registry.mappers for table in mapper.tables}
    package = ".".join(statement.split(".")[:2])
    for table in sorted(SQLModel.metadata.tables.values(), key=lambda one: not slices.get(one, "").startswith(package)):
        if name in table.columns:
            return _OF_TYPE.get(table.columns[name].type.python_type)
    return None


def _is_statement(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).rpartition(".")[2] == "statement"
