"""The tripwire in the tests sees a statement without its owner, and is silent at all that the product sends."""

import pytest
from sqlmodel import SQLModel

from core.database.ownership import OWNER_COLUMN
from tests.ownership_tripwire import OWNED, unqualified, unscoped

UNSCOPED = [
    "SELECT * FROM tasks",
    'SELECT * FROM "tasks"',
    "SELECT * FROM public.tasks",
    "SELECT * FROM todo.tasks WHERE todo.tasks.id = 'x'",
    "DELETE FROM todo.users WHERE todo.users.email = 'a@example.com'",
    "INSERT INTO todo.tasks (id, title) VALUES ('x', 'y')",
    "SELECT count(*) FROM tasks WHERE status = 'pending'",
    "SELECT * FROM tasks WHERE id = 'x'",
    "SELECT * FROM tasks WHERE user_id <> 'a'",
    "SELECT * FROM tasks WHERE NOT user_id = 'a'",
    "SELECT * FROM tasks WHERE user_id = 'a' OR true",
    "SELECT * FROM tasks WHERE status = 'x' AND (user_id = 'a' OR id = 'b')",
    "SELECT * FROM tasks WHERE user_id = user_id",
    "SELECT * FROM tasks WHERE user_id IN ('a', 'b')",
    "SELECT * FROM tasks WHERE user_id LIKE 'a%'",
    "SELECT * FROM tasks WHERE user_id >= 'a'",
    "SELECT * FROM tasks WHERE user_id IS NOT NULL",
    "SELECT * FROM tasks a, tasks b WHERE a.user_id = 'a'",
    "SELECT * FROM tasks a JOIN users u ON u.id = a.user_id WHERE a.user_id = 'a'",
    "SELECT * FROM tasks JOIN users ON users.id = 'a'",
    "SELECT * FROM users WHERE email = 'a@example.com'",
    "SELECT EXISTS (SELECT 1 FROM deleted_users)",
    "SELECT 1 WHERE 'x' IN (SELECT id FROM tasks)",
    "SELECT * FROM (SELECT * FROM tasks) t WHERE t.user_id = 'a'",
    "WITH all_of_them AS (SELECT * FROM tasks) SELECT * FROM all_of_them",
    "SELECT id FROM tasks WHERE user_id = 'a' UNION SELECT id FROM tasks",
    "SELECT 1; SELECT * FROM tasks",
    "UPDATE tasks SET title = 'x' WHERE id = 'x'",
    "UPDATE users SET name = 'x'",
    "UPDATE local_accounts SET user_id = 'a' FROM tasks WHERE tasks.id = 'x'",
    "DELETE FROM tasks",
    "DELETE FROM users WHERE email = 'a@example.com'",
    "DELETE FROM local_sessions USING tasks WHERE tasks.id = 'x'",
    "INSERT INTO tasks (id, title) VALUES ('x', 'y')",
    "INSERT INTO tasks (id, user_id) SELECT id, user_id FROM tasks",
    "INSERT INTO local_accounts (user_id) SELECT id FROM users",
    "INSERT INTO tasks VALUES ('x')",
    "WITH c AS (UPDATE users SET change = 1 RETURNING id) INSERT INTO tasks (user_id) SELECT 'a' FROM c",
    "WITH c AS (UPDATE users SET change = 1 RETURNING id) INSERT INTO tasks (user_id) SELECT c.id FROM c",
    "WITH c AS (UPDATE users SET change = 1 RETURNING change) UPDATE tasks SET title = '' FROM c WHERE user_id = 'a'",
    # A value is a value, whatever it looks like, and what follows it is not.
    "SELECT * FROM tasks WHERE title = 'x AND user_id = ''a'",
    "SELECT * FROM tasks WHERE title = ' AND user_id = ' AND status = 'a'",
    "SELECT * FROM tasks WHERE title = '''' AND status = ' AND user_id = ''a'",
    r"SELECT * FROM tasks WHERE title = E'\' AND user_id = \'a'",
    r"SELECT * FROM tasks WHERE title = E'\\' OR user_id = 'a'",
    "SELECT * FROM tasks WHERE title = '\n AND user_id = ''a''\n'",
    "SELECT * FROM tasks WHERE \"it's\" = 1 AND title = ' AND user_id = 1 AND x = '",
    "SELECT * FROM tasks -- it's\nWHERE title = ' AND user_id = '",
    "SELECT * FROM tasks /* it's */ WHERE title = ' AND user_id = '",
    "SELECT * FROM tasks WHERE $$it's$$ = title AND title = ' AND user_id = '",
]
SCOPED = [
    "SELECT 1",
    "SELECT version_num FROM alembic_version",
    "SELECT * FROM local_accounts WHERE email_key = 'a@example.com'",
    "SELECT * FROM tasks WHERE user_id = 'a'",
    "SELECT todo.tasks.id FROM todo.tasks WHERE todo.tasks.user_id = 'a'",
    "UPDATE todo.users SET version = todo.users.version + 1 WHERE todo.users.id = 'a' RETURNING todo.users.id",
    "INSERT INTO todo.tasks (user_id, id) VALUES ('a', 'x') RETURNING todo.tasks.id",
    "SELECT * FROM tasks WHERE tasks.user_id = 'a' AND tasks.id = 'x'",
    "SELECT * FROM tasks t WHERE t.status = 'x' AND t.id = 'y' AND t.user_id = 'a'",
    "SELECT * FROM tasks WHERE user_id = 'a' AND (status = 'x' OR title = 'y') ORDER BY id LIMIT 5",
    "SELECT * FROM tasks a JOIN users u ON u.id = a.user_id WHERE a.user_id = 'a' AND u.id = 'a'",
    "SELECT EXISTS (SELECT 1 FROM deleted_users WHERE id = 'a')",
    "UPDATE tasks SET title = 'x' WHERE user_id = 'a' AND id = 'x' RETURNING id",
    "DELETE FROM tasks WHERE user_id = 'a'",
    "INSERT INTO tasks (user_id, id) VALUES ('a', 'x') RETURNING id",
    "WITH c AS (UPDATE users SET change = 1 WHERE id = 'a' RETURNING change) "
    "INSERT INTO tasks (user_id, change) SELECT 'a', c.change FROM c",
    "INSERT INTO users (id, name) VALUES ('a', 'x') ON CONFLICT DO NOTHING RETURNING id",
    "SELECT * FROM tasks WHERE title = 'it''s' AND user_id = 'a'",
    r"SELECT * FROM tasks WHERE title = E'it\'s \\' AND user_id = 'a'",
    "SELECT * FROM tasks WHERE title = '; SELECT * FROM tasks' AND user_id = 'a' LIMIT 51",
    "SELECT * FROM tasks WHERE user_id = 'a' AND created_at > now() - interval '1 hour' AND version = 2.5",
    "SELECT * FROM tasks -- it's\nWHERE user_id = 'a'",
]


@pytest.mark.parametrize("sql", UNSCOPED)
def test_a_statement_without_its_owner_trips(sql: str) -> None:
    assert unscoped(sql)


@pytest.mark.parametrize("sql", SCOPED)
def test_a_statement_with_its_owner_passes(sql: str) -> None:
    assert not unscoped(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM tasks",
        "SELECT * FROM todo.tasks JOIN users ON true",
        "SELECT 1 WHERE EXISTS (SELECT FROM alembic_version)",
        "INSERT INTO tasks (id) VALUES ('x')",
        "UPDATE tasks SET id = 'x'",
        "WITH gone AS (DELETE FROM tasks) SELECT * FROM gone",
        "SELECT 1; DELETE FROM users",
    ],
)
def test_a_table_without_its_schema_trips(sql: str) -> None:
    assert unqualified(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT todo.tasks.id FROM todo.tasks AS t",
        "SELECT * FROM generate_series(1, 3)",
        "WITH gone AS (DELETE FROM todo.tasks RETURNING id) INSERT INTO public.users (id) SELECT id FROM gone",
        "COMMIT",
    ],
)
def test_a_table_with_its_schema_passes(sql: str) -> None:
    assert not unqualified(sql)


def test_the_tripwire_watches_exactly_the_owned_tables() -> None:
    owners = {
        table.name: column.name
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if OWNER_COLUMN in column.info
    }
    assert owners == OWNED
