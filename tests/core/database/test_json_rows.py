"""A prepared statement gives each row in one column; what is made of it is what its columns would have given."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Enum,
    Float,
    Numeric,
    SelectBase,
    Text,
    insert,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from core.database.database import Database
from core.database.json_rows import ONE_COLUMN
from core.database.queries import Query
from core.database.statements import prepared, statement
from core.database.text_rows import columns_of
from tests.conftest import TestDatabase
from tests.core.database import spread


class _Apart(SQLModel, registry=registry()):
    """Tables that are no part of the product."""


class Mood(StrEnum):
    GOOD = "good"
    BAD = "bad"


class Page(_Apart, table=True):
    """A column of each type that JSON has as text has it."""

    __tablename__ = "pages"

    id: UUID = Field(primary_key=True)
    text: str | None = Field(sa_type=Text)
    number: int | None = Field(sa_type=BigInteger)
    done: bool | None = Field()
    at: datetime | None = Field(sa_type=DateTime(timezone=True))
    mood: Mood | None = Field(sa_type=Enum(Mood, name="mood", values_callable=lambda kind: [one.value for one in kind]))


class Sum(_Apart, table=True):
    """And one of those that it has not."""

    __tablename__ = "sums"

    id: UUID = Field(primary_key=True)
    exact: Decimal = Field(sa_type=Numeric)


class Reading(_Apart, table=True):
    __tablename__ = "readings"

    id: UUID = Field(primary_key=True)
    near: float = Field(sa_type=Float(53))
    words: list[str] = Field(sa_type=ARRAY(Text))
    whole: dict[str, Any] = Field(sa_type=JSONB)


_MADE = """
CREATE TYPE todo.mood AS ENUM ('good', 'bad');
CREATE TABLE todo.pages (id uuid PRIMARY KEY, text text, number bigint, done boolean, at timestamptz, mood todo.mood);
CREATE TABLE todo.sums (id uuid PRIMARY KEY, exact numeric);
CREATE TABLE todo.readings (id uuid PRIMARY KEY, near double precision, words text[], whole jsonb);
"""
ID = UUID("0192f7a0-0000-7000-8000-00000000002a")
LONG = "long " * 100_000
ROWS = [
    ("plain", 1, True, "2030-01-31 09:00:00.5+02", "good"),
    ("", 0, False, "1970-01-01T00:00:00Z", "bad"),
    (None, None, None, None, None),
    ('"quoted" \\n \\u0041 \\\\', -(2**63), True, "0001-01-01T00:00:00Z", "good"),
    ("\x01\x1f\x7f\t\r\n\u2028\u2029 é 漢 😀 [null] {}", 2**63 - 1, True, "9999-12-31T23:59:59.999999Z", None),
    (LONG, 1, True, "infinity", None),
    ("7", 7, False, "-infinity", "bad"),
]


@prepared
@statement
def find(page_id: UUID) -> SelectOfScalar[Page]:
    return select(Page).where(col(Page.id) == page_id)


@statement
def find_by_columns(page_id: UUID) -> SelectOfScalar[Page]:
    return select(Page).where(col(Page.id) == page_id)


@prepared
@statement
def write(page_id: UUID, text: str) -> ReturningUpdate[Page]:
    return update(Page).where(col(Page.id) == page_id).values(text=text).returning(Page)


@prepared
@statement
def add(page_id: UUID, text: str) -> ReturningInsert[Page]:
    return insert(Page).values(id=page_id, text=text).returning(Page)


@prepared
@statement
def find_sum(sum_id: UUID) -> SelectOfScalar[Sum]:
    return select(Sum).where(col(Sum.id) == sum_id)


@prepared
@statement
def find_reading(reading_id: UUID) -> SelectOfScalar[Reading]:
    return select(Reading).where(col(Reading.id) == reading_id)


@prepared
@statement
def find_pair(page_id: UUID) -> Select[Page, int | None]:
    return select(Page, col(Page.number)).where(col(Page.id) == page_id)


@prepared
@statement
def find_either(page_id: UUID, other: UUID) -> SelectBase:
    both = (select(Page).where(col(Page.id) == one) for one in (page_id, other))
    return union_all(*both)


@pytest.fixture
def own(database: TestDatabase) -> Iterator[TestDatabase]:
    database.query(_MADE)
    yield database
    database.query("DROP TABLE todo.pages, todo.sums, todo.readings; DROP TYPE todo.mood")
    database.proxy.clear()


def rows(database: TestDatabase, *queries: Query[Any], prepares: bool | None = None) -> list[Any]:
    """The first of each."""

    async def work() -> list[Any]:
        path = Database(database.proxied_url, pool_size=1, timeout=5, prepared=prepares)
        await path.schema()
        database.proxy.clear()
        found = [await path.fetch_one(query) for query in queries]
        path.close()
        # What no row of text has, nobody has looked at.
        return [one if isinstance(one, tuple) else (one, dict(columns_of(one))) for one in found]

    return asyncio.run(work())


def in_one_column(database: TestDatabase) -> list[bool]:
    """Of each message that was sent to prepare."""
    return [ONE_COLUMN in sent for sent in database.proxy.messages if "PREPARE " in sent]


@pytest.mark.parametrize("values", ROWS, ids=map(str, range(len(ROWS))))
def test_a_row_in_one_column_is_the_row_of_its_columns(own: TestDatabase, values: tuple[Any, ...]) -> None:
    own.query("INSERT INTO todo.pages VALUES (%s, %s, %s, %s, %s, %s)", str(ID), *values)
    ((one, as_sent), (again, _)) = rows(own, find(ID), find(ID))
    assert in_one_column(own) == [True]
    ((other, by_columns),) = rows(own, find_by_columns(ID))
    assert (one.model_dump(), again.model_dump()) == (other.model_dump(), other.model_dump())
    assert (one.text, one.number, one.mood) == (values[0], values[1], values[4])
    assert type(one.mood) is type(other.mood)
    # The text of a time alone has another form.
    assert {**as_sent, "at": None} == {**by_columns, "at": None}


def test_a_row_that_is_written_comes_in_one_column_too(own: TestDatabase) -> None:
    (made, _), (written, _), found = rows(own, add(ID, "one"), write(ID, "two"), find(ID))
    assert in_one_column(own) == [True, True, True]
    assert (made.text, written.text, found[0].text, found[0].id) == ("one", "two", "two", ID)


def test_what_json_would_change_comes_in_columns(own: TestDatabase) -> None:
    """Digits, and what has a form of its own; and of two things that are named each is its own."""
    own.query("INSERT INTO todo.sums VALUES (%s, 1.10000000000000000001)", str(ID))
    own.query("INSERT INTO todo.readings VALUES (%s, 'NaN', '{a,NULL}', '{\"a\": 1.50}')", str(ID))
    own.query("INSERT INTO todo.pages (id, number) VALUES (%s, 7)", str(ID))
    queries = find_sum(ID), find_reading(ID), find_pair(ID), find_either(ID, UUID(int=1))
    (total, _), (reading, _), (page, number), (either, _) = rows(own, *queries)
    assert in_one_column(own) == [False, False, False, False]
    assert total.exact == Decimal("1.10000000000000000001")
    assert (str(reading.near), reading.words, reading.whole) == ("nan", ["a", None], {"a": 1.5})
    assert (page.number, number, either.number) == (7, 7, 7)


@pytest.mark.parametrize("between", [spread.pooled, spread.install])
def test_where_somebody_stands_between_rows_come_in_columns(
    make_database: Callable[[], TestDatabase], between: Callable[[TestDatabase], None]
) -> None:
    """A pooler's session is everybody's. An engine that spreads rows takes no function of the zone in RETURNING, and
    its servers have zones of their own."""
    other = make_database()
    other.query(_MADE)
    between(other)
    (made, _), (found, _) = rows(other, add(ID, "one"), find(ID), prepares=True)
    assert in_one_column(other) == [False, False]
    assert (made.text, found.text) == ("one", "one")
