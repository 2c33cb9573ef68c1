"""Twice as many requests as can be served: an open load, of which each response is looked at."""

import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from server import Server
from wrk import wrk

CLIENTS = 600


@dataclass(frozen=True)
class Overload:
    """Requests a second that were sustained, offered, served and rejected; latencies in milliseconds."""

    seconds: int
    sustained: float
    offered: float
    served: float
    rejected: float
    others: int
    served_p50: float
    served_p99: float
    rejected_p99: float
    live: float


def measure(server: Server, token_file: str, seconds: int, connections: int) -> Overload:
    """The mix of reads only, as h2load repeats a list of paths: GET one."""
    wrk(server, "GET", token_file, 1, connections)
    sustained = wrk(server, "GET", token_file, 3, connections)
    rate = sustained["requests"] / sustained["seconds"]
    each = max(1, round(2 * rate / CLIENTS))
    slowest = _Probe(server)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        subprocess.run(_command(server, token_file, each, seconds, folder, log), check=True, capture_output=True)
        responses = [line.split("\t") for line in log.read_text().splitlines()]
    live = slowest.stop()
    times: dict[str, list[int]] = {"200": [], "503": []}
    for _, status, took in responses:
        times.setdefault(status, []).append(int(took))
    others = sum(len(found) for status, found in times.items() if status not in ("200", "503"))
    return Overload(
        seconds,
        rate,
        each * CLIENTS,
        len(times["200"]) / seconds,
        len(times["503"]) / seconds,
        others,
        _quantile(times["200"], 50),
        _quantile(times["200"], 99),
        _quantile(times["503"], 99),
        live,
    )


def _command(server: Server, token_file: str, each: int, seconds: int, folder: str, log: Path) -> list[str]:
    """h2load sends on time, whether the responses before have come or not."""
    token = Path(token_file).read_text().splitlines()[0]
    paths = Path(folder, "paths")
    origin = f"http://127.0.0.1:{server.port}{server.prefix}/users/me/tasks"
    ids = [f"00000000-0000-4000-8000-0001{number:08x}" for number in range(1, 101)]
    paths.write_text("".join(f"{origin}/{one}\n" for one in ids))
    load = ["h2load", "--h1", f"--clients={CLIENTS}", "--threads=1", f"--rps={each}", f"--duration={seconds}"]
    return [*load, f"--input-file={paths}", f"--log-file={log}", "--header", f"Authorization: Bearer {token}"]


def _quantile(times: list[int], percent: int) -> float:
    """In milliseconds, of microseconds."""
    return statistics.quantiles(times, n=100)[percent - 1] / 1000 if len(times) > 1 else 0.0


class _Probe:
    """Asks /health/live ten times a second until it is stopped, and keeps the longest time that it took."""

    def __init__(self, server: Server) -> None:
        self._url = f"http://127.0.0.1:{server.port}/health/live"
        self._over = threading.Event()
        self._longest = 0.0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> float:
        """In milliseconds."""
        self._over.set()
        self._thread.join()
        return self._longest

    def _run(self) -> None:
        while not self._over.wait(0.1):
            started = time.perf_counter()
            with urllib.request.urlopen(self._url, timeout=10) as response:
                response.read()
            self._longest = max(self._longest, (time.perf_counter() - started) * 1000)
