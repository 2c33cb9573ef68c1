"""Keyset pages: an opaque cursor says after which row to go on, so that no depth costs more and no row is missed."""

import re
from collections.abc import Callable, Container, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy.types import NullType

from core import base64url
from core.database.text_rows import columns_of
from core.problems import FieldCode, FieldError, Problem, ProblemError
from core.resources.models import OwnedTable
from core.resources.schemas import InputModel

T = TypeVar("T")
Q = TypeVar("Q", bound="ListQuery")
R = TypeVar("R", bound=OwnedTable)

MAX_LIMIT = 100
DEFAULT_LIMIT = 50

# What a text raises that `encode` did not make.
_NO_CURSOR = (ValueError, TypeError, AttributeError, ArithmeticError)

# Python reads other forms of ISO 8601 too, which PostgreSQL does not.
_begins_with_date = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).match


def _decimal(value: object) -> object:
    """pydantic reads `1.0`, ` 5`, `+5` and `5_0` as integers too."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value):
        raise PydanticCustomError("malformed", "Must be an integer", {"expected": "integer"})
    return value


Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_decimal)]


class ListQuery(InputModel):
    """Base of what a list takes. A slice adds its filters, and `sort`: what it can be sorted by, with its default."""

    limit: Limit = Field(default=DEFAULT_LIMIT, description="How many at most.")
    cursor: Annotated[str, Field(max_length=2048)] | None = Field(
        default=None, description="The `next_cursor` of the page before, with the same `sort` and filters."
    )
    sort: str = "-created_at"
    include_total: bool = Field(
        default=False,
        description="Whether to count all that pass the filters: `total`, as of a moment after the page was read.",
    )


class Page(dict[str, Any], Generic[T]):
    """What a list gives: `items`, which are rows, `next_cursor`, and `total` where it was asked for."""

    # The number of the owner's changes that the page has seen, of which its entity tag is made; None where none count.
    change: int | None = None
    # Whether the response says in `Link` where the next page is.
    linked = True


def encode(sort: str, value: str, row_id: UUID | str) -> str:
    """The cursor behind the last row of a page: the value that the page is sorted by, as text, and the id that breaks
    ties. It serves lists with the same sort only."""
    return base64url.encoded(orjson.dumps([sort, value, row_id]))


def page_of(
    rows: Sequence[tuple[R, str | None, int | None]],
    limit: int,
    sort: str,
    column: str | None,
    change: int | None,
) -> Page[R]:
    """The page of `rows`, each with the text of its sort value, which is its `column`'s if there is none, and the
    number of the owner's changes.

    A row beyond `limit` says that there is a next page. Where there is no row, `change` is the number.
    """
    page = Page[R](items=[row for row, _, _ in rows[:limit]], next_cursor=None)
    page.change = rows[0][2] if rows else change
    if len(rows) > limit:
        last, text, _ = rows[limit - 1]
        columns = columns_of(last)
        page["next_cursor"] = encode(sort, _text(columns[column] if column else text), columns["id"])
    return page


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | time) else str(value)


def continued(query: Q, cursor: str, sorts: Container[str]) -> Q:
    """The query by the sort of its cursor, where the client names none: the release that made the cursor may have
    another default."""
    if "sort" in query.model_fields_set:
        return query
    try:
        made_for, _, _ = _opened(cursor)
        other = made_for != query.sort and made_for.removeprefix("-") in sorts
    except _NO_CURSOR:
        return query  # `decode` says so
    return query.model_copy(update={"sort": made_for}) if other else query


def decode(cursor: str, sort: str, check: Callable[[str], object]) -> tuple[str, UUID]:
    """The value and the id in `cursor`. `check` raises ValueError for a value that this sort cannot have.

    Raises ProblemError 400 for anything that `encode` did not make for the same sort.
    """
    try:
        made_for, value, row = _opened(cursor)
        if made_for != sort or not isinstance(value, str) or "\0" in value:
            raise ValueError
        check(value)
        return value, UUID(row)
    except _NO_CURSOR:
        error = FieldError(
            pointer="/query/cursor",
            message="Must be a next_cursor of a list with the same sort; leave it out for the first page",
            code=FieldCode.INVALID_CURSOR,
        )
        raise ProblemError(Problem.VALIDATION_FAILED, "The cursor is not valid.", errors=[error]) from None


def _opened(cursor: str) -> Any:
    return orjson.loads(base64url.decoded(cursor))


def check_time(value: str) -> None:
    """A cursor's time, or `infinity`, which stands for none. Raises ValueError."""
    if value != "infinity" and (not _begins_with_date(value) or datetime.fromisoformat(value).tzinfo is None):
        raise ValueError(value)


def check_of(name: str, key: Any) -> Callable[[str], object]:
    """What raises ValueError for a text that is no value of this sort. Raises TypeError for what is no sort."""
    if isinstance(key.type, NullType):
        raise TypeError(f"sort {name}: give the function its type, such as func.lower(column, type_=Text)")
    if getattr(key, "nullable", False):
        raise TypeError(f"sort {name}: NULL has no place in an order; write func.coalesce(column, …), and index that")
    kind = key.type.python_type
    return next((check for known, check in _CHECKS.items() if issubclass(kind, known)), kind)


def _check_date(value: str) -> None:
    if value == "infinity":
        return
    if not _begins_with_date(value):
        raise ValueError(value)
    date.fromisoformat(value)


# A datetime is a date. Of an interval PostgreSQL tells what it is none of (400 as well).
_CHECKS: dict[type, Callable[[str], object]] = {
    datetime: check_time,
    date: _check_date,
    time: time.fromisoformat,
    timedelta: str,
}
