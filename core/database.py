"""The way to PostgreSQL: a small pool of event-loop connections, one round trip a statement, always a deadline."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from psycopg2.extensions import cursor, parse_dsn
from psycopg2.extras import register_uuid

from core.connection import Connection
from core.database_errors import ConnectionLostError, DatabaseError, PoolExhaustedError, StatementError
from core.ownership import OWNER_PARAMETER, UnscopedStatementError
from core.statements import Query

T = TypeVar("T")

# When the request under way must be answered, on the event loop's clock; set by the middleware.
request_deadline: ContextVar[float] = ContextVar("request_deadline")

# A connection that lay idle for longer may be dead without a sign (NAT, a suspended compute): open another.
IDLE_SECONDS = 300

# The server gives up this much before we do, so that its answer arrives and the connection stays usable.
SERVER_MARGIN_SECONDS = 0.25

# How long a transaction waits for another's lock; a single statement waits until its own timeout.
LOCK_MILLISECONDS = 2000

_KEEPALIVES = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}


class Executor(Protocol):
    """What a repository needs: the database itself (each statement its own transaction) or one transaction.

    `autocommit` says which: after an error only the former can go on.
    """

    @property
    def autocommit(self) -> bool: ...

    async def fetch_all(self, query: Query[T]) -> list[T]:
        """All rows."""

    async def fetch_one(self, query: Query[T]) -> T | None:
        """The first row, or None."""

    async def execute(self, query: Query[Any]) -> int:
        """How many rows were written."""


class Database:
    """Every statement runs in autocommit, in one round trip, unless it is sent through `transaction()`.

    All methods raise an error of core.database_errors; DatabaseUnavailableError at the latest when the request's
    deadline is reached (`timeout` seconds from the call where there is no request), even when the server is silent.
    """

    def __init__(self, url: str, *, pool_size: int, timeout: float) -> None:
        register_uuid()  # type: ignore[no-untyped-call]
        # libpq's only way to begin a session with this zone that a pooler takes. In the zone of a server elsewhere the
        # first and the last day of the calendar have years that Python's datetime does not know.
        os.environ["PGTZ"] = "UTC"
        self._parameters = {**_KEEPALIVES, "application_name": "todo-api", **parse_dsn(url)}
        self._places = asyncio.Semaphore(pool_size)
        self._timeout = timeout
        self._idle: list[Connection] = []
        self._closed = False
        self.last_answer = float("-inf")

    @property
    def autocommit(self) -> bool:
        """True: each statement stands by itself."""
        return True

    async def fetch_all(self, query: Query[T]) -> list[T]:
        """All rows."""
        return _rows(await self._run(query), query)

    async def fetch_one(self, query: Query[T]) -> T | None:
        """The first row, or None."""
        return _first(await self._run(query), query)

    async def execute(self, query: Query[Any]) -> int:
        """How many rows were written."""
        return (await self._run(query)).rowcount

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """BEGIN … COMMIT; any exception rolls back. One round trip each, besides those of the statements."""
        deadline = self._deadline()
        connection = await self._acquire(deadline)
        try:
            timeout = _milliseconds(deadline)
            await connection.run(
                f"BEGIN; SET LOCAL statement_timeout = {timeout}; "
                f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}; "
                f"SET LOCAL idle_in_transaction_session_timeout = {timeout}",
                None,
                deadline,
            )
            yield _Transaction(connection, deadline)
            ended = await connection.run("COMMIT", None, deadline)
            if ended.statusmessage != "COMMIT":  # an error inside was caught, and PostgreSQL has rolled back
                raise StatementError("the transaction had failed before its COMMIT")
        except BaseException:
            await _roll_back(connection, deadline)
            raise
        finally:
            self._release(connection)

    def close(self) -> None:
        """Closes the idle connections; those in use are closed as they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    async def _run(self, query: Query[Any]) -> cursor:
        deadline = self._deadline()
        values = _bound(query)
        while True:
            connection = await self._acquire(deadline)
            reused = connection.used
            try:
                sql = f"SET LOCAL statement_timeout = {_milliseconds(deadline)}; {query.statement.sql}"
                result = await connection.run(sql, values, deadline)
                self.last_answer = connection.last_used
                return result
            except ConnectionLostError:
                # It died unseen while it lay idle. A read can be sent again; of a write nobody knows.
                if not (reused and query.statement.reads):
                    raise
            finally:
                self._release(connection)

    def _deadline(self) -> float:
        return request_deadline.get(0.0) or asyncio.get_running_loop().time() + self._timeout

    async def _acquire(self, deadline: float) -> Connection:
        """The idle connection used last (the least likely to be stale), or a new one; waits for its turn."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._places.acquire()
        except TimeoutError:
            raise PoolExhaustedError("no connection became free") from None
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.closed and connection.idle_seconds < IDLE_SECONDS:
                    return connection
                connection.close()
            return await Connection.open(self._parameters, deadline)
        except BaseException:
            self._places.release()
            raise

    def _release(self, connection: Connection) -> None:
        if self._closed or not connection.reusable:
            connection.close()
        else:
            self._idle.append(connection)
        self._places.release()


class _Transaction:
    """The statements of one transaction, in order, on its one connection."""

    def __init__(self, connection: Connection, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    @property
    def autocommit(self) -> bool:
        return False

    async def fetch_all(self, query: Query[T]) -> list[T]:
        return _rows(await self._run(query), query)

    async def fetch_one(self, query: Query[T]) -> T | None:
        return _first(await self._run(query), query)

    async def execute(self, query: Query[Any]) -> int:
        return (await self._run(query)).rowcount

    async def _run(self, query: Query[Any]) -> cursor:
        return await self._connection.run(query.statement.sql, _bound(query), self._deadline)


async def _roll_back(connection: Connection, deadline: float) -> None:
    """After an error the connection is given back clean, or closed."""
    if not connection.closed:
        with suppress(DatabaseError):
            await connection.run("ROLLBACK", None, deadline)


def _milliseconds(deadline: float) -> int:
    remaining = deadline - asyncio.get_running_loop().time() - SERVER_MARGIN_SECONDS
    return max(1, int(remaining * 1000))


def _bound(query: Query[Any]) -> dict[str, Any]:
    """The values as psycopg2 takes them. Raises UnscopedStatementError where no repository gave the owner."""
    statement = query.statement
    if statement.owned and OWNER_PARAMETER not in query.values:
        raise UnscopedStatementError("A statement on an owned table runs through an OwnedRepository only")
    values = {**statement.constants, **query.values}
    for name, adapt in statement.adapters.items():
        values[name] = adapt(values[name])
    return values


def _rows(result: cursor, query: Query[T]) -> list[T]:
    make = query.statement.make
    assert make is not None
    return [make(row) for row in result.fetchall()]


def _first(result: cursor, query: Query[T]) -> T | None:
    make = query.statement.make
    assert make is not None
    row = result.fetchone()
    return None if row is None else make(row)
