"""Statements that are done together or not at all."""

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

    BEGIN travels with the first statement, and COMMIT with a last one that nobody waits for.
    """

    autocommit = False

    def __init__(
        self,
        pool: Pool,
        schema: str,
        deadline: float,
        usage: Usage | None,
        watch: Watch,
        prepares: str | None,
        delegates: bool,
    ) -> None:
        """`prepares` and `delegates` as core.database.message has them."""
        self._pool = pool
        self._schema = schema
        self._deadline = deadline
        self._usage = usage
        self._watch = watch
        self._prepares, self._delegates = prepares, delegates
        self._connection: Connection | None = None
        self._last: Query[Any] | None = None

    def at_end(self, query: Query[Any]) -> None:
        """Sends a write together with COMMIT. Its result is discarded; if it fails, so does the transaction."""
        assert self._connection is not None, "a single write needs no transaction"
        self._last = query

    async def commit(self) -> None:
        """Ends it, if it has begun. Raises an error of core.database.errors."""
        if self._connection is None:
            return
        sql, values = "COMMIT", None
        if self._last is not None:
            text, values = self._message(self._connection, self._last)
            sql = f"{text}; COMMIT"
        ended = await self._send(self._connection, sql, values, self._last)
        if ended.statusmessage != "COMMIT":  # an error inside was caught, and PostgreSQL has rolled back
            raise StatementError("the transaction had failed before its COMMIT")

    async def roll_back(self) -> None:
        """After an error the connection is given back clean, or closed."""
        if self._connection is not None and not self._connection.closed:
            with suppress(DatabaseError):
                await self._connection.run("ROLLBACK", None, self._deadline)

    def release(self) -> None:
        """Gives the connection back."""
        if self._connection is not None:
            self._pool.release(self._connection)

    async def transact(self, work: Callable[[Executor], Awaitable[T]]) -> T:
        """As part of this one."""
        return await work(self)

    async def _run(self, query: Query[Any], read: Callable[[cursor], T]) -> T:
        if self._connection is None:
            return read(await self._begin(query))
        return read(await self._send(self._connection, *self._message(self._connection, query), query))

    def _message(self, connection: Connection, query: Query[Any]) -> tuple[str, Values]:
        """What is sent for it, and the values."""
        return message(query.statement, bound(query), self._schema, self._prepares, self._delegates, None, connection)

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
