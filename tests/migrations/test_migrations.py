"""The migrations: there and back, without drift, one migrator at a time, and nobody waits for them for long."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from core.database import migrations
from tests.conftest import TestDatabase, project_root
from tests.migrations.conftest import Hopeless, PlainDatabase, run_alembic
from tests.migrations.former import to_public
from tests.migrations.schema import describe, names, tables

OURS = {"users", "deleted_users", "tasks", "local_accounts", "local_sessions", "sign_in_throttles"}
POOLED = "postgresql://owner:hidden-word@ep-cool-rain-123-pooler.eu-central-1.aws.neon.tech/todo?sslmode=require"


def test_the_way_up_can_be_gone_down_and_up_again(empty: PlainDatabase) -> None:
    empty.upgrade()
    made = describe(empty)
    assert tables(empty) == set(SQLModel.metadata.tables) | {"alembic_version"}
    assert tables(empty) >= OURS
    empty.downgrade()
    assert describe(empty) == {"columns": [], "constraints": [], "indexes": []}
    empty.upgrade()
    assert describe(empty) == made


def test_a_migrated_database_has_no_drift(database: TestDatabase) -> None:
    done = run_alembic("check", DATABASE_URL=database.url)
    assert done.returncode == 0, done.stdout + done.stderr


def test_constraints_and_indexes_are_named_as_the_models_name_them(database: TestDatabase) -> None:
    # Alembic compares neither the names of keys nor check constraints.
    tables = SQLModel.metadata.sorted_tables
    constraints = {str(constraint.name) for table in tables for constraint in table.constraints}
    assert names(database) == constraints | {str(index.name) for table in tables for index in table.indexes}


def test_every_table_can_be_replicated_and_no_number_would_be_given_twice(migrated: PlainDatabase) -> None:
    """As docs/operations.md says: a published table without a key takes no UPDATE, and sequences are not replicated."""
    lacking = (
        "SELECT relname::text FROM pg_class c WHERE relnamespace = 'todo'::regnamespace AND (relkind = 'S' OR "
        "relkind = 'r' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)) ORDER BY relname"
    )
    assert migrated.query(lacking) == []
    migrated.query("CREATE TABLE keyless (number serial)")
    assert migrated.query(lacking) == [("keyless",), ("keyless_number_seq",)]


@pytest.mark.parametrize("command", [("check",), ("revision", "--autogenerate", "-m", "Too early")])
def test_who_compares_before_the_first_migration_is_told_to_migrate(
    empty: PlainDatabase, command: tuple[str, ...]
) -> None:
    done = run_alembic(*command, DATABASE_URL=empty.url)
    assert done.returncode != 0
    assert "The database has no tables yet: run `alembic upgrade head` first" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert empty.query("SELECT to_regnamespace('todo')::text") == [(None,)]


def test_who_compares_with_a_database_that_is_behind_is_told_to_migrate(migrated: PlainDatabase) -> None:
    migrated.alembic("downgrade", "-1")
    done = run_alembic("check", DATABASE_URL=migrated.url)
    assert done.returncode != 0
    told = " ".join((done.stdout + done.stderr).split())
    assert "The database is not at the newest migration: run `alembic upgrade head` first, or `make migration" in told


def test_two_migrators_at_once_both_succeed(empty: PlainDatabase, database: TestDatabase) -> None:
    # Nobody can make a table until both have come as far as they get.
    gate = empty.connect()
    gate.cursor().execute("LOCK TABLE pg_catalog.pg_class IN SHARE MODE")
    migrators = [empty.start_alembic("upgrade", "head") for _ in range(2)]
    while _waiting(gate) < 2 and all(migrator.poll() is None for migrator in migrators):
        time.sleep(0.02)
    gate.close()
    outputs = [migrator.communicate(timeout=60)[0] for migrator in migrators]
    assert [migrator.returncode for migrator in migrators] == [0, 0], outputs
    assert describe(empty) == describe(database)
    assert empty.query("SELECT version_num FROM alembic_version") == [(migrations.head(),)]


def test_the_pooled_url_is_rejected_with_what_to_set() -> None:
    message = _rejection(DATABASE_URL=POOLED)
    assert "Set DATABASE_URL_UNPOOLED to the direct URL" in message


def test_beside_a_pooled_url_the_direct_one_is_taken(empty: PlainDatabase) -> None:
    done = run_alembic("upgrade", "head", DATABASE_URL=POOLED, DATABASE_URL_UNPOOLED=empty.url)
    assert done.returncode == 0, done.stderr
    assert tables(empty) >= OURS


def test_unusable_settings_are_one_message_and_no_trace() -> None:
    message = _rejection(BETTER_AUTH_SECRET="short", DATABASE_URL="mysql://u:hidden-word@h/d")
    assert "BETTER_AUTH_SECRET" not in message  # whoever migrates need not have it
    assert "DATABASE_URL: must start with postgres:// or postgresql://" in message


def test_a_database_that_is_away_stops_the_migration_and_keeps_the_password() -> None:
    done = run_alembic("upgrade", "head", DATABASE_URL="postgresql://owner:hidden-word@127.0.0.1:1/todo")
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "Connection refused" in line
    assert line.endswith("(`make doctor`, or `.venv/bin/python -m core.operations.doctor`, says what to set)")
    assert "hidden-word" not in line


def test_revisions_are_a_line_of_dated_files() -> None:
    revisions = list(ScriptDirectory.from_config(migrations.configuration("")).walk_revisions())
    files = {path.name for path in (project_root() / "alembic" / "versions").glob("*.py")}
    assert {Path(revision.path).name for revision in revisions} == files
    assert [name for name in files if not re.fullmatch(r"20\d\d[01]\d[0-3]\d_[a-z0-9_]+\.py", name)] == []
    assert [revision.is_head for revision in revisions] == [True] + [False] * (len(revisions) - 1)
    assert not any(revision.is_branch_point or revision.is_merge_point for revision in revisions)


@pytest.mark.parametrize("name", ["a table in use", "a table that a backup reads", "another migrator"])
def test_a_migration_that_cannot_get_its_lock_gives_up(hopeless: dict[str, Hopeless], name: str) -> None:
    output, _ = hopeless[name].migrator.communicate(timeout=60)
    assert hopeless[name].migrator.returncode != 0
    assert "Tries left: 1\n" in output
    assert output.splitlines()[-1] == (
        "FAILED: Another session holds a lock that the migration needs. Nothing was changed. "
        'docs/operations.md, "Who holds a lock", finds the session; then run this again.'
    )
    assert "Traceback" not in output
    assert describe(hopeless[name].database) == hopeless[name].before


def _rejection(**variables: str) -> str:
    """What alembic says as it stops at settings: one message, without a trace and without a secret."""
    done = run_alembic("upgrade", "head", folder=None, **variables)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert "hidden-word" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def _waiting(connection: Any) -> int:
    """How many sessions wait for a lock in the connection's database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("schema", ["todo", "public"])
def test_an_index_that_was_built_beside_traffic_is_found(empty: PlainDatabase, schema: str) -> None:
    """As docs/operations.md shows it for a large table, from the first release on."""
    document = (project_root() / "docs/operations.md").read_text()
    text = document.partition("### Large tables\n")[2].partition("\n## ")[0]
    (first,) = re.findall(r"At revision\s`(\w+)`", text)
    (columns,) = re.findall(r"alembic upgrade (?!head)(\w+)", text)
    (builds,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    command.upgrade(migrations.configuration(empty.url), first)
    if schema == "public":
        to_public(empty)
    command.upgrade(migrations.configuration(empty.url), columns)
    connection = empty.connect()
    connection.autocommit = True
    for build in builds.splitlines():
        connection.cursor().execute(build)
    connection.close()
    found = "SELECT indexrelid::regclass::text, indexrelid, pg_get_indexdef(indexrelid) FROM pg_index ORDER BY 1"
    before = [row for row in empty.query(found) if str(row[0]).endswith(("ix_tasks_change", "ix_tasks_counts"))]
    assert len(before) == 2
    empty.upgrade()
    assert [row for row in empty.query(found) if row in before] == before
    assert "ix_tasks_status" not in str(empty.query(found))


def test_the_numbers_go_on_behind_the_versions_of_older_rows(empty: PlainDatabase) -> None:
    """What is put back after a deletion has the number of its change for a version: no tag of before may be one again,
    of a row that was changed often before changes were counted either."""
    command.upgrade(migrations.configuration(empty.url), "5c1d7e02b9a4")
    empty.query("INSERT INTO users (id, change) VALUES ('often', 2), ('seldom', 7), ('never', 0)")
    empty.query(
        "INSERT INTO tasks (user_id, id, title, status, version) SELECT * FROM (VALUES "
        "('often', gen_random_uuid(), 'a', 'pending', 9), ('often', gen_random_uuid(), 'b', 'pending', 1), "
        "('seldom', gen_random_uuid(), 'c', 'pending', 3)) AS old"
    )
    empty.upgrade()
    assert empty.query("SELECT id, change FROM users ORDER BY id") == [("never", 0), ("often", 9), ("seldom", 7)]
