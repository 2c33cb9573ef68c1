"""Every statement that the product can send, in every shape, names on the wire its tables' schema, and its owner."""

import ast
import asyncio
import importlib
import itertools
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from core.database.database import Database
from core.database.errors import DatabaseError
from core.database.queries import Query
from tests.conftest import TestDatabase, project_root
from tests.ownership_tripwire import OWNED, unqualified, unscoped

_FILTERS = ["status", "q", "due_before", "due_after", "updated_since"]
_SORTS = ["created_at", "updated_at", "due_at", "title"]
_COLUMNS = ["title", "description", "status", "due_at"]


def _some(names: list[str]) -> list[frozenset[str]]:
    """None of them, each alone, and all."""
    return [frozenset(), *(frozenset([name]) for name in names), frozenset(names)]


# What a statement with keyword-only parameters is called with; a new one belongs here too.
SHAPES: dict[str, list[dict[str, Any]]] = {
    "modules.tasks.repository._change": [{"fields": fields} for fields in _some(_COLUMNS)],
    "modules.tasks.repository._count": [{"filters": filters} for filters in _some(_FILTERS)],
    "modules.users.repository._take_over": [{"shows": True}, {"shows": False}],
    "modules.tasks.repository._page": [
        {"sort": down + sort, "filters": filters}
        for down, sort, filters in itertools.product(("", "-"), _SORTS, _some([*_FILTERS, "after"]))
    ],
}


def _statements() -> Iterator[tuple[str, int, bool]]:
    """The name of each function under @statement, how many values it takes, and whether it has shapes."""
    for path in sorted([*project_root().glob("core/*.py"), *project_root().glob("modules/*/*.py")]):
        module = ".".join(path.relative_to(project_root()).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and "statement" in map(ast.unparse, node.decorator_list):
                yield f"{module}.{node.name}", len(node.args.args), bool(node.args.kwonlyargs)


STATEMENTS = list(_statements())


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) >= 20
    assert {name for name, _, shaped in STATEMENTS if shaped} == set(SHAPES)


@pytest.mark.parametrize(("name", "values", "shaped"), STATEMENTS, ids=str)
def test_a_statement_of_the_product_carries_its_owner(
    database: TestDatabase, name: str, values: int, shaped: bool
) -> None:
    module, _, function = name.rpartition(".")
    build = getattr(importlib.import_module(module), function)
    queries = [build(*[None] * values, **shape) for shape in (SHAPES[name] if shaped else [{}])]
    database.proxy.clear()
    asyncio.run(_send(database, queries))
    sent = list(database.proxy.queries)
    assert len(sent) == len(queries)
    assert [sql for sql in sent if unscoped(sql) or unqualified(sql)] == []
    for query, sql in zip(queries, sent, strict=True):
        assert query.statement.owned == any(f"todo.{table}" in sql.split() for table in OWNED), sql


async def _send(database: TestDatabase, queries: list[Query[Any]]) -> None:
    """Runs each for an owner whom nobody knows. PostgreSQL may refuse the empty values: it was sent all the same."""
    sender = Database(database.proxied_url, pool_size=1, timeout=5)
    for query in queries:
        with suppress(DatabaseError):
            await sender.execute(query.for_owner("nobody-at-all"))
    sender.close()
