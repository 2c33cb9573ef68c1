"""What PostgreSQL thinks that an owner has may be wrong: what is done for one stays limited under every plan."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from core.database import psycopg2_setup
from core.database.queries import SCHEMA
from core.http import idempotency_keys
from core.resources import tombstones
from tests.architecture import catalogue, plans
from tests.architecture.big_tables import VALUES
from tests.conftest import RunningServer, TestDatabase, UserClient, execute

# After that PostgreSQL thinks that an owner has a row or a few, and looks at each row of what it thinks is one.
OTHERS = """
INSERT INTO users (id) SELECT 'other ' || n FROM generate_series(1, 3000) n;
INSERT INTO tasks (user_id, id, title, status, change, updated_at)
    SELECT id, gen_random_uuid(), 'x', 'pending', n, now() FROM users, generate_series(1, 5) n;
INSERT INTO tombstones SELECT id, 'tasks', gen_random_uuid(), 1, now() FROM users;
INSERT INTO idempotency_keys (user_id, key, fingerprint) SELECT id, 'key', '' FROM users
"""


@pytest.fixture(scope="module")
def user(own: TestDatabase, start_server: Callable[..., RunningServer]) -> Iterator[UserClient]:
    """One with a task, among many people of a few rows each."""
    for table in ("tasks", "tombstones", "idempotency_keys"):
        own.query(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        # As where rows are spread over servers, which are not told of owners (core/database/owner_statistics.py).
        own.query(f"ALTER TABLE {table} ALTER COLUMN user_id RESET (n_distinct)")
    own.query(OTHERS)
    execute(own.url, "VACUUM ANALYZE")
    with UserClient(start_server(database=own).url) as client:
        client.create_task()
        yield client


def test_so_many_deletions_are_forgotten_at_once(user: UserClient, own: TestDatabase) -> None:
    """Also where there are more of one time than a statement could remove within its own."""
    old = "INSERT INTO tombstones SELECT %s, 'tasks', gen_random_uuid(), 1, now() - interval '31 days'"
    own.query(f"{old} FROM generate_series(1, 2 * %s + 1)", user.user_id, tombstones.SWEPT)
    lefts = set()
    for _ in range(4 * tombstones.SWEPT_AT):
        assert user.delete(f"{user.tasks}/{user.create_task()['id']}").status_code == 204
        lefts |= set(own.query("SELECT count(*) FROM tombstones WHERE deleted_at < now() - interval '1 day'"))
    assert lefts == {(2 * tombstones.SWEPT + 1,), (tombstones.SWEPT + 1,), (1,), (0,)}


def test_so_many_keys_are_removed_at_once(user: UserClient, own: TestDatabase) -> None:
    old = "INSERT INTO idempotency_keys (user_id, key, fingerprint, created_at)"
    many = "SELECT %s, n, '', now() - interval '2 days' FROM generate_series(1, %s) n"
    own.query(f"{old} {many}", user.user_id, 2 * idempotency_keys.SWEPT + 1)
    lefts = []
    for number in range(3):
        assert user.post(user.tasks, json={"title": "x"}, headers={"Idempotency-Key": f"{number}"}).status_code == 201
        lefts += own.query("SELECT count(*) FROM idempotency_keys WHERE created_at < now() - interval '1 day'")
    assert lefts == [(idempotency_keys.SWEPT + 1,), (1,), (0,)]


def test_a_page_reads_its_own_rows(user: UserClient, own: TestDatabase) -> None:
    many = "INSERT INTO tasks (user_id, id, title, status, change, updated_at)"
    each = "SELECT %s, gen_random_uuid(), 'x', 'pending', n, now()"
    own.query(f"{many} {each} FROM generate_series(1, 2000) n", user.user_id)
    psycopg2_setup.prepare()
    read = {}
    with closing(own.connect()) as connection, connection.cursor() as cursor:
        for case in catalogue.cases("modules.tasks.repository.Task.changes", catalogue.PAGE):
            if "q" in case.filters:
                continue  # a search reads all
            query = case.query.for_owner(user.user_id)
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.statement.texts[SCHEMA]}", query.values)
            plan = cursor.fetchone()[0][0]["Plan"]
            read[str(case)] = max(plans.visited(node) for node in plans.nodes(plan))
    assert max(read.values()) <= 2 * VALUES["limit"], read
