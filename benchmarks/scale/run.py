"""`make bench-scale`: the API on 10 million tasks, for a user of 100,000 and for one of 99."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import seed
from common import sign
from postgres import Postgres
from server import SECRET, Server, product

sys.path.insert(0, str(Path(__file__).parent.parent / "backends"))
import report

REQUESTS = 30
TASKS = "/api/v1/users/me/tasks"


class Client:
    """One connection of one user."""

    def __init__(self, server: Server, user: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        self._headers = {"Authorization": f"Bearer {sign(user, SECRET)}", "Content-Type": "application/json"}

    def ask(self, path: str, method: str = "GET", body: object = None) -> tuple[float, dict[str, object]]:
        """Milliseconds, and what was answered."""
        content = None if body is None else json.dumps(body)
        started = time.perf_counter()
        self._connection.request(method, TASKS + path, content, self._headers)
        response = self._connection.getresponse()
        text = response.read()
        took = (time.perf_counter() - started) * 1000
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text!r}")
        return took, json.loads(text)

    def cursor(self, pages: int) -> str:
        """Where the page after so many begins."""
        path = "?limit=100"
        for _ in range(pages):
            path = f"?limit=100&cursor={self.ask(path)[1]['next_cursor']}"
        return path.partition("&")[2]


def lists() -> Iterator[tuple[str, str]]:
    """What is asked of the list, and its query."""
    for sort in ("-created_at", "created_at", "-updated_at", "due_at", "-due_at", "title", "-title"):
        yield f"list, sort={sort}", f"?sort={sort}"
    yield "list, status=pending", "?status=pending"
    yield "list, status=pending&status=in_progress", "?status=pending&status=in_progress"
    window = f"due_after={quote('2026-03-01T00:00:00Z')}&due_before={quote('2026-03-08T00:00:00Z')}"
    yield "list, a week of due times, sort=due_at", f"?{window}&sort=due_at"
    yield "list, a week of due times, the newest first", f"?{window}"
    yield "list, updated_since the last day", "?updated_since=2026-03-15T00:00:00Z"
    yield "search, a common word", "?q=task"
    yield "search, a rare word", "?q=xylophone"
    yield "search, a word that is nowhere", "?q=nowhere"
    yield "count: include_total", "?include_total=true&limit=1"
    yield "count of a search", "?include_total=true&limit=1&q=number"


def measure(client: Client, deep: bool) -> dict[str, list[float]]:
    """Milliseconds of each."""
    newest = [str(task["id"]) for task in client.ask("?limit=30")[1]["items"]]  # type: ignore[attr-defined]
    found = {
        "get one": [client.ask(f"/{one}")[0] for one in newest],
        "change one": [client.ask(f"/{one}", "PATCH", {"title": "Changed"})[0] for one in newest],
        "create": [client.ask("", "POST", {"title": "New"})[0] for _ in range(REQUESTS)],
    }
    for depth in (1, 100, 990) if deep else ():
        cursor = client.cursor(depth)
        found[f"page {depth + 1}, 100 rows each"] = [client.ask(f"?limit=100&{cursor}")[0] for _ in range(REQUESTS)]
    for name, query in lists():
        found[name] = [client.ask(query)[0] for _ in range(REQUESTS)]
    return found


def main() -> None:
    """Writes the table into docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000_000)
    options = parser.parse_args()
    with Postgres(seeded=False) as postgres:
        seed.fill(postgres.dsn, options.tasks)
        with Server(product("this API"), postgres.url) as server:
            big = measure(Client(server, seed.BIG), deep=True)
            small = measure(Client(server, seed.SMALL), deep=False)
    lines = [f"| {options.tasks:,} tasks; ms: median, 95 % | of 100,000 | of 99 |", "|---|---|---|"]
    lines += [f"| {name} | {_cell(times)} | {_cell(small.get(name))} |" for name, times in big.items()]
    print("\n".join(lines))
    report.write("scale", "\n".join(lines), by="make bench-scale")


def _cell(times: list[float] | None) -> str:
    if times is None:
        return "-"
    return f"{statistics.median(times):.1f}, {statistics.quantiles(times, n=20)[18]:.1f}"


if __name__ == "__main__":
    main()
