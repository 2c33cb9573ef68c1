"""Other places to listen than a port: a Unix socket, and sockets that systemd or a parent holds over a restart."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from core.server import listening
from tests.conftest import SECRET, TestDatabase, project_root
from tests.core.api_process import ApiProcess
from tests.ports import free_port
from tests.waiting import poll

LIVE = "http://api/health/live"


class OnUnixSocket(ApiProcess):
    """Listens at `path`, and is up once somebody can connect there."""

    def __init__(self, database_url: str, path: Path, **environment: Any) -> None:
        super().__init__(database_url, HOST=str(path), **environment)
        self._path = path

    def __enter__(self) -> Self:
        poll(self._answers)
        return self

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._path)) == 0


@pytest.fixture
def path() -> Iterator[Path]:
    """A place for a socket: its path may have no more than 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="todo-") as folder:
        yield Path(folder) / "api.sock"


def by(path: Path) -> httpx.Client:
    """A client of a Unix socket."""
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), trust_env=False)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves_on_a_unix_socket_and_takes_the_place_of_one_that_is_left(
    database: TestDatabase, path: Path, workers: str
) -> None:
    for _ in range(2):
        with OnUnixSocket(database.proxied_url, path, WEB_CONCURRENCY=workers) as process, by(path) as client:
            assert client.get(LIVE).status_code == 200
            line = process.find(lambda line: line["message"] == "request")
            process.find(lambda line: line["message"].startswith(f"Uvicorn running on unix socket {path}"))
        assert line["client.address"] is None
        assert path.is_socket()
        assert path.stat().st_mode & 0o777 == 0o666
    assert process.exit_status in (0, -signal.SIGINT)


def test_a_proxy_on_a_unix_socket_is_believed_if_it_is_trusted(database: TestDatabase, path: Path) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
    for trusted, expected in [("unix:", ("198.51.100.7", "https")), ("127.0.0.1", (None, "http"))]:
        with OnUnixSocket(database.proxied_url, path, TRUSTED_PROXIES=trusted) as process, by(path) as client:
            assert client.get(LIVE, headers=forwarded).status_code == 200
            line = process.find(lambda line: line["message"] == "request")
        assert (line["client.address"], line["url.scheme"]) == expected


def test_somebody_elses_socket_or_file_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(OSError, match="Address already in use"):
            listening.listeners(str(path), 0)
    path.unlink()
    path.write_text("not a socket")
    with pytest.raises(OSError, match="Address already in use"):
        listening.listeners(str(path), 0)
    assert path.read_text() == "not a socket"
    with pytest.raises(OSError, match="No such file"):
        listening.listeners("/nowhere/at/all/api.sock", 0)


@contextmanager
def held() -> Iterator[socket.socket]:
    """A socket that listens as long as the test holds it, as systemd does; nobody accepts."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        listener.set_inheritable(True)
        yield listener


def as_systemd_does(descriptor: int) -> list[str]:
    """The program, with the socket under the first number and its own process id."""
    script = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); "
        "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES='api'); "
        "os.execv(sys.executable, [sys.executable, 'main.py'])"
    )
    return [sys.executable, "-c", script, str(descriptor)]


@pytest.mark.parametrize(("way", "workers"), [("--fd", "1"), ("LISTEN_FDS", "2")])
def test_no_connection_is_refused_or_lost_over_a_restart(database: TestDatabase, way: str, workers: str) -> None:
    statuses: list[Any] = []
    enough = threading.Event()

    def ask(port: int) -> None:
        while not enough.is_set():
            try:
                response = httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=30, trust_env=False)
                statuses.append(response.status_code)
            except httpx.TransportError as error:
                statuses.append(repr(error))

    with held() as listener:
        number, port = listener.fileno(), listener.getsockname()[1]
        program = [sys.executable, "main.py", "--fd", str(number)] if way == "--fd" else as_systemd_does(number)
        asking = threading.Thread(target=ask, args=[port])
        asking.start()  # before the first start: it waits in the queue
        try:
            for _ in range(2):
                start = len(statuses)
                process = ApiProcess(
                    database.proxied_url,
                    program=program,
                    descriptors=[number],
                    PORT=str(port),
                    SHUTDOWN_NOTICE="0.2",
                    WEB_CONCURRENCY=workers,
                )
                with process:
                    poll(lambda start=start: len(statuses) > start + 3)  # type: ignore[misc]
                    process.terminate()
                    process.wait()
                assert process.exit_status == 0
                assert [one for one in process.lines if f"http://127.0.0.1:{port}" in one["message"]]
            enough.set()
            with ApiProcess(database.proxied_url, program=program, descriptors=[number], PORT=str(port)):
                asking.join(30)
        finally:
            enough.set()
    assert not asking.is_alive()
    assert set(statuses) == {200}


def test_systemd_itself_starts_it_at_the_first_connection(database: TestDatabase) -> None:
    activate = shutil.which("systemd-socket-activate")
    if activate is None:
        pytest.skip("systemd-socket-activate is not here; on Debian it is in the package systemd")
    port = free_port()
    names = ["BETTER_AUTH_SECRET", "DATABASE_URL", "APP_ENV", "SHUTDOWN_NOTICE"]
    options = [part for name in names for part in ("-E", name)]
    program = [activate, "-l", f"127.0.0.1:{port}", *options, sys.executable, "main.py"]
    with ApiProcess(database.proxied_url, program=program, PORT=str(port)) as process:
        assert httpx.get(f"{process.url}/health/live", timeout=30, trust_env=False).status_code == 200
        assert process.find(lambda line: line["message"] == "started")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fd", "99"], "Bad file descriptor"),
        (["--fd", "0"], "non-socket"),
        (["--port", "80"], "--fd NUMBER"),
        (["--fd", "three"], "--fd NUMBER"),
    ],
)
def test_what_cannot_be_listened_on_is_said(database: TestDatabase, arguments: list[str], said: str) -> None:
    settings = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.proxied_url, "APP_ENV": "production"}
    done = subprocess.run(
        [sys.executable, "main.py", *arguments],
        cwd=project_root(),
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(said, done.stdout + done.stderr)
    assert "Traceback" not in done.stdout + done.stderr


def test_a_socket_of_datagrams_is_not_listened_on(capsys: pytest.CaptureFixture[str]) -> None:
    said = "Cannot listen on the socket that was passed: descriptor [0-9]+ is no stream socket"
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, pytest.raises(SystemExit, match=said):
        listening.open_or_exit("127.0.0.1", 0, ["--fd", str(os.dup(datagrams.fileno()))])


def test_what_was_passed_to_another_process_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", "1")
    opened = listening.open_or_exit("127.0.0.1", 0)
    assert opened.names == {"host": "127.0.0.1", "port": 0}
    assert "LISTEN_FDS" not in os.environ
    for one in opened.sockets:
        one.close()
