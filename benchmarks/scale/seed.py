"""Fills the product's tables with millions of rows, in the order of their making, as a life with tasks looks."""

import time

import psycopg2

BIG, SMALL = "big", "user-1"
BIG_TASKS, TASKS_A_USER = 100_000, 99
DAYS = 300

# Everybody's tasks come in turn, so the rows of one user lie far apart, as they do where many write at once.
# What is old is done, what is new is open, two of three have a due time; one title in 4,999 is rare.
_FILL = """
INSERT INTO tasks (user_id, id, created_at, updated_at, title, description, status, due_at, completed_at)
SELECT owner, uuidv7(moment - clock_timestamp()), moment, moment + n % 7 * interval '1 day',
    CASE WHEN n % 4999 = 0 THEN 'Call the xylophone tuner' ELSE 'Task ' || n % 977 END,
    CASE WHEN turn % 2 = 0 THEN 'About this and that, number ' || n END, s,
    CASE WHEN n % 3 > 0 THEN moment + turn % 90 * interval '1 day' END, CASE WHEN s = 'completed' THEN moment END
FROM (
    SELECT n, n / {every} AS turn, timestamptz '2026-01-01Z' + n::float / {tasks} * interval '{days} days' AS moment,
        CASE WHEN n % {every} = 0 THEN '{big}' ELSE 'user-' || (n - n / {every} - 1) % {others} END AS owner,
        CASE WHEN n < {tasks} * 0.9 THEN 'completed' WHEN n / {every} % 10 < 3 THEN 'in_progress' ELSE 'pending' END s
    FROM generate_series({first}::bigint, {last}) n
) AS made
"""
CHUNK = 1_000_000
_PRIMARY_KEY = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'pk_tasks'"
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'tasks' AND indexname LIKE 'ix_%'"


def fill(dsn: str, tasks: int) -> None:
    """`tasks` in all: 100,000 of one user, 99 of each other. They are put in first, and then their indexes made."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    for setting in ("max_wal_size = '8GB'", "wal_compression = on"):
        cursor.execute(f"ALTER SYSTEM SET {setting}")
    cursor.execute("SELECT pg_reload_conf()")
    cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    cursor.execute("SET maintenance_work_mem = '1GB'")
    others = (tasks - BIG_TASKS) // TASKS_A_USER
    cursor.execute("INSERT INTO users (id) SELECT 'user-' || n FROM generate_series(0, %s) n", (others,))
    cursor.execute("INSERT INTO users (id) VALUES (%s)", (BIG,))
    _load(cursor, tasks, others)
    _say("vacuum")
    cursor.execute("VACUUM ANALYZE")
    cursor.execute("CHECKPOINT")
    connection.close()


def _load(cursor: psycopg2.extensions.cursor, tasks: int, others: int) -> None:
    cursor.execute(_PRIMARY_KEY)
    ((key, definition),) = cursor.fetchall()
    cursor.execute(_INDEXES)
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute(f"ALTER TABLE tasks DROP CONSTRAINT {key}")
    fixed = {"tasks": tasks, "others": others, "every": tasks // BIG_TASKS, "days": DAYS, "big": BIG}
    for first in range(1, tasks + 1, CHUNK):
        last = min(first + CHUNK - 1, tasks)
        _say(f"tasks up to {last:,} of {tasks:,}")
        cursor.execute(_FILL.format(first=first, last=last, **fixed))
    _say(key)
    cursor.execute(f"ALTER TABLE tasks ADD CONSTRAINT {key} {definition}")
    for name, create in indexes:
        _say(name)
        cursor.execute(create)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
