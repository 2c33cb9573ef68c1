"""What a failure of PostgreSQL means to the application, by SQLSTATE; and that none of its words are passed on."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Select, Table, cast, func
from sqlalchemy import select as select_core
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.database import Database
from core.database.errors import (
    ConnectionLostError,
    DatabaseError,
    DatabaseUnavailableError,
    ForeignKeyViolationError,
    MissingGrantError,
    PoolExhaustedError,
    StatementError,
    TransactionConflictError,
    UndefinedObjectError,
    UniqueViolationError,
    ValueRejectedError,
)
from core.database.queries import Query
from core.database.statements import statement
from tests.conftest import TestDatabase
from tests.core.database.database_path import PREPARE, active, backend, lock, note, on, sleep, tried_once, until

AWAY = [
    *("08000", "08001", "08003", "08004", "08006", "08P01", "53000", "53100", "53200", "53300", "53400"),
    *("57P01", "57P02", "57P03", "57P05", "58030", "25006", "25P03", "57014", "55P03"),
]
REJECTED = ["22000", "22001", "22003", "22007", "22008", "22012", "22021", "22023", "22P02", "22P05", "23502", "23514"]
BUGS = [
    *("01000", "0A000", "23000", "23001", "23P01", "25000", "25001", "25P02", "26000", "28000", "2BP01", "3D000"),
    *("40002", "40003", "54001", "55000", "57000", "58000", "58P01"),
    *("P0001", "P0002", "XX001", "XX002"),
]
MEANINGS: dict[str, type[DatabaseError]] = {
    **dict.fromkeys(AWAY, DatabaseUnavailableError),
    **dict.fromkeys(REJECTED, ValueRejectedError),
    **dict.fromkeys(BUGS, StatementError),
    **dict.fromkeys(("3F000", "42000", "42601", "42703", "42P01"), UndefinedObjectError),
    "42501": MissingGrantError,
    **dict.fromkeys(["40001", "40P01", "XX000"], TransactionConflictError),
    "23505": UniqueViolationError,
    "23503": ForeignKeyViolationError,
}

OUTAGES = (ConnectionLostError, PoolExhaustedError, TransactionConflictError)

PROVOKE = """
CREATE FUNCTION public.provoke(state text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'hunter1', DETAIL = 'hunter2', HINT = 'hunter3',
        CONSTRAINT = 'fk_tasks_user_id_users', TABLE = 'hunter4', COLUMN = 'hunter5';
END $$;
CREATE TABLE known (id integer PRIMARY KEY);
CREATE TABLE facts (
    id integer CONSTRAINT pk_facts PRIMARY KEY CONSTRAINT fk_facts REFERENCES known,
    size integer NOT NULL CONSTRAINT ck_size CHECK (size > 0));
INSERT INTO known VALUES (1), (2);
INSERT INTO facts VALUES (1, 1);
CREATE FUNCTION public.add_fact(id integer, size integer) RETURNS integer LANGUAGE sql AS
    'INSERT INTO todo.facts VALUES (id, size) RETURNING id';
"""


@statement
def provoke(state: str) -> SelectOfScalar[int]:
    return select(func.provoke(state))


@statement
def add_fact(fact_id: int, size: int | None) -> SelectOfScalar[int]:
    return select(func.add_fact(fact_id, size))


@statement
def number(text: str) -> SelectOfScalar[int]:
    return select(cast(text, Integer))


@statement
def quotient(divisor: int) -> SelectOfScalar[int]:
    return select(func.mod(1, cast(divisor, Integer)))


@statement
def nothing() -> Select[int]:
    return select_core(Table("nowhere", MetaData(), Column("x", Integer)).c.x)


@pytest.fixture(scope="module")
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    database = make_database()
    database.query(PREPARE)
    database.query(PROVOKE)
    return database


@pytest.fixture(scope="module")
def meanings(own: TestDatabase) -> dict[str, DatabaseError]:
    """What becomes of each SQLSTATE: the connection goes on, but for one whose server turned out to be read-only."""

    async def work(path: Database) -> dict[str, DatabaseError]:
        found = {}
        for state in MEANINGS:
            before = await path.fetch_one(backend())
            with pytest.raises(DatabaseError) as raised:
                await path.fetch_one(provoke(state))
            found[state] = raised.value
            assert (await path.fetch_one(backend()) == before) is (state != "25006"), state
        return found

    return on(own.url, work)


@pytest.mark.parametrize("state", MEANINGS)
def test_a_sqlstate_has_its_meaning(meanings: dict[str, DatabaseError], state: str) -> None:
    error = meanings[state]
    assert (type(error), error.sqlstate) == (MEANINGS[state], state)
    assert error.constraint == "fk_tasks_user_id_users"


@pytest.mark.parametrize("state", MEANINGS)
def test_none_of_the_words_of_the_server_are_passed_on(meanings: dict[str, DatabaseError], state: str) -> None:
    error = meanings[state]
    told = repr((error, error.args, vars(error)))
    assert "hunter" not in told
    assert "SELECT" not in told
    assert all(isinstance(one, DatabaseError) for one in shown_by_a_log(error)), "it has the statement with its values"


def shown_by_a_log(error: BaseException) -> Iterator[BaseException]:
    following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if following is not None:
        yield following
        yield from shown_by_a_log(following)


def failure(own: TestDatabase, query: Query[Any]) -> tuple[type[DatabaseError], str | None, str | None]:
    with pytest.raises(DatabaseError) as raised:
        on(own.url, lambda path: path.fetch_one(query))
    return type(raised.value), raised.value.sqlstate, raised.value.constraint


def test_what_the_server_rejects_by_itself_has_the_same_meanings(own: TestDatabase) -> None:
    assert failure(own, add_fact(1, 1)) == (UniqueViolationError, "23505", "pk_facts")
    assert failure(own, add_fact(3, 1)) == (ForeignKeyViolationError, "23503", "fk_facts")
    assert failure(own, add_fact(2, 0)) == (ValueRejectedError, "23514", "ck_size")
    assert failure(own, add_fact(2, None)) == (ValueRejectedError, "23502", "size")
    assert failure(own, number("hunter2")) == (ValueRejectedError, "22P02", None)
    assert failure(own, number("9" * 30)) == (ValueRejectedError, "22003", None)
    assert failure(own, quotient(0)) == (ValueRejectedError, "22012", None)
    assert failure(own, nothing()) == (UndefinedObjectError, "42P01", None)


def test_a_statement_that_an_administrator_ends_is_an_outage(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        task = asyncio.create_task(path.fetch_one(sleep(30)))
        await until(lambda: bool(active(own, "pg_sleep")))
        await asyncio.to_thread(own.query, "SELECT pg_cancel_backend(%s)", active(own, "pg_sleep")[0])
        with pytest.raises(DatabaseUnavailableError) as raised:
            await task
        return raised.value.sqlstate

    assert on(own.url, work) == "57014"


def test_one_of_two_transactions_that_block_each_other_is_an_outage_and_the_other_goes_on(own: TestDatabase) -> None:
    async def both_locks(path: Database, first: int, second: int, met: asyncio.Barrier) -> str:
        async with tried_once(path) as transaction:
            await transaction.execute(lock(first))
            await met.wait()
            await transaction.execute(lock(second))
            await transaction.execute(note("done", None))
        return "done"

    async def work(path: Database) -> tuple[Any, Any]:
        met = asyncio.Barrier(2)
        pair = both_locks(path, 1, 2, met), both_locks(path, 2, 1, met)
        return await asyncio.gather(*pair, return_exceptions=True)

    failed, done = sorted(on(own.url, work), key=lambda outcome: outcome == "done")
    assert done == "done"
    assert (type(failed), failed.sqlstate) == (TransactionConflictError, "40P01")
    assert own.query("SELECT note FROM own_notes") == [("done",)]


def test_every_kind_of_outage_is_met_by_one_except_clause() -> None:
    assert all(issubclass(kind, DatabaseUnavailableError) for kind in OUTAGES)
    assert all(issubclass(kind, DatabaseError) for kind in MEANINGS.values())
    others = {*MEANINGS.values()} - {DatabaseUnavailableError, TransactionConflictError}
    assert not any(issubclass(kind, DatabaseUnavailableError) for kind in others)
