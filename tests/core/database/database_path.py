"""What the tests of the database path share: the event loop that the product runs on, and statements that do little."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import uvloop
from psycopg2.extensions import parse_dsn
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from core.config import NAME
from core.database.connection import Connection
from core.database.connector import Connector
from core.database.database import Database
from core.database.statements import statement
from core.database.transaction import Transaction
from core.database.usage import Usage
from tests.conftest import TestDatabase

T = TypeVar("T")

# The deadline of the request that a task stands for, on the event loop's clock.
request_deadline: ContextVar[float] = ContextVar("request_deadline")

NOTES = Table("own_notes", MetaData(), Column("note", Text), Column("place", Integer))

PREPARE = """
CREATE TABLE own_notes (note text NOT NULL CHECK (note <> ''), place integer UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION public.slow_note(seconds float) RETURNS text LANGUAGE sql AS
    'INSERT INTO todo.own_notes SELECT ''slow'' FROM pg_sleep(seconds) RETURNING note';
"""


@statement
def backend() -> SelectOfScalar[int]:
    return select(func.pg_backend_pid())


@statement
def sleep(seconds: float) -> SelectOfScalar[str]:
    return select(func.pg_sleep(seconds))


@statement
def setting(name: str) -> SelectOfScalar[str]:
    return select(func.current_setting(name))


@statement
def echo(text: str) -> SelectOfScalar[str]:
    return select(func.concat(text))


@asynccontextmanager
async def tried_once(path: Database) -> AsyncIterator[Transaction]:
    """A transaction in plain text that is not done again where it met another: a test does in it what it does once."""
    async with path._transaction(await path.schema()) as transaction:
        yield transaction


@asynccontextmanager
async def begun(path: Database) -> AsyncIterator[Transaction]:
    """A transaction that has its connection."""
    async with tried_once(path) as transaction:
        await transaction.fetch_one(echo("begun"))
        yield transaction


@statement
def note(text: str, place: int | None) -> ReturningInsert[str]:
    written: ReturningInsert[str] = insert(NOTES).values(note=text, place=place).returning(NOTES.c.note)
    return written


@statement
def lock(key: int) -> SelectOfScalar[str]:
    """Until the end of the transaction."""
    return select(func.pg_advisory_xact_lock(key))


@statement
def slow_note(seconds: float) -> ReturningInsert[str]:
    """A write that takes its time."""
    written: ReturningInsert[str] = insert(NOTES).values(note=func.slow_note(seconds)).returning(NOTES.c.note)
    return written


def run(main: Coroutine[Any, Any, T]) -> T:
    """What `main` gives, on a fresh uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def on(url: str, work: Callable[[Database], Awaitable[T]], *, pool_size: int = 5, timeout: float = 5) -> T:
    """What `work` gives with a pool for the database at `url`, which is closed behind it."""

    async def main() -> T:
        path = Database(url, pool_size=pool_size, timeout=timeout, usage=lambda: Usage(request_deadline.get(0.0)))
        try:
            return await work(path)
        finally:
            path.close()

    return run(main())


def later(seconds: float = 5) -> float:
    """A deadline."""
    return asyncio.get_running_loop().time() + seconds


def connected(database: TestDatabase, work: Callable[[Connection], Awaitable[T]], **parameters: str) -> T:
    """What `work` gives with a connection through the proxy."""

    async def main() -> T:
        connection = await Connector({**parse_dsn(database.proxied_url), **parameters}).open(later())
        try:
            return await work(connection)
        finally:
            connection.close()

    return run(main())


async def value(connection: Connection, sql: str, given: object = None) -> Any:
    """The first value of the response; `given` stands in for %(v)s."""
    row = (await connection.run(sql, {"v": given}, later())).fetchone()
    assert row is not None
    return row[0]


async def with_no_connection(path: Database, database: TestDatabase) -> None:
    """The next statement opens a new one, and need not look for the schema."""
    await path.schema()
    database.proxy.cut()
    await until(lambda: backends(database) == [])
    database.proxy.clear()


async def until(condition: Callable[[], bool]) -> None:
    """Comes back once `condition` holds; the event loop goes on meanwhile."""
    deadline = time.monotonic() + 10
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


def active(database: TestDatabase, text: str) -> list[int]:
    """The backends of this database that are at work on a statement with `text` in it."""
    sql = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
        " AND pid <> pg_backend_pid() AND query LIKE %s"
    )
    return [pid for (pid,) in database.query(sql, f"%{text}%")]


def notes(database: TestDatabase) -> list[str]:
    """What is stored."""
    return [text for (text,) in database.query("SELECT note FROM own_notes ORDER BY note")]


def backends(database: TestDatabase) -> list[tuple[int, str]]:
    """The application's backends of this database and their state."""
    sql = f"SELECT pid, state FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME}'"
    return [(pid, state) for pid, state in database.query(sql)]
