"""PostgreSQL is told of every owned table, as it is made or later, to plan for owners of many rows."""

from contextlib import closing

import pytest
from sqlmodel import SQLModel

from core.database import psycopg2_setup
from core.database.ownership import OWNER_COLUMN
from core.database.queries import SCHEMA
from tests.architecture import catalogue
from tests.architecture.big_tables import VALUES
from tests.conftest import execute
from tests.migrations.conftest import PlainDatabase
from tests.migrations.former import to_public

TOLD = "SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = %s AND attoptions = '{n_distinct=-0.005}'"
SEEN = "SELECT n_distinct FROM pg_stats WHERE schemaname = %s AND tablename = 'tombstones' AND attname = 'user_id'"

TASKS = """
INSERT INTO tasks (user_id, id, title, status, change, created_at, updated_at, due_at)
    SELECT users.id, gen_random_uuid(), 'x' || at, 'pending', n, at, at, at
    FROM users, generate_series(1, %s) n, LATERAL (SELECT now() + hashtext(users.id || n) * interval '1 ms' AS at) times
    WHERE users.id LIKE %s
"""
# More than ANALYZE looks at: of fewer it knows how many the one has who has most.
OTHERS = 40_000


def test_every_owned_table_is_planned_for_many_rows(migrated: PlainDatabase) -> None:
    owned = {
        (table.name,)
        for table in SQLModel.metadata.tables.values()
        for column in table.primary_key
        if OWNER_COLUMN in column.info and len(table.primary_key) > 1
    }
    assert set(migrated.query(TOLD, "user_id")) == owned >= {("tasks",), ("tombstones",)}


@pytest.mark.parametrize("schema", ["todo", "public"])
def test_a_table_from_before_is_told_with_its_next_migration(migrated: PlainDatabase, schema: str) -> None:
    """At once, as its next ANALYZE may be far away; what somebody else has said stays."""
    migrated.query("ALTER TABLE tombstones ALTER COLUMN user_id RESET (n_distinct)")
    migrated.query("ALTER TABLE tasks ALTER COLUMN user_id SET (n_distinct = -0.1)")
    migrated.query("INSERT INTO users (id) SELECT n FROM generate_series(1, 100) n")
    migrated.query("INSERT INTO tombstones SELECT id, 'tasks', gen_random_uuid(), 1, now() FROM users")
    execute(migrated.url, "ANALYZE todo.tombstones")
    if schema == "public":
        to_public(migrated)
    assert migrated.query(SEEN, schema) == [(-1,)]
    migrated.upgrade()
    assert migrated.query(SEEN, schema) == [(pytest.approx(-0.005),)]
    assert ("tasks",) not in migrated.query(TOLD, "user_id")


def test_where_everybody_else_has_one_row_each_is_found_by_its_key(migrated: PlainDatabase) -> None:
    """And not by any other index of the owner's, all of which is read then."""
    migrated.query("ALTER TABLE tasks SET (autovacuum_enabled = false)")
    migrated.query("INSERT INTO users (id) SELECT 'other ' || n FROM generate_series(1, %s) n", OTHERS)
    migrated.query(TASKS, 1, "other %")
    execute(migrated.url, "VACUUM ANALYZE")
    migrated.query("INSERT INTO users (id, change) VALUES ('somebody', 2000)")
    migrated.query(TASKS, 2000, "somebody")
    psycopg2_setup.prepare()
    blocks = {}
    with closing(migrated.connect()) as connection, connection.cursor() as cursor:
        for case in catalogue.cases("modules.tasks.repository.Task.changes"):
            query = case.query.for_owner("somebody")
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query.statement.texts[SCHEMA]}", query.values)
            plan = cursor.fetchone()[0][0]["Plan"]
            blocks[str(case)] = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert max(blocks.values()) <= 10 * VALUES["limit"], blocks
