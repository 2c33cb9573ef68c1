"""The contestant from outside: Litestar with asyncpg and SQL by hand."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
from common import AccessLine, Settings, settle, user_of
from litestar import Litestar, Request, Response, get, patch, post
from litestar.di import Provide
from litestar.exceptions import NotAuthorizedException, NotFoundException
from litestar.params import Dependency
from starlette.types import ASGIApp
from tasks import TaskChange, TaskIn, TaskOut, new_task, render, render_list

FIELDS = ", ".join(TaskOut.model_fields)
GET_TASK = f"SELECT {FIELDS} FROM tasks WHERE user_id = $1 AND id = $2"
CREATE_TASK = (
    "INSERT INTO tasks (user_id, id, title, description, status, due_at, created_at, updated_at) "
    f"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {FIELDS}"
)


LIST_TASKS = f"SELECT {FIELDS} FROM tasks WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2"
UPDATE_TASK = (
    f"UPDATE tasks SET {{}}version = version + 1, updated_at = now() WHERE user_id = $1 AND id = $2 RETURNING {FIELDS}"
)


async def keep(_: Any) -> None:
    """In place of asyncpg's reset, which is a round trip at each release."""


def create() -> ASGIApp:
    settings = Settings()
    pool: asyncpg.Pool[asyncpg.Record]

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        nonlocal pool
        options = {} if settings.pool_reset else {"reset": keep}
        size = settings.connections
        async with asyncpg.create_pool(
            settings.asyncpg_dsn(), min_size=size, max_size=size, command_timeout=settings.deadline, **options
        ) as pool:
            settle()
            yield

    async def current_user(request: Request[Any, Any, Any]) -> str:
        user_id = user_of(request.headers.get("authorization"), settings.secret)
        if user_id is None:
            raise NotAuthorizedException
        return user_id

    @get("/users/me/tasks/{task_id:uuid}")
    async def get_task(user_id: Annotated[str, Dependency()], task_id: uuid.UUID) -> Response[bytes]:
        row = await pool.fetchrow(GET_TASK, user_id, task_id)
        if row is None:
            raise NotFoundException
        return Response(render(dict(row)), media_type="application/json")

    @post("/users/me/tasks")
    async def create_task(user_id: Annotated[str, Dependency()], data: TaskIn) -> Response[bytes]:
        row = await pool.fetchrow(CREATE_TASK, *new_task(user_id, data).values())
        assert row is not None
        return Response(render(dict(row)), status_code=201, media_type="application/json")

    @get("/users/me/tasks")
    async def list_tasks(user_id: Annotated[str, Dependency()], limit: int = 50) -> Response[bytes]:
        rows = await pool.fetch(LIST_TASKS, user_id, limit)
        return Response(render_list([dict(row) for row in rows]), media_type="application/json")

    @patch("/users/me/tasks/{task_id:uuid}")
    async def update_task(
        user_id: Annotated[str, Dependency()], task_id: uuid.UUID, data: TaskChange
    ) -> Response[bytes]:
        changes = data.model_dump(exclude_unset=True)
        written = "".join(f"{name} = ${number}, " for number, name in enumerate(changes, 3))
        row = await pool.fetchrow(UPDATE_TASK.format(written), user_id, task_id, *changes.values())
        if row is None:
            raise NotFoundException
        return Response(render(dict(row)), media_type="application/json")

    app = Litestar(
        [get_task, create_task, list_tasks, update_task],
        dependencies={"user_id": Provide(current_user)},
        lifespan=[lifespan],
        openapi_config=None,
    )
    return AccessLine(app) if settings.access_line else app  # type: ignore[arg-type,return-value]
