"""A pool for several servers behind the one that is asked: one of them that is silent does not take all connections."""

import asyncio
from typing import Any

from core.database.connection import Connection
from core.database.errors import PoolExhaustedError
from core.database.places import Places
from core.database.pool import Pool
from core.database.turns import Turn
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
        self._bounds: dict[str, asyncio.Semaphore] = {}
        self._taken: dict[Connection, asyncio.Semaphore] = {}

    def begin(self, turn: Turn) -> None:
        """As Pool does where nothing is bounded; else `open_for` is due first."""
        if self._server(turn.usage) is None:
            super().begin(turn)
        else:
            turn.done.set_result(None)

    async def open_for(self, turn: Turn) -> Any:
        """As Pool does, and raises PoolExhaustedError as well where the server's connections are all in use."""
        server = self._server(turn.usage)
        if server is None or turn.placed:
            return await super().open_for(turn)
        bound = self._bounds.setdefault(server, asyncio.Semaphore(self._most))
        try:
            with Waiting(turn.usage):
                async with asyncio.timeout_at(turn.deadline):
                    await bound.acquire()
        except TimeoutError:
            raise PoolExhaustedError("no connection for this server became free") from None
        try:
            turn.done = asyncio.Future(loop=self._loop)
            super().begin(turn)
            result = await turn.done or await super().open_for(turn)
        except BaseException:
            bound.release()
            raise
        assert turn.connection is not None
        self._taken[turn.connection] = bound
        return result

    def _server(self, usage: Usage | None) -> str | None:
        return self.places.of(usage.owner) if self.places and usage and usage.owner is not None else None

    def release(self, connection: Connection) -> None:
        """As Pool does."""
        super().release(connection)
        bound = self._taken.pop(connection, None)
        if bound is not None:
            bound.release()
