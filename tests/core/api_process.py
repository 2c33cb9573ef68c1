"""The shipped program as a process of its own: `python main.py`, its standard output, and its end."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.conftest import SECRET, project_root
from tests.waiting import poll

Line = dict[str, Any]
T = TypeVar("T")


class ApiProcess:
    """Starts with the settings given as environment variables, and is up once it says so.

    Its standard output is a pipe, or with `terminal` a pseudo-terminal; or `output`, a descriptor that nobody reads
    here, so that PORT must be given. `errors` is its standard error, `program` what is run, in `folder`: a copy of the
    project where a setting of this machine's .env must not stand in; it inherits the `descriptors`.
    """

    def __init__(
        self,
        database_url: str,
        *,
        terminal: bool = False,
        output: int | None = None,
        errors: int = subprocess.DEVNULL,
        program: Sequence[str] = (sys.executable, "main.py"),
        descriptors: Sequence[int] = (),
        folder: Path | None = None,
        **environment: str,
    ) -> None:
        settings = {
            "BETTER_AUTH_SECRET": SECRET,
            "DATABASE_URL": database_url,
            "HOST": "127.0.0.1",
            "PORT": "0",
            "APP_ENV": "production",
            "LOG_LEVEL": "INFO",
            "SHUTDOWN_NOTICE": "0",
            **environment,
        }
        reading, writing = os.openpty() if terminal else os.pipe()
        self._process = subprocess.Popen(
            program,
            cwd=folder or project_root(),
            env={**os.environ, **settings},
            stdout=writing if output is None else output,
            stderr=errors,
            pass_fds=descriptors,
        )
        os.close(writing)
        self.output_descriptor = reading
        self._reads = threading.Event()
        self._reads.set()
        self._hung_up = False
        self._written: queue.Queue[bytes] = queue.Queue()
        self._raw: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = int(settings["PORT"])

    def __enter__(self) -> Self:
        try:
            self.port = self.port or poll(self._logged_port)
            poll(self._listens)
        except BaseException:
            self._process.kill()
            self.wait()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.send(signal.SIGINT)  # does not drain
        self.wait()

    @property
    def url(self) -> str:
        """The origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that was started; its workers are children of it."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._process.returncode

    @property
    def raw_lines(self) -> list[bytes]:
        """What was written to standard output so far."""
        while not self._written.empty():
            self._raw.append(self._written.get())
        return self._raw

    @property
    def lines(self) -> list[Line]:
        """The same, each line parsed: it must be one JSON object."""
        parsed = [json.loads(line) for line in self.raw_lines]
        assert all(isinstance(line, dict) for line in parsed)
        return parsed

    def find(self, wanted: Callable[[Line], bool]) -> Line:
        """The first line that is `wanted`; waits for it."""
        return poll(lambda: next(filter(wanted, self.lines), None))

    def stop_reading(self) -> None:
        """From the next line on nobody reads the output, and it fills up."""
        self._reads.clear()

    def go_on_reading(self) -> None:
        """Somebody does again."""
        self._reads.set()

    def close_output(self) -> None:
        """From the next line on there is nobody who could read."""
        self._hung_up = True

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def wait(self) -> float:
        """Waits for the end, all output read; gives the seconds that it took."""
        started = time.monotonic()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        self.go_on_reading()
        self._reader.join(5)
        return time.monotonic() - started

    def _read(self) -> None:
        with os.fdopen(self.output_descriptor, "rb") as output, suppress(OSError):  # how a pseudo-terminal ends
            for line in output:
                self._written.put(line)
                self._reads.wait()
                if self._hung_up:
                    return

    def _logged_port(self) -> int | None:
        found = re.search(rb"Uvicorn running on http://127.0.0.1:(\d+)", b"".join(self.raw_lines))
        return int(found[1]) if found else None

    def _listens(self) -> bool:
        """A log that is silent does not say it."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True
