"""The tables of another backend beside ours, and what deploy/moving.sql and docs/moving.md do with them."""

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from modules.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from tests.conftest import RunningServer, TestDatabase, UserClient, project_root

FILE = (project_root() / "deploy/moving.sql").read_text(encoding="utf-8")
TEXT = (project_root() / "docs/moving.md").read_text(encoding="utf-8")
COUNT, CUT_OVER, BACK, AGAIN = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)

OLD_TABLE = """
CREATE TABLE public."user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE);
INSERT INTO public."user" SELECT id, id, id FROM unnest(ARRAY['ada', 'ben/1', 'gone']) id;
CREATE TABLE public.tasks (id serial PRIMARY KEY, user_id text, title text, description text, completed boolean,
    created_at timestamp, updated_at timestamp);
"""
# As the old table has them. All can be moved.
FITS = [
    ("ada", "Water the plants", None, False, "2024-01-01 08:00", "2024-01-01 08:00"),
    ("ada", "Read a book", "", True, "2024-01-02 08:00:00.123456", "2024-02-01 09:30"),
    ("ada", " with space around it ", "x" * DESCRIPTION_LENGTH, None, "2024-01-02 08:00:00.123456", None),
    ("ada", "control \x01\x1b characters,\ntwo lines", "\x7f", False, None, "2024-01-04 08:00"),
    ("ada", "😀" * TITLE_LENGTH, "not %s of % format", True, "0001-01-01 00:00", "2024-01-05 08:00"),
    ("ben/1", "Call Ada", None, True, "2024-01-01 08:00", "2023-01-01 08:00"),
]


def insert(database: TestDatabase, **row: Any) -> int:
    """A task of the old backend; gives its id."""
    values = {"user_id": "ada", "title": "t", "created_at": "2024-01-01", "updated_at": row.get("created_at"), **row}
    columns = ", ".join(values)
    sql = f"INSERT INTO public.tasks ({columns}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING id"
    ((made,),) = database.query(sql, *values.values())
    return int(made)


def old(database: TestDatabase) -> list[tuple[Any, ...]]:
    """The old table."""
    return database.query("SELECT * FROM public.tasks ORDER BY id")


def cut_over(database: TestDatabase, sql: str = CUT_OVER) -> None:
    """As psql does it: each statement in a transaction of its own."""
    with closing(database.connect()) as connection:
        connection.autocommit = True
        for statement in sql.strip().split("\n"):
            connection.cursor().execute(statement)


@pytest.fixture
def both(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database that has Better Auth's table, the old tasks, and our tables; before the move."""
    own = make_database()
    own.query(OLD_TABLE)
    names = ("user_id", "title", "description", "completed", "created_at", "updated_at")
    for row in FITS:
        insert(own, **dict(zip(names, row, strict=True)))
    own.query(FILE)
    return own


@pytest.fixture
def api(both: TestDatabase, start_server: Callable[..., RunningServer]) -> RunningServer:
    """The API on it."""
    return start_server(database=both)


def all_changes(user: UserClient, cursor: str | None = None) -> tuple[list[dict[str, Any]], str]:
    """What the feed tells to its end, and where that is."""
    items: list[dict[str, Any]] = []
    more = True
    while more:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = user.get("/api/v1/users/me/tasks/changes", params=query).json()
        items, more, cursor = items + page["items"], page["has_more"], page["next_cursor"]
    assert cursor is not None
    return items, cursor
