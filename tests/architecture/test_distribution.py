"""Owners can be spread over servers: no statement, key or lock is what such an engine rejects or sends to all."""

from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, MetaData, Table, Text, UniqueConstraint
from sqlmodel import SQLModel

from core.database.ownership import OWNER_COLUMN
from tests.architecture.catalogue import cases, statements
from tests.architecture.distribution import IMMUTABLE, LOCAL, STABLE, is_cut, keys, refused
from tests.conftest import TestDatabase

LEADS = "goes to every shard"
TIME = "a function of the time"
ZONE = "a function of the time or the zone on a column"
PLANTED = [
    ("SELECT * FROM todo.tasks", LEADS),
    ("SELECT * FROM todo.tasks WHERE todo.tasks.id = 'a'", LEADS),
    ("SELECT * FROM todo.tasks WHERE user_id IN ('a', 'b')", LEADS),
    ("SELECT * FROM todo.tasks WHERE user_id = 'a' OR id = 'b'", LEADS),
    ("SELECT * FROM todo.users u LEFT JOIN todo.tasks t ON t.user_id = u.id WHERE u.id = 'a'", LEADS),
    ("SELECT * FROM todo.users u LEFT JOIN todo.tasks t ON u.id = 'a' WHERE t.user_id = 'a'", LEADS),
    ("SELECT * FROM todo.users u FULL JOIN todo.tasks t ON t.user_id = 'a' AND u.id = 'a'", LEADS),
    ("SELECT 1 WHERE EXISTS (SELECT 1 FROM todo.tasks)", LEADS),
    ("WITH tasks AS (SELECT 1) SELECT * FROM tasks, todo.tasks", LEADS),
    ("INSERT INTO todo.tasks (id) VALUES ('a')", LEADS),
    ("INSERT INTO todo.tasks (user_id, id) SELECT c.id, 'a' FROM c", LEADS),
    ("DELETE FROM todo.idempotency_keys WHERE created_at < now() - '1 d'::interval", LEADS),
    ("SELECT * FROM todo.tasks t, todo.users u WHERE t.user_id = 'a' AND u.id = 'b'", "more than one owner"),
    ("INSERT INTO todo.tasks (user_id, id) VALUES ('a', 'x'), ('b', 'x')", "more than one owner"),
    (
        "SELECT * FROM todo.users WHERE id = 'a'; SELECT * FROM todo.tasks WHERE user_id = 'a'",
        "more than one statement",
    ),
    ("SELECT * FROM todo.users u JOIN todo.local_accounts a ON true WHERE u.id = 'a'", "local_accounts is on one"),
    ("SELECT pg_advisory_xact_lock(1)", "an advisory lock without"),
    ("SELECT pg_try_advisory_xact_lock(1) FROM todo.sync_history", "an advisory lock without"),
    ("BEGIN; SET LOCAL lock_timeout = 1; SELECT pg_advisory_xact_lock(hashtextextended('a', 0))", "an advisory lock"),
    ("UPDATE todo.users SET changed_at = clock_timestamp() WHERE id = 'a'", "a volatile function"),
    ("DELETE FROM todo.users WHERE id = 'a' AND random() < 1", "a volatile function"),
    ("UPDATE todo.users SET changed_at = changed_at + '1 s'::interval WHERE id = 'a'", ZONE),
    ("DELETE FROM todo.users WHERE id = 'a' AND changed_at - interval '1 s' < now()", ZONE),
    ("UPDATE todo.users SET name = coalesce(name, now()) WHERE id = 'a'", f"{TIME} in CASE"),
    ("UPDATE todo.users SET name = CASE WHEN true THEN current_timestamp END WHERE id = 'a'", f"{TIME} in CASE"),
    ("UPDATE todo.users SET name = '' WHERE id = 'a' RETURNING now()", f"{TIME} in RETURNING"),
    ("UPDATE todo.users SET name = '' WHERE id = 'a' RETURNING changed_at + '1 s'::interval", f"{TIME} in RETURNING"),
    ("INSERT INTO todo.users (id) VALUES ('a') ON CONFLICT (id) DO UPDATE SET name = now()", f"{TIME} in ON CONFLICT"),
    (
        "INSERT INTO todo.users (id) VALUES ('a') ON CONFLICT (id) DO UPDATE SET name = now()",
        "is rejected there: give it to the INSERT's values, and write `excluded.",
    ),
    ("INSERT INTO todo.users (id, name) VALUES ('a', (SELECT 1))", "a subquery in INSERT"),
    ("WITH c AS (UPDATE todo.users SET name = random() WHERE id = 'a') SELECT 1", "a volatile function"),
]
TAKEN = [
    "SELECT 1",
    "SELECT version_num FROM todo.alembic_version",
    "SELECT * FROM todo.tasks t LEFT JOIN todo.users u ON u.id = 'a' WHERE t.user_id = 'a' AND t.due_at < now()",
    "SELECT * FROM todo.local_accounts WHERE email_key = 'a'",
    "BEGIN; SET LOCAL lock_timeout = 1; INSERT INTO todo.users (id, changed_at) VALUES ('a', now()) RETURNING id",
    "DELETE FROM todo.users WHERE id = 'a'; COMMIT",
    "INSERT INTO todo.users (id, changed_at) VALUES ('a', coalesce(NULL, clock_timestamp()))",
    "INSERT INTO todo.users (id, changed_at) VALUES ('a', now()) ON CONFLICT (id)"
    " DO UPDATE SET changed_at = excluded.changed_at WHERE users.id = 'a'",
    "SELECT pg_advisory_xact_lock(hashtextextended('a', 0)) FROM (SELECT count(*) FROM todo.users WHERE id = 'a') AS o",
    "UPDATE todo.users SET changed_at = greatest(now(), timezone('UTC', timezone('UTC', changed_at) + interval '1 s'))"
    " WHERE id = 'a' AND changed_at < now() - '1 s'::interval",
]


@pytest.mark.parametrize(("sql", "sentence"), PLANTED, ids=[str(number) for number in range(len(PLANTED))])
def test_what_is_planted_is_found(sql: str, sentence: str) -> None:
    assert any(sentence in one for one in refused(sql)), refused(sql)


@pytest.mark.parametrize("sql", TAKEN, ids=[str(number) for number in range(len(TAKEN))])
def test_what_such_an_engine_takes_is_taken(sql: str) -> None:
    assert refused(sql) == ()


COUNTED = "WITH c AS (UPDATE todo.users SET change = change + 1 WHERE id = %(owner)s RETURNING change)"


@pytest.mark.parametrize(
    ("sql", "cut"),
    [
        (f"{COUNTED} INSERT INTO todo.tasks (user_id, change) SELECT %(owner)s, change FROM c", True),
        (f"{COUNTED}, d AS (INSERT INTO todo.tasks (change) SELECT change FROM c RETURNING 1) SELECT 1 FROM d", True),
        (f"{COUNTED} UPDATE todo.tasks SET change = c.change FROM c WHERE user_id = %(owner)s", False),
        ("INSERT INTO todo.tasks (user_id, change) SELECT id, change FROM todo.users WHERE id = %(owner)s", False),
        ("WITH d AS (DELETE FROM todo.tasks WHERE user_id = %(o)s) INSERT INTO todo.tasks (user_id) VALUES (1)", False),
    ],
)
def test_what_an_engine_would_cut_is_told(sql: str, cut: bool) -> None:
    assert is_cut(sql) is cut


@pytest.mark.parametrize("name", statements())
def test_what_would_be_cut_is_run_at_its_owners_server(name: str) -> None:
    """And nothing else: it costs that server a second plan."""
    for case in cases(name):
        statement = case.query.statement
        assert (statement.parts is not None) is is_cut(statement.texts["todo"]), statement.texts["todo"]


def test_functions_are_what_they_are_taken_for(database: TestDatabase) -> None:
    """In some form: which one a statement calls, its types say."""
    found = database.query("SELECT proname::text, provolatile::text FROM pg_proc WHERE proname = ANY(%s)", [*IMMUTABLE])
    assert {name for name, volatility in found if volatility == "i"} == IMMUTABLE
    found = database.query("SELECT proname::text, provolatile::text FROM pg_proc WHERE proname = ANY(%s)", [*STABLE])
    assert set(found) == {(name, "s") for name in STABLE}


@pytest.mark.parametrize("table", sorted(SQLModel.metadata.tables))
def test_a_key_has_its_owner_in_it(table: str) -> None:
    if table not in LOCAL:
        assert list(keys(SQLModel.metadata.tables[table])) == []


def _planted(*parts: Any) -> Table:
    users = ForeignKey(SQLModel.metadata.tables["users"].c.id)
    owner = Column("user_id", Text, users, primary_key=True, info={OWNER_COLUMN: True})
    return Table("planted", MetaData(), owner, Column("id", Text), Column("other", Text), *parts)


def test_a_key_without_its_owner_is_found() -> None:
    tasks = SQLModel.metadata.tables["tasks"].c
    parts = [
        UniqueConstraint("id", name="uq_planted"),
        Index("ix_planted", "other", unique=True),
        ForeignKeyConstraint(["other"], [tasks.user_id], name="fk_planted"),
    ]
    assert sorted(keys(_planted(*parts))) == [
        "fk_planted leads to rows of another shard",
        "ix_planted is without the owner",
        "uq_planted is without the owner",
    ]
