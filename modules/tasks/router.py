"""Tasks over HTTP."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Query, Request, Response

from core.http.declarations import problems
from core.http.dependencies import owned
from core.http.routers import private_router
from core.problems import Problem, not_found
from core.resources.pagination import Page
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.schemas import TaskCreate, TaskListQuery, TaskPage, TaskRead, TaskReplace, TaskUpdate

router = private_router("tasks", "/users/{user_id}/tasks")

Tasks = Annotated[TaskRepository, owned(TaskRepository)]
_MISSING = problems(Problem.NOT_FOUND)


@router.get("", response_model=TaskPage, response_model_exclude_unset=True)
async def list_tasks(tasks: Tasks, query: Annotated[TaskListQuery, Query()]) -> Page[Task]:
    """A page of the caller's tasks, the newest first unless `sort` says otherwise."""
    return await tasks.list(query)


@router.post("", response_model=TaskRead, status_code=201)
async def create_task(tasks: Tasks, new: TaskCreate, request: Request, response: Response) -> Task:
    """Stores a new task; `Location` says where it is."""
    task = await tasks.create(new)
    # A user id is any text; a header is not.
    response.headers["Location"] = quote(f"{request.scope['path']}/{task.id}")
    return task


@router.get("/{task_id}", response_model=TaskRead, responses=_MISSING)
async def get_task(tasks: Tasks, task_id: UUID) -> Task:
    """One task of the caller."""
    return _found(await tasks.get(task_id))


@router.put("/{task_id}", response_model=TaskRead, responses=_MISSING)
async def replace_task(tasks: Tasks, task_id: UUID, new: TaskReplace) -> Task:
    """Replaces everything that a client may write. Makes no task where there is none."""
    return _found(await tasks.replace(task_id, new))


@router.patch("/{task_id}", response_model=TaskRead, responses=_MISSING)
async def update_task(tasks: Tasks, task_id: UUID, changes: TaskUpdate) -> Task:
    """Merges `changes` into the task (RFC 7396)."""
    return _found(await tasks.change(task_id, changes))


@router.delete("/{task_id}", status_code=204, responses=_MISSING)
async def delete_task(tasks: Tasks, task_id: UUID) -> None:
    """Deletes the task."""
    if not await tasks.delete(task_id):
        raise not_found("task")


def _found(task: Task | None) -> Task:
    if task is None:
        raise not_found("task")
    return task
