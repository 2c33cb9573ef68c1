"""What the tests of prepared statements share: a table, statements on it, and what was sent."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import select
from sqlmodel.sql.expression import Select, SelectOfScalar

from core.database.database import Database
from core.database.queries import SCHEMAS, Compiled, Query
from core.database.statements import prepared, statement
from tests.conftest import TestDatabase
from tests.core.database.database_path import on

T = TypeVar("T")

MARKS = Table(
    "marks", MetaData(), Column("mark", Text), Column("place", Integer), Column("at", DateTime(timezone=True))
)
MADE = """
CREATE TABLE todo.marks (mark text UNIQUE, place integer, at timestamptz);
INSERT INTO todo.marks VALUES ('one', 1, '2030-01-01T00:00:00Z');
"""


@prepared
@statement
def place_of(mark: str) -> SelectOfScalar[int]:
    return select(MARKS.c.place).where(MARKS.c.mark == mark)


@prepared
@statement
def at_place(place: int) -> SelectOfScalar[str]:
    return select(MARKS.c.mark).where(MARKS.c.place == place)


@prepared
@statement
def add(mark: str, place: int | None, at: datetime | None) -> ReturningInsert[str]:
    written: ReturningInsert[str] = insert(MARKS).values(mark=mark, place=place, at=at).returning(MARKS.c.mark)
    return written


@prepared
@statement
def with_constants(mark: str) -> Select[str, int]:
    return select(MARKS.c.mark, MARKS.c.place + 41).where(MARKS.c.mark == mark)


def raw(text: str) -> Query[Any]:
    """What no statement is."""
    return Query(Compiled(dict.fromkeys(SCHEMAS, text), (), {}, {}, tuple, owned=False, reads=True), {})


def through(own: TestDatabase, work: Callable[[Database], Awaitable[T]]) -> T:
    """On one connection."""
    return on(own.proxied_url, work, pool_size=1)


def kinds(own: TestDatabase) -> list[str]:
    """What each message since `clear` was, without its limits."""
    words = ("DISCARD", "DEALLOCATE", "PREPARE", "EXECUTE", "COMMIT")
    return [" ".join(word for word in words if f"{word} " in f"{sent} ") or "text" for sent in own.proxy.messages]
