"""One PostgreSQL connection that the event loop drives: psycopg2's asynchronous mode with a deadline on every step."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_WRITE, TRANSACTION_STATUS_IDLE, connection, cursor

from core.database.deadline_timer import DeadlineTimer
from core.database.errors import READ_ONLY, DeadlineError, ValueRejectedError, translate
from core.database.literals import filled
from core.database.prepared_statements import PreparedStatements
from core.database.text_rows import AS_TEXT
from core.database.usage import Usage

Values = Mapping[str, Any] | None


class Connection:
    """Never blocks the event loop, and is never used again after an error that leaves its state unknown.

    Between statements it keeps watching its socket, so that a server that goes away is noticed at once and not by
    the next request. Not safe for two tasks at a time: the pool hands it to one.
    """

    def __init__(self, pg: connection) -> None:
        self._loop = asyncio.get_running_loop()
        self._pg = pg
        self._fd = -1
        self._writing = False
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        # While it connects: when it must have connected, and how many seconds nothing may come meanwhile.
        self._connecting: tuple[float, float] | None = None
        self._timer = DeadlineTimer(self._expire)
        self.opened = self.last_used = self._loop.time()
        self.used = False
        self.prepared = PreparedStatements()
        # The seconds of the last statement.
        self.took = 0.0
        # Whether the server let the deadline pass without a word.
        self.silent = False
        # Whether a write met a server that takes none.
        self.read_only = False
        # Set by the pool while it is in use: it is not to be used again.
        self.retired = False
        # Whether the session itself has a limit for each statement.
        self.limited = False
        # Where it leads, as the pool tells servers apart.
        self.server: Any = None

    @classmethod
    async def open(cls, parameters: Mapping[str, Any], deadline: float, patience: float = float("inf")) -> "Connection":
        """Connects to one address until `deadline` (the loop's clock). Raises DatabaseUnavailableError.

        Gives up earlier where nothing comes from there for `patience` seconds: a server that is far is not silent.
        A name as the host would block the event loop while libpq looks it up.
        """
        try:
            self = cls(psycopg2.connect(**parameters, async_=True))
        except psycopg2.Error as error:
            raise translate(error, connecting=True) from None
        self._connecting = (deadline, patience)
        await self._settle(min(deadline, self.opened + patience), connecting=True)
        self._connecting = None
        return self

    @property
    def backend(self) -> int:
        """The process of the server that serves it, or what a pooler says in its place; 0 once it is closed."""
        return self._pg.info.backend_pid

    @property
    def closed(self) -> bool:
        """Whether it can no longer be used."""
        return self._pg.closed != 0

    @property
    def reusable(self) -> bool:
        """Whether the next statement finds it as a new one: alive, and in no transaction."""
        return self._pg.get_transaction_status() == TRANSACTION_STATUS_IDLE and not self.retired

    async def run(
        self, sql: str, values: Values, deadline: float, usage: Usage | None = None, text: bool = False
    ) -> cursor:
        """Sends `sql` (one round trip, whatever the number of statements in it) and gives the last one's cursor.

        Raises an error of core.database.errors. Ended before its time, by the deadline or by cancellation, it
        closes the connection: what the server then does with the statement is unknown. `usage` is told the time.
        With `text` the cursor gives ids and times as text.
        """
        began = time.monotonic()  # what the loop's clock shows, but for its rounding to milliseconds
        try:
            result = self._pg.cursor()
            if values and type(result) is cursor:  # whatever traces statements is told text and values apart
                sql, values = filled(sql, values, self._pg), None
            if text:
                result.string_types = AS_TEXT
            result.execute(sql, values)
            await self._settle(deadline)
            self.last_used = time.monotonic()
            self.used = True
            return result
        except psycopg2.Error as error:
            raise self._failed(error) from None
        except ValueError:  # of psycopg2's own: NUL, or half a surrogate pair, in a text
            raise ValueRejectedError("psycopg2 cannot send a value") from None
        finally:
            self.prepared.last = None
            self.took = (self.last_used if self.last_used >= began else time.monotonic()) - began
            if usage is not None:
                usage.statements += 1
                usage.statements_seconds += self.took

    def close(self) -> None:
        """Closes at once, without a word to the server if it does not listen."""
        self._timer.stop()
        self._unwatch()
        with suppress(psycopg2.Error):
            self._pg.close()

    async def _settle(self, deadline: float, *, connecting: bool = False) -> None:
        """Drives libpq until the operation under way is done."""
        self._waiter = self._loop.create_future()
        self._deadline = deadline
        self._timer.set(deadline)
        self._advance()
        try:
            await self._waiter
        except psycopg2.Error as error:
            raise self._failed(error, connecting=connecting) from None
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None

    def _advance(self) -> None:
        """One step of libpq; it may ask to write or to read, and may change its socket while it connects."""
        waiter = self._waiter
        if waiter is None:  # an idle connection has nothing to say: the server is closing it
            self.close()
            return
        if waiter.done():  # already expired or cancelled; its task has yet to run and close
            return
        try:
            if not self.used:  # while it connects, libpq may open another socket under the same number
                self._unwatch()
                if self._connecting is not None:
                    until, patience = self._connecting
                    self._deadline = min(until, self._loop.time() + patience)
            state = self._pg.poll()
            # Once it is used it keeps its socket, which is watched but for an error.
            if state == POLL_WRITE or self._writing or self._fd < 0 or not self.used:
                self._watch(writing=state == POLL_WRITE)
        except psycopg2.Error as error:
            self._unwatch()  # libpq has closed its socket already: the number may be another connection's next
            waiter.set_exception(error)
            return
        if state == POLL_OK:
            waiter.set_result(None)

    def _watch(self, *, writing: bool) -> None:
        fd = self._pg.fileno()
        if fd != self._fd:
            self._unwatch()
            self._loop.add_reader(fd, self._advance)
            self._fd = fd
        if writing != self._writing:
            if writing:
                self._loop.add_writer(fd, self._advance)
            else:
                self._loop.remove_writer(fd)
            self._writing = writing

    def _unwatch(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            if self._writing:
                self._loop.remove_writer(self._fd)
            self._fd, self._writing = -1, False

    def _expire(self, now: float) -> float | None:
        if self._waiter is None or self._waiter.done():
            return None
        if now < self._deadline:
            return self._deadline
        self.silent = True
        self._waiter.set_exception(DeadlineError("deadline"))
        return None

    def _failed(self, error: psycopg2.Error, *, connecting: bool = False) -> Exception:
        if error.pgcode == READ_ONLY:
            self.read_only = True
        if connecting or self._pg.closed or error.pgcode in (None, READ_ONLY):
            self.close()
        return self.prepared.judged(translate(error, connecting=connecting))
