"""A pool for several servers behind the one that is asked: one of them that is silent does not take all connections."""

import asyncio

from core.database.connection import Connection
from core.database.errors import PoolExhaustedError
from core.database.places import Places
from core.database.pool import Pool
from core.database.usage import Usage, Waiting


class BoundedPool(Pool):
    """At most `most` connections are in use for the owners of one server. Whoever comes beyond waits for one of these.

    It bounds nothing until `places` is set, and nobody who is no owner.
    """

    def __init__(self, url: str, size: int, most: int) -> None:
        super().__init__(url, size)
        self._most = most
        self.places: Places | None = None
        # By server; and what is to be given back with a connection.
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._taken: dict[Connection, asyncio.Semaphore] = {}

    async def acquire(self, deadline: float, usage: Usage | None = None) -> Connection:
        """As Pool does, and raises PoolExhaustedError as well where the server's connections are all in use."""
        server = self.places.of(usage.owner) if self.places and usage and usage.owner is not None else None
        if server is None:
            return await super().acquire(deadline, usage)
        turn = self._turns.setdefault(server, asyncio.Semaphore(self._most))
        try:
            with Waiting(usage):
                async with asyncio.timeout_at(deadline):
                    await turn.acquire()
        except TimeoutError:
            raise PoolExhaustedError("no connection for this server became free") from None
        try:
            connection = await super().acquire(deadline, usage)
        except BaseException:
            turn.release()
            raise
        self._taken[connection] = turn
        return connection

    def release(self, connection: Connection) -> None:
        """As Pool does."""
        super().release(connection)
        turn = self._taken.pop(connection, None)
        if turn is not None:
            turn.release()
