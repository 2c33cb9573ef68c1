"""The FastAPI application that the three psycopg2 paths share: the two measured endpoints and those for the faults."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol, TypeAlias

import psycopg2
from common import AccessLine, Params, Settings, settle, user_of
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from starlette.types import ASGIApp
from tasks import CREATE_TASK, GET_TASK, TaskIn, new_task, render_tuple

Row: TypeAlias = tuple[Any, ...]
Statement: TypeAlias = tuple[str, Params]


class DeadlineExceeded(psycopg2.OperationalError):
    """The database did not respond in the time that the request had."""


class PlannedError(Exception):
    """Raised on purpose between the last statement of a transaction and its COMMIT."""


class Database(Protocol):
    """A path to the database. Deadlines are in the time of `time.monotonic()`."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def fetch(self, sql: str, params: Params, deadline: float) -> Row | None: ...
    async def transact(self, statements: Sequence[Statement], deadline: float, fail: bool) -> None: ...


async def unavailable(_: Request, error: Exception) -> Response:
    return Response(f'{{"error":"{type(error).__name__}"}}', 503, {"Retry-After": "1"}, "application/json")


async def failed(_: Request, __: Exception) -> Response:
    return Response(status_code=500)


def build(database: Database, settings: Settings) -> ASGIApp:  # noqa: C901 (one application, all its endpoints)
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.open()
        settle()
        yield
        await database.close()

    async def current_user(request: Request) -> str:
        user_id = user_of(request.headers.get("authorization"), settings.secret)
        if user_id is None:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return user_id

    async def fetch(sql: str, params: Params) -> Row | None:
        if settings.statement_timeout:
            sql = f"SET LOCAL statement_timeout = {int(settings.deadline * 1000)}; {sql}"
        return await database.fetch(sql, params, time.monotonic() + settings.deadline)

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    for failure in (psycopg2.OperationalError, psycopg2.InterfaceError, TimeoutError):
        app.add_exception_handler(failure, unavailable)
    app.add_exception_handler(PlannedError, failed)

    @app.get("/users/me/tasks/{task_id}")
    async def get_task(user_id: Annotated[str, Depends(current_user)], task_id: uuid.UUID) -> Response:
        row = await fetch(GET_TASK, {"user_id": user_id, "id": str(task_id)})
        if row is None:
            raise HTTPException(404)
        return Response(render_tuple(row), media_type="application/json")

    @app.post("/users/me/tasks")
    async def create_task(user_id: Annotated[str, Depends(current_user)], body: TaskIn) -> Response:
        row = await fetch(CREATE_TASK, new_task(user_id, body))
        assert row is not None
        return Response(render_tuple(row), 201, media_type="application/json")

    @app.get("/health/live")
    async def live() -> Response:
        return Response(b"{}")

    @app.get("/faults/echo/{number}")
    async def echo(number: int) -> int:
        row = await fetch("SELECT %(number)s", {"number": number})
        assert row is not None
        return int(row[0])

    @app.get("/faults/sleep")
    async def sleep() -> None:
        await fetch("SELECT pg_sleep(2)", {})

    @app.get("/faults/cancelled")
    async def cancelled() -> None:
        asleep = asyncio.create_task(fetch("SELECT pg_sleep(2)", {}))
        await asyncio.sleep(0.2)
        asleep.cancel()
        await asyncio.gather(asleep, return_exceptions=True)

    @app.post("/faults/transaction")
    async def transaction(user_id: Annotated[str, Depends(current_user)], fail: bool) -> None:
        statements = [(CREATE_TASK, new_task(user_id, TaskIn(title=title))) for title in ("first", "second")]
        await database.transact(statements, time.monotonic() + settings.deadline, fail)

    return AccessLine(app)
