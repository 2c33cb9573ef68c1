"""Every statement of the product, in its variants: as sent it names schema and owner, and one server can serve it."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from core.database.database import Database
from core.database.errors import DatabaseError
from core.database.queries import Query
from tests.architecture.catalogue import cases, decorated, statements
from tests.architecture.distribution import refused
from tests.conftest import TestDatabase
from tests.ownership_tripwire import OWNED, unqualified, unscoped


def test_the_statements_are_found() -> None:
    """One that stands elsewhere than at the level of its module would be overlooked."""
    found = statements()
    assert decorated() <= set(found)
    assert {"core.database.table_schema.revision", "modules.tasks.repository.Task.page"} <= set(found)
    assert len(found) >= 30


@pytest.mark.parametrize("name", statements())
def test_a_statement_of_the_product_carries_its_owner(database: TestDatabase, name: str) -> None:
    queries = [case.query for case in cases(name)]
    database.proxy.clear()
    asyncio.run(_send(database, queries))
    sent = list(database.proxy.queries)
    assert len(sent) == len(queries)
    assert queries or name.endswith(".chosen")  # of a table whose lists have no filter there is none
    assert [sql for sql in sent if unscoped(sql) or unqualified(sql)] == []
    assert [(sql, wrong) for sql in sent if (wrong := refused(sql))] == []
    for query, sql in zip(queries, sent, strict=True):
        assert query.statement.owned == any(f"todo.{table}" in sql.split() for table in OWNED), sql


async def _send(database: TestDatabase, queries: list[Query[Any]]) -> None:
    """Runs each for an owner whom nobody knows. PostgreSQL may reject the values: it was sent all the same."""
    sender = Database(database.proxied_url, pool_size=1, timeout=5)
    for query in queries:
        with suppress(DatabaseError):
            await sender.execute(query.for_owner("nobody-at-all"))
    sender.close()
