"""All SQL on tasks."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, any_, case, cast, delete, func, insert, tuple_, update
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate
from sqlmodel import col, or_, select
from sqlmodel.sql.expression import Select, SelectOfScalar
from uuid_utils.compat import uuid7

from core.database.ownership import OWNER
from core.database.statements import statement
from core.resources import pagination
from core.resources.changes import next_change
from core.resources.models import TIMESTAMP
from core.resources.pagination import Page, Position
from core.resources.repository import OwnedRepository, matching
from core.resources.search import containing
from modules.tasks.models import Task, TaskStatus
from modules.tasks.schemas import TaskCreate, TaskListQuery, TaskReplace, TaskUpdate

# What each sort goes by; each is an expression of an index of the table. No due time is later than any.
_SORT_KEYS: Mapping[str, Any] = {
    "created_at": col(Task.created_at),
    "updated_at": col(Task.updated_at),
    "due_at": func.coalesce(col(Task.due_at), cast("infinity", TIMESTAMP)),
    "title": func.lower(col(Task.title)),
}


@statement
def _find(task_id: UUID) -> SelectOfScalar[Task]:
    return select(Task).where(col(Task.user_id) == OWNER, col(Task.id) == task_id)


@statement
def _create(
    task_id: UUID, title: str, description: str | None, status: str, due_at: datetime | None
) -> ReturningInsert[Task]:
    counted = next_change(Task).c
    values: dict[str, Any] = {"user_id": OWNER, "id": task_id, "title": title, "description": description}
    values |= {"status": status, "due_at": due_at, "completed_at": _completed_at(status, counted.at)}
    values |= {"created_at": counted.at, "updated_at": counted.at, "change": counted.number}
    return insert(Task).from_select([*values], select(*values.values())).returning(Task)


@statement
def _change(
    task_id: UUID,
    title: str,
    description: str | None,
    status: str,
    due_at: datetime | None,
    versions: list[int] | None,
    *,
    fields: frozenset[str],
) -> ReturningUpdate[Task]:
    """Writes the columns in `fields` and leaves the others to whoever else writes them."""
    values = {"title": title, "description": description, "status": status, "due_at": due_at}
    written: dict[str, Any] = {name: value for name, value in values.items() if name in fields}
    counted = next_change(Task).c
    if "status" in fields:
        written["completed_at"] = _completed_at(status, func.coalesce(col(Task.completed_at), counted.at))
    return (
        update(Task)
        .where(col(Task.user_id) == OWNER, col(Task.id) == task_id, matching(col(Task.version), versions))
        .values(**written, version=col(Task.version) + 1, updated_at=counted.at, change=counted.number)
        .returning(Task)
    )


@statement
def _remove(task_id: UUID, versions: list[int] | None) -> ReturningDelete[UUID]:
    return (
        delete(Task)
        .where(col(Task.user_id) == OWNER, col(Task.id) == task_id, matching(col(Task.version), versions))
        .returning(col(Task.id))
    )


@statement
def _page(
    limit: int,
    after: str | None,
    after_id: UUID | None,
    status: list[str] | str,
    pattern: str | None,
    due_before: datetime | None,
    due_after: datetime | None,
    updated_since: datetime | None,
    *,
    sort: str,
    filters: frozenset[str],
) -> Select[Task, str]:
    key = _SORT_KEYS[sort.removeprefix("-")]
    position, start = tuple_(key, col(Task.id)), tuple_(after, after_id)
    down = sort.startswith("-")
    conditions = list(_conditions(filters, status, pattern, due_before, due_after, updated_since))
    if "after" in filters:
        conditions.append(position < start if down else position > start)
    order = [key.desc(), col(Task.id).desc()] if down else [key, col(Task.id)]
    return select(Task, cast(key, Text)).where(*conditions).order_by(*order).limit(limit)


@statement
def _count(
    status: list[str] | str,
    pattern: str | None,
    due_before: datetime | None,
    due_after: datetime | None,
    updated_since: datetime | None,
    *,
    filters: frozenset[str],
) -> SelectOfScalar[int]:
    conditions = _conditions(filters, status, pattern, due_before, due_after, updated_since)
    return select(func.count()).select_from(Task).where(*conditions)


def _conditions(
    filters: frozenset[str], status: Any, pattern: Any, due_before: Any, due_after: Any, updated_since: Any
) -> Iterator[ColumnElement[bool]]:
    yield col(Task.user_id) == OWNER
    due = _SORT_KEYS["due_at"]
    offered: dict[str, ColumnElement[bool]] = {
        "status": col(Task.status) == any_(status),
        "one_status": col(Task.status) == status,
        "q": or_(col(Task.title).ilike(pattern), col(Task.description).ilike(pattern)),
        "due_before": due < due_before,
        "due_after": (due > due_after) & (due < cast("infinity", TIMESTAMP)),
        "updated_since": col(Task.updated_at) >= updated_since,
    }
    for name in offered.keys() & filters:
        yield offered[name]


def _completed_at(status: Any, when: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((cast(status, Text) == TaskStatus.COMPLETED.value, when), else_=None)


class TaskRepository(OwnedRepository):
    """The caller's tasks. A task that is somebody else's, or none, is None here."""

    async def get(self, task_id: UUID) -> Task | None:
        """The task."""
        return await self._one(_find(task_id))

    async def create(self, new: TaskCreate) -> Task:
        """Stores a new task. Its id sorts by the time of its making."""
        return await self._insert(_create(uuid7(), new.title, new.description, new.status.value, new.due_at))

    async def replace(self, task_id: UUID, new: TaskReplace) -> Task | None:
        """Writes all that a client may write."""
        return await self._change(task_id, new, frozenset(TaskReplace.model_fields))

    async def change(self, task_id: UUID, changes: TaskUpdate) -> Task | None:
        """Writes what is present in `changes`, if anything is."""
        if not changes.model_fields_set:
            return self._matched(await self.get(task_id))
        return await self._change(task_id, changes, frozenset(changes.model_fields_set))

    async def delete(self, task_id: UUID) -> bool:
        """Whether there was such a task; there is none any more."""
        return await self._write(_remove(task_id, self._expected), _find(task_id)) is not None

    async def list(self, query: TaskListQuery) -> Page[Task]:
        """A page of the tasks that pass the filters. Raises ProblemError 400 for a cursor of another list."""
        filters = query.filters()
        status: list[str] | str = [status.value for status in query.status]
        if len(status) == 1:  # only by `=` does the index on the status give its rows in order
            filters, status = filters - {"status"} | {"one_status"}, status[0]
        values = (
            status,
            None if query.q is None else containing(query.q),
            query.due_before,
            query.due_after,
            query.updated_since,
        )
        after = Position("", UUID(int=0))
        if query.cursor is not None:
            by_text = query.sort.removeprefix("-") == "title"
            after = pagination.decode(query.cursor, query.sort, str if by_text else pagination.check_time)
        shape = filters | {"after"} if query.cursor is not None else filters
        rows = await self._all(_page(query.limit + 1, after.value, after.id, *values, sort=query.sort, filters=shape))
        page = pagination.page_of(rows, query.limit, query.sort)
        if query.include_total:
            page["total"] = (await self._all(_count(*values, filters=filters)))[0]
        return page

    async def _change(self, task_id: UUID, new: TaskReplace | TaskUpdate, fields: frozenset[str]) -> Task | None:
        values = (new.title, new.description, new.status.value, new.due_at)
        return await self._write(_change(task_id, *values, self._expected, fields=fields), _find(task_id))
