"""What a schema lets a client say, its repository does: each rule is seen to find a planted breach."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from sqlmodel import col

from core.http import owned, private_router
from core.resources import CrudRepository, EnumOutput, InputModel, ListQuery, OutputModel, Rows, one_of
from modules.tasks.models import Task, TaskStatus
from tests.architecture import schema_rules
from tests.contract.operations import application


def test_the_product_keeps_them() -> None:
    assert list(schema_rules.breaches(application())) == []


class Few(CrudRepository[Task]):
    """With one filter and one sort."""

    rows = Rows(Task, filters={"status": one_of(col(Task.status))}, sorts={"created_at": col(Task.created_at)})


class Choice(ListQuery):
    """As a list takes it."""

    colour: str | None = None
    sort: Literal["created_at", "-created_at", "title"] = "created_at"


class Body(InputModel):
    """As a PATCH takes it."""

    title: str | None = None
    number: int = Field(default=0, ge=1)


class Read(OutputModel):
    """As a GET gives it."""

    status: TaskStatus
    later: EnumOutput[TaskStatus] | None


class Reads(OutputModel):
    """As a list gives it."""

    items: list[Read]
    kinds: list[TaskStatus] | None


def test_each_finds_what_is_planted() -> None:
    router = private_router("gadgets", "/users/{user_id}/gadgets")
    gadgets = Annotated[Few, owned(Few)]

    @router.patch("/{gadget_id}", response_model=Reads)
    async def change(gadgets: gadgets, query: Annotated[Choice, Query()], body: Body) -> None: ...

    here = __name__
    assert [*schema_rules.breaches(router)] == [
        f"{here}.Choice: `colour` narrows nothing: add it to `filters` of {here}.Few",
        f"{here}.Choice: no `status`, which is among the `filters` of {here}.Few",
        f"{here}.Choice: nothing is sorted by `title`: add it to `sorts` of {here}.Few",
        f"{here}.Body: `title` may be null here and not in the table: give it a default_factory",
        f"{here}.Body: `number` would reject its own default, 0",
        f"{here}.Read: `status` rejects what a later release adds: write EnumOutput[TaskStatus]",
        f"{here}.Reads: `kinds` rejects what a later release adds: write EnumOutput[TaskStatus]",
    ]
