"""One contestant's server process: starts it, measures its CPU time and memory, ends it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

SHARED = Path(__file__).parent
ROOT = SHARED.parent.parent
SECRET = "0b6c1f0e9d4a4f7c8e2b5a3d7f9e1c60"  # signs only the benchmark's own tokens
PRODUCT = "product"
CONNECTIONS = 4


@dataclass(frozen=True)
class Contestant:
    """`command` is started in `folder`, with the port and the database in its environment."""

    name: str
    module: str
    folder: Path
    command: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    seconds_to_start: float = 30

    @property
    def prefix(self) -> str:
        """What its paths begin with."""
        return "/api/v1" if self.module == PRODUCT else ""


def product(name: str, **variables: str) -> Contestant:
    """The application as it ships."""
    shipped = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_POOL_SIZE": str(CONNECTIONS), "APP_ENV": "production"}
    return Contestant(
        name, PRODUCT, ROOT, (sys.executable, "main.py"), {**shipped, "SHUTDOWN_NOTICE": "0", **variables}
    )


def uvicorn(name: str, module: str, folder: Path, **variables: str) -> Contestant:
    """An application with a factory `create`, in a module of `folder`."""
    options = ["--host", "127.0.0.1", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    options += ["--log-level", "error", "--app-dir", str(folder), "--factory"]
    command = (sys.executable, "-m", "uvicorn", f"{module}:create", *options)
    return Contestant(name, module, folder, command, variables)


class Server:
    """It listens on a free port of 127.0.0.1; what it prints goes nowhere."""

    def __init__(self, contestant: Contestant, database_url: str) -> None:
        self.contestant = contestant
        self.module = contestant.module
        self.prefix = contestant.prefix
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        # With bytecode, as what is deployed has it: a process that compiles its files is 7 MiB larger.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {
            **inherited,
            "DATABASE_URL": f"{database_url}&application_name={contestant.module}",
            "JWT_SECRET": SECRET,
            "CONNECTIONS": str(CONNECTIONS),
            "PORT": str(self.port),
            "UVICORN_PORT": str(self.port),
            "PYTHONPATH": str(SHARED),
            **contestant.variables,
        }

    def __enter__(self) -> Self:
        self.process = psutil.Popen(
            self.contestant.command,
            cwd=self.contestant.folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_it_responses()
        return self

    def __exit__(self, *_: object) -> None:
        processes = self.processes()
        self.process.terminate()
        for left in psutil.wait_procs(processes, timeout=15)[1]:
            left.kill()
        self.process.wait()

    def processes(self) -> list[psutil.Process]:
        """The process and its children."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """User and system time of all of them."""
        times = [process.cpu_times() for process in self.processes()]
        return float(sum(one.user + one.system for one in times))

    def memory(self) -> int:
        """Resident bytes of all of them."""
        return int(sum(process.memory_info().rss for process in self.processes()))

    def descriptors(self) -> int:
        """Open files of the process."""
        return int(self.process.num_fds())

    def _wait_until_it_responses(self) -> None:
        end = time.monotonic() + self.contestant.seconds_to_start
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live", timeout=1)
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        self.process.kill()
        raise RuntimeError(f"{self.contestant.name} did not start: {' '.join(self.contestant.command)}")
