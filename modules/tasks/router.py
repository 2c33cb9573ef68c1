"""Tasks over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request, Response

from core.http import found, located, owned, private_router, problems
from core.problems import Problem
from core.resources import Changes, ChangesQuery, Page, Written
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.schemas import (
    TaskChanges,
    TaskCounts,
    TaskCreate,
    TaskFilters,
    TaskListQuery,
    TaskManyChanges,
    TaskPage,
    TaskRead,
    TaskReplace,
    TaskSelection,
    TaskUpdate,
)

router = private_router("tasks", "/users/{user_id}/tasks")

Tasks = Annotated[TaskRepository, owned(TaskRepository)]
TaskId = Annotated[UUID, Path(description="The task's id.")]
_MISSING = problems(Problem.NOT_FOUND)


@router.get("", response_model=TaskPage, response_model_exclude_unset=True)
async def list_tasks(tasks: Tasks, query: Annotated[TaskListQuery, Query()]) -> Page[Task]:
    """A page of the current user's tasks, the newest first unless `sort` says otherwise."""
    return await tasks.list(query)


@router.post("", response_model=TaskRead, status_code=201)
async def create_task(tasks: Tasks, new: TaskCreate, request: Request, response: Response) -> Task:
    """Stores a new task; `Location` says where it is."""
    return located(request, response, await tasks.create(new))


@router.patch("", response_model=Written, responses=problems(Problem.TOO_MANY_ROWS, Problem.PRECONDITION_FAILED))
async def update_tasks(tasks: Tasks, query: Annotated[TaskSelection, Query()], changes: TaskManyChanges) -> Written:
    """Writes the same into the tasks that `id`, a filter or `etags` choose: up to 1,000, or none of them."""
    return await tasks.change_many(query, changes)


@router.delete("", response_model=Written, responses=problems(Problem.TOO_MANY_ROWS))
async def delete_tasks(tasks: Tasks, query: Annotated[TaskSelection, Query()]) -> Written:
    """Deletes the tasks that `id` or a filter chooses: up to 1,000, or none of them."""
    return await tasks.delete_many(query)


@router.get("/counts", response_model=TaskCounts)
async def count_tasks(tasks: Tasks, query: Annotated[TaskFilters, Query()]) -> TaskCounts:
    """How many tasks pass the filters, by kind."""
    return TaskCounts(**await tasks.counts(query))


@router.get("/changes", response_model=TaskChanges, responses=problems(Problem.CURSOR_EXPIRED))
async def list_task_changes(tasks: Tasks, query: Annotated[ChangesQuery, Query()]) -> Changes[Task]:
    """What was created, changed and deleted since a cursor, in that order; without one all tasks, and no deletions."""
    return await tasks.changes(query)


@router.get("/{task_id}", response_model=TaskRead, responses=_MISSING)
async def get_task(tasks: Tasks, task_id: TaskId) -> Task:
    """One task of the current user."""
    return found(await tasks.get(task_id), "task")


@router.put("/{task_id}", response_model=TaskRead, responses=_MISSING)
async def replace_task(tasks: Tasks, task_id: TaskId, new: TaskReplace) -> Task:
    """Replaces everything that a client may write. Makes a task where there is none with `If-None-Match: *` alone."""
    return found(await tasks.replace(task_id, new), "task")


@router.patch("/{task_id}", response_model=TaskRead, responses=_MISSING)
async def update_task(tasks: Tasks, task_id: TaskId, changes: TaskUpdate) -> Task:
    """Merges the body into the task (RFC 7396)."""
    return found(await tasks.change(task_id, changes), "task")


@router.delete("/{task_id}", status_code=204, responses=_MISSING)
async def delete_task(tasks: Tasks, task_id: TaskId) -> None:
    """Deletes the task."""
    found(await tasks.delete(task_id), "task")
