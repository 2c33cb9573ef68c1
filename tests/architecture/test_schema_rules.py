"""What a schema lets a client say, its repository does: each rule is seen to find a planted breach."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from sqlmodel import col

from core.http import owned, private_router
from core.resources import CrudRepository, InputModel, ListQuery, Rows, one_of
from modules.tasks.models import Task
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


def test_each_finds_what_is_planted() -> None:
    router = private_router("gadgets", "/users/{user_id}/gadgets")
    gadgets = Annotated[Few, owned(Few)]

    @router.patch("/{gadget_id}")
    async def change(gadgets: gadgets, query: Annotated[Choice, Query()], body: Body) -> None: ...

    here = __name__
    assert [*schema_rules.breaches(router)] == [
        f"{here}.Choice: `colour` narrows nothing: add it to `filters` of {here}.Few",
        f"{here}.Choice: no `status`, which is among the `filters` of {here}.Few",
        f"{here}.Choice: nothing is sorted by `title`: add it to `sorts` of {here}.Few",
        f"{here}.Body: `title` may be null here and not in the table: give it a default_factory",
        f"{here}.Body: `number` would reject its own default, 0",
    ]
