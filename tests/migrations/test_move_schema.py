"""`make move-schema`: all tables or none, once, from public to their own schema, while the API serves."""

import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import psycopg2
import pytest

from core.database import migrations, move_schema
from tests.conftest import TestDatabase, make_token, project_root
from tests.core.api_process import ApiProcess
from tests.migrations.conftest import PlainDatabase, measured_environment
from tests.migrations.former import to_public
from tests.migrations.schema import describe, tables
from tests.ports import free_port

DONE = "The tables are in the schema todo now.\n"
NOTHING = "There is nothing to move: the tables are in the schema todo already, or nowhere yet.\n"
WRITERS, MOVES = 6, 3


@pytest.fixture
def former(migrated: PlainDatabase) -> PlainDatabase:
    """A database of the test's own, with its tables in public."""
    to_public(migrated)
    return migrated


def move(database: PlainDatabase) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "core.database.move_schema"],
        cwd=project_root(),
        env=measured_environment(DATABASE_URL=database.url),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def moved(database: PlainDatabase) -> str:
    """What it says when it is done. In this process, which takes a tenth of the time."""
    return f"{move_schema.move(database.url)}\n"


def rejected(database: PlainDatabase) -> str:
    """The one sentence; nothing was moved."""
    before = describe(database, "public"), describe(database)
    with pytest.raises(move_schema.RejectedError) as raised:
        move_schema.move(database.url)
    assert (describe(database, "public"), describe(database)) == before
    return str(raised.value)


def test_everything_is_moved_once_and_stays_as_the_migrations_make_it(
    former: PlainDatabase, database: TestDatabase
) -> None:
    former.query("INSERT INTO users (id) VALUES ('kept')")
    assert (move(former).stdout, move(former).stdout) == (DONE, NOTHING)
    assert (describe(former), tables(former, "public")) == (describe(database), set())
    assert former.query("SELECT id FROM todo.users") == [("kept",)]
    former.upgrade()
    former.alembic("check")
    former.downgrade()


def test_where_there_are_no_tables_there_is_nothing_to_move(empty: PlainDatabase) -> None:
    assert moved(empty) == NOTHING
    assert empty.query("SELECT to_regnamespace('todo')") == [(None,)]


def test_a_relation_in_the_way_is_named(former: PlainDatabase) -> None:
    former.query("CREATE SCHEMA todo; CREATE VIEW todo.tasks AS SELECT 1 AS id")
    reason = "There is already todo.tasks: rename or drop what is there. Nothing was moved."
    assert rejected(former) == reason
    done = move(former)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{reason}\n")


def test_columns_of_others_stay_where_their_owner_finds_them(former: PlainDatabase) -> None:
    former.query('ALTER TABLE users ADD "emailVerified" boolean')
    assert "public.users (emailVerified)" in rejected(former)


@pytest.mark.parametrize("revision", ["ffffffffffff", None])
def test_only_the_newest_revision_is_moved(former: PlainDatabase, revision: str | None) -> None:
    """Of another one it is not known which tables are ours."""
    former.query(
        f"UPDATE alembic_version SET version_num = '{revision}'" if revision else "DELETE FROM alembic_version"
    )
    assert "migrate first" in rejected(former)


def test_the_history_of_another_application_stays(former: PlainDatabase) -> None:
    former.query("CREATE SCHEMA todo; INSERT INTO alembic_version VALUES ('0123456789ab')")
    assert moved(former) == DONE
    assert former.query("SELECT version_num FROM todo.alembic_version") == [(migrations.head(),)]
    assert former.query("SELECT version_num FROM public.alembic_version") == [("0123456789ab",)]
    former.alembic("check")


def test_who_may_use_the_tables_may_use_their_schema(former: PlainDatabase) -> None:
    role = f"api_{secrets.token_hex(4)}"
    former.query(f'CREATE ROLE "{role}" LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"')
    former.query("GRANT SELECT ON tasks TO PUBLIC")
    assert moved(former) == DONE
    assert PlainDatabase(former.url.replace("postgres:@", f"{role}:@")).query("SELECT FROM todo.users") == []


def test_a_role_without_the_right_is_told_what_to_grant(former: PlainDatabase) -> None:
    role = f"owner_{secrets.token_hex(4)}"
    former.query(f"CREATE ROLE {role} LOGIN")
    for name in tables(former, "public"):
        former.query(f"ALTER TABLE {name} OWNER TO {role}")
    limited = PlainDatabase(former.url.replace("postgres:@", f"{role}:@"))
    done = move(limited)
    assert (done.returncode, done.stdout, tables(limited)) == (1, "", set())
    assert "let the owner of the database run CREATE SCHEMA IF NOT EXISTS todo" in done.stderr


@pytest.mark.parametrize("statement", ["SELECT FROM tasks", migrations.ONE_AT_A_TIME])
def test_it_waits_for_tables_in_use_and_for_a_migrator_a_little_at_a_time(
    former: PlainDatabase, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = former.connect()
    other.cursor().execute(statement)
    threading.Timer(2, other.close).start()
    assert move_schema.move(former.url) + "\n" == DONE
    assert "The tables are in use. Tries left: 11" in capsys.readouterr().err


def test_it_gives_up_in_the_end(former: PlainDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move_schema, "TRIES", 1)
    other = former.connect()
    other.cursor().execute("SELECT FROM tasks")
    with pytest.raises(psycopg2.errors.QueryCanceled):
        move_schema.move(former.url)
    other.close()
    assert tables(former) == set()


def test_a_database_that_is_away_is_said_without_a_trace_or_a_password() -> None:
    done = move(PlainDatabase("postgresql://owner:hidden-word@127.0.0.1:1/todo"))
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden-word" not in done.stderr


class Writer(threading.Thread):
    """Creates tasks with keys until it is stopped, each again until it is acknowledged, and reads after each."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.user_id, self.stopped = secrets.token_hex(8), threading.Event()
        self.acknowledged: list[str] = []
        self.statuses: Counter[int] = Counter()
        headers = {"Authorization": f"Bearer {make_token(self.user_id)}"}
        self._client = httpx.Client(base_url=f"{url}/api/v1/users/me", headers=headers, timeout=20)

    def run(self) -> None:
        with self._client:
            while not self.stopped.is_set():
                title = secrets.token_hex(8)
                while self._status("POST", "/tasks", json={"title": title}, headers={"Idempotency-Key": title}) != 201:
                    time.sleep(0.02)
                self.acknowledged.append(title)
                self._status("GET", "/tasks?limit=5")

    def _status(self, method: str, path: str, **request: Any) -> int:
        status = self._client.request(method, path, **request).status_code
        self.statuses[status] += 1
        assert status in (200, 201, 503), status
        return status


def test_under_load_nothing_is_lost_or_doubled_and_nobody_sees_an_error(former: PlainDatabase) -> None:
    """Two workers, moved again and again: between the moves the tables go back as they came."""
    with ApiProcess(former.url, WEB_CONCURRENCY="2", LOG_LEVEL="WARNING", PORT=str(free_port())) as process:
        writers = [Writer(process.url) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        moved = []
        for number in range(MOVES):
            if number:
                _back(former)
            _more(writers)
            moved.append(move(former).stdout)
            _more(writers)
        for writer in writers:
            writer.stopped.set()
        for writer in writers:
            writer.join()
        errors = [line for line in process.lines if line["level"] == "error"]
    assert moved == [DONE] * MOVES
    statuses = sum((writer.statuses for writer in writers), Counter[int]())
    assert statuses.keys() <= {200, 201, 503}, statuses
    assert errors == []
    for writer in writers:
        stored = former.query(f"SELECT title FROM todo.tasks WHERE user_id = '{writer.user_id}'")
        assert sorted(title for (title,) in stored) == sorted(writer.acknowledged)


def _more(writers: list[Writer]) -> None:
    """Until each has written a few tasks more."""
    before = [len(writer.acknowledged) for writer in writers]
    while any(len(writer.acknowledged) < count + 5 for writer, count in zip(writers, before, strict=True)):
        assert all(writer.is_alive() for writer in writers)
        time.sleep(0.01)


def _back(database: PlainDatabase) -> None:
    while tables(database):
        with suppress(psycopg2.errors.DeadlockDetected):
            to_public(database)
