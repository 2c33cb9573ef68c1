"""SIGTERM: the process says that it leaves, answers what is under way, and ends; nobody else delays it."""

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from core.http.context import DRAINING
from tests.conftest import Caller, TestDatabase, assert_problem
from tests.core.api_process import ApiProcess
from tests.core.database.locks import locked_tasks, wait_for_waiting
from tests.core.raw_http import connect, exchange
from tests.core.server.offers import OFFERS, offering
from tests.core.serving import answer_ok, live_and_die, port_of, serving

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_request_under_way_is_answered_and_nobody_else_delays_the_end(
    make_database: Callable[[], TestDatabase],
) -> None:
    database = make_database()
    with (
        ApiProcess(database.proxied_url, BODY_TIMEOUT="1") as process,
        Caller(process.url) as caller,
        ThreadPoolExecutor() as pool,
        locked_tasks(database) as unlock,
        connect(process.port) as idle,
        connect(process.port) as half_head,
        connect(process.port) as half_body,
    ):
        under_way = pool.submit(caller.get, f"/api/v1/users/{caller.user_id}/tasks")
        wait_for_waiting(database)
        head = f"POST {caller.tasks} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nAuthorization: "
        half_body.send(f"{head}{caller.headers['authorization']}\r\n\r\n{{".encode())
        half_head.send(LIVE[:20])
        idle.send(LIVE)
        assert idle.answer() is not None
        process.terminate()
        process.find(lambda line: line["message"] == "Shutting down")
        assert idle.seconds_until_closed() + half_head.seconds_until_closed() < 5
        assert half_head.received == b""
        unlock()
        response = under_way.result()
        assert process.wait() < 15
        refused = half_body.answer()
    assert (response.status_code, response.json()) == (200, {"items": [], "next_cursor": None})
    assert refused is not None
    assert refused.status == 408
    lines = [line["http.response.status_code"] for line in process.lines if line["message"] == "request"]
    assert sorted(lines) == [200, 200, 408]
    assert process.lines[-1]["message"].startswith("Finished server process")


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_before_it_ends_it_goes_on_serving_and_says_that_it_leaves(make_database: Callable[[], TestDatabase]) -> None:
    with ApiProcess(make_database().proxied_url, SHUTDOWN_NOTICE="3") as process, Caller(process.url) as caller:
        assert caller.get("/health/ready").headers["connection"] == "keep-alive"
        process.terminate()
        _wait_for(lambda: caller.get("/health/ready").status_code != 200)
        response = caller.get("/health/ready")
        detail = "This process is about to end."
        assert_problem(response, 503, "shutting_down", title="The server is shutting down", detail=detail)
        assert 1 <= int(response.headers["retry-after"]) <= 3
        for _ in range(2):
            served = caller.get(caller.tasks)
            assert (served.status_code, served.headers["connection"]) == (200, "close")
        assert caller.get("/health/live").status_code == 200
        assert process.wait() < 15


def test_while_it_leaves_a_connection_has_one_response_more() -> None:
    """After that of a request that was begun before; nothing is read behind it, whatever offers are made."""
    begun: list[str] = []

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live_and_die(receive, send)
            return
        begun.append(scope["path"])
        while (await receive())["more_body"]:
            pass
        await answer_ok(scope, send)

    post = b"POST /first HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
    with serving(answering, notice=1) as running, ExitStack() as ends:
        kept = {offer: ends.enter_context(connect(port_of(running))) for offer in OFFERS}
        for offer, connection in kept.items():
            connection.send(offering(offer, post)[:-1])
        _wait_for(lambda: len(begun) == len(kept))
        running.handle_exit(signal.SIGTERM, None)
        _wait_for(lambda: DRAINING in running.lifespan.state)
        for offer, connection in kept.items():
            connection.send(b"}" + offering(offer, post.replace(b"first", b"next")) + offering(offer, post))
        for connection in kept.values():
            told = [(answer.status, answer.header("connection")) for answer in connection.answers()]
            assert told == [(200, "keep-alive"), (200, "close")]
    assert sorted(begun) == ["/first"] * len(kept) + ["/next"] * len(kept)


def test_who_came_while_it_stopped_listening_is_answered_too() -> None:
    stalls = threading.Event()

    async def stalling(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live_and_die(receive, send)
            return
        if scope["path"] == "/stall":
            await _stall_until_the_notice_is_over(stalls)
        await answer_ok(scope, send)

    with serving(stalling, notice=1) as running, ThreadPoolExecutor() as pool:
        port = port_of(running)
        running.handle_exit(signal.SIGTERM, None)
        _wait_for(lambda: DRAINING in running.lifespan.state)
        stalled = pool.submit(exchange, port, LIVE.replace(b"/health/live", b"/stall"))
        assert stalls.wait(10)
        with connect(port) as late:
            late.send(LIVE)
            answer = late.answer()
    assert answer is not None
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert [one.status for one in stalled.result()] == [200]


async def _stall_until_the_notice_is_over(stalls: threading.Event) -> None:
    """Blocks the event loop just before the server stops listening: whoever comes now is greeted by nobody."""
    loop = asyncio.get_running_loop()
    due = loop.create_future()
    loop.call_later(0.01, due.set_result, None)
    time.sleep(1.2)  # noqa: ASYNC251 (until the end of the notice is due as well, after this)
    await due
    stalls.set()
    time.sleep(0.5)  # noqa: ASYNC251


def test_an_interrupt_ends_it_without_notice() -> None:
    with ApiProcess("postgresql://nobody@127.0.0.1:1/none", SHUTDOWN_NOTICE="4") as process:
        process.send(signal.SIGINT)
        assert process.wait() < 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_end_that_was_asked_for_is_no_failure(number: signal.Signals) -> None:
    """With one worker as with several: what watches over the process sees status 0."""
    with ApiProcess("postgresql://nobody@127.0.0.1:1/none", SHUTDOWN_NOTICE="1") as process:
        process.send(number)
        _wait_for(lambda: httpx.get(f"{process.url}/health/ready").json()["code"] == "shutting_down")
        assert process.wait() < 15
        assert process.exit_status == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hang_up_is_ignored_by_who_was_told_to_ignore_it(workers: str) -> None:
    program = ("nohup", sys.executable, "main.py")
    url = "postgresql://nobody@127.0.0.1:1/none"
    with ApiProcess(url, program=program, WEB_CONCURRENCY=workers, SHUTDOWN_NOTICE="0") as process:
        process.send(signal.SIGHUP)
        for _ in range(20):
            time.sleep(0.02)
            assert httpx.get(f"{process.url}/health/live").status_code == 200
        process.terminate()
        process.wait()
        assert process.exit_status == 0


def test_a_process_that_cannot_reach_its_database_starts_answers_and_ends() -> None:
    with ApiProcess("postgresql://nobody@127.0.0.1:1/none") as process:
        assert httpx.get(f"{process.url}/health/live").status_code == 200
        assert httpx.get(f"{process.url}/health/ready").status_code == 503
        process.terminate()
        assert process.wait() < 15
