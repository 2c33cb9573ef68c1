"""Tables of a size at which PostgreSQL reads none of them for its smallness, and rows to be looked for."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg2
from sqlalchemy import CheckConstraint, Column, Index, Table, UniqueConstraint
from sqlalchemy.schema import DropConstraint
from sqlmodel import SQLModel

from core.database.ownership import DIALECT, OWNER_COLUMN
from tests.conftest import SEARCH_PATH

BIG, SMALL, NEW = "big", "user100", "user20001"  # 100,000 tasks, 500 tasks, and one who signs up
SMALL_TASKS = 500
TASK, SESSION, NOWHERE = UUID(int=50_000), UUID(int=100), UUID(int=10**9)

_TASKS = """
INSERT INTO tasks (user_id, id, change, created_at, updated_at, title, description, status, due_at, completed_at)
SELECT {owner}, lpad(to_hex(i), 32, '0')::uuid, i * 7919 % 100000, timestamptz '2026-01-01Z' + i * interval '1 minute',
    timestamptz '2026-01-01Z' + (i * 7919 % 100000) * interval '1 minute', 'Task ' || i * 31 % 5000,
    CASE WHEN i % 2 = 0 THEN 'About ' || i END, s,
    CASE WHEN i % 3 > 0 THEN timestamptz '2026-06-01Z' + (i * 104729 % 100000) * interval '1 minute' END,
    CASE WHEN s = 'completed' THEN now() END
FROM generate_series({first}::bigint, {last}) i, LATERAL (
    SELECT CASE WHEN i % 100 = 0 THEN 'in_progress' WHEN i % 10 = 0 THEN 'pending' ELSE 'completed' END AS s
) AS statuses
"""
_OTHERS = """
INSERT INTO users (id) SELECT 'user' || i FROM generate_series(0, 20001) i;
INSERT INTO users (id) VALUES ('big');
INSERT INTO deleted_users (id) SELECT 'gone' || i FROM generate_series(1, 20000) i;
INSERT INTO idempotency_keys (user_id, key, fingerprint, body, created_at)
    SELECT owner, 'key' || i, '', 'a response of the usual length', now() - i * interval '1 minute'
    FROM generate_series(1, 20000) i, LATERAL (VALUES ('user' || i), (CASE WHEN i <= 1500 THEN 'big' END)) o (owner)
    WHERE owner IS NOT NULL;
INSERT INTO tombstones (user_id, collection, id, change, deleted_at)
    SELECT owner, 'tasks', lpad(to_hex(10000000 + i), 32, '0')::uuid, i * 5, now() - i * interval '5 minutes'
    FROM generate_series(1, 20000) i, LATERAL (VALUES ('user' || i), (CASE WHEN i <= 1500 THEN 'big' END)) o (owner)
    WHERE owner IS NOT NULL;
UPDATE users SET change = 200000;
INSERT INTO local_accounts (user_id, email_key, password_hash)
    SELECT 'user' || i, 'user' || i || '@example.com', repeat('x', 97) FROM generate_series(1, 20000) i;
INSERT INTO local_sessions (id, user_id, token_hash, expires_at)
    SELECT lpad(to_hex(i), 32, '0')::uuid, 'user' || i, repeat('x', 32)::bytea, now() + (i - 1000) * interval '1 minute'
    FROM generate_series(1, 20000) i;
INSERT INTO sign_in_throttles (key, settled_at, allowed)
    SELECT 'key' || i, now() + (i - 10000) * interval '1 second', true FROM generate_series(1, 20000) i;
"""
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'tasks' AND indexname LIKE 'ix_%'"

# What a parameter of this name is called with: a row that is there, and a filter that some rows pass.
_LATER = datetime(2026, 7, 1, tzinfo=UTC)
VALUES: dict[str, Any] = {
    **dict.fromkeys(("id", "task_id", "after_id"), TASK),
    **dict.fromkeys(("session_id", "kept"), SESSION),
    "ids": [TASK],
    **dict.fromkeys(("life", "spacing", "allowance", "grace"), timedelta(minutes=1)),
    **dict.fromkeys(("fingerprint", "body", "token_hash", "new_hash"), b"new"),
    **dict.fromkeys(
        ("email", "name", "name_claim", "title", "description", "location", "etag", "password_hash"), "new"
    ),
    **dict.fromkeys(("due_at", "due_after"), _LATER),
    "due_before": _LATER + timedelta(hours=2),
    "updated_since": datetime(2026, 3, 11, 9, 30, tzinfo=UTC),
    "old_hash": b"x" * 32,
    "user_id": SMALL,
    "key": "key100",
    "email_key": "user100@example.com",
    "q": "%xylophone%",
    "after": "2026-02-01T00:00:00+00:00",
    "status": "pending",
    "status_several": ["pending", "in_progress"],
    "versions": [1],
    "limit": 51,
    "issued_at": 1_800_000_000.0,
    "known_at": None,
    "version": 1,
    "collection": "tasks",
    "row_id": UUID(int=10_000_100),
    "start": 1000,
    "created_at": None,
}
# Where the name alone does not say it: what is inserted is new, what is swept is a day old.
SPECIAL: dict[str, dict[str, Any]] = {
    "core.http.idempotency_keys._claim": {"key": "new", "kept": timedelta(hours=24)},
    "modules.auth.repository._add_account": {"user_id": NEW, "email_key": "new@example.com"},
    "modules.auth.repository._add_session": {"session_id": NOWHERE},
    "core.http.idempotency_keys._fill": {"status": 201},
    "core.resources.tombstones.forget": {"kept": timedelta(days=30)},
    "modules.tasks.repository.Task.create": {"id": NOWHERE},
    "modules.tasks.repository.Task.put": {"id": NOWHERE},
    "modules.tasks.repository.Task.changes": {"after": 50_000, "after_id": TASK},
}


# The tables that are filled by hand. Each other one gets rows that are made of its columns.
BY_HAND = {
    *("users", "deleted_users", "tasks", "idempotency_keys", "local_accounts", "local_sessions"),
    *("sign_in_throttles", "alembic_version", "tombstones", "sync_history", "schema_compatibility"),
}
OF_EACH = 400  # so few that what a filter finds may be sorted (tests.architecture.plans)
_OF_TYPE = {
    str: "substr('abcdefghijklmnopqrstuvwxyz', 1 + i::integer % 26, 1)",
    int: "i",
    bool: "i % 2 = 0",
    float: "i",
    # Each owner has the same, so that a row of theirs can refer to one of their own.
    UUID: f"lpad(to_hex(i % {OF_EACH}), 32, '0')::uuid",
    datetime: "timestamptz '2026-01-01Z' + i * interval '1 minute'",
    date: "date '2026-01-01' + (i % 1000)::integer",
    time: "time '00:00' + i * interval '1 second'",
    timedelta: "i * interval '1 second'",
    Decimal: "i % 1000",
    object: "'{\"x\": 1}'::jsonb",
    list: "'{}'",
    bytes: "'bytes'",
}


def rows_of(table: Table) -> str:
    """An INSERT of 20,000 rows: OF_EACH of the user BIG, of SMALL and of 48 others; or one of each of 19,000 others,
    where a user has one at most: these two then have none, so that they can make it. The values mean nothing, so the
    table's CHECKs go first: no plan depends on them."""
    checks = [one for one in table.constraints if isinstance(one, CheckConstraint)]
    freed = "".join(f"{DropConstraint(one).compile(dialect=DIALECT)};" for one in checks)
    values = {column.name: _value(column) for column in table.columns if column.computed is None}
    return (
        f"{freed} INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM generate_series(0::bigint, {50 * OF_EACH - 1}) i ON CONFLICT DO NOTHING"
    )


def allowed(column: Column[Any]) -> list[str]:
    """The values that a constraint `column IN ('a', 'b')` leaves it; empty without one."""
    checks = [str(one.sqltext) for one in column.table.constraints if isinstance(one, CheckConstraint)]
    lists = [found[1] for check in checks if (found := re.fullmatch(rf"{column.name} IN \((.*)\)", check))]
    return re.findall(r"'(\w+)'", lists[0]) if lists else []


def _value(column: Column[Any]) -> str:
    unique = [{one.name for one in key.columns} for key in _unique(column.table)]
    if OWNER_COLUMN in column.info and {column.name} in unique:
        return "'user' || 1000 + i % 19000"
    if OWNER_COLUMN in column.info:
        return f"CASE WHEN i < {OF_EACH} THEN '{BIG}' ELSE 'user' || i / {OF_EACH} + 75 END"
    if values := allowed(column):
        return f"(ARRAY{values})[1 + i % {len(values)}]"
    if column.type.python_type is str and any(column.name in one for one in unique):
        return "'x' || i"
    return _OF_TYPE[column.type.python_type]


def _unique(table: Table) -> list[UniqueConstraint | Index]:
    constraints = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    return [*constraints, *(index for index in table.indexes if index.unique)]


def fill(url: str) -> None:
    """100,000 tasks of one user, 500 of each of 400 others, 20,000 rows or more of everything else."""
    connection = psycopg2.connect(url, options=SEARCH_PATH)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
    cursor.execute(_OTHERS)
    cursor.execute(_INDEXES)
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute(_TASKS.format(owner="'big'", first=1, last=100_000))
    cursor.execute(_TASKS.format(owner=f"'user' || i / {SMALL_TASKS}", first=1, last=200_000))
    for _, definition in indexes:
        cursor.execute(definition)
    for table in SQLModel.metadata.tables.values():
        if table.name not in BY_HAND:
            cursor.execute(rows_of(table))
    cursor.execute("VACUUM ANALYZE")
    connection.close()
