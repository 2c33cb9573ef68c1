"""Resources with one mistake each, as somebody writes them who adds a slice: on the tasks' own table."""

from collections.abc import Callable
from dataclasses import replace as with_values
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from sqlmodel import col, update

from core.database import OWNER
from core.database.queries import on_the_spot
from core.http import found, located, owned, private_router, problems
from core.problems import Problem
from core.resources import InputModel, OutputModel, Page
from core.resources.preconditions import NONE
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.router import create_task, delete_task, get_task, list_tasks, replace_task, update_task
from modules.tasks.schemas import TaskCreate, TaskListQuery, TaskPage, TaskRead, TaskReplace, TaskUpdate

Tasks = Annotated[TaskRepository, owned(TaskRepository)]
Endpoint = Callable[..., Any]
MISSING = problems(Problem.NOT_FOUND)

# Of each operation: the endpoint of tasks, its method and path, and what its decorator says.
GOOD: dict[str, tuple[Endpoint, str, dict[str, Any]]] = {
    "list": (list_tasks, "GET", {"response_model": TaskPage, "response_model_exclude_unset": True}),
    "create": (create_task, "POST", {"response_model": TaskRead, "status_code": 201}),
    "get": (get_task, "GET /{task_id}", {"response_model": TaskRead, "responses": MISSING}),
    "replace": (replace_task, "PUT /{task_id}", {"response_model": TaskRead, "responses": MISSING}),
    "update": (update_task, "PATCH /{task_id}", {"response_model": TaskRead, "responses": MISSING}),
    "delete": (delete_task, "DELETE /{task_id}", {"status_code": 204, "responses": MISSING}),
}


class Renaming(TaskRepository):
    """With SQL of its own that does not count."""

    async def rename(self, task_id: UUID, title: str) -> Task:
        """Writes a title, whatever the version is."""
        of = col(Task.user_id) == OWNER, col(Task.id) == task_id
        await self._one(on_the_spot(update(Task).where(*of).values(title=title).returning(Task)))
        return found(await self.get(task_id), "task")


class Naive(InputModel):
    """A plain `datetime`."""

    title: str
    due_at: datetime


class NaiveQuery(TaskListQuery):
    """The same."""

    since: datetime | None = None


class Title(OutputModel):
    """A part of a task."""

    title: str


class TitlePage(OutputModel):
    """The parts of some."""

    items: list[Title]


async def forgets_what_was_sent(tasks: Tasks, task_id: UUID, changes: TaskUpdate) -> Task:
    """Writes the defaults of what is absent."""
    title = changes.title or "untitled"
    return found(await tasks.change(task_id, TaskUpdate(title=title, description=changes.description)), "task")


async def passes_no_if_match_on(tasks: Tasks, task_id: UUID, changes: TaskUpdate) -> Task:
    """With a repository of its own making."""
    own = TaskRepository(tasks._database, tasks._principal, tasks._accounts, NONE)
    return found(await own.change(task_id, changes), "task")


async def deletes_whatever_the_version(tasks: Tasks, task_id: UUID) -> None:
    """The same."""
    own = TaskRepository(tasks._database, tasks._principal, tasks._accounts, NONE)
    found(await own.delete(task_id), "task")


async def counts_no_version(tasks: Annotated[Renaming, owned(Renaming)], task_id: UUID, changes: TaskUpdate) -> Task:
    """By an UPDATE of its own."""
    found(await tasks.get(task_id), "task")
    return await tasks.rename(task_id, changes.title)


async def gives_something_for_nothing(tasks: Tasks, task_id: UUID) -> dict[str, str]:
    """Where there is no row."""
    return {"title": row.title if (row := await tasks.get(task_id)) else ""}


async def declares_no_404(tasks: Tasks, task_id: UUID) -> Task:
    """And raises one."""
    row = await tasks.get(task_id)
    if row is None:
        raise HTTPException(404)
    return row


async def reads_each_row_again(tasks: Tasks, query: Annotated[TaskListQuery, Query()]) -> dict[str, Any]:
    """One statement for each row."""
    page = await tasks.list(query)
    return {"items": [await tasks.get(row.id) for row in page["items"]]}


async def puts_what_is_not_there(tasks: Tasks, task_id: UUID, new: TaskReplace) -> Task:
    """An upsert that nobody asked for."""
    tasks._conditions = with_values(NONE, absent=await tasks.get(task_id) is None)
    return found(await tasks.replace(task_id, new), "task")


async def never_puts(tasks: Tasks, task_id: UUID, new: TaskReplace) -> Task:
    """Though the repository could, and the document says so."""
    return found(await tasks.change(task_id, TaskUpdate(title=new.title)), "task")


async def gives_other_names(tasks: Tasks, task_id: UUID) -> Response:
    """By a response of its own."""
    return JSONResponse({"name": found(await tasks.get(task_id), "task").title})


async def says_nothing_of_its_response(tasks: Tasks, task_id: UUID) -> dict[str, str]:
    """With `response_model=None`."""
    return {"title": found(await tasks.get(task_id), "task").title}


async def takes_naive_times(tasks: Tasks, new: Naive, request: Request, response: Response) -> Task:
    """In its body."""
    created = await tasks.create(TaskCreate(title=new.title))
    return located(request, response, created)


async def asks_for_naive_times(tasks: Tasks, query: Annotated[NaiveQuery, Query()]) -> Page[Task]:
    """In its query."""
    return await tasks.list(query)


class Csv(StreamingResponse):
    """A file for a spreadsheet."""

    media_type = "text/csv"


async def gives_a_file(tasks: Tasks) -> Csv:
    """Which is no mistake."""
    page = await tasks.list(TaskListQuery())
    return Csv(f"{row.title}\r\n" for row in page["items"])


async def gives_another_kind_of_file(tasks: Tasks) -> Response:
    """Than its decorator says."""
    page = await tasks.list(TaskListQuery())
    return PlainTextResponse("".join(row.title for row in page["items"]))


# Of each plant: the operation that is replaced, by what, and what its decorator says besides.
PLANTS: dict[str, tuple[str, Endpoint, dict[str, Any]]] = {
    "forgets": ("update", forgets_what_was_sent, {}),
    "unmatched": ("update", passes_no_if_match_on, {}),
    "undeleted": ("delete", deletes_whatever_the_version, {}),
    "uncounted": ("update", counts_no_version, {}),
    "something": ("get", gives_something_for_nothing, {"response_model": Title}),
    "undeclared": ("get", declares_no_404, {"responses": {}}),
    "again": ("list", reads_each_row_again, {"response_model": TitlePage}),
    "upserts": ("replace", puts_what_is_not_there, {}),
    "unput": ("replace", never_puts, {}),
    "renames": ("get", gives_other_names, {}),
    "unsaid": ("get", says_nothing_of_its_response, {"response_model": None}),
    "naive": ("create", takes_naive_times, {}),
    "asking": ("list", asks_for_naive_times, {}),
    "unasked": ("list", list_tasks, {"response_model_exclude_unset": False}),
    "file": ("list", gives_a_file, {"response_model": None, "response_class": Csv}),
    "otherfile": ("list", gives_another_kind_of_file, {"response_model": None, "response_class": Csv}),
    "unheard": ("list", list_tasks, {"response_model": TitlePage}),
}


def router_of(plant: str) -> APIRouter:
    """The operations of tasks at a path of their own, one of them with its mistake."""
    router = private_router(plant, f"/users/{{user_id}}/{plant}")
    replaced, endpoint, options = PLANTS[plant]
    for name, (good, place, said) in GOOD.items():
        method, _, path = place.partition(" ")
        chosen = (endpoint, {**said, **options}) if name == replaced else (good, said)
        router.add_api_route(path, chosen[0], methods=[method], operation_id=f"{name}{plant.title()}", **chosen[1])
    return router
