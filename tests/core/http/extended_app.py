"""The shipped application with further routers, as it is once somebody has added a slice; called without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import APIRouter, Response

from core.http.dependencies import owned
from core.http.routers import private_router
from core.problems import not_found
from main import create_app
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.schemas import TaskCreate, TaskRead
from tests.conftest import TestDatabase, make_settings

# A create that takes no body, below a row of the user: all that tells one request from another is in its path.
copies = private_router("copies", "/users/{user_id}/tasks/{task_id}/copies")


Tasks = Annotated[TaskRepository, owned(TaskRepository)]


@copies.post("", response_model=TaskRead, status_code=201)
async def copy_task(tasks: Tasks, task_id: UUID) -> Task:
    """Stores a new task with the title of another."""
    found = await tasks.get(task_id)
    if found is None:
        raise not_found("task")
    return await tasks.create(TaskCreate(title=found.title))


@copies.post("/unseen", status_code=201)
async def copy_task_unseen(tasks: Tasks, task_id: UUID, response: Response) -> None:
    """The same, with headers alone."""
    copy = await copy_task(tasks, task_id)
    response.headers["Location"] = f"/api/v1/users/me/tasks/{copy.id}"


@asynccontextmanager
async def extended_app(*routers: APIRouter, database: TestDatabase, **values: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, from its start to its end."""
    app = create_app(make_settings(**values), database.proxied_url)
    for router in routers:
        app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=20) as client,
    ):
        yield client
