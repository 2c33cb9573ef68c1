"""A task on the wire."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from core.resources import ETag, InputModel, ListQuery, OutputModel, ReplaceModel, TimeInput, TimeOutput
from modules.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH, TaskStatus

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LENGTH)]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_LENGTH)]
Sort = Literal["created_at", "-created_at", "updated_at", "-updated_at", "due_at", "-due_at", "title", "-title"]


class TaskCreate(InputModel):
    """A new task."""

    title: Title
    description: Description | None = None
    status: TaskStatus = TaskStatus.PENDING
    due_at: TimeInput | None = None


class TaskReplace(ReplaceModel, TaskCreate):
    """All that a client may write; what is absent gets its default, and what the server writes is ignored."""

    read_only = ReplaceModel.read_only | {"completed_at"}


class TaskUpdate(InputModel):
    """A merge (RFC 7396): what is absent stays; `null` clears the description and the due time, nothing else."""

    # The defaults are never used: what is absent is not in `model_fields_set`. A factory keeps them off the document.
    title: Title = Field(default_factory=str)
    description: Description | None = None
    status: TaskStatus = Field(default_factory=lambda: TaskStatus.PENDING)
    due_at: TimeInput | None = None


class TaskRead(OutputModel):
    """A task. `completed_at` is the server's: set when the status becomes completed, cleared when it leaves it."""

    id: UUID
    title: str
    description: str | None
    status: TaskStatus
    due_at: TimeOutput | None
    created_at: TimeOutput
    updated_at: TimeOutput
    completed_at: TimeOutput | None
    etag: ETag


class TaskPage(OutputModel):
    """A page of tasks. `next_cursor` is null on the last page; `total` is there when it was asked for."""

    items: list[TaskRead]
    next_cursor: str | None
    total: int = Field(default_factory=int)


class TaskChanges(OutputModel):
    """Tasks that were created or changed, and ids of those that were deleted, since a cursor; each once, at its latest.

    `next_cursor` is for the next request; `has_more` says that it has something to give now.
    """

    items: list[TaskRead]
    deleted: list[UUID]
    next_cursor: str
    has_more: bool


class TaskListQuery(ListQuery):
    """How to choose, sort and cut the list."""

    status: list[TaskStatus] = Field(default=[], max_length=10)
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    due_before: TimeInput | None = None
    due_after: TimeInput | None = None
    updated_since: TimeInput | None = Field(
        default=None,
        description="Tasks that were created or changed at this time or later. With the newest `updated_at` that you "
        "have seen nothing is missed, and that task comes again: times are in the order in which changes became "
        "visible. Deleted tasks are not told.",
    )
    sort: Sort = "-created_at"
