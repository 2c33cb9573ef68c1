"""Other programs as processes of the tests, the API first of all; each ended by its own number."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson

from tests.conftest import SECRET, project_root
from tests.faults.bounds import EVENT_SECONDS
from tests.ports import free_port


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
        # Where it is started: another version of the project lies elsewhere.
        self.folder = project_root()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it (again)."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
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

    def wait(self, seconds: float = EVENT_SECONDS) -> float:
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
        """Ends it at once, as Ctrl-C does; SIGTERM drains first."""
        if self.running:
            self.signal(signal.SIGINT)
            self.wait()

    def wait_live(self) -> None:
        """Waits until it responds, whatever the database does."""
        wait_until(lambda: not self.running or self.status("/health/live") == 200, EVENT_SECONDS, "the API's start")
        assert self.running, self.log.read_text()

    def wait_ready(self) -> float:
        """Waits until it says that it is ready, and gives the seconds that it took."""
        return wait_until(lambda: self.status("/health/ready") == 200, EVENT_SECONDS, "the API's readiness")

    def launch(self) -> None:
        """Starts it, and waits until it responds."""
        self.start()
        self.wait_live()

    def status(self, path: str) -> int:
        """The status of a GET, 0 where nobody responds."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
                return int(response.status)
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
