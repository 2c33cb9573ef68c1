"""The way to PostgreSQL: typed results of compiled statements, one round trip each, always with a deadline."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from psycopg2.extensions import cursor

from core import driver
from core.database_errors import ConnectionLostError, TransactionConflictError
from core.executor import Executor, bound, milliseconds
from core.pool import Pool
from core.statements import Query
from core.transaction import Transaction

T = TypeVar("T")

# How often what met another transaction is tried again.
TRIES_AGAIN = 4


class Database(Executor):
    """Every statement runs in autocommit, in one round trip, unless it is sent through `transaction()`.

    DatabaseUnavailableError is raised at the latest when the request's deadline is reached, even when the server is
    silent. `deadline` gives it on the event loop's clock, or 0 where there is no request: `timeout` seconds from then.
    """

    autocommit = True

    def __init__(
        self, url: str, *, pool_size: int, timeout: float, deadline: Callable[[], float] = lambda: 0.0
    ) -> None:
        driver.prepare()
        self._pool = Pool(url, pool_size)
        self._timeout = timeout
        self._requested = deadline
        self.last_answer = float("-inf")

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """`work` in one transaction, all of it again where that met another: it must have no effect but in it."""

        async def attempt() -> T:
            async with self.transaction() as transaction:
                return await work(transaction)

        try:
            return await attempt()
        except TransactionConflictError:
            return await _again(attempt)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """BEGIN … COMMIT, tried once; any exception rolls back."""
        transaction = Transaction(self._pool, self._deadline())
        try:
            yield transaction
            await transaction.commit()
        except BaseException:
            await transaction.roll_back()
            raise
        finally:
            transaction.release()

    def close(self) -> None:
        """Closes the idle connections; those in use are closed as they come back."""
        self._pool.close()

    async def _run(self, query: Query[Any]) -> cursor:
        try:
            return await self._attempt(query)
        except TransactionConflictError:  # the statement was the whole transaction
            return await _again(lambda: self._attempt(query))

    async def _attempt(self, query: Query[Any]) -> cursor:
        deadline = self._deadline()
        values = bound(query)
        while True:
            connection = await self._pool.acquire(deadline)
            reused = connection.used
            try:
                sql = f"SET LOCAL statement_timeout = {milliseconds(deadline)}; {query.statement.sql}"
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
        return self._requested() or asyncio.get_running_loop().time() + self._timeout


async def _again(attempt: Callable[[], Awaitable[T]]) -> T:
    """Tries until there is no conflict, after pauses that the other one will not choose as well."""
    for number in range(TRIES_AGAIN - 1):
        await asyncio.sleep(random.uniform(0, 0.02 * 2**number))  # noqa: S311
        with suppress(TransactionConflictError):
            return await attempt()
    return await attempt()
