"""Drives a server with wrk, and says what each request cost it and the database."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from common import sign
from postgres import USERS, Postgres
from server import SECRET, SHARED, Server

WARM_UP_SECONDS = 3


@dataclass(frozen=True)
class Sample:
    """What one run measured: CPU milliseconds a request, requests a second, latencies, resident bytes at its end."""

    app_ms: float
    database_ms: float
    rate: float
    p50_ms: float
    p99_ms: float
    memory: int


@contextmanager
def tokens() -> Iterator[str]:
    """The path of a file with one token for each user."""
    with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
        file.writelines(sign(f"user-{number}", SECRET) + "\n" for number in range(1, USERS + 1))
        file.flush()
        yield file.name


def wrk(server: Server, operation: str, token_file: str, seconds: int, connections: int) -> dict[str, float]:
    """The figures of load.lua. Raises RuntimeError where a request failed."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SHARED / "load.lua")]
    environment = os.environ | {"TOKENS": token_file, "OPERATION": operation, "PREFIX": server.prefix}
    run = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}"], env=environment, check=True, capture_output=True, text=True
    )
    result: dict[str, float] = json.loads(run.stdout.strip().splitlines()[-1])
    if result["failed"]:
        raise RuntimeError(f"{server.module} {operation}: {result['failed']} of {result['requests']} failed")
    return result


def sample(
    server: Server, postgres: Postgres, operation: str, token_file: str, seconds: int, connections: int
) -> Sample:
    """One run, after one to warm up: V8 compiles what it has seen some thousand times, a second's on a fast machine."""
    wrk(server, operation, token_file, WARM_UP_SECONDS, connections)
    return warm_sample(server, postgres, operation, token_file, seconds, connections)


def warm_sample(
    server: Server, postgres: Postgres, operation: str, token_file: str, seconds: int, connections: int
) -> Sample:
    """One run."""
    app, database = server.cpu_seconds(), postgres.cpu_seconds()
    result = wrk(server, operation, token_file, seconds, connections)
    requests = result["requests"]
    return Sample(
        (server.cpu_seconds() - app) * 1000 / requests,
        (postgres.cpu_seconds() - database) * 1000 / requests,
        requests / result["seconds"],
        result["p50_ms"],
        result["p99_ms"],
        server.memory(),
    )
