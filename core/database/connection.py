"""One PostgreSQL connection that the event loop drives: psycopg2's asynchronous mode with a deadline on every step."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_WRITE, TRANSACTION_STATUS_IDLE, connection, cursor

from core.database.deadline_timer import DeadlineTimer
from core.database.errors import READ_ONLY, DeadlineError, TooLateError, translate
from core.database.prepared_statements import PreparedStatements
from core.database.sending import Values, sent
from core.database.usage import Usage
from core.database.watched_socket import WatchedSocket

# How often a connection is looked at whose response does not come: uvloop forgets a reader whose socket has an error,
# also where all that is there was read, and libpq does not say that it cannot send (it leaves that to reading).
LOOK_SECONDS = 0.5
# What is to be sent on a connection.
Message = Callable[["Connection"], tuple[str, Values]]


class Connection:
    """Never blocks the event loop, and is never used again after an error that leaves its state unknown.

    Between statements it keeps watching its socket, so that a server that goes away is noticed at once and not by
    the next request. Not safe for two tasks at a time: the pool hands it to one.
    """

    def __init__(self, pg: connection) -> None:
        self._loop = asyncio.get_running_loop()
        self._pg = pg
        self._socket = WatchedSocket(self._loop, self._advance)
        self._waiter: asyncio.Future[Any] | None = None
        self._deadline = 0.0
        # While it connects: when it must have connected, and how many seconds nothing may come meanwhile.
        self._connecting: tuple[float, float] | None = None
        self._timer = DeadlineTimer(self._expire)
        self.opened = self.last_used = self._loop.time()
        self.used = False
        self.prepared = PreparedStatements()
        # The cursor of the statement that is under way, when it began, and the seconds that the last one took.
        self._cursor: cursor | None = None
        self._began = self.took = 0.0
        # Whether the server had time, and let the deadline pass without a word; and whether it takes no writes.
        self.silent = self.read_only = False
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
        self._waiter, self._deadline = self._loop.create_future(), min(deadline, self.opened + patience)
        self._timer.set(self._deadline)
        self._advance()
        try:
            await self._waiter
        except BaseException:
            self.close()
            raise
        self._waiter = self._connecting = None
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
        self, sql: str, values: Values, deadline: float, usage: Usage | None = None, *, text: bool = False
    ) -> cursor:
        """Sends `sql` (one round trip, whatever the number of statements in it) and gives the last one's cursor.

        Raises an error of core.database.errors. Ended before its time, by the deadline or by cancellation, it
        closes the connection: what the server then does with the statement is unknown. `usage` is told the time.
        """
        done = self._loop.create_future()
        self.begin(lambda _: (sql, values), deadline, done, text=text)
        try:
            result: cursor = await done
            return result
        finally:
            self.end(usage)

    def begin(self, message: Message, deadline: float, done: asyncio.Future[Any], *, text: bool = False) -> None:
        """Sends a message; raises nothing. `done` gives the last statement's cursor, or the error; then `end` is due.

        With `text` the cursor gives ids and times as text.
        """
        # What the loop's clock shows, but for its rounding to milliseconds.
        self._waiter, self._deadline, self._began = done, deadline, time.monotonic()
        try:
            if deadline <= self._began:  # what would be sent now would cost the connection
                raise TooLateError("the time of the request was over before this was sent")
            self._cursor, whole = sent(self._pg, *message(self), text=text)
            self._timer.set(min(deadline, self._began + LOOK_SECONDS))
            # As it sends, libpq may find that the server has gone, and close the socket: of that nobody is told.
            watched = self.used and self._socket.only_reads(self._pg.fileno())
            if not (whole and watched):
                self._advance(anew=not watched)
        except psycopg2.Error as error:
            done.set_exception(self._failed(error))
        except Exception as error:  # whoever waits for the result is to know of it, who may be another than the caller
            done.set_exception(error)

    def end(self, usage: Usage | None) -> None:
        """To be called after `begin` by who waited. A statement that has not ended closes the connection: what the
        server does with it is unknown. `usage` is told the time."""
        waiter, self._waiter, self._cursor, self.prepared.last = self._waiter, None, None, None
        self.took = (now := time.monotonic()) - self._began
        if waiter is None or not waiter.done() or waiter.cancelled():
            self.close()
        elif waiter.exception() is None:
            self.last_used, self.used = now, True
        if usage is not None:
            usage.statements += 1
            usage.statements_seconds += self.took

    def close(self) -> None:
        """Closes at once, without a word to the server if it does not listen."""
        self._timer.stop()
        self._socket.stop()
        with suppress(psycopg2.Error):
            self._pg.close()

    def _advance(self, *, anew: bool = True) -> None:
        """One step of libpq; it may ask to write or to read, and may change its socket while it connects. `anew` is
        whether the loop may have forgotten its reader."""
        waiter = self._waiter
        if waiter is None:  # an idle connection has nothing to say: the server is closing it
            self.close()
            return
        if waiter.done():  # already expired or cancelled; its task has yet to run and close
            return
        try:
            if not self.used:  # while it connects, libpq may open another socket under the same number
                self._socket.stop()
                if self._connecting is not None:
                    until, patience = self._connecting
                    self._deadline = min(until, self._loop.time() + patience)
            state = self._pg.poll()
            # Once it is used it keeps its socket, which is watched, but for an error.
            kept = self.used and self._socket.descriptor >= 0 and not self._socket.writing
            if not kept or state == POLL_WRITE or (anew and state != POLL_OK):
                self._socket.watch(self._pg.fileno(), writing=state == POLL_WRITE)
        except psycopg2.Error as error:
            self._socket.stop()  # libpq has closed its socket already: the number may be another connection's next
            waiter.set_exception(self._failed(error))
            return
        if state == POLL_OK:
            waiter.set_result(self._cursor)

    def _expire(self, now: float) -> float | None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return None
        if self._connecting is None:
            self._advance()
            if waiter.done():
                return None
        if now < self._deadline:
            return self._deadline if self._connecting else min(self._deadline, now + LOOK_SECONDS)
        self.silent = now >= self._began + LOOK_SECONDS
        waiter.set_exception(DeadlineError("deadline"))
        self.close()
        return None

    def _failed(self, error: psycopg2.Error) -> Exception:
        connecting = self._connecting is not None
        self.read_only = self.read_only or error.pgcode == READ_ONLY
        if connecting or self._pg.closed or error.pgcode in (None, READ_ONLY):
            self.close()
        return self.prepared.judged(translate(error, connecting=connecting))
