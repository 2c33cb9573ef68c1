"""One asynchronous psycopg2 connection in the event loop: its reader stays registered from connect to close."""

import asyncio
import time
from typing import Any, Generic, TypeVar

import psycopg2
from common import Params
from fastapi_app import DeadlineExceeded, Row
from psycopg2.extensions import (
    POLL_OK,
    POLL_READ,
    POLL_WRITE,
    TRANSACTION_STATUS_IDLE,
    TRANSACTION_STATUS_UNKNOWN,
    cursor,
)

T = TypeVar("T")


def wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Waiter(Generic[T]):
    """A future that fails at its deadline, which is in the time of `time.monotonic()`."""

    __slots__ = ("future", "timer")

    def __init__(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = loop.create_future()
        self.timer = loop.call_at(loop.time() + deadline - time.monotonic(), self._expire)

    def _expire(self) -> None:
        if not self.future.done():
            self.future.set_exception(DeadlineExceeded())


class Connection:
    def __init__(self, arguments: dict[str, Any]) -> None:
        self.loop = asyncio.get_running_loop()
        self.raw = psycopg2.connect(**arguments, async_=True)
        self.cursor: cursor | None = None
        self.fd = -1
        self.writing = False
        self.waiter: asyncio.Future[None] | None = None

    async def connect(self, deadline: float) -> None:
        """libpq may change its socket from one poll to the next, so each wait here registers for itself."""
        try:
            while (state := self.raw.poll()) != POLL_OK:
                await self._ready(self.raw.fileno(), state == POLL_READ, deadline)
        except BaseException:
            self.raw.close()
            raise
        self.cursor, self.fd = self.raw.cursor(), self.raw.fileno()
        self.loop.add_reader(self.fd, self._advance)

    async def _ready(self, fd: int, reading: bool, deadline: float) -> None:
        waiter: Waiter[None] = Waiter(deadline)
        (self.loop.add_reader if reading else self.loop.add_writer)(fd, wake, waiter.future)
        try:
            await waiter.future
        finally:
            waiter.timer.cancel()
            (self.loop.remove_reader if reading else self.loop.remove_writer)(fd)

    async def execute(self, sql: str, params: Params, deadline: float) -> cursor:
        if (used := self.cursor) is None:
            raise psycopg2.InterfaceError("the connection was lost")
        used.execute(sql, params)
        waiter: Waiter[None] = Waiter(deadline)
        self.waiter = waiter.future
        try:
            self._advance()
            await waiter.future
        finally:
            waiter.timer.cancel()
            self.waiter = None
        return used

    async def fetch(self, sql: str, params: Params, deadline: float) -> Row | None:
        received = await self.execute(sql, params, deadline)
        row: Row | None = received.fetchone()
        return row

    def _advance(self) -> None:
        """The socket is ready, or a statement was just sent."""
        if self.waiter is None:
            self.close()  # nothing was asked: the server has gone or is about to
            return
        try:
            state = self.raw.poll()
        except psycopg2.Error as error:
            if self.raw.get_transaction_status() == TRANSACTION_STATUS_UNKNOWN:
                self.close()  # at once: libpq has closed the socket, its number is about to be used again
            if not self.waiter.done():
                self.waiter.set_exception(error)
            return
        if (state == POLL_WRITE) != self.writing:
            self.writing = not self.writing
            if self.writing:
                self.loop.add_writer(self.fd, self._advance)
            else:
                self.loop.remove_writer(self.fd)
        if state == POLL_OK:
            wake(self.waiter)

    @property
    def reusable(self) -> bool:
        """Open, no statement on its way, outside a transaction."""
        return self.cursor is not None and self.raw.get_transaction_status() == TRANSACTION_STATUS_IDLE

    def close(self) -> None:
        """First out of the loop, then closed: a number that is closed first may belong to somebody else by then."""
        if self.fd >= 0:
            self.loop.remove_reader(self.fd)
            self.loop.remove_writer(self.fd)
        self.fd, self.writing, self.cursor = -1, False, None
        self.raw.close()
