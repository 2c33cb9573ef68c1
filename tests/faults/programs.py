"""Other programs as processes of the tests: the API, PgBouncer and nginx; each ended by its own number."""

import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson
import psycopg2

from tests.conftest import SECRET, project_root
from tests.faults import packages

START_SECONDS = 20


_given: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on, and that was not given before."""
    while True:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port: int = found.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def wait_until(done: Callable[[], bool], seconds: float, what: str) -> float:
    """Polls; gives the seconds that it took."""
    started = time.monotonic()
    while not done():
        assert time.monotonic() - started < seconds, f"{what}: not within {seconds:g} s"
        time.sleep(0.01)
    return time.monotonic() - started


class Program:
    """A process whose output goes into a file."""

    def __init__(self, command: Sequence[str], log: Path, *, user: str | None = None, **environment: str) -> None:
        self.command, self.log, self.user = command, log, user
        self.environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it (again)."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=project_root(),
                env=self.environment,
                user=self.user,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Sends a signal to it alone."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = START_SECONDS) -> float:
        """Waits for its end, and gives the seconds that it took."""
        assert self._process is not None
        started = time.monotonic()
        self._process.wait(seconds)
        return time.monotonic() - started

    def freeze(self) -> None:
        """SIGSTOP."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it without a word."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.wait()

    def stop(self) -> None:
        """Ends it as an operator does."""
        if self.running:
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()


class Replica(Program):
    """One process of the API, `python main.py`, on a port that stays its own."""

    def __init__(self, name: str, folder: Path, database_url: str, **environment: str) -> None:
        self.port = free_port()
        settings = {
            "BETTER_AUTH_SECRET": SECRET,
            "DATABASE_URL": database_url,
            "DATABASE_URL_UNPOOLED": "",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "APP_ENV": "production",
            # Without the access line of each request: what is left says why requests failed.
            "LOG_LEVEL": "WARNING",
        }
        super().__init__([sys.executable, "main.py"], folder / f"{name}.log", **{**settings, **environment})

    def stop(self) -> None:
        """Ends it at once, as Ctrl-C does; SIGTERM takes leave first."""
        if self.running:
            self.signal(signal.SIGINT)
            self.wait()

    def wait_live(self) -> None:
        """Waits until it answers, whatever the database does."""
        wait_until(lambda: not self.running or self.status("/health/live") == 200, START_SECONDS, "the API's start")
        assert self.running, self.log.read_text()

    def wait_ready(self) -> float:
        """Waits until it says that it is ready, and gives the seconds that it took."""
        return wait_until(lambda: self.status("/health/ready") == 200, START_SECONDS, "the API's readiness")

    def launch(self) -> None:
        """Starts it, and waits until it answers."""
        self.start()
        self.wait_live()

    def status(self, path: str) -> int:
        """The status of a GET, 0 where nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return int(answer.status)
        except HTTPError as error:
            with error:
                return error.code
        except (URLError, OSError):
            return 0

    def log_lines(self, start: int = 0) -> list[dict[str, object]]:
        """What it has logged from byte `start` on: each line must be one JSON object."""
        with self.log.open("rb") as opened:
            opened.seek(start)
            return [orjson.loads(line) for line in opened if line.endswith(b"\n")]


class PgBouncer(Program):
    """A transaction pooler with few connections of its own, before the PostgreSQL that listens on `target`."""

    POOL = 5

    def __init__(self, folder: Path, target: int, role: str, login_retry: int = 1) -> None:
        self.port, self._role = free_port(), role
        name = secrets.token_hex(4)
        settings, users = folder / f"pgbouncer-{name}.ini", folder / f"pgbouncer-{name}.users"
        users.write_text(f'"{role}" ""\n')
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
            f"pool_mode = transaction\ndefault_pool_size = {self.POOL}\nserver_login_retry = {login_retry}\n"
            f"admin_users = {role}\n"
        )
        program = packages.find("pgbouncer")
        assert program is not None, "make test-faults installs it"
        # It refuses to run as root.
        user = "nobody" if os.geteuid() == 0 else None
        for path in (settings, users):
            path.chmod(0o644)
        super().__init__([program, str(settings)], folder / f"pgbouncer-{name}.log", user=user)

    def launch(self) -> None:
        """Starts it, and waits until it listens."""
        self.start()
        wait_until(lambda: _listens(self.port), START_SECONDS, "the start of PgBouncer")

    def tell(self, text: str) -> None:
        """Says something on its console."""
        console = psycopg2.connect(host="127.0.0.1", port=self.port, dbname="pgbouncer", user=self._role)
        console.autocommit = True
        console.cursor().execute(text)
        console.close()


class Nginx(Program):
    """The proxy before the replicas. One port as nginx is by default, and one with connections that are kept."""

    def __init__(self, folder: Path, replicas: Sequence[int]) -> None:
        self.plain_port, self.kept_port = free_port(), free_port()
        servers = "".join(f"server 127.0.0.1:{port} max_fails=0; " for port in replicas)
        where = [f"{kind}_temp_path {folder}/nginx-{kind};" for kind in _TEMPORARY]
        proxied = "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;"
        kept = 'proxy_http_version 1.1; proxy_set_header Connection "";'
        settings = folder / "nginx.conf"
        settings.write_text(
            f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;\n"
            f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; {' '.join(where)}\n"
            f"upstream plain {{ {servers} }}\n"
            f"upstream kept {{ {servers} keepalive 32; keepalive_timeout 1s; }}\n"
            f"server {{ listen 127.0.0.1:{self.plain_port}; location / {{ proxy_pass http://plain; {proxied} }} }}\n"
            f"server {{ listen 127.0.0.1:{self.kept_port};"
            f" location / {{ proxy_pass http://kept; {proxied} {kept} }} }}\n}}\n"
        )
        program = packages.find("nginx")
        assert program is not None, "make test-faults installs it"
        user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
        command = [program, "-p", str(folder), "-e", "stderr", "-c", str(settings)]
        super().__init__([*command, *(["-g", user] if user else [])], folder / "nginx.log")

    def launch(self) -> None:
        """Starts it, and waits until it listens."""
        self.start()
        wait_until(lambda: _listens(self.kept_port), START_SECONDS, "the start of nginx")


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
