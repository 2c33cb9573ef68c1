"""A PostgreSQL of the tests' own, whose processes are stopped, killed and frozen."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from core.database import embedded, migrations
from tests.faults.bounds import EVENT_SECONDS
from tests.faults.programs import wait_until

ROLE = "todo_app"
# Somebody else, who takes the places of the application.
CROWD = "crowd"
# Enough for the processes of two arrangements, each on two hosts of which one is silent.
MAX_CONNECTIONS = 80
_SETTINGS = f"""
listen_addresses = ''
unix_socket_directories = '{{folder}}'
max_connections = {MAX_CONNECTIONS}
"""
# What was written, told by the database itself in the same transaction: one row for each row of each write.
_JOURNAL = """
CREATE TABLE journal (at bigserial, operation text, user_id text, id uuid, title text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = todo AS $$
DECLARE it tasks := coalesce(NEW, OLD);
BEGIN
    INSERT INTO journal (operation, user_id, id, title) VALUES (TG_OP, it.user_id, it.id, it.title);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON tasks FOR EACH ROW EXECUTE FUNCTION note();
"""


_DEAD = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


class Postgres:
    """The embedded PostgreSQL on a folder of its own, with an ordinary role for the application."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "postgres"
        server = embedded.start(self._data)
        self.tools, self.user = server.bin_path, server.system_user
        sockets = folder / "sockets"
        sockets.mkdir()
        sockets.chmod(0o777)
        self.socket = sockets / ".s.PGSQL.5432"
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(folder=sockets))
        self.stop("fast")
        self.start()
        for role in (ROLE, CROWD):
            self.query(f"CREATE ROLE {role} LOGIN")

    def url(self, database: str = "postgres", role: str = "postgres") -> str:
        """The direct way, past every proxy."""
        return f"postgresql://{role}@/{database}?host={self.socket.parent}"

    def query(self, sql: str, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs SQL as the superuser."""
        with self.session(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def session(self, database: str = "postgres", role: str = "postgres") -> Iterator[Any]:
        """A session in autocommit, which says BEGIN itself where it wants to."""
        # A session of the tests outlives what ends the application's.
        keep = "-c idle_session_timeout=0 -c default_transaction_read_only=off -c search_path=todo,public"
        connection = psycopg2.connect(self.url(database, role), connect_timeout=10, options=keep)
        connection.autocommit = True
        try:
            yield connection
        finally:
            with suppress(psycopg2.Error):
                connection.close()

    def make_database(self, name: str, *, migrated: bool = True) -> str:
        """Makes a database of the application's role, with a journal of what is written; gives its name."""
        self.query(f"CREATE DATABASE {name} OWNER {ROLE}")
        if migrated:
            migrations.upgrade(self.url(name, ROLE))
            self.note_writes(name)
        return name

    def note_writes(self, database: str) -> None:
        """Gives a database that was migrated the journal of what is written."""
        self.query(_JOURNAL, database=database)

    def start(self) -> None:
        """Starts it and waits until it takes connections."""
        self._control("start", "-w", "-t", str(EVENT_SECONDS), "-l", str(self._data / "log"))

    def stop(self, how: str) -> None:
        """`fast` ends all sessions and writes everything out; `immediate` is a crash that is announced."""
        self._control("stop", "-w", "-m", how)

    def kill(self) -> None:
        """SIGKILL to all its processes at once, the first of them stopped before, so that it starts no other meanwhile:
        a session that outlives it would write into the files of the next server."""
        self.freeze(postmaster_only=True)
        doomed = self.processes()
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(map(_lives, doomed)), EVENT_SECONDS, "the end of PostgreSQL's processes")
        # Its number may stay taken by a zombie that nobody has buried, which PostgreSQL takes for a running server.
        for lock in (self.socket.with_name(f"{self.socket.name}.lock"), self._data / "postmaster.pid"):
            lock.unlink(missing_ok=True)

    def kill_one_backend(self, database: str) -> None:
        """SIGKILL to one session's process: PostgreSQL then ends all others and recovers as after a crash."""
        with suppress(psycopg2.OperationalError, ProcessLookupError):  # it recovers still
            for (pid,) in self.query("SELECT pid FROM pg_stat_activity WHERE datname = %s LIMIT 1", database):
                os.kill(pid, signal.SIGKILL)

    def freeze(self, *, postmaster_only: bool = False) -> None:
        """SIGSTOP: sessions stay open and nobody responds."""
        for process in self._chosen(postmaster_only):
            process.suspend()

    def thaw(self) -> None:
        """SIGCONT."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def wait_ready(self) -> None:
        """Waits until it takes sessions."""
        wait_until(self._takes_sessions, EVENT_SECONDS, "PostgreSQL's recovery")

    def configure(self, sql: str) -> None:
        """Runs ALTER SYSTEM, which takes hold at once."""
        self.query(sql)
        self.query("SELECT pg_reload_conf()")

    def end_sessions(self, database: str) -> None:
        """Ends every session on the database, and waits for their end."""
        self.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", database)

    def processes(self) -> list[psutil.Process]:
        """All its processes that live: each has the folder as its working directory."""
        found = psutil.process_iter(["name", "status", "cwd"])
        mine = str(self._data.resolve())
        return [p for p in found if p.info["cwd"] == mine and p.info["status"] not in _DEAD]

    def remove(self) -> None:
        """Ends it and removes its data."""
        if (self._data / "postmaster.pid").exists():
            self.thaw()
            self.stop("immediate")
        shutil.rmtree(self._data)

    def chown(self, path: Path) -> None:
        """Gives a folder to the user that it runs as."""
        if self.user is not None:
            shutil.chown(path, self.user)

    def _takes_sessions(self) -> bool:
        with suppress(psycopg2.OperationalError):
            return self.query("SELECT true") == [(True,)]
        return False

    def _chosen(self, postmaster_only: bool) -> list[psutil.Process]:
        all_of_them = self.processes()
        if not postmaster_only:
            return all_of_them
        number = int((self._data / "postmaster.pid").read_text().split(maxsplit=1)[0])
        return [process for process in all_of_them if process.pid == number]

    def _control(self, *arguments: str) -> None:
        command = [str(self.tools / "pg_ctl"), "-D", str(self._data), *arguments]
        done = subprocess.run(
            command, user=self.user, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert done.returncode == 0, (self._data / "log").read_text()[-2000:]


def _lives(process: psutil.Process) -> bool:
    """A process that nobody has buried is dead."""
    try:
        return process.is_running() and process.status() not in _DEAD
    except psutil.NoSuchProcess:
        return False
