"""Path H: psycopg2 cursors in a few worker threads, the deadline in psycopg2's wait callback."""

import asyncio
import select
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psycopg2
from common import Params, Settings
from fastapi_app import DeadlineExceeded, PlannedError, Row, Statement, build
from psycopg2.extensions import (
    POLL_OK,
    POLL_READ,
    TRANSACTION_STATUS_IDLE,
    connection,
    cursor,
    set_wait_callback,
)
from starlette.types import ASGIApp

T = TypeVar("T")


class Worker(threading.local):
    """What one thread keeps: its connection and the deadline of the request it serves."""

    raw: connection | None = None
    deadline: float = 0.0


worker = Worker()


def wait(raw: connection) -> None:
    """Called by psycopg2 wherever it would block. It must raise, not close: psycopg2 holds the mutex."""
    while (state := raw.poll()) != POLL_OK:
        left = worker.deadline - time.monotonic()
        poller = select.poll()
        poller.register(raw.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        if left <= 0 or not poller.poll(left * 1000):
            raise DeadlineExceeded


class ThreadedDatabase:
    def __init__(self, settings: Settings) -> None:
        self.arguments = settings.psycopg2_arguments()
        self.executor = ThreadPoolExecutor(settings.connections, "database")

    async def open(self) -> None:
        set_wait_callback(wait)

    async def close(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)

    async def fetch(self, sql: str, params: Params, deadline: float) -> Row | None:
        def work(cur: cursor) -> Row | None:
            cur.execute(sql, params)
            row: Row | None = cur.fetchone()
            return row

        return await asyncio.get_running_loop().run_in_executor(self.executor, self._with_cursor, work, deadline)

    async def transact(self, statements: Sequence[Statement], deadline: float, fail: bool) -> None:
        def work(cur: cursor) -> None:
            cur.execute("BEGIN")
            for sql, params in statements:
                cur.execute(sql, params)
            if fail:
                raise PlannedError
            cur.execute("COMMIT")

        await asyncio.get_running_loop().run_in_executor(self.executor, self._with_cursor, work, deadline)

    def _with_cursor(self, work: Callable[[cursor], T], deadline: float) -> T:
        """Runs in a worker thread. Only a connection that is idle and outside a transaction outlives its request."""
        if deadline <= time.monotonic():
            raise DeadlineExceeded
        worker.deadline = deadline
        if (raw := worker.raw) is None:
            raw = worker.raw = psycopg2.connect(**self.arguments)
            raw.autocommit = True
        try:
            with raw.cursor() as cur:
                return work(cur)
        finally:
            if raw.closed or raw.get_transaction_status() != TRANSACTION_STATUS_IDLE:
                worker.raw = None
                raw.close()


def create() -> ASGIApp:
    settings = Settings()
    return build(ThreadedDatabase(settings), settings)
