"""Every statement of the product in its variants, with values that find rows in big_tables.py."""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import UnaryExpression
from sqlalchemy.types import NullType, TypeEngine
from sqlmodel import SQLModel

import main  # noqa: F401 (with it come all slices)
from core.database.ownership import DIALECT
from core.database.queries import Query
from core.database.statements import CATALOGUE, Statement, Variant
from core.resources.filters import SEVERAL
from modules.tasks.repository import TaskRepository
from tests.architecture.big_tables import BIG, SMALL, SPECIAL, VALUES, allowed
from tests.conftest import project_root

PAGE, COUNT = "modules.tasks.repository.Task.page", "modules.tasks.repository.Task.count"
# Those of the rows that every slice has (core.resources.rows). Any other gets a value of its type.
_OF_ROWS = ("id", "ids", "after_id", "versions", "limit", "created_at")
_PARAMETERS: dict[str, Any] = {name: VALUES[name] for name in _OF_ROWS}
# Where the rows of big_tables.py are.
OURS = ("core.", "modules.auth.", "modules.tasks.", "modules.users.")
_OF_TYPE: dict[type, Any] = {
    str: "x",
    int: 1,
    float: 1.0,
    bool: True,
    bytes: b"bytes",
    UUID: UUID(int=1),
    datetime: datetime(2030, 1, 1, tzinfo=UTC),
    date: date(2030, 1, 1),
    time: time(9),
    timedelta: timedelta(hours=1),
    Decimal: Decimal(1),
    object: {"x": 1},  # of JSON
    list: ["x"],
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
    if statement.name == PAGE and variant["sort"].endswith("title"):
        known = known | {"after": "task 2500"}
    names = [name.removeprefix("p_") for name in statement.compiled(**variant).names]
    known = _of_types(statement, variant) | known
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


def _of_types(statement: Statement[..., Any], variant: Variant) -> dict[str, Any]:
    """A value for each parameter: of the type of what it is compared with or written into, as SQLAlchemy sees it."""
    source, names = statement._build(**variant)
    types = {name: bind.type for bind, name in source.compile(dialect=DIALECT).bind_names.items()}
    found = {name.removeprefix("p_"): _of_type(types[name]) for name in names} | _PARAMETERS
    found |= {name: values[0] for name in found if (values := _allowed(statement.name, name))}
    for name in variant.get("filters", ()):
        if name.endswith(SEVERAL):
            one = name.removesuffix(SEVERAL)
            found[name] = [_of_types(statement, {**variant, "filters": (one,)})[one]]
    if "sort" in variant:
        (key, *_) = source._order_by_clauses
        found["after"] = _in_a_cursor(_of_type(key.element.type if isinstance(key, UnaryExpression) else key.type))
    return found | ({"after": 1} if statement.name.endswith(".changes") else {})


def _allowed(statement: str, name: str) -> list[str]:
    """The values that a column of that name may have, in the tables of the statement's slice."""
    package = ".".join(statement.split(".")[:2])
    own = [one for one in SQLModel._sa_registry.mappers if one.class_.__module__.startswith(f"{package}.")]
    tables: list[Any] = [mapper.local_table for mapper in own]
    return [value for table in tables if name in table.columns for value in allowed(table.columns[name])]


def _of_type(kind: TypeEngine[Any]) -> Any:
    return None if isinstance(kind, NullType) else _OF_TYPE[kind.python_type]


def _in_a_cursor(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _is_statement(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).rpartition(".")[2] == "statement"
