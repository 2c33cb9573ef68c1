"""A value means what it means in plain text, whichever was there when its statement was prepared."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import any_, func
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.database import Database
from core.database.queries import Compiled, Query
from core.database.statements import prepared, statement
from tests.conftest import TestDatabase
from tests.core.database.prepared_path import MARKS, add, at_place, kinds, place_of, through, with_constants


@prepared
@statement
def younger(age: timedelta) -> SelectOfScalar[str]:
    return select(MARKS.c.mark).where(MARKS.c.at > func.now() - age)


@prepared
@statement
def among(places: list[int]) -> SelectOfScalar[str]:
    return select(MARKS.c.mark).where(MARKS.c.place == any_(places))  # type: ignore[arg-type]


@prepared
@statement
def joined(text: str) -> SelectOfScalar[str]:
    """PostgreSQL cannot tell the type of a parameter here, and needs none of a literal."""
    return select(func.concat(text))


NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)


@pytest.mark.parametrize("order", [1, -1])
def test_null_first_or_last_is_the_same(marked: TestDatabase, order: int) -> None:
    given = [("a", None, None), ("b", 7, NOW), ("c", None, NOW), ("d", 2**31 - 1, None)][::order]

    async def work(path: Database) -> None:
        for one in given:
            assert await path.fetch_one(add(*one)) == one[0]

    through(marked, work)
    assert marked.query("SELECT * FROM marks WHERE mark <> 'one' ORDER BY mark") == sorted(given)


def test_values_mean_what_they_mean_in_plain_text(marked: TestDatabase) -> None:
    async def work(path: Database) -> None:
        assert await path.fetch_all(younger(timedelta(days=1))) == ["one"]
        assert await path.fetch_all(among([1, 2])) == ["one"]
        assert await path.fetch_all(among([])) == []
        assert await path.fetch_all(among([2**40])) == []
        assert await path.fetch_all(at_place(1)) == ["one"]
        assert await path.fetch_all(at_place(10**30)) == []  # greater than any type of the column's kind
        assert await path.fetch_one(with_constants("one")) == ("one", 42)
        for text in ("'", "\\", "$1", "%s %(p_mark)s", "a, b), (c", "E'\\''", "\N{SNOWMAN}"):
            assert await path.fetch_one(add(text, 1, None)) == text
            assert await path.fetch_one(place_of(text)) == 1

    through(marked, work)


def test_a_number_is_as_great_as_a_column_may_hold(marked: TestDatabase) -> None:
    """Whatever the first one was."""

    async def work(path: Database) -> None:
        await path.fetch_all(at_place(1))
        marked.proxy.clear()
        assert await path.fetch_all(at_place(2**62)) == []

    through(marked, work)
    assert kinds(marked) == ["EXECUTE"]


@prepared
@statement
def shown(value: Any) -> SelectOfScalar[Any]:
    return select(value)


@pytest.mark.parametrize(
    "value",
    [
        *(
            5,
            2**40,
            1.5,
            Decimal("0.10"),
            True,
            b"\0\xff",
            UUID(int=7),
            NOW,
            NOW.date(),
            time(1, 2),
            timedelta(hours=1),
        ),
        *([1, 2], ["a", None], [None, 1], [[1], [2]], [UUID(int=7)], "text", date(2030, 1, 1)),
    ],
)
def test_a_value_comes_back_as_in_plain_text(marked: TestDatabase, value: Any) -> None:
    async def work(path: Database) -> list[Any]:
        query = shown(value)
        literal = Query(
            Compiled(query.statement.texts, (), {}, {}, query.statement.make, owned=False, reads=True), query.values
        )
        return [await path.fetch_one(one) for one in (query, query, literal)]

    first, again, literal = through(marked, work)
    assert (first, type(first)) == (again, type(again)) == (literal, type(literal))


def test_what_cannot_be_prepared_is_found_out_once(marked: TestDatabase) -> None:
    async def work(path: Database) -> list[Any]:
        await path.schema()
        marked.proxy.clear()
        return [await path.fetch_one(joined(text)) for text in ("a", "b", "c")]

    joined.compiled.cache_clear()
    assert through(marked, work) == ["a", "b", "c"]
    assert kinds(marked) == ["PREPARE EXECUTE", "text", "text", "text"]


def test_a_value_of_an_unknown_type_is_sent_in_plain_text(marked: TestDatabase) -> None:
    async def work(path: Database) -> Any:
        await path.schema()
        marked.proxy.clear()
        return await path.fetch_all(at_place(memoryview(b"1")))  # type: ignore[arg-type]

    with pytest.raises(Exception, match="UndefinedFunction"):
        through(marked, work)
    assert set(kinds(marked)) == {"text"}
