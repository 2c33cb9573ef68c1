"""Statements that are done together or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from psycopg2.extensions import cursor

from core.database.connection import Connection
from core.database.errors import ConnectionLostError, DatabaseError, StatementError
from core.database.executor import Executor, bound, milliseconds
from core.database.message import message
from core.database.observed import Watch, tell_repeated
from core.database.pool import Pool
from core.database.queries import Query
from core.database.sending import Values
from core.database.usage import Usage

T = TypeVar("T")

# How long a transaction waits for another's lock; a single statement waits until its own timeout.
LOCK_MILLISECONDS = 2000


class Transaction(Executor):
    """The statements of one transaction, in order, on one connection that is taken when the first one is sent.

    BEGIN travels with the first statement, and COMMIT with a last one that nobody waits for. What is sent after that,
    as by a task in the background, goes to the database by itself; after a rollback it raises StatementError.
    """

    def __init__(
        self,
        database: Executor,
        pool: Pool,
        schema: str,
        deadline: float,
        usage: Usage | None,
        watch: Watch,
        prepares: str | None,
        delegates: bool,
    ) -> None:
        """`database` takes what comes later; `prepares` and `delegates` as core.database.message has them."""
        self.autocommit = False
        self._database = database
        self._pool = pool
        self._schema = schema
        self._deadline = deadline
        self._usage = usage
        self._watch = watch
        self._prepares, self._delegates = prepares, delegates
        self._connection: Connection | None = None
        self._last: Query[Any] | None = None
        # What is sent before the next statement, in its message.
        self._before = ""
        self._ended = False
        # A connection is for one task at a time.
        self._lock = asyncio.Lock()

    def at_end(self, query: Query[Any]) -> None:
        """Sends a write together with COMMIT. Its result is discarded; if it fails, so does the transaction."""
        assert self._connection is not None, "a single write needs no transaction"
        self._last = query

    def keep(self) -> None:
        """What is sent from here on can be undone."""
        self._before = "SAVEPOINT kept; "

    def undo(self) -> None:
        """What was sent since `keep` has no effect."""
        self._before = "" if self._before else "ROLLBACK TO SAVEPOINT kept; "

    async def commit(self) -> None:
        """Ends it, if it has begun. Raises an error of core.database.errors."""
        async with self._lock:
            if self._connection is not None:
                await self._commit(self._connection)
            self._ended = self.autocommit = True

    async def roll_back(self) -> None:
        """After an error the connection is given back clean, or closed."""
        async with self._lock:
            self._ended = True
            if self._connection is not None and not self._connection.closed:
                with suppress(DatabaseError):
                    await self._connection.run("ROLLBACK", None, self._deadline)

    def release(self) -> None:
        if self._connection is not None:
            self._pool.release(self._connection)

    async def transact(self, work: Callable[[Executor], Awaitable[T]]) -> T:
        """As part of this one."""
        return await (self._database.transact(work) if self.autocommit else work(self))

    async def _run(self, query: Query[Any], read: Callable[[cursor], T]) -> T:
        async with self._lock:
            if not self._ended:
                if self._connection is None:
                    return read(await self._begin(query))
                return read(await self._send(self._connection, *self._message(self._connection, query), query))
        if not self.autocommit:
            raise StatementError("the transaction was rolled back")
        return await self._database._run(query, read)

    async def _commit(self, connection: Connection) -> None:
        sql, values = "COMMIT", None
        if self._last is not None:
            text, values = self._message(connection, self._last)
            sql = f"{text}; COMMIT"
        ended = await self._send(connection, sql, values, self._last)
        if ended.statusmessage != "COMMIT":  # an error inside was caught, and PostgreSQL has rolled back
            raise StatementError("the transaction had failed before its COMMIT")

    def _message(self, connection: Connection, query: Query[Any]) -> tuple[str, Values]:
        """What is sent for it, and the values."""
        of_statement = query.statement, bound(query), self._schema, self._prepares, self._delegates
        text, values = message(*of_statement, None, connection)
        before, self._before = self._before, ""
        return before + text, values

    async def _send(self, connection: Connection, sql: str, values: Values, query: Query[Any] | None) -> cursor:
        try:
            as_text = query is not None and query.statement.as_text
            return await connection.run(sql, values, self._deadline, self._usage, text=as_text)
        finally:
            if connection.took > self._watch.above:
                self._watch.tell(connection, query.statement.name if query else "COMMIT")

    async def _begin(self, query: Query[Any]) -> cursor:
        """On a connection that died unseen while it lay idle it begins again on another: nothing was committed."""
        while True:
            self._connection = await self._pool.acquire(self._deadline, self._usage)
            reused, timeout = self._connection.used, milliseconds(self._deadline)
            begin = (
                f"BEGIN; SET LOCAL statement_timeout = {timeout}; "
                f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}; "
                f"SET LOCAL idle_in_transaction_session_timeout = {timeout}; "
            )
            try:
                text, values = self._message(self._connection, query)
                return await self._send(self._connection, begin + text, values, query)
            except ConnectionLostError as error:
                self._pool.release(self._connection)
                self._connection = None
                if not reused:
                    raise
                tell_repeated(error, query.statement.name)
