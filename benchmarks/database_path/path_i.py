"""Path I: psycopg2's asynchronous connections in the event loop, the deadline by loop.call_at; no threads."""

from collections.abc import Sequence

from async_pool import Pool
from common import Params, Settings
from fastapi_app import PlannedError, Row, Statement, build
from starlette.types import ASGIApp


class AsynchronousDatabase:
    def __init__(self, settings: Settings) -> None:
        self.pool = Pool(settings.psycopg2_arguments(), settings.connections)

    async def open(self) -> None:
        """Connections are made when they are first needed."""

    async def close(self) -> None:
        self.pool.close()

    async def fetch(self, sql: str, params: Params, deadline: float) -> Row | None:
        connection = await self.pool.acquire(deadline)
        try:
            return await connection.fetch(sql, params, deadline)
        finally:
            self.pool.release(connection)

    async def transact(self, statements: Sequence[Statement], deadline: float, fail: bool) -> None:
        connection = await self.pool.acquire(deadline)
        try:
            await connection.execute("BEGIN", {}, deadline)
            for sql, params in statements:
                await connection.execute(sql, params, deadline)
            if fail:
                raise PlannedError
            await connection.execute("COMMIT", {}, deadline)
        finally:
            self.pool.release(connection)


def create() -> ASGIApp:
    settings = Settings()
    return build(AsynchronousDatabase(settings), settings)
