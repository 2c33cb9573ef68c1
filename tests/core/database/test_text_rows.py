"""Ids and times of a row stay text until somebody looks at it; then it is as any other."""

import copy
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import DateTime, Text, TypeDecorator, cast, func, type_coerce
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.database import Database
from core.database.queries import Query, on_the_spot
from core.database.statements import statement
from core.database.text_rows import columns_of, text_columns, text_columns_of_all
from tests.conftest import TestDatabase
from tests.core.database.database_path import on


class _Apart(SQLModel, registry=registry()):
    """Tables that are no part of the product."""


class Moment(_Apart, table=True):
    """A column of each kind that can be text, and one that is text anyway."""

    __tablename__ = "moments"

    id: UUID = Field(primary_key=True)
    label: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=DateTime(timezone=True))
    until: datetime | None = Field(sa_type=DateTime(timezone=True))


ID = UUID("0192f7a0-0000-7000-8000-00000000002a")
VALUES = {"id": ID, "label": "now", "at": datetime(2030, 1, 31, 9, 0, 0, 500_000, UTC), "until": None}


@pytest.fixture(scope="module")
def moments(database: TestDatabase) -> Iterator[TestDatabase]:
    database.query("CREATE TABLE moments (id uuid PRIMARY KEY, label text, at timestamptz, until timestamptz)")
    database.query("INSERT INTO moments VALUES (%s, 'now', '2030-01-31T09:00:00.5Z', NULL)", str(ID))
    yield database
    database.query("DROP TABLE moments")


@statement
def find() -> SelectOfScalar[Moment]:
    return select(Moment)


def fetched(database: TestDatabase, query: Query[Any]) -> Any:
    """The first row, in something that asyncio can print without a look at it."""

    async def work(path: Database) -> Callable[[], Any]:
        row = await path.fetch_one(query)
        return lambda: row

    return on(database.proxied_url, work)()


@pytest.fixture
def row(moments: TestDatabase) -> Any:
    """Nobody has looked at it."""
    return fetched(moments, find())


def test_nobody_has_looked_at_a_row_that_was_read(row: Any) -> None:
    assert isinstance(row, Moment)
    assert row.label == "now"
    assert dict(columns_of(row)) == {**VALUES, "id": str(ID), "at": "2030-01-31 09:00:00.5+00"}
    assert text_columns(row) == columns_of(row)
    assert type(row) is not Moment


@pytest.mark.parametrize(
    ("look", "seen"),
    [
        (lambda row: row.id, ID),
        (lambda row: row.at, VALUES["at"]),
        (lambda row: row.until, None),
        (lambda row: dict(row.__dict__), VALUES),
        (lambda row: dict(vars(row)), VALUES),
        (dict, VALUES),
        (lambda row: row.model_dump(), VALUES),
        (lambda row: row.model_copy(update={"label": "then"}).label, "then"),
        (lambda row: copy.copy(row).at, VALUES["at"]),
        (lambda row: copy.deepcopy(row).at, VALUES["at"]),
        (lambda row: pickle.loads(pickle.dumps(row)).at, VALUES["at"]),
        (repr, f"Moment(id={ID!r}, label='now', at={VALUES['at']!r}, until=None)"),
        (lambda row: row == 1, False),
        (lambda row: row.model_fields_set, set()),
        (lambda row: row.model_extra, None),
    ],
)
def test_however_it_is_looked_at_it_is_a_row_as_any_other(row: Any, look: Callable[[Any], Any], seen: Any) -> None:
    assert look(row) == seen
    assert type(row) is Moment
    assert (row.__dict__, row.model_dump(), text_columns(row)) == (VALUES, VALUES, None)


def test_a_statement_on_the_spot_makes_no_class_of_its_own(moments: TestDatabase, row: Any) -> None:
    """It would be kept by whatever remembers classes (core.http.representation), one more for each request."""
    assert type(fetched(moments, on_the_spot(select(Moment)))) is type(row)


def test_two_are_equal_whether_looked_at_or_not(moments: TestDatabase) -> None:
    one, other, looked_at = (fetched(moments, find()) for _ in range(3))
    assert looked_at.id == ID
    assert text_columns_of_all([one, looked_at]) is None
    assert looked_at == one
    assert other == looked_at


def test_of_two_rows_that_nobody_has_looked_at_is_told_whether_they_are_alike(moments: TestDatabase) -> None:
    one, same = fetched(moments, find()), fetched(moments, find())
    assert one == same
    one, other = fetched(moments, find()), fetched(moments, find())
    columns_of(other)["label"] = "then"
    assert one != other


@pytest.mark.parametrize(
    ("stored", "value", "text"),
    [
        ("2030-01-31 09:00:00Z", datetime(2030, 1, 31, 9, tzinfo=UTC), "2030-01-31 09:00:00+00"),
        ("2030-01-31 09:00:00.000001Z", datetime(2030, 1, 31, 9, 0, 0, 1, UTC), "2030-01-31 09:00:00.000001+00"),
        ("2030-01-31 09:00:00.12Z", datetime(2030, 1, 31, 9, 0, 0, 120_000, UTC), "2030-01-31 09:00:00.12+00"),
        ("0001-01-01 00:00:00Z", datetime(1, 1, 1, tzinfo=UTC), "0001-01-01 00:00:00+00"),
        ("infinity", datetime.max.replace(tzinfo=UTC), "infinity"),
        ("-infinity", datetime.min.replace(tzinfo=UTC), "-infinity"),
    ],
)
def test_a_time_is_what_was_stored(moments: TestDatabase, stored: str, value: datetime, text: str) -> None:
    """tests/core/http/test_text_schema.py has what a response shows of such a text."""
    moments.query("UPDATE moments SET until = %s", stored)
    try:
        found = fetched(moments, find())
    finally:
        moments.query("UPDATE moments SET until = NULL")
    assert columns_of(found)["until"] == text
    assert found.until == value


@pytest.mark.parametrize(
    "text", ["2030-01-31 10:00:00.123456+01", "2030-01-31 10:00:00+01", "2030-01-31 10:00:00.1+01"]
)
def test_a_time_of_another_zone_is_not_taken_for_utc(row: Any, text: str) -> None:
    """Behind a pooler a session may have any."""
    columns_of(row)["at"] = text
    assert row.at == datetime.fromisoformat(text)


def test_a_year_that_python_does_not_have_is_an_error_each_time(moments: TestDatabase) -> None:
    moments.query("UPDATE moments SET until = '12026-01-01 00:00:00Z'")
    try:
        found = fetched(moments, find())
    finally:
        moments.query("UPDATE moments SET until = NULL")
    for _ in range(2):
        with pytest.raises(ValueError, match="12026"):
            _ = found.until


class Shouted(TypeDecorator[str]):
    """A type of somebody's own."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, _: Any) -> Any:
        """In capitals."""
        return value.upper()


@pytest.mark.parametrize(
    ("beside", "value", "is_text"),
    [
        (col(Moment.at), VALUES["at"], True),
        (col(Moment.id), ID, True),
        (func.max(col(Moment.at)).over(), VALUES["at"], True),
        (cast(col(Moment.at), Text), "2030-01-31 09:00:00.5+00", True),
        (col(Moment.until), None, True),
        (func.date_trunc("hour", col(Moment.at)), datetime(2030, 1, 31, 9, tzinfo=UTC), False),
        (cast(col(Moment.at), DateTime), datetime(2030, 1, 31, 9, 0, 0, 500_000), False),  # noqa: DTZ001
        (type_coerce(col(Moment.label), Shouted), "NOW", False),
    ],
)
def test_a_value_beside_a_row_is_a_value(moments: TestDatabase, beside: Any, value: Any, is_text: bool) -> None:
    """Where it cannot be known what type it has, rows have values from the beginning."""
    entity, besides = fetched(moments, on_the_spot(select(Moment, beside)))
    assert (besides, type(entity) is not Moment) == (value, is_text)
    assert entity.model_dump() == VALUES
