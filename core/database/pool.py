"""The connections of one process: few, reused last in first out, and never more than agreed."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from psycopg2.extensions import parse_dsn

from core.config import NAME
from core.database.connection import Connection, Message
from core.database.connector import Connector
from core.database.deadline_timer import DeadlineTimer
from core.database.turns import Line, Turn
from core.database.usage import Usage, Waiting

# A connection that lay idle for longer may be dead without a sign (NAT, a suspended compute): open another.
IDLE_SECONDS = 300

# Where a server turned out to be read-only, its other connections are closed, but for those that are newer: they were
# opened after it had changed, and where no server takes writes, reads keep them.
READ_ONLY_SECONDS = 1

_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 15000}


class Pool:
    """Opens a connection when one is needed and none is idle. Whoever comes when all are in use waits its turn."""

    def __init__(self, url: str, size: int) -> None:
        # libpq's only way to begin a session with this zone that a pooler takes. In the zone of a server elsewhere the
        # first and the last day of the calendar have years that Python's datetime does not know.
        os.environ["PGTZ"] = "UTC"
        parameters: dict[str, Any] = {**_KEEPALIVES, "application_name": NAME, **parse_dsn(url)}
        self._connector = Connector(parameters)
        self.size = size
        self._free = size
        self._line = Line()
        # The one where its connections are opened: each look for the running one is a call of the system.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[Connection] = []
        # These and those in use.
        self._opened: list[Connection] = []
        self._closed = False
        # When it last turned out that a server takes no writes, on the event loop's clock.
        self.read_only_at = float("-inf")
        # Not all are used always, and the server has only so many: set by those that are opened.
        self._idle_timer = DeadlineTimer(self._close_unused)

    @property
    def used(self) -> int:
        """How many places are taken."""
        return self.size - self._free

    @property
    def idle(self) -> int:
        """How many connections wait to be used."""
        return len(self._idle)

    @property
    def pending(self) -> int:
        """How many wait for a place."""
        return len(self._line)

    @property
    def wants_read_only(self) -> bool:
        """Whether the URL asks for a server that takes no writes."""
        return self._connector.wants_read_only

    async def acquire(self, deadline: float, usage: Usage | None = None) -> Connection:
        """The idle connection used last (the least likely to be stale), or a new one. Raises at `deadline`.

        `usage` is told how long it was waited for.
        """
        turn = self.turn(deadline, usage)
        try:
            self.begin(turn)
            found: Connection | None = await turn.done
            return found or await self.open_for(turn)
        except BaseException:
            self.end(turn)
            raise

    def release(self, connection: Connection) -> None:
        """Takes a connection back; one that the next statement would not find as new is closed."""
        if self._closed or not connection.reusable:
            connection.close()
            self._learn(connection)
            self._give_place(None)
        else:
            self._give_place(connection)

    def turn(self, deadline: float, usage: Usage | None, message: Message | None = None, *, text: bool = False) -> Turn:
        """For `begin`."""
        return Turn(self._loop, deadline, usage, message, text=text)

    def begin(self, turn: Turn) -> None:
        """Gives it a connection at once, or has it wait in line. Whatever then happens, `end` is due.

        Where its `done` gives None, `open_for` is due.
        """
        if self._free:
            self._free -= 1
            turn.take(self._take_idle())
        else:
            self._line.join(turn)

    async def open_for(self, turn: Turn) -> Any:
        """What its `done` gives once a connection is opened for it. Raises at its deadline."""
        with Waiting(turn.usage):
            connection = await self._open(turn.deadline)
        turn.done = asyncio.Future(loop=self._loop)
        turn.take(connection)
        return await turn.done

    def end(self, turn: Turn) -> None:
        """Gives back what it has."""
        if turn.connection is not None:
            self.release(turn.connection)
        elif turn.placed:
            self._give_place(None)
        else:
            turn.wait_no_more()

    def limit(self, milliseconds: int) -> None:
        """From now on each connection has this limit for a statement, from the server; no older one is used again.

        Only where no pooler stands between: one gives a session to many, or does not pass the limit on.
        """
        self._connector.limit = milliseconds
        for one in self._opened:
            one.retired = True
        self._close_idle(lambda idle: idle.retired)

    def close(self) -> None:
        """Closes the idle connections; those in use are closed as they come back."""
        self._closed = True
        self._idle_timer.stop()
        while self._idle:
            self._idle.pop().close()

    async def _open(self, deadline: float) -> Connection:
        self._loop = asyncio.get_running_loop()
        connection = await self._connector.open(deadline)
        self._opened = [one for one in self._opened if not one.closed]
        self._opened.append(connection)
        self._idle_timer.set(connection.opened + IDLE_SECONDS)
        return connection

    def _close_unused(self, now: float) -> float | None:
        """Gives back to the server what has been idle for long; gives the time to look again."""
        self._close_idle(lambda idle: now - idle.last_used >= IDLE_SECONDS)
        self._opened = [one for one in self._opened if not one.closed]
        return min((max(now + 1, one.last_used + IDLE_SECONDS) for one in self._opened), default=None)

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and time.monotonic() - connection.last_used < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def _give_place(self, connection: Connection | None) -> None:
        """To whose turn it is: with the connection that had it, if that can be used."""
        if not self._line.give(connection):
            if connection is not None:
                self._idle.append(connection)
            self._free += 1

    def _learn(self, lost: Connection) -> None:
        """Closes what would fail as `lost` did, each at the cost of a request; what is in use, as it comes back."""
        if lost.silent:  # what has not responded since may be as dead
            self._close_idle(lambda idle: idle.last_used <= lost.last_used)
        elif lost.read_only and not self.wants_read_only:
            self.read_only_at = asyncio.get_running_loop().time()
            newer = self.read_only_at - READ_ONLY_SECONDS
            for one in self._opened:
                one.retired = one.retired or (one.server == lost.server and one.opened < newer)
            self._close_idle(lambda idle: idle.retired)
        else:
            return
        self._connector.suspect(lost.server)

    def _close_idle(self, doomed: Callable[[Connection], bool]) -> None:
        closing = [idle for idle in self._idle if doomed(idle)]
        self._idle = [idle for idle in self._idle if idle not in closing]
        for idle in closing:
            idle.close()
