"""On a cluster that CLUSTER_URL names: whatever is sent by itself is one round trip to the server of its owner."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from core.database.database import Database
from core.database.errors import DatabaseError
from core.database.queries import Query
from modules.tasks.repository import TaskRepository
from tests.architecture.catalogue import cases, statements
from tests.conftest import CLUSTER_URL
from tests.core.database.database_path import on, tried_once
from tests.core.database.prepared_path import raw

pytestmark = pytest.mark.skipif(CLUSTER_URL is None, reason="CLUSTER_URL names no cluster")
# The engine says in a notice what it sends. It is asked at the coordinator, which has no rows itself.
TOLD = "-c citus.log_remote_commands=on -c client_min_messages=notice"
# The first statement of a transaction, and never sent by itself.
BEGINS = "core.http.idempotency_keys._claim"
NAMES = [name for name in statements() if not name.startswith("modules.auth.") and name != BEGINS]
ROWS = TaskRepository.rows
NEW = {"title": "New", "description": None, "status": "pending", "due_at": None}


def sent_for(path: Database) -> list[str]:
    """What was sent to other servers since the last time, by the pool's only connection."""
    (connection,) = path.pool._idle
    notices = [one for one in connection._pg.notices if "issuing" in one]
    del connection._pg.notices[:]
    return notices


def url() -> str:
    assert CLUSTER_URL is not None
    return str(make_dsn(**{**parse_dsn(CLUSTER_URL), "options": TOLD}))


@pytest.fixture(scope="module")
def owner() -> Iterator[str]:
    """One who has a row, and more than one word in it that has to be quoted."""
    assert CLUSTER_URL is not None
    session, name = psycopg2.connect(CLUSTER_URL), f"it's {uuid4().hex}"
    with session, session.cursor() as sql:
        sql.execute("INSERT INTO todo.users (id) VALUES (%s)", (name,))
    yield name
    session.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_that_is_sent_by_itself_is_one_round_trip(owner: str, name: str) -> None:
    queries = [case.query.for_owner(owner) for case in cases(name) if case.query.statement.owned]

    async def work(path: Database) -> list[list[str]]:
        await path.execute(raw("SELECT 1"))
        sent_for(path)
        return [await _messages(path, query) for query in queries]

    for query, messages in zip(queries, on(url(), work, pool_size=1), strict=True):
        assert len(messages) == 1, (query.statement.texts["todo"], messages)


async def _messages(path: Database, query: Query[Any]) -> list[str]:
    with suppress(DatabaseError):  # the values are for other rows: some violate a key
        await path.execute(query)
    return sent_for(path)


def test_a_transaction_is_committed_in_one_phase(owner: str) -> None:
    """BEGIN, what is in it, and COMMIT: no PREPARE TRANSACTION, whose locks would outlive a server that ends."""

    async def work(path: Database) -> list[str]:
        put = ROWS.put(uuid4(), NEW, datetime.now(UTC), keyed=True).for_owner(owner)
        async with tried_once(path) as transaction:
            row = await transaction.fetch_one(put)
            assert row is not None
            transaction.at_end(ROWS.remove(row.id, None).for_owner(owner))
        return [one.partition("issuing ")[2].split()[0].strip() for one in sent_for(path)]

    assert on(url(), work, pool_size=1) == ["BEGIN", "SELECT", "SELECT", "COMMIT"]
