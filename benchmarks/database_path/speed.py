"""What a request costs on each path: rounds in turn, medians, one Markdown table."""

import statistics
from collections import defaultdict

from contestants import CONTESTANTS
from postgres import Postgres
from server import Server
from wrk import Sample, sample, tokens

OPERATIONS = ("GET", "CREATE")


def measure(postgres: Postgres, rounds: int, seconds: int, connections: int) -> str:
    samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    with tokens() as token_file:
        for _ in range(rounds):
            for contestant in CONTESTANTS:
                with Server(contestant, postgres.url) as server:
                    for operation in OPERATIONS:
                        one = sample(server, postgres, operation, token_file, seconds, connections)
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
