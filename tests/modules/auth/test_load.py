"""Hashing is bounded: however many sign in, the rest of the API goes on, and who cannot be served is told so."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from modules.auth.passwords import MAX_WAITING
from tests.conftest import RunningServer, TestDatabase, assert_problem
from tests.modules.auth.accounts import Account, new_email, sign_in

pytestmark = pytest.mark.slow


def _sign_ins(threads: ThreadPoolExecutor, api: httpx.Client, count: int) -> list[Future[httpx.Response]]:
    return [threads.submit(sign_in, api, new_email()) for _ in range(count)]


def test_many_sign_ins_at_once_do_not_hold_up_other_requests(api: httpx.Client) -> None:
    slowest = 0.0
    asked = 0
    with ThreadPoolExecutor(25) as threads:
        waiting = _sign_ins(threads, api, 25)
        while not all(future.done() for future in waiting):
            started = time.perf_counter()
            assert api.get("/health/live").json() == {"status": "ok"}
            slowest, asked = max(slowest, time.perf_counter() - started), asked + 1
    assert [future.result().status_code for future in waiting] == [401] * 25
    assert asked >= 5
    assert slowest < 1


def test_more_than_can_wait_are_told_to_come_back(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """Rather than served too late. Whoever comes afterwards is served."""
    server = start_server(database=make_database(), sign_in_attempts_per_address=1_000_000)
    limits = httpx.Limits(max_connections=2 * MAX_WAITING)
    with httpx.Client(base_url=server.url, timeout=30, limits=limits) as api:
        account = Account.new(api)
        with ThreadPoolExecutor(2 * MAX_WAITING) as threads:
            responses = [future.result() for future in _sign_ins(threads, api, 2 * MAX_WAITING)]
        rejected = [response for response in responses if response.status_code == 503]
        assert {response.status_code for response in responses} == {401, 503}
        for response in rejected:
            detail = "Too many sign-ins are under way. Try again shortly."
            assert_problem(response, 503, "overloaded", title="The server is busy", detail=detail)
            assert 1 <= int(response.headers["retry-after"]) <= 3
        assert sign_in(api, account.email).status_code == 200


def test_who_cannot_be_served_has_lost_no_try(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """Whoever tries again as they are told would be shut out for a quarter of an hour."""
    allowed = {"sign_in_attempts_per_address": 1_000_000, "sign_in_attempts_per_account": 1}
    server = start_server(database=make_database(), **allowed)
    limits = httpx.Limits(max_connections=3 * MAX_WAITING)
    with httpx.Client(base_url=server.url, timeout=30, limits=limits) as api:
        account, over = Account.new(api), threading.Event()
        statuses: list[int] = []

        def crowd() -> None:
            while not over.is_set():
                sign_in(api, new_email())

        with ThreadPoolExecutor(MAX_WAITING + 10) as threads:
            for _ in range(MAX_WAITING + 10):
                threads.submit(crowd)
            while statuses.count(503) < 3 and 429 not in statuses:
                statuses.append(sign_in(api, account.email).status_code)
            over.set()
        assert {*statuses, sign_in(api, account.email).status_code} == {200, 503}
