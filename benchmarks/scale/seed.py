"""Fills the product's tables with millions of rows, as a life with tasks looks."""

import time

import psycopg2

BIG, SMALL = "big", "user-1"
BIG_TASKS, TASKS_A_USER = 100_000, 99

# What is old is done but for a few, what is new is open, two of three have a due time; one title in 5,000 is rare.
_FILL = """
INSERT INTO tasks (user_id, id, created_at, updated_at, title, description, status, due_at, completed_at)
SELECT owner, gen_random_uuid(), moment, moment + n % 7 * interval '1 day', title, description, s,
    CASE WHEN n % 3 > 0 THEN moment + n % 90 * interval '1 day' END, CASE WHEN s = 'completed' THEN moment END
FROM (
    SELECT {owner} AS owner, n, timestamptz '2026-01-01Z' + n % {each} * interval '1 minute' AS moment,
        CASE WHEN n % 5000 = 0 THEN 'Call the xylophone tuner' ELSE 'Task ' || n % 977 END AS title,
        CASE WHEN n % 2 = 0 THEN 'About this and that, number ' || n END AS description,
        CASE WHEN n % {each} > {each} * 0.9 THEN 'pending' ELSE 'completed' END AS s
    FROM generate_series({first}::bigint, {last}) n
) AS made
"""
CHUNK = 1_000_000


def fill(dsn: str, tasks: int) -> None:
    """`tasks` in all: 100,000 of one user, 99 of each other."""
    others = (tasks - BIG_TASKS) // TASKS_A_USER
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    cursor.execute("SET maintenance_work_mem = '1GB'")
    cursor.execute("INSERT INTO users (id) SELECT 'user-' || n FROM generate_series(0, %s) n", (others,))
    cursor.execute("INSERT INTO users (id) VALUES (%s)", (BIG,))
    cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'tasks' AND indexname LIKE 'ix_%'")
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute(_FILL.format(owner=f"'{BIG}'", each=BIG_TASKS, first=1, last=BIG_TASKS))
    total = others * TASKS_A_USER
    for first in range(1, total + 1, CHUNK):
        last = min(first + CHUNK - 1, total)
        owner = f"'user-' || n / {TASKS_A_USER}"
        _say(f"tasks up to {last:,} of {total:,}")
        cursor.execute(_FILL.format(owner=owner, each=TASKS_A_USER, first=first, last=last))
    for name, definition in indexes:
        _say(f"index {name}")
        cursor.execute(definition)
    _say("vacuum")
    cursor.execute("VACUUM ANALYZE")
    cursor.execute("CHECKPOINT")
    connection.close()


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
