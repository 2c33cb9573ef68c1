"""What processes of this API take: Pss after forty requests for tasks, and CPU until the first response.

PYTHONPATH=benchmarks/shared .venv/bin/python benchmarks/backends/memory.py (after `make bench`; it takes half a minute)
"""

import re
import urllib.request
from pathlib import Path

from postgres import Postgres
from server import Server, product
from wrk import tokens

REQUESTS, MOST_WORKERS = 40, 3
TASKS = "/api/v1/users/me/tasks?limit=20"


def mebibytes(server: Server) -> float:
    """Of all its processes; what they share counts once."""
    found = [Path(f"/proc/{process.pid}/smaps_rollup").read_text() for process in server.processes()]
    return sum(int(kilobytes) for text in found for kilobytes in re.findall(r"^Pss: +(\d+)", text, re.MULTILINE)) / 1024


def main() -> None:
    """Prints a line for each number of workers."""
    with Postgres() as postgres, tokens() as token_file:
        headers = {"Authorization": f"Bearer {Path(token_file).read_text().split()[0]}"}
        for workers in range(1, MOST_WORKERS + 1):
            with Server(product("this API", WEB_CONCURRENCY=str(workers)), postgres.url) as server:
                started = server.cpu_seconds()
                request = urllib.request.Request(f"http://127.0.0.1:{server.port}{TASKS}", headers=headers)
                for _ in range(REQUESTS):
                    with urllib.request.urlopen(request) as response:
                        response.read()
                print(f"workers: {workers}, {mebibytes(server):.1f} MiB, {started:.2f} s of CPU to the first response")


if __name__ == "__main__":
    main()
