"""What a request costs on each path: rounds in turn, medians, one Markdown table."""

import json
import os
import statistics
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass

from common import sign
from contestant import CONTESTANTS, HERE, SECRET, Server
from postgres import USERS, Postgres

OPERATIONS = ("GET", "CREATE")


@dataclass(frozen=True)
class Sample:
    app_ms: float
    database_ms: float
    rate: float
    p99_ms: float


def wrk(server: Server, operation: str, tokens: str, seconds: int, connections: int) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "load.lua")]
    environment = os.environ | {"TOKENS": tokens, "OPERATION": operation, "PREFIX": server.prefix}
    run = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, float] = json.loads(run.stdout.strip().splitlines()[-1])
    if result["failed"]:
        raise RuntimeError(f"{server.module} {operation}: {result['failed']} of {result['requests']} failed")
    return result


def sample(server: Server, postgres: Postgres, operation: str, tokens: str, seconds: int, connections: int) -> Sample:
    wrk(server, operation, tokens, 1, connections)
    app, database = server.cpu_seconds(), postgres.cpu_seconds()
    result = wrk(server, operation, tokens, seconds, connections)
    requests = result["requests"]
    return Sample(
        (server.cpu_seconds() - app) * 1000 / requests,
        (postgres.cpu_seconds() - database) * 1000 / requests,
        requests / result["seconds"],
        result["p99_ms"],
    )


def measure(postgres: Postgres, rounds: int, seconds: int, connections: int) -> str:
    samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    with tempfile.NamedTemporaryFile("w", suffix=".tokens") as tokens:
        tokens.writelines(sign(f"user-{number}", SECRET) + "\n" for number in range(1, USERS + 1))
        tokens.flush()
        for _ in range(rounds):
            for contestant in CONTESTANTS:
                with Server(contestant, postgres.url) as server:
                    for operation in OPERATIONS:
                        one = sample(server, postgres, operation, tokens.name, seconds, connections)
                        samples[contestant.name, operation].append(one)
    return table(samples)


def table(samples: dict[tuple[str, str], list[Sample]]) -> str:
    head = "app CPU ms | database CPU ms | req/s | p99 ms"
    lines = [f"| path | {' | '.join(f'{operation}: {head}' for operation in OPERATIONS)} |", "|---" * 9 + "|"]
    for contestant in CONTESTANTS:
        cells = [contestant.name]
        for operation in OPERATIONS:
            each = samples[contestant.name, operation]
            cells.append(f"{statistics.median(one.app_ms for one in each):.3f}")
            cells.append(f"{statistics.median(one.database_ms for one in each):.3f}")
            cells.append(f"{statistics.median(one.rate for one in each):,.0f}")
            cells.append(f"{statistics.median(one.p99_ms for one in each):.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
