"""`make bench-scale`: the API on 10 million tasks, for a user of 100,000 and for one of 99."""

import argparse
import itertools
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import seed
from client import Client, Request, lists
from postgres import Postgres
from server import ROOT, Server, product

sys.path.insert(0, str(Path(__file__).parent.parent / "backends"))
sys.path.insert(0, str(ROOT))
import report
from plans import Watched

TASKS, REQUESTS = 10_000_000, 30
How = Callable[[str, Request], str]
Found = dict[str, tuple[list[float], str]]


def measure(server: Server, user: str, how: How, pages: tuple[int, ...]) -> Found:
    """Milliseconds of each request, and how PostgreSQL does it."""
    client = Client(server, user)
    newest = itertools.cycle([task["id"] for task in client.ask(f"?limit={REQUESTS}")[1]["items"]])
    queries = {f"page {page:,}, 100 rows each": client.page(page) for page in pages} | dict(lists())
    queries |= {f"changes, page {page:,}, 100 each": client.page(page, "/changes") for page in pages}
    queries["counts by kind"] = "/counts"
    requests: dict[str, Callable[[], Request]] = {
        "get one": lambda: (f"/{next(newest)}",),
        **{name: partial(_same, query) for name, query in queries.items()},
        "PATCH one": lambda: (f"/{next(newest)}", "PATCH", {"title": "Changed"}),
        "create": lambda: ("", "POST", {"title": "New"}),
    }
    found = {}
    for name, request in requests.items():
        client.ask(*request())  # the first one compiles the statement
        times = [client.ask(*request())[0] for _ in range(REQUESTS)]
        found[name] = times, how(user, request())
        print(f"{user}: {name}: {_milliseconds(times)}: {found[name][1]}", flush=True)
    return found


def _same(query: str) -> Request:
    return (query,)


def main() -> None:
    """Writes the table into docs/performance.md; of fewer tasks, to try it out, it is printed only."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS)
    options = parser.parse_args()
    with Postgres(seeded=False) as postgres:
        seed.fill(postgres.dsn, options.tasks)
        with Watched(postgres) as how, Server(product("this API"), postgres.url) as server:
            big = measure(server, seed.BIG, how, (1, 100, 1_000))
            small = measure(server, seed.SMALL, how, (1,))
    text = _table(options.tasks, big, small)
    print(text)
    if options.tasks == TASKS:
        report.write("scale", text, by="make bench-scale")


def _table(tasks: int, big: Found, small: Found) -> str:
    lines = [
        f"| {tasks:,} tasks | of {seed.BIG_TASKS:,}; ms: median, 95 % | how | of {seed.TASKS_A_USER}; ms | how |",
        "|---|---|---|---|---|",
    ]
    for name, (times, plan) in big.items():
        cells = [name, _milliseconds(times), plan]
        cells += [_milliseconds(small[name][0]), small[name][1]] if name in small else ["-", "-"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _milliseconds(times: list[float]) -> str:
    return f"{statistics.median(times):.1f}, {statistics.quantiles(times, n=20)[18]:.1f}"


if __name__ == "__main__":
    main()
