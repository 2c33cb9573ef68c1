"""The way to PostgreSQL: typed results of compiled statements, one round trip each, always with a deadline."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import structlog
from psycopg2.extensions import cursor

from core.database import first_look, psycopg2_setup
from core.database.bounded_pool import BoundedPool
from core.database.errors import (
    ConnectionLostError,
    DatabaseError,
    DatabaseUnavailableError,
    PreparedStatementError,
    TransactionConflictError,
    UndefinedObjectError,
)
from core.database.executor import Executor, bound
from core.database.message import message
from core.database.observed import NOBODY, Watch, tell_repeated
from core.database.pool import Pool
from core.database.queries import Query
from core.database.transaction import Transaction
from core.database.usage import Usage

T = TypeVar("T")

# How often what had no effect is tried again: it met another transaction, the tables are elsewhere, or what it had
# prepared is not there. What is tried again is sent in plain text, so that it cannot fail for that.
TRIES_AGAIN = 4
_UNDONE = (TransactionConflictError, UndefinedObjectError, PreparedStatementError)

_log = structlog.get_logger("core.database.database")


class Database(Executor):
    """Sends each statement in autocommit and one round trip, unless it is sent through a transaction.

    Raises DatabaseUnavailableError at the request's deadline at the latest. `usage` returns what the request has, or
    None outside of one: then, and where its deadline is 0, the deadline is `timeout` seconds from now. `watch` is
    told of the statements that take longer than it says. `prepared` says whether they are prepared on each connection;
    None: where no pooler stands between. At most `per_server` connections are in use for the owners of one server of
    several. It looks which schema the tables are in when it is first used, and again when a statement does not find
    them: they may be moved while it runs.
    """

    autocommit = True

    def __init__(
        self,
        url: str,
        *,
        pool_size: int,
        timeout: float,
        watch: Watch = NOBODY,
        prepared: bool | None = None,
        per_server: int | None = None,
        usage: Callable[[], Usage | None] = lambda: None,
    ) -> None:
        psycopg2_setup.prepare()
        self.pool = Pool(url, pool_size) if per_server is None else BoundedPool(url, pool_size, per_server)
        self._timeout, self._watch, self._usage = timeout, watch, usage
        self.last_response = float("-inf")
        self._schema: str | None = None
        self.spreads = False  # whether an engine is there that can spread tables over servers
        self._delegates, self._prepared = False, prepared
        self._prepares: str | None = None  # what stands before PREPARE; None where nothing is prepared
        self._looking = asyncio.Lock()

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """`work` in one transaction, all of it again where that met another or the tables were moved meanwhile.

        It must have no effect but in the transaction.
        """

        async def attempt(schema: str, prepares: str | None = None) -> T:
            async with self._transaction(schema, prepares) as transaction:
                return await work(transaction)

        schema = self._schema or await self.schema()
        try:
            return await attempt(schema, self._prepares)
        except _UNDONE as error:
            return await self._again(attempt, schema, error, "transaction")

    @asynccontextmanager
    async def _transaction(self, schema: str, prepares: str | None = None) -> AsyncIterator[Transaction]:
        """BEGIN … COMMIT, tried once; any exception rolls back."""
        bounds = schema, self._deadline(), self._usage(), self._watch
        made = Transaction(self, self.pool, *bounds, prepares, self._delegates)
        try:
            yield made
            await made.commit()
        except BaseException:
            await made.roll_back()
            raise
        finally:
            made.release()

    async def schema(self, missed: str | None = None) -> str:
        """Where the tables are; `missed` is the schema in which a statement did not find them, to look again.

        Those who ask at the same time share one look. Raises DatabaseUnavailableError.
        """
        deadline = self._deadline()
        try:
            async with asyncio.timeout_at(deadline):
                await self._looking.acquire()
        except TimeoutError:
            raise DatabaseUnavailableError("deadline") from None
        try:
            if self._schema is None or self._schema == missed:
                found = await first_look.look(self._attempt, self.pool, self._prepared, self._timeout)
                self._schema, self._prepares, self.spreads, self._delegates = found
                if missed not in (None, self._schema):
                    _log.warning("tables moved", **{"db.namespace": self._schema})
            return self._schema
        finally:
            self._looking.release()

    async def moved(self) -> bool:
        """Looks again: whether the tables are elsewhere than it thought. Raises DatabaseUnavailableError."""
        before = await self.schema()
        return await self.schema(before) != before

    def close(self) -> None:
        """Closes the idle connections; those in use are closed as they come back."""
        self.pool.close()

    async def _run(self, query: Query[Any], read: Callable[[cursor], T]) -> T:
        schema = self._schema or await self.schema()
        try:
            return await self._attempt(query, read, schema, self._prepares)
        except _UNDONE as error:  # the statement was the whole transaction
            name = query.statement.name
            return await self._again(lambda found: self._attempt(query, read, found), schema, error, name)

    async def _again(self, attempt: Callable[[str], Awaitable[T]], schema: str, error: DatabaseError, name: str) -> T:
        """Tries until it succeeds: after a conflict when the other one should be done, else where the tables are now,
        or in plain text.

        Raises `error`, or the newest one, where they have not moved, or after some conflicts.
        """
        for number in range(TRIES_AGAIN):
            if isinstance(error, TransactionConflictError):
                # A pause that the other one will not choose as well.
                await asyncio.sleep(random.uniform(0, 0.02 * 2**number))  # noqa: S311
            elif isinstance(error, UndefinedObjectError):
                missed, schema = schema, await self.schema(schema)
                if schema == missed:
                    break
            tell_repeated(error, name)
            try:
                return await attempt(schema)
            except _UNDONE as newest:
                error = newest
        raise error

    async def _attempt(
        self, query: Query[Any], read: Callable[[cursor], T], schema: str, prepares: str | None = None
    ) -> T:
        usage, statement = self._usage(), query.statement
        deadline = usage.deadline if usage and usage.deadline else self._own_deadline()
        to_send = partial(message, statement, bound(query), schema, prepares, self._delegates, deadline)
        while True:
            turn = self.pool.turn(deadline, usage, to_send, text=statement.as_text)
            try:
                self.pool.begin(turn)
                result = await turn.done or await self.pool.open_for(turn)
                self.last_response = time.monotonic()
                return read(result)
            except ConnectionLostError as error:
                # It died unseen while it lay idle. A read can be sent again; of a write nobody knows.
                if not (turn.reused and statement.reads):
                    raise
                tell_repeated(error, statement.name)
            finally:
                if (connection := turn.connection) is not None:
                    connection.end(usage)
                    if connection.took > self._watch.above:
                        self._watch.tell(connection, statement.name)
                self.pool.end(turn)

    def _deadline(self) -> float:
        usage = self._usage()
        return usage.deadline if usage and usage.deadline else self._own_deadline()

    def _own_deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout
