"""The measuring itself: contestants in turn, operation by operation, in several rounds."""

import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from check import check
from postgres import Postgres
from server import Contestant, Server
from wrk import WARM_UP_SECONDS, Sample, sample, warm_sample, wrk

# Seconds of each operation that a server has in a round. Each round starts its own: two processes of one program
# differ by up to a tenth as long as they run.
TURNS = 3
OPERATIONS = ("GET", "LIST", "CREATE", "UPDATE", "MIX")
Cells = dict[tuple[str, str], list[Sample]]

# The statements of the four operations as SQL, for pgbench, which draws users and tasks as load.lua does.
_DRAW = "\\set u random(1, 1000)\n\\set n random(1, 100)\n"
_ID = "('00000000-0000-4000-8000-' || lpad(to_hex(:u), 4, '0') || lpad(to_hex(:n), 8, '0'))::uuid"
_OWN = f"user_id = 'user-' || :u AND id = {_ID}"
_COLUMNS = "id, title, description, status, due_at, created_at, updated_at, completed_at"
_NEW = "'A new task', 'What is to be done, in a sentence or two.', 'pending', '2030-01-01T12:00:00Z'"
SCRIPTS = {
    "GET": f"SELECT {_COLUMNS} FROM tasks WHERE {_OWN};",
    "LIST": f"SELECT {_COLUMNS} FROM tasks WHERE user_id = 'user-' || :u ORDER BY created_at DESC, id DESC LIMIT 20;",
    "CREATE": "INSERT INTO tasks (user_id, id, title, description, status, due_at) "
    f"VALUES ('user-' || :u, gen_random_uuid(), {_NEW}) RETURNING {_COLUMNS};",
    "UPDATE": "UPDATE tasks SET title = 'A changed task', version = version + 1, updated_at = now() "
    f"WHERE {_OWN} RETURNING {_COLUMNS};",
}


def measure(
    contestants: Sequence[Contestant], postgres: Postgres, token_file: str, rounds: int, seconds: int, connections: int
) -> Cells:
    """Each contestant once a round, each operation once; a table as it was seeded for everybody."""
    cells: Cells = defaultdict(list)
    for number in range(1, rounds + 1):
        for contestant in contestants:
            with Server(contestant, postgres.url) as server:
                check(server)
                for operation in OPERATIONS:
                    one = sample(server, postgres, operation, token_file, seconds, connections)
                    cells[contestant.name, operation].append(one)
                    print(
                        f"round {number} of {rounds}: {contestant.name:28} {operation:7}"
                        f"{one.app_ms:8.3f} ms CPU {one.rate:8,.0f} req/s  p99 {one.p99_ms:6.1f} ms",
                        flush=True,
                    )
            tidy(postgres)
    return cells


def measure_in_turn(
    contestants: Sequence[Contestant], postgres: Postgres, token_file: str, rounds: int, connections: int
) -> Cells:
    """As `measure`, but all servers of a round run, and have TURNS seconds each, in turn: what else the machine does,
    which may be twice as much a minute later, falls on all alike.
    """
    cells: Cells = defaultdict(list)
    for number in range(1, rounds + 1):
        with ExitStack() as running:
            servers = [(one.name, running.enter_context(Server(one, postgres.url))) for one in contestants]
            for _, server in servers:
                check(server)
            for operation in OPERATIONS:
                for _, server in servers:
                    wrk(server, operation, token_file, WARM_UP_SECONDS, connections)
                for turn in range(TURNS):
                    for name, server in servers[:: -1 if turn % 2 else 1]:
                        one = warm_sample(server, postgres, operation, token_file, 1, connections)
                        cells[name, operation].append(one)
        print(f"round {number} of {rounds}", flush=True)
        tidy(postgres)
    return cells


def tidy(postgres: Postgres) -> None:
    """Removes what was created, so that nobody finds more than the first."""
    postgres.run("DELETE FROM tasks WHERE id::text NOT LIKE '00000000-0000-4000-8000-%%'")
    postgres.run("VACUUM ANALYZE tasks")


def median(cells: Cells, contestant: Contestant, operation: str, figure: str) -> float:
    """Of all rounds."""
    return float(statistics.median(getattr(one, figure) for one in cells[contestant.name, operation]))


def pgbench(postgres: Postgres, seconds: int) -> dict[str, float]:
    """Transactions a second of four clients that do nothing but send each statement."""
    rates: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for operation, sql in SCRIPTS.items():
            script = Path(folder, operation)
            script.write_text(_DRAW + sql)
            command = [postgres.program("pgbench"), "-n", "-M", "simple", "-c", "4", "-T", str(seconds)]
            run = subprocess.run(
                [*command, "-f", script, postgres.dsn], check=True, capture_output=True, text=True
            ).stdout
            rates[operation] = float(next(line for line in run.splitlines() if line.startswith("tps")).split()[2])
    tidy(postgres)
    return rates
