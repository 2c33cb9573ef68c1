"""A pool of asynchronous connections: last in first out, waiters in order, each with a deadline."""

import asyncio
from collections import deque
from typing import Any

from async_connection import Connection, Waiter


class Pool:
    """At most `size` slots, each an idle connection, a lent one, one being made, or one on its way to a waiter."""

    def __init__(self, arguments: dict[str, Any], size: int) -> None:
        self.arguments = arguments
        self.size = size
        self.taken = 0
        self.idle: list[Connection] = []
        self.waiters: deque[asyncio.Future[Connection | None]] = deque()

    async def acquire(self, deadline: float) -> Connection:
        if self.idle:
            connection: Connection | None = self.idle.pop()
        elif self.taken < self.size:
            self.taken += 1
            connection = None
        else:
            connection = await self._wait(deadline)
        if connection is not None and connection.reusable:
            return connection
        return await self._open(deadline)

    def release(self, connection: Connection) -> None:
        if connection.reusable:
            self._pass(connection)
        else:
            connection.close()
            self._pass(None)

    def close(self) -> None:
        while self.idle:
            self.idle.pop().close()
            self.taken -= 1

    async def _open(self, deadline: float) -> Connection:
        """Fills a slot that the user holds already."""
        try:
            connection = Connection(self.arguments)
            await connection.connect(deadline)
        except BaseException:
            self._pass(None)
            raise
        return connection

    async def _wait(self, deadline: float) -> Connection | None:
        waiter: Waiter[Connection | None] = Waiter(deadline)
        self.waiters.append(waiter.future)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                self._pass(waiter.future.result())  # given a slot and cancelled in the same turn
            raise
        finally:
            waiter.timer.cancel()

    def _pass(self, slot: Connection | None) -> None:
        """Hands a slot, with its connection or empty, to the first who waits; else it is idle or free."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(slot)
                return
        if slot is None:
            self.taken -= 1
        else:
            self.idle.append(slot)
