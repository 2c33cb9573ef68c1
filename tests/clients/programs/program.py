"""What a program does first, with the client that openapi-python-client makes."""

import json
import os
from typing import TypeAlias, assert_never

from todo_api_client.api.tasks import create_task, list_tasks, update_task
from todo_api_client.client import AuthenticatedClient
from todo_api_client.models import (
    ForbiddenProblem,
    ListTasksSort,
    NotFoundProblem,
    PreconditionFailedProblem,
    TaskCreate,
    TaskPage,
    TaskRead,
    TaskUpdate,
    ValidationFailedProblem,
)
from todo_api_client.types import UNSET

Known: TypeAlias = ForbiddenProblem | NotFoundProblem | PreconditionFailedProblem | ValidationFailedProblem

client = AuthenticatedClient(os.environ["API"], os.environ["TOKEN"])


def pages() -> list[list[str]]:
    """The titles of each page."""
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = list_tasks.sync("me", client=client, limit=1, sort=ListTasksSort.CREATED_AT, cursor=cursor or UNSET)
        assert isinstance(page, TaskPage)
        found.append([task.title for task in page.items])
        cursor = page.next_cursor
    return found


def change(task: TaskRead, title: str) -> str:
    """The new title, or what to do instead."""
    changed = update_task.sync("me", task.id, client=client, body=TaskUpdate(title=title), if_match=task.etag)
    match changed:
        case TaskRead():
            return changed.title
        case PreconditionFailedProblem() | NotFoundProblem() | ForbiddenProblem() | ValidationFailedProblem():
            return advice(changed)
        case _:
            return "wait, sign in, or report it"


def advice(problem: Known) -> str:
    """A code that is left out does not pass the type checker."""
    match problem.code:
        case "validation_failed":
            return f"show {len(problem.errors or [])} errors"
        case "precondition_failed" | "not_found":
            return f"read again: {problem.status}"
        case "forbidden":
            return f"report {problem.request_id}"
        case _:
            assert_never(problem.code)


created = create_task.sync_detailed("me", client=client, body=TaskCreate(title="Water the plants"))
task = created.parsed
assert isinstance(task, TaskRead)
create_task.sync("me", client=client, body=TaskCreate(title="Feed the cat"))
found = {"etag": created.headers["ETag"], "pages": pages()}
found["changed"], found["stale"] = change(task, "Water the plants again"), change(task, "Too late")
print(json.dumps(found))
