"""The way to PostgreSQL: typed results of compiled statements, one round trip each, always with a deadline."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

from psycopg2.extensions import cursor

from core import driver
from core.connection import Connection
from core.database_errors import ConnectionLostError, DatabaseError, StatementError, TransactionConflictError
from core.ownership import OWNER_PARAMETER, UnscopedStatementError
from core.pool import Pool
from core.statements import Query

T = TypeVar("T")

# When the request under way must be answered, on the event loop's clock; set by core.routing.
request_deadline: ContextVar[float] = ContextVar("request_deadline")

# The server gives up this much before we do, so that its answer arrives and the connection stays usable.
SERVER_MARGIN_SECONDS = 0.25

# How long a transaction waits for another's lock; a single statement waits until its own timeout.
LOCK_MILLISECONDS = 2000


# How often what met another transaction is tried again.
TRIES_AGAIN = 4


class Executor(ABC):
    """What a repository needs: the database itself (each statement its own transaction) or one transaction.

    All methods raise an error of core.database_errors. `autocommit` says which it is: after an error, and for a
    look at something else, only the database itself can go on.
    """

    autocommit: bool

    async def fetch_all(self, query: Query[T]) -> list[T]:
        """All rows."""
        make = query.statement.make
        assert make is not None
        return [make(row) for row in (await self._run(query)).fetchall()]

    async def fetch_one(self, query: Query[T]) -> T | None:
        """The first row, or None."""
        make = query.statement.make
        assert make is not None
        row = (await self._run(query)).fetchone()
        return None if row is None else make(row)

    async def execute(self, query: Query[Any]) -> int:
        """How many rows were written."""
        return (await self._run(query)).rowcount

    @abstractmethod
    async def _run(self, query: Query[Any]) -> cursor:
        """Sends the query and gives the cursor with its result."""


class Database(Executor):
    """Every statement runs in autocommit, in one round trip, unless it is sent through `transaction()`.

    DatabaseUnavailableError is raised at the latest when the request's deadline is reached (`timeout` seconds from
    the call where there is no request), even when the server is silent.
    """

    autocommit = True

    def __init__(self, url: str, *, pool_size: int, timeout: float) -> None:
        driver.prepare()
        self._pool = Pool(url, pool_size)
        self._timeout = timeout
        self.last_answer = float("-inf")

    async def transact(self, work: Callable[[Executor], Awaitable[T]]) -> T:
        """`work` in one transaction, all of it again where that met another: it must have no effect but in it."""

        async def attempt() -> T:
            async with self.transaction() as transaction:
                return await work(transaction)

        try:
            return await attempt()
        except TransactionConflictError:
            return await _again(attempt)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """BEGIN … COMMIT, tried once; any exception rolls back. A round trip each, besides those of the statements."""
        deadline = self._deadline()
        connection = await self._begin(deadline)
        try:
            yield _Transaction(connection, deadline)
            ended = await connection.run("COMMIT", None, deadline)
            if ended.statusmessage != "COMMIT":  # an error inside was caught, and PostgreSQL has rolled back
                raise StatementError("the transaction had failed before its COMMIT")
        except BaseException:
            await _roll_back(connection, deadline)
            raise
        finally:
            self._pool.release(connection)

    def close(self) -> None:
        """Closes the idle connections; those in use are closed as they come back."""
        self._pool.close()

    async def _begin(self, deadline: float) -> Connection:
        """A connection in a new transaction. One that died unseen while it lay idle is replaced: nothing was done."""
        while True:
            connection = await self._pool.acquire(deadline)
            reused, timeout = connection.used, _milliseconds(deadline)
            begin = (
                f"BEGIN; SET LOCAL statement_timeout = {timeout}; "
                f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}; "
                f"SET LOCAL idle_in_transaction_session_timeout = {timeout}"
            )
            try:
                await connection.run(begin, None, deadline)
            except BaseException as error:
                self._pool.release(connection)
                if not (reused and isinstance(error, ConnectionLostError)):
                    raise
            else:
                return connection

    async def _run(self, query: Query[Any]) -> cursor:
        try:
            return await self._attempt(query)
        except TransactionConflictError:  # the statement was the whole transaction
            return await _again(lambda: self._attempt(query))

    async def _attempt(self, query: Query[Any]) -> cursor:
        deadline = self._deadline()
        values = _bound(query)
        while True:
            connection = await self._pool.acquire(deadline)
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
                self._pool.release(connection)

    def _deadline(self) -> float:
        return request_deadline.get(0.0) or asyncio.get_running_loop().time() + self._timeout


class _Transaction(Executor):
    """The statements of one transaction, in order, on its one connection."""

    autocommit = False

    def __init__(self, connection: Connection, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    async def _run(self, query: Query[Any]) -> cursor:
        return await self._connection.run(query.statement.sql, _bound(query), self._deadline)


async def _again(attempt: Callable[[], Awaitable[T]]) -> T:
    """Tries until there is no conflict, after pauses that the other one will not choose as well."""
    for number in range(TRIES_AGAIN - 1):
        await asyncio.sleep(random.uniform(0, 0.02 * 2**number))  # noqa: S311
        with suppress(TransactionConflictError):
            return await attempt()
    return await attempt()


async def _roll_back(connection: Connection, deadline: float) -> None:
    """After an error the connection is given back clean, or closed."""
    if not connection.closed:
        with suppress(DatabaseError):
            await connection.run("ROLLBACK", None, deadline)


def _milliseconds(deadline: float) -> int:
    remaining = deadline - asyncio.get_running_loop().time() - SERVER_MARGIN_SECONDS
    return max(1, int(remaining * 1000))


def _bound(query: Query[Any]) -> dict[str, Any]:
    """The values of a query. Raises UnscopedStatementError where no repository gave the owner."""
    if query.statement.owned and OWNER_PARAMETER not in query.values:
        raise UnscopedStatementError("A statement on an owned table runs through an OwnedRepository only")
    return query.values
