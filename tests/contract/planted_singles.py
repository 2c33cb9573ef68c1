"""What a user has one of, by a PUT: preferences with defaults, a picture that is a file; and what has no table at all.

None is a mistake but the last two, and no name is one that a slice would take. The first two are kept as tasks under
ids that are always the same.
"""

from dataclasses import replace as with_values
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel
from sqlmodel import col, func, select

from core.database import OWNER
from core.http import found, owned, private_router, problems
from core.problems import Problem
from core.resources import InputModel, OutputModel
from core.resources.preconditions import NONE
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.schemas import TaskReplace, Title

router = private_router("singles", "/users/{user_id}/singles")

_PREFERENCES, _PICTURE = UUID(int=1), UUID(int=2)
_MISSING = problems(Problem.NOT_FOUND)
_FILE: Any = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
_TAKES_A_FILE: Any = {"requestBody": {"required": True, "content": _FILE}}


class Repository(TaskRepository):
    """With rows that a PUT makes without being asked to."""

    async def put(self, row_id: UUID, new: BaseModel) -> Task:
        """Writes it, or makes it."""
        row = await self.replace(row_id, new)
        if row is None:
            self._conditions = with_values(NONE, absent=True)
            row = await self.replace(row_id, new)
        return found(row, "task")

    async def number(self, *, grouped: bool) -> int:
        """How many there are. What is not grouped is a row for nobody as well."""
        counted = select(func.count()).where(col(Task.user_id) == OWNER)
        rows = await self._rows(counted.group_by(col(Task.user_id)) if grouped else counted)
        return sum(rows)

    async def together(self) -> Task | None:
        """In a transaction, without a look before it."""
        return await self._together(lambda transaction: transaction.get(_PREFERENCES))


Singles = Annotated[Repository, owned(Repository)]


class Choice(InputModel):
    """All of them."""

    title: Title = "untitled"


class Chosen(OutputModel):
    """The same, as they are read."""

    title: str


class Picture(Response):
    """A file."""

    media_type = "image/png"


class Span(InputModel):
    """A query without defaults."""

    first: date
    last: date


@router.get("/preferences", response_model=Chosen)
async def get_planted_choice(singles: Singles) -> Task | Choice:
    """The defaults, which have no tag, where nothing was ever written."""
    return await singles.get(_PREFERENCES) or Choice()


@router.put("/preferences", response_model=Chosen)
async def replace_planted_choice(singles: Singles, new: Choice) -> Task:
    """Makes them too."""
    return await singles.put(_PREFERENCES, TaskReplace(title=new.title))


@router.patch("/preferences", response_model=Chosen)
async def update_planted_choice(singles: Singles, changes: Choice) -> Task:
    """Makes them too."""
    if changes.model_fields_set:
        changed = await singles.change(_PREFERENCES, changes)
        return changed or await singles.put(_PREFERENCES, TaskReplace(title=changes.title))
    return await singles.get(_PREFERENCES) or await singles.put(_PREFERENCES, TaskReplace(title="untitled"))


@router.get("/picture", response_class=Picture, responses=_MISSING)
async def get_planted_picture(singles: Singles) -> Picture:
    """404 until there is one."""
    return Picture(found(await singles.get(_PICTURE), "picture").title)


@router.put("/picture", status_code=204, openapi_extra=_TAKES_A_FILE)
async def replace_planted_picture(singles: Singles, request: Request) -> None:
    """A body that is no JSON."""
    await singles.put(_PICTURE, TaskReplace(title=(await request.body()).decode()))


@router.delete("/picture", status_code=204, responses=_MISSING)
async def delete_planted_picture(singles: Singles) -> None:
    """404 until there is one."""
    found(await singles.delete(_PICTURE), "picture")


@router.get("/days", response_model=list[str])
async def list_planted_days(query: Annotated[Span, Query()]) -> list[str]:
    """Without SQL, from a query that must be given."""
    return [query.first.isoformat(), query.last.isoformat()]


@router.get("/number", response_model=int)
async def get_planted_number(singles: Singles) -> int:
    """As it is to be written."""
    return await singles.number(grouped=True)


@router.get("/number-for-nobody", response_model=int)
async def get_planted_number_for_nobody(singles: Singles) -> int:
    """The same for an account that was deleted."""
    return await singles.number(grouped=False)


@router.get("/together", response_model=Chosen)
async def get_planted_choice_together(singles: Singles) -> Task | Choice:
    """The defaults also for an account that was deleted."""
    return await singles.together() or Choice()
