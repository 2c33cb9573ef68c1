"""Somebody else's tables under our names are rejected in one sentence, by the migration and by the start."""

import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest
from alembic.util import CommandError
from structlog.testing import capture_logs

from core.database import migrations, start_check
from tests.conftest import TestDatabase, project_root
from tests.core.api_process import ApiProcess
from tests.migrations.conftest import PlainDatabase, measured_environment, run_alembic
from tests.migrations.former import to_public
from tests.migrations.schema import describe, tables

WHERE = '"One database for both" in docs/better-auth.md says what to do'
# What Better Auth's migrator adds where it takes our table for its own.
COLUMNS = (
    'ALTER TABLE {schema}.users ADD "emailVerified" boolean, ADD image text; ALTER TABLE {schema}.tasks ADD "x" int'
)
NAMED = "{schema}.tasks (x), {schema}.users (emailVerified, image)"


def upgrade(database: PlainDatabase) -> "subprocess.CompletedProcess[str]":
    return _run(database, "-m", "alembic", "upgrade", "head")


def start(database: PlainDatabase) -> "subprocess.CompletedProcess[str]":
    """`python main.py`, which is expected to end at once."""
    return _run(database, "main.py")


def _run(database: PlainDatabase, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project_root(),
        env=measured_environment(DATABASE_URL=database.url, PORT="0"),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def rejection(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that says it: Alembic's on standard output, the start's on standard error."""
    assert done.returncode not in (0, None)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line and not re.match(r"INFO +\[", line)]
    (line,) = lines
    return line.strip().removeprefix("FAILED: ")


def sentences(database: PlainDatabase) -> list[str]:
    """The same of both, without a process for each, which takes ten times as long."""
    with pytest.raises(CommandError) as raised:
        database.upgrade()
    _, at_start = start_check.look(database.url, migrations.head())
    assert at_start is not None
    return [str(raised.value), at_start]


def assert_starts(database: PlainDatabase, warned: Sequence[str] = ()) -> None:
    with capture_logs() as logs:
        assert start_check.look(database.url, migrations.head())[1] is None
    assert [log["event"] for log in logs] == list(warned)


@pytest.fixture(params=["todo", "public"])
def at_head(request: pytest.FixtureRequest, migrated: PlainDatabase) -> tuple[PlainDatabase, str]:
    """A migrated database with its tables there, and where that is."""
    if request.param == "public":
        to_public(migrated)
    return migrated, request.param


def test_columns_of_others_in_our_tables_are_rejected(at_head: tuple[PlainDatabase, str]) -> None:
    database, schema = at_head
    database.query(COLUMNS.format(schema=schema))
    before = describe(database, schema)
    in_processes = [rejection(upgrade(database)), rejection(start(database))] if schema == "todo" else []
    for said in (*sentences(database), *in_processes):
        assert NAMED.format(schema=schema) in said
        assert WHERE in said
    assert describe(database, schema) == before


@pytest.mark.parametrize("kind", ["TABLE", "VIEW", "MATERIALIZED VIEW"])
def test_a_relation_of_others_where_ours_are_to_be_is_rejected(empty: PlainDatabase, kind: str) -> None:
    empty.query(f"CREATE SCHEMA todo; CREATE {kind} todo.users AS SELECT 'theirs'::text AS id")
    migration, at_start = sentences(empty)
    assert 'relation "users" already exists, and this application did not make it' in migration
    assert WHERE in migration
    assert "todo.users" in at_start
    assert WHERE in at_start
    assert tables(empty) <= {"users"}
    assert empty.query("SELECT id FROM todo.users") == [("theirs",)]


def test_a_view_in_place_of_a_table_of_ours_is_rejected(migrated: PlainDatabase) -> None:
    migrated.query("ALTER TABLE todo.users RENAME TO kept; CREATE VIEW todo.users AS SELECT * FROM todo.kept")
    for said in sentences(migrated):
        assert "todo.users (no table)" in said


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_their_users_in_public_is_no_matter_while_ours_are_elsewhere(empty: PlainDatabase, kind: str) -> None:
    empty.query(f"CREATE {kind} public.users AS SELECT 'theirs'::text AS id; CREATE TABLE public.tasks (id int)")
    theirs = describe(empty, "public")
    empty.upgrade()
    empty.alembic("check")
    assert_starts(empty)
    empty.downgrade()
    assert describe(empty, "public") == theirs


def test_columns_of_a_newer_revision_are_rightly_there(migrated: PlainDatabase) -> None:
    migrated.query("UPDATE todo.alembic_version SET version_num = '0123456789ab'")
    migrated.query(COLUMNS.format(schema="todo"))
    assert_starts(migrated, ["the schema is newer than this release"])


def test_a_table_of_ours_that_is_missing_does_not_stop_the_start(migrated: PlainDatabase) -> None:
    migrated.query("DROP TABLE todo.local_sessions")
    assert_starts(migrated)


def test_a_database_that_was_never_migrated_does_not_stop_the_start(empty: PlainDatabase) -> None:
    with ApiProcess(empty.url) as process:
        process.find(lambda line: line["message"] == "started")
    (told,) = [line for line in process.lines if line["level"] in ("warning", "error")]
    assert (told["message"], told["error.code"]) == ("not ready", "schema_too_old")


def test_a_database_that_is_away_costs_a_line_and_not_the_start(make_database: Callable[[], TestDatabase]) -> None:
    database = make_database()
    database.proxy.refuse()
    with ApiProcess(database.proxied_url) as process:
        line = process.find(lambda line: line["message"] == "tables not looked at")
    assert (line["level"], line["error.reason"].partition(":")[0]) == ("warning", "cannot connect")


def test_a_database_that_is_silent_does_not_keep_it_for_long(make_database: Callable[[], TestDatabase]) -> None:
    database = make_database()
    database.proxy.pause()
    try:
        with ApiProcess(database.proxied_url) as process:
            line = process.find(lambda line: line["message"] == "tables not looked at")
        where = f"127.0.0.1:{database.proxy.port}"
        assert line["error.reason"] == f"cannot connect: {where}: deadline"
    finally:
        database.proxy.resume()


def test_a_role_that_may_not_make_the_schema_is_told_what_to_grant(empty: PlainDatabase) -> None:
    role = f"migrator_{secrets.token_hex(4)}"
    empty.query(f"CREATE ROLE {role} LOGIN")
    limited = PlainDatabase(empty.url.replace("postgres:@", f"{role}:@"))
    grant = "CREATE SCHEMA IF NOT EXISTS todo; GRANT USAGE, CREATE ON SCHEMA todo TO"
    said = rejection(upgrade(limited))
    assert said.startswith("permission denied for database ")
    assert grant in said
    empty.query("CREATE SCHEMA todo")
    said = rejection(upgrade(limited))
    assert said.startswith("permission denied for schema todo")
    empty.query(f"{grant} {role}")
    limited.upgrade()
    limited.upgrade()
    limited.alembic("check")
    assert empty.query("SELECT version_num FROM todo.alembic_version") == [(migrations.head(),)]


def test_a_role_that_does_not_own_the_tables_is_told_to_migrate_as_who_does(empty: PlainDatabase) -> None:
    empty.upgrade()
    role = f"migrator_{secrets.token_hex(4)}"
    empty.query(f"CREATE ROLE {role} LOGIN; GRANT USAGE, CREATE ON SCHEMA todo TO {role}")
    limited = PlainDatabase(empty.url.replace("postgres:@", f"{role}:@"))
    told = "migrate with the URL of the role that owns the tables. Nothing was changed."
    assert rejection(upgrade(limited)) == f"permission denied for table alembic_version: {told}"
    empty.query(f"GRANT ALL ON ALL TABLES IN SCHEMA todo TO {role}")
    empty.query("ALTER TABLE tombstones ALTER COLUMN user_id RESET (n_distinct)")  # as in a database from before
    limited.upgrade()  # there is nothing to do, as at each start of a process whose role only serves
    said = rejection(_run(limited, "-m", "alembic", "downgrade", "-1"))
    assert re.fullmatch(f"must be owner of .*: {re.escape(told)}", said)


def test_who_looks_makes_no_schema(empty: PlainDatabase) -> None:
    assert run_alembic("check", DATABASE_URL=empty.url).returncode != 0
    empty.alembic("current")
    assert empty.query("SELECT to_regnamespace('todo')") == [(None,)]
