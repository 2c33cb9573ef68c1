"""A server that starts while the database is away: it lives, rejects in time, and serves once it is back."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest

from tests.conftest import UserClient, assert_problem
from tests.faults.bench import Bench
from tests.faults.bounds import LIVE_SECONDS, READY_SECONDS, RECOVERED_SECONDS, RESPONSE_SECONDS
from tests.faults.conftest import Say
from tests.faults.proxy import Proxy
from tests.faults.report import Report

ROWS: list[list[object]] = []


@contextmanager
def _silent(proxy: Proxy) -> Iterator[None]:
    with proxy.silent():
        yield


@pytest.mark.parametrize(("name", "away"), [("refuses", Proxy.refusing), ("silent", _silent)])
def test_a_server_starts_without_its_database_and_serves_when_it_is_back(
    bench: Bench, report: Report, say: Say, name: str, away: Callable[[Proxy], AbstractContextManager[None]]
) -> None:
    replica = bench.replica(f"start-{name}", bench.direct.url)
    with UserClient(f"http://127.0.0.1:{replica.port}") as user:
        with away(bench.direct.proxy):
            replica.launch()
            ready, ready_seconds = _timed(user, "GET", "/health/ready")
            write, write_seconds = _timed(user, "POST", user.tasks)
            live, live_seconds = _timed(user, "GET", "/health/live")
            assert_problem(ready, 503, "database_unavailable")
            assert_problem(write, 503, "database_unavailable")
            assert live.status_code == 200
        served = replica.wait_ready()
        assert user.post(user.tasks, json={"title": "It is back"}).status_code == 201
    replica.stop()
    row: list[object] = [
        name,
        *(f"{seconds:.2f} s" for seconds in (live_seconds, ready_seconds, write_seconds, served)),
    ]
    say(str(row))
    ROWS.append(row)
    report.table("start", ["database at the start", "live (200)", "ready (503)", "POST (503)", "ready after"], ROWS)
    assert live_seconds < LIVE_SECONDS
    assert ready_seconds < READY_SECONDS
    assert write_seconds < RESPONSE_SECONDS
    assert served < RECOVERED_SECONDS


def _timed(user: UserClient, method: str, path: str) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    response = user.request(method, path, json={"title": "Not yet"} if method == "POST" else None)
    return response, time.monotonic() - started
