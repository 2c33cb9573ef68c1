"""All SQL on tasks."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Text, case, cast, func
from sqlmodel import col, or_

from core.resources import TIMESTAMP, CountedRepository, Counts, Filter, ManyRepository, Rows, containing, one_of
from modules.tasks.models import Task, TaskStatus

_NEVER = cast("infinity", TIMESTAMP)
# No due time is later than any.
_due = func.coalesce(col(Task.due_at), _NEVER)


def _completion(written: Mapping[str, Any], before: Mapping[str, Any], now: Any) -> Mapping[str, Any]:
    """`completed_at` is set when the status becomes completed, stays while it is, and goes when it leaves it."""
    if "status" not in written:
        return {}
    completed = cast(written["status"], Text) == TaskStatus.COMPLETED.value
    return {"completed_at": case((completed, func.coalesce(before["completed_at"], now)), else_=None)}


class TaskRepository(ManyRepository[Task], CountedRepository[Task]):
    """The current user's tasks."""

    rows = Rows(
        Task,
        filters={
            "status": one_of(col(Task.status)),
            "q": Filter(lambda like: or_(col(Task.title).ilike(like), col(Task.description).ilike(like)), containing),
            "due_before": Filter(lambda time: _due < time),
            "due_after": Filter(lambda time: (_due > time) & (_due < _NEVER)),
            "updated_since": Filter(lambda time: col(Task.updated_at) >= time),
        },
        # Each is an expression of an index of the table.
        sorts={
            "created_at": col(Task.created_at),
            "updated_at": col(Task.updated_at),
            "due_at": _due,
            "title": func.lower(col(Task.title), type_=Text),
        },
        follow=_completion,
    )
    kinds = Counts(
        rows,
        {
            **{status.value: col(Task.status) == status.value for status in TaskStatus},
            "overdue": (_due < func.now()) & (col(Task.status) != TaskStatus.COMPLETED.value),
        },
    )
