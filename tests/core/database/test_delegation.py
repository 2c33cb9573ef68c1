"""Where rows are spread over servers: a statement is sent alone, and by a call where it would be cut in parts."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from core.database.database import Database
from core.database.errors import DatabaseUnavailableError, UniqueViolationError, ValueRejectedError
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from tests.architecture.big_tables import BIG, SMALL
from tests.architecture.catalogue import Case, cases
from tests.conftest import TestDatabase
from tests.core.database.database_path import backend, on, setting, sleep, tried_once
from tests.core.database.prepared_path import through
from tests.core.database.spread import install, pooled, run_at_owner

ROWS = TaskRepository.rows
NEW = {"title": "It's", "description": "a \\ and %s", "status": "pending", "due_at": None}
ID, OTHER = UUID(int=1), UUID(int=2)
PARTED = [case for case in cases() if case.query.statement.parts]
CALL = "SELECT * FROM todo.run_at_owner("


@pytest.fixture(scope="module")
def spread(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """Where an engine can spread tables, and runs statements at their owner's server."""
    own = make_database()
    install(own)
    run_at_owner(own)
    own.query("INSERT INTO todo.users (id) VALUES ('ann'), (%s), (%s)", BIG, SMALL)
    return own


async def _written(path: Database) -> list[Any]:
    """What each way to write gives, two rows made and removed, without what the time makes of it."""
    now = datetime.now(UTC)
    queries: list[Any] = [
        ROWS.put(ID, NEW, None, keyed=False),
        ROWS.put(ID, NEW, None, keyed=False),
        ROWS.change(ID, {"title": "Changed"}, None),
        ROWS.remove(ID, None),
        ROWS.put(ID, NEW, now, keyed=True),
        ROWS.remove(ID, [1]),
        ROWS.remove(ID, None),
        ROWS.find(ID),
    ]
    rows: list[Any] = [await path.fetch_one(query.for_owner("ann")) for query in queries]
    return [(row.title, row.description, row.version) if isinstance(row, Task) else row for row in rows]


def test_what_a_write_gives_is_the_same(spread: TestDatabase, make_database: Callable[[], TestDatabase]) -> None:
    elsewhere = make_database()
    elsewhere.query("INSERT INTO todo.users (id) VALUES ('ann')")
    spread.proxy.clear()
    found = through(spread, _written)
    assert found == through(elsewhere, _written)
    assert found[0] == ("It's", "a \\ and %s", 1)
    sent = spread.proxy.messages[2:]  # behind the look, and whether there is the function
    assert [one.startswith(CALL) for one in sent] == [True, True, False, True, True, True, True, False]
    assert [one for one in sent if "SET LOCAL" in one] == []
    assert len(elsewhere.proxy.messages) == 1 + len(sent)


@pytest.mark.parametrize("case", PARTED, ids=str)
def test_a_statement_of_parts_gives_columns_of_the_types_that_are_said(spread: TestDatabase, case: Case) -> None:
    """PostgreSQL compares them before it runs the statement, and rejects it for any other."""
    through(spread, lambda path: path.execute(case.query))
    assert spread.proxy.messages[-1].startswith(CALL)


def test_there_are_statements_of_parts() -> None:
    names = {case.name.rpartition(".")[2] for case in PARTED}
    assert {"create", "put", "remove", "remove_many"} <= names


def test_an_error_is_the_same(spread: TestDatabase) -> None:
    """And what cannot be sent is not."""

    async def work(path: Database) -> None:
        await path.fetch_one(ROWS.put(OTHER, NEW, None, keyed=False).for_owner("ann"))
        again = ROWS.create(NEW)
        again.values["p_id"] = OTHER
        with pytest.raises(UniqueViolationError) as met:
            await path.fetch_one(again.for_owner("ann"))
        assert met.value.constraint == "pk_tasks"
        with pytest.raises(ValueRejectedError):
            await path.fetch_one(ROWS.create({**NEW, "title": "\0"}).for_owner("ann"))
        assert await path.fetch_one(ROWS.find(OTHER).for_owner("ann")) is not None

    through(spread, work)


def test_the_server_ends_what_takes_longer_than_a_request_may(spread: TestDatabase) -> None:
    """By a limit of the session: nothing stands before the statement. The connection is used again."""

    async def work(path: Database) -> tuple[Any, ...]:
        limit = await path.fetch_one(setting("statement_timeout"))
        before = await path.fetch_one(backend())
        with pytest.raises(DatabaseUnavailableError) as met:
            await path.fetch_one(sleep(30))
        return limit, met.value.sqlstate, await path.fetch_one(backend()) == before

    assert on(spread.proxied_url, work, pool_size=1, timeout=1.1) == ("750ms", "57014", True)
    # With what the URL itself sets.
    own = f"{spread.proxied_url}&options=-c%20work_mem%3D5MB"
    assert on(own, _limits, pool_size=1) == ["5MB", "4700ms"]


async def _limits(path: Database) -> list[str | None]:
    return [await path.fetch_one(setting(name)) for name in ("work_mem", "statement_timeout")]


def test_what_is_prepared_by_order_is_prepared_but_for_what_is_cut(spread: TestDatabase) -> None:
    async def work() -> None:
        path = Database(spread.proxied_url, pool_size=1, timeout=5, prepared=True)
        for _ in range(2):
            await path.fetch_one(ROWS.find(ID).for_owner("ann"))
            await path.fetch_one(ROWS.remove(ID, None).for_owner("ann"))
        path.close()

    spread.proxy.clear()
    asyncio.run(work())
    prepare, call, execute, again = spread.proxy.messages[2:]
    assert (prepare.startswith("PREPARE "), execute.startswith("EXECUTE ")) == (True, True)
    assert call == again
    assert call.startswith(CALL)


def test_without_the_function_it_is_sent_as_it_is(make_database: Callable[[], TestDatabase]) -> None:
    """Of a cluster that was made ready before there was one."""
    own = make_database()
    install(own)
    through(own, lambda path: path.execute(ROWS.remove(ID, None).for_owner("ann")))
    assert own.proxy.messages[-1].startswith("WITH counted AS")


def test_behind_a_pooler_each_statement_has_its_limit(make_database: Callable[[], TestDatabase]) -> None:
    """A session's would be everybody's, or nobody's. What would be cut is run at its owner's server there as well."""
    own = make_database()
    install(own)
    run_at_owner(own)
    pooled(own)
    through(own, lambda path: path.execute(ROWS.remove(ID, None).for_owner("ann")))
    limit, _, call = own.proxy.messages[-1].partition("; ")
    assert limit.startswith("SET LOCAL statement_timeout = ")
    assert call.startswith(CALL)


def test_in_a_transaction_as_well(spread: TestDatabase) -> None:
    """Which has limits of its own: it is several messages in any case."""

    async def work(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(ROWS.remove(ID, None).for_owner("ann"))
            await transaction.execute(ROWS.find(ID).for_owner("ann"))
            await transaction.execute(ROWS.remove(ID, None).for_owner("ann"))
            transaction.at_end(ROWS.remove(ID, None).for_owner("ann"))

    spread.proxy.clear()
    through(spread, work)
    begun, found, removed, ended = spread.proxy.messages[2:]
    assert begun.startswith("BEGIN; SET LOCAL statement_timeout = ")
    assert [CALL in sent for sent in (begun, found, removed, ended)] == [True, False, True, True]
    assert (removed.startswith(CALL), ended.endswith("; COMMIT")) == (True, True)
