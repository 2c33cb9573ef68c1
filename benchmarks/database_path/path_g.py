"""Path G: psycopg2's wait callback bridged to the event loop by greenlets, the deadline by asyncio.timeout."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import psycopg2
from common import Params, Settings
from fastapi_app import PlannedError, Row, Statement, build
from psycopg2.extensions import (
    POLL_OK,
    POLL_READ,
    TRANSACTION_STATUS_IDLE,
    connection,
    cursor,
    set_wait_callback,
)
from sqlalchemy.util import await_only, greenlet_spawn
from starlette.types import ASGIApp

T = TypeVar("T")


def mark(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def ready(fd: int, state: int) -> None:
    """Registered for one wait only: psycopg2 closes a failed connection where we cannot see it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    reading = state == POLL_READ
    (loop.add_reader if reading else loop.add_writer)(fd, mark, future)
    try:
        await future
    finally:
        (loop.remove_reader if reading else loop.remove_writer)(fd)


def wait(raw: connection) -> None:
    """Called by psycopg2 wherever it would block, inside a greenlet; a cancellation is raised out of await_only."""
    while (state := raw.poll()) != POLL_OK:
        await_only(ready(raw.fileno(), state))


class GreenletDatabase:
    def __init__(self, settings: Settings) -> None:
        self.arguments = settings.psycopg2_arguments()
        self.permits = asyncio.Semaphore(settings.connections)
        self.idle: list[connection] = []

    async def open(self) -> None:
        set_wait_callback(wait)

    async def close(self) -> None:
        while self.idle:
            self.idle.pop().close()

    async def fetch(self, sql: str, params: Params, deadline: float) -> Row | None:
        def work(cur: cursor) -> Row | None:
            cur.execute(sql, params)
            row: Row | None = cur.fetchone()
            return row

        return await self._with_cursor(work, deadline)

    async def transact(self, statements: Sequence[Statement], deadline: float, fail: bool) -> None:
        def work(cur: cursor) -> None:
            cur.execute("BEGIN")
            for sql, params in statements:
                cur.execute(sql, params)
            if fail:
                raise PlannedError
            cur.execute("COMMIT")

        await self._with_cursor(work, deadline)

    async def _with_cursor(self, work: Callable[[cursor], T], deadline: float) -> T:
        left = deadline - time.monotonic()
        async with asyncio.timeout(left), self.permits:
            return await greenlet_spawn(self._run, work)

    def _run(self, work: Callable[[cursor], T]) -> T:
        """Runs in a greenlet. Only a connection that is idle and outside a transaction outlives its request."""
        if self.idle:
            raw = self.idle.pop()
        else:
            raw = psycopg2.connect(**self.arguments)
            raw.autocommit = True
        try:
            with raw.cursor() as cur:
                return work(cur)
        finally:
            if raw.closed or raw.get_transaction_status() != TRANSACTION_STATUS_IDLE:
                raw.close()
            else:
                self.idle.append(raw)


def create() -> ASGIApp:
    settings = Settings()
    return build(GreenletDatabase(settings), settings)
