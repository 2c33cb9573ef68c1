"""SIGTERM: the process says that it drains, serves what is under way, and ends; nobody else delays it."""

import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from core.http.context import DRAINING
from tests.conftest import TestDatabase, UserClient, assert_problem
from tests.core.api_process import ApiProcess
from tests.core.database.locks import locked_tasks, wait_for_waiting
from tests.core.raw_http import RawConnection, connect
from tests.core.server.offers import OFFERS, offering
from tests.core.serving import all_ok, live_and_die, port_of, respond_ok, serving
from tests.waiting import poll

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_request_under_way_gets_its_response_and_nobody_else_delays_the_end(
    make_database: Callable[[], TestDatabase],
) -> None:
    database = make_database()
    with (
        ApiProcess(database.proxied_url, BODY_TIMEOUT="1") as process,
        UserClient(process.url) as user,
        ThreadPoolExecutor() as pool,
        locked_tasks(database) as unlock,
        connect(process.port) as idle,
        connect(process.port) as half_head,
        connect(process.port) as half_body,
    ):
        under_way = pool.submit(user.get, f"/api/v1/users/{user.user_id}/tasks")
        wait_for_waiting(database)
        head = f"POST {user.tasks} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nAuthorization: "
        half_body.send(f"{head}{user.headers['authorization']}\r\n\r\n{{".encode())
        half_head.send(LIVE[:20])
        idle.send(LIVE)
        assert idle.response() is not None
        process.terminate()
        process.find(lambda line: line["message"] == "Shutting down")
        assert idle.seconds_until_closed() + half_head.seconds_until_closed() < 5
        assert half_head.received == b""
        unlock()
        response = under_way.result()
        assert process.wait() < 15
        rejected = half_body.response()
    assert (response.status_code, response.json()) == (200, {"items": [], "next_cursor": None})
    assert rejected is not None
    assert rejected.status == 408
    lines = [line["http.response.status_code"] for line in process.lines if line["message"] == "request"]
    assert sorted(lines) == [200, 200, 408]
    assert process.lines[-1]["message"].startswith("Finished server process")


def test_before_it_ends_it_goes_on_serving_and_says_that_it_drains(make_database: Callable[[], TestDatabase]) -> None:
    with ApiProcess(make_database().proxied_url, SHUTDOWN_NOTICE="3") as process, UserClient(process.url) as user:
        assert user.get("/health/ready").headers["connection"] == "keep-alive"
        process.terminate()
        poll(lambda: user.get("/health/ready").status_code != 200)
        response = user.get("/health/ready")
        detail = "This process is about to end."
        assert_problem(response, 503, "shutting_down", title="The server is shutting down", detail=detail)
        assert 1 <= int(response.headers["retry-after"]) <= 3
        for _ in range(2):
            served = user.get(user.tasks)
            assert (served.status_code, served.headers["connection"]) == (200, "close")
        assert user.get("/health/live").status_code == 200
        assert process.wait() < 15


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_body_that_does_not_come_to_its_end_is_told_why_at_the_last_moment(
    database: TestDatabase, number: signal.Signals
) -> None:
    with ApiProcess(database.proxied_url) as process, UserClient(process.url) as user, connect(process.port) as half:
        head = f"POST {user.tasks} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nAuthorization: "
        half.send(f"{head}{user.headers['authorization']}\r\n\r\n{{".encode())
        assert user.get("/health/live").status_code == 200
        process.send(number)
        assert process.wait() < 15
        response = half.response()
    assert response is not None
    assert (response.status, response.json()["code"], response.header("connection")) == (503, "shutting_down", "close")
    (line,) = [line for line in process.lines if line.get("http.request.method") == "POST"]
    assert (line["http.response.status_code"], line["error.code"]) == (503, "shutting_down")
    assert "request failed" not in {line["message"] for line in process.lines}


def test_a_response_that_was_due_when_it_began_to_drain_is_the_last_of_its_connection(
    make_database: Callable[[], TestDatabase],
) -> None:
    database = make_database()
    with (
        ApiProcess(database.proxied_url, SHUTDOWN_NOTICE="2") as process,
        UserClient(process.url) as user,
        ThreadPoolExecutor() as threads,
        locked_tasks(database) as unlock,
    ):
        due = threads.submit(user.get, f"/api/v1/users/{user.user_id}/tasks")
        wait_for_waiting(database)
        process.terminate()
        poll(lambda: httpx.get(f"{process.url}/health/ready").status_code == 503)
        unlock()
        response = due.result()
        assert (response.status_code, response.headers["connection"]) == (200, "close")
        assert process.wait() < 15


def test_while_it_drains_a_connection_has_one_response_more() -> None:
    """Also one that was begun before; nothing is read behind it, whatever offers are made."""
    begun: list[str] = []

    async def responding(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live_and_die(receive, send)
            return
        begun.append(scope["path"])
        while (await receive())["more_body"]:
            pass
        await respond_ok(scope, send)

    post = b"POST /first HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
    with serving(responding, notice=1) as running, ExitStack() as ends:
        kept = {offer: ends.enter_context(connect(port_of(running))) for offer in OFFERS}
        for offer, connection in kept.items():
            connection.send(offering(offer, post)[:-1])
        poll(lambda: len(begun) == len(kept))
        running.handle_exit(signal.SIGTERM, None)
        poll(lambda: DRAINING in running.lifespan.state)
        for offer, connection in kept.items():
            connection.send(b"}" + offering(offer, post.replace(b"first", b"next")) + offering(offer, post))
        for connection in kept.values():
            told = [(response.status, response.header("connection")) for response in connection.responses()]
            assert told == [(200, "close")]
    assert begun == ["/first"] * len(kept)


def test_who_connects_just_before_it_stops_listening_gets_a_response() -> None:
    """The kernel has let the connection in, and the event loop has not seen it when it closes the listener."""
    late: list[RawConnection] = []
    with serving(all_ok) as running, ExitStack() as ends:
        listening, port = running.servers[0], port_of(running)

        def close() -> None:
            if not late:  # uvicorn closes it once more
                late.append(ends.enter_context(connect(port)))
                late[0].send(LIVE)
            listening.close()

        visited: Any = SimpleNamespace(sockets=listening.sockets, close=close, wait_closed=listening.wait_closed)
        running.servers[0] = visited
        running.handle_exit(signal.SIGTERM, None)
        poll(lambda: bool(late))
        response = late[0].response()
    assert response is not None
    assert (response.status, response.header("connection")) == (200, "close")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_ends_it_without_notice_or_a_trace(workers: str) -> None:
    """Ctrl-C in a terminal is no failure."""
    url = "postgresql://nobody@127.0.0.1:1/none"
    with TemporaryFile("w+") as errors:
        with ApiProcess(url, errors=errors.fileno(), SHUTDOWN_NOTICE="4", WEB_CONCURRENCY=workers) as process:
            process.send(signal.SIGINT)
            assert process.wait() < 4
        errors.seek(0)
        assert "Traceback" not in errors.read()
    assert process.exit_status == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_ends_the_notice_too(workers: str) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    with ApiProcess(url, SHUTDOWN_NOTICE="4", WEB_CONCURRENCY=workers) as process:
        process.terminate()
        poll(lambda: httpx.get(f"{process.url}/health/ready").json()["code"] == "shutting_down")
        process.send(signal.SIGINT)
        assert process.wait() < 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_end_that_was_asked_for_is_no_failure(number: signal.Signals) -> None:
    """With one worker as with several: what watches over the process sees status 0."""
    with ApiProcess("postgresql://nobody@127.0.0.1:1/none", SHUTDOWN_NOTICE="1") as process:
        process.send(number)
        poll(lambda: httpx.get(f"{process.url}/health/ready").json()["code"] == "shutting_down")
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


def test_a_process_that_cannot_reach_its_database_starts_responds_and_ends() -> None:
    with ApiProcess("postgresql://nobody@127.0.0.1:1/none") as process:
        assert httpx.get(f"{process.url}/health/live").status_code == 200
        assert httpx.get(f"{process.url}/health/ready").status_code == 503
        process.terminate()
        assert process.wait() < 15
