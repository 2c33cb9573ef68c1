"""One contestant's server process: starts it, measures its CPU time, ends it."""

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

HERE = Path(__file__).parent
SECRET = "0b6c1f0e9d4a4f7c8e2b5a3d7f9e1c60"  # signs only the benchmark's own tokens
ROOT = HERE.parent.parent
PRODUCT = "product"


@dataclass(frozen=True)
class Contestant:
    name: str
    module: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """What its paths begin with."""
        return "/api/v1" if self.module == PRODUCT else ""


CONTESTANTS = (
    Contestant("H: psycopg2, 4 threads", "path_h"),
    Contestant("G: psycopg2, greenlets", "path_g"),
    Contestant("I: psycopg2 asynchronous", "path_i"),
    Contestant("I with SET LOCAL statement_timeout", "path_i", {"STATEMENT_TIMEOUT": "1"}),
    Contestant("Litestar, asyncpg", "litestar_asyncpg"),
    Contestant("the whole application, as it ships", PRODUCT),
    Contestant("Litestar, asyncpg without the pool's reset", "litestar_asyncpg", {"POOL_RESET": "0"}),
)


class Server:
    """A uvicorn with one worker on a free port of 127.0.0.1."""

    def __init__(self, contestant: Contestant, database_url: str) -> None:
        self.module = contestant.module
        self.prefix = contestant.prefix
        url = f"{database_url}&application_name={contestant.module}"
        if self.module == PRODUCT:
            url = url.replace("postgresql+psycopg2://", "postgresql://")
        self.variables = contestant.variables | {
            "DATABASE_URL": url,
            "JWT_SECRET": SECRET,
            "BETTER_AUTH_SECRET": SECRET,
            "DATABASE_POOL_SIZE": "4",
        }

    def __enter__(self) -> Self:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.variables["PORT"] = str(self.port)
        environment = os.environ | self.variables
        self.process = subprocess.Popen(
            self._command(), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait_until_it_answers()
        return self

    def _command(self) -> list[str]:
        if self.module == PRODUCT:
            return [sys.executable, "main.py"]
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--loop", "uvloop", "--http", "httptools"]
        options += ["--no-access-log", "--log-level", "error", "--app-dir", str(HERE), "--factory"]
        return [sys.executable, "-m", "uvicorn", f"{self.module}:create", *options]

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live", timeout=1)
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        self.process.kill()
        raise RuntimeError(f"{self.module} did not start")
