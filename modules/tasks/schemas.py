"""A task on the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from core.resources import (
    MERGED,
    MERGED_OR_TAGGED,
    TAGGED,
    CountedQuery,
    EnumOutput,
    ETag,
    InputModel,
    OutputModel,
    ReplaceModel,
    Selection,
    TaggedChanges,
    TimeInput,
    TimeOutput,
    example,
)
from modules.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH, TaskStatus

Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LENGTH),
    Field(description="What is to be done. Space around it is removed."),
]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_LENGTH)]
Sort = Literal["created_at", "-created_at", "updated_at", "-updated_at", "due_at", "-due_at", "title", "-title"]


# In the document: what a first request makes, and what the others find then.
_TASK: dict[str, Any] = {
    "id": "01a221af-ea66-724f-b462-68f20ad6c67d",
    "title": "Water the plants",
    "description": None,
    "status": "pending",
    "due_at": "2030-01-31T08:00:00Z",
    "created_at": "2026-11-28T10:25:06.663618Z",
    "updated_at": "2026-11-28T10:25:06.663618Z",
    "completed_at": None,
    "etag": '"1-oyPhlv-pDRI.e6f15125"',
}
_COUNTS = {"total": 1, "pending": 1, "in_progress": 0, "completed": 0, "overdue": 0}
_MORE = "More about it, as text."
_WHERE = "Where it stands."
_DUE = "When it is due: RFC 3339 with any offset; null where it is not due."


class TaskCreate(InputModel):
    """A new task."""

    model_config = example(title="Water the plants", due_at="2030-01-31T09:00:00+01:00")

    title: Title
    description: Description | None = Field(default=None, description=_MORE)
    status: TaskStatus = Field(default=TaskStatus.PENDING, description=f"{_WHERE} `pending` if it is left out.")
    due_at: TimeInput | None = Field(default=None, description=_DUE)


class TaskReplace(ReplaceModel, TaskCreate):
    """All that a client may write; what is absent gets its default, and what the server writes is ignored."""

    read_only = ReplaceModel.read_only | {"completed_at"}


class TaskUpdate(InputModel):
    """A merge (RFC 7396): what is absent stays; `null` clears the description and the due time, nothing else."""

    model_config = example(status="completed")

    # The defaults are never used: what is absent is not in `model_fields_set`. A factory keeps them off the document.
    title: Title = Field(default_factory=str)
    description: Description | None = Field(default=None, description=_MORE)
    status: TaskStatus = Field(default_factory=lambda: TaskStatus.PENDING, description=_WHERE)
    due_at: TimeInput | None = Field(default=None, description=_DUE)


class TaskUpdates(TaggedChanges):
    """A merge for each of some tasks; where one of them has changed since, for none."""

    model_config = example(etags={_TASK["id"]: _TASK["etag"]}, set={"status": "completed"})

    set: TaskUpdate = Field(description="What is written into each of them.")


# The body of a change of many tasks.
TaskManyChanges = Annotated[Annotated[TaskUpdate, MERGED] | Annotated[TaskUpdates, TAGGED], MERGED_OR_TAGGED]


class TaskRead(OutputModel):
    """A task. `completed_at` is the server's: set when the status becomes completed, cleared when it leaves it."""

    model_config = example(**_TASK)

    id: UUID = Field(description="The server's, or of the client's own making.")
    title: str = Field(description="What is to be done.")
    description: str | None = Field(description=_MORE)
    status: EnumOutput[TaskStatus] = Field(description=_WHERE)
    due_at: TimeOutput | None = Field(description="When it is due, in UTC.")
    created_at: TimeOutput = Field(description="When it was created, in UTC.")
    updated_at: TimeOutput = Field(description="When it was last written. No two changes of a user have the same.")
    completed_at: TimeOutput | None = Field(description="When it was completed; null while it is not.")
    etag: ETag


class TaskCounts(OutputModel):
    """How many tasks pass the filters: all, by status, and how many are overdue now."""

    model_config = example(**_COUNTS)

    total: int = Field(description="How many there are.")
    pending: int = Field(description="Those that are pending.")
    in_progress: int = Field(description="Those that are in progress.")
    completed: int = Field(description="Those that are completed.")
    overdue: int = Field(description="Those whose due time has passed, and that are not completed.")


class TaskPage(OutputModel):
    """A page of tasks. `next_cursor` is null on the last page; `total` is there when it was asked for."""

    model_config = example(items=[_TASK], next_cursor=None)

    items: list[TaskRead] = Field(description="The tasks, in the order of `sort`.")
    next_cursor: str | None = Field(description="For `cursor` of the next page; null on the last one.")
    total: int = Field(default_factory=int, description="How many there are on all pages.")
    counts: TaskCounts = Field(
        default_factory=TaskCounts.model_construct, description="How many there are on all pages, by kind."
    )


class TaskChanges(OutputModel):
    """Tasks that were created or changed, and ids of those that were deleted, since a cursor; each once, at its latest.

    `next_cursor` is for the next request; `has_more` says that it has something to give now.
    """

    model_config = example(items=[_TASK], deleted=[], next_cursor="AAAAAAAAAAIBoiGv6mZyT7Ri-PIK1sZ9", has_more=False)

    items: list[TaskRead] = Field(description="What was created or changed, as it is now.")
    deleted: list[UUID] = Field(description="The ids of what was deleted.")
    next_cursor: str = Field(description="For `cursor` of the next request, whenever that is.")
    has_more: bool = Field(description="Whether there is more now.")


class TaskFilters(InputModel):
    """What narrows a list, and what chooses tasks to be changed or deleted."""

    status: list[TaskStatus] = Field(
        default=[], max_length=10, description="With one of these; repeat the parameter for several."
    )
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="With this text anywhere in the title or the description, in whatever case."
    )
    due_before: TimeInput | None = Field(default=None, description="Due before this time, and not at it.")
    due_after: TimeInput | None = Field(
        default=None, description="Due after this time, and not at it. Tasks without a due time are left out."
    )
    updated_since: TimeInput | None = Field(
        default=None,
        description="Tasks that were created or changed at this time or later. With the newest `updated_at` that you "
        "have seen nothing is missed, and that task comes again: times are in the order in which changes became "
        "visible. Deleted tasks are not told.",
    )


class TaskListQuery(TaskFilters, CountedQuery):
    """How to choose, sort and cut the list."""

    sort: Sort = Field(
        default="-created_at",
        description="`-` is the other way round. By `due_at`, tasks without a due time come last (first with `-`); by "
        "`title`, case does not count, and the order of letters is that of the database's collation.",
    )


class TaskSelection(TaskFilters, Selection):
    """Which tasks are meant: `id`, or a filter. Neither is 400: nobody empties a list by forgetting a parameter."""
