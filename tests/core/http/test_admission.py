"""So many requests are worked on at once; whoever comes beyond is told so at once, and every place comes back."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, make_token
from tests.core.database.locks import locked_tasks, wait_for_waiting
from tests.core.http.extended_app import copies, extended_app
from tests.core.raw_http import connect
from tests.waiting import poll

BUSY = "The server has as much to do as it can. Try again shortly."
AWAY = "The database does not respond now. Try again shortly."
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(own: TestDatabase, start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server with two places."""
    return start_server(database=own, max_concurrent_requests=2, request_timeout=2)


@contextmanager
def full(user: UserClient, database: TestDatabase) -> Iterator[list[Future[httpx.Response]]]:
    """Both places are taken by requests that wait in the database, until the block ends."""
    with ThreadPoolExecutor(2) as threads, locked_tasks(database):
        under_way = [threads.submit(user.get, user.tasks) for _ in range(2)]
        wait_for_waiting(database, 2)
        yield under_way


def assert_busy(response: httpx.Response) -> None:
    """503, and when to come again."""
    assert_problem(response, 503, "overloaded", title="The server is busy", detail=BUSY)
    assert 1 <= int(response.headers["retry-after"]) <= 3


def test_while_the_database_is_silent_what_comes_beyond_is_rejected_at_once(
    user: UserClient, own: TestDatabase
) -> None:
    with full(user, own) as under_way:
        own.proxy.pause()
        try:
            started = time.monotonic()
            assert_busy(user.get(user.tasks))
            assert_busy(user.post(user.tasks, json={"title": "x"}, headers={"Idempotency-Key": "key"}))
            assert user.get("/health/live").json() == {"status": "ok"}
            assert time.monotonic() - started < 1
            assert not any(request.done() for request in under_way)
            for request in under_way:
                assert_problem(request.result(), 503, "database_unavailable", detail=AWAY)
        finally:
            own.proxy.resume()
    for _ in range(3):  # the places of the two that failed are free
        assert user.get(user.tasks).json() == {"items": [], "next_cursor": None}


def test_what_needs_no_work_is_served_also_when_all_places_are_taken(user: UserClient, own: TestDatabase) -> None:
    with full(user, own) as under_way:
        assert_busy(user.get(user.tasks))
        assert [user.get(f"/health/{which}").status_code for which in ("live", "ready")] == [200, 200]
        assert_problem(httpx.get(user.base_url.join(user.tasks)), 401, "missing_token")
        assert_problem(user.get("/api/v1/users/somebody/tasks"), 403, "forbidden")
        assert_problem(user.get("/nothing"), 404, "not_found")
        assert_problem(user.put(user.tasks), 405, "method_not_allowed")
        assert_problem(user.post(user.tasks, content=b"{", headers=JSON), 400, "malformed_json")
        assert_problem(user.post(user.tasks, content=b"{}"), 415, "unsupported_media_type")
    assert [request.result().status_code for request in under_way] == [200, 200]


def test_a_place_comes_back_whatever_the_response(user: UserClient) -> None:
    path = f"{user.tasks}/{user.create_task()['id']}"
    stale = {"If-Match": '"7"'}
    for _ in range(3):
        responses = [
            user.post(user.tasks, json={}),
            user.post(user.tasks, json={"title": "x"}, headers={"Idempotency-Key": ""}),
            user.get(f"{user.tasks}/x"),
            user.get(f"{path[:-4]}0000"),
            user.patch(path, json={"title": "x"}, headers=stale),
            user.get(path, headers={"If-None-Match": "*"}),
        ]
        assert [response.status_code for response in responses] == [400, 400, 400, 404, 412, 304]
    assert user.get(path).status_code == 200


def test_a_place_comes_back_from_a_client_that_went_away(user: UserClient, own: TestDatabase) -> None:
    port = user.base_url.port
    assert port is not None
    head = f"GET {user.tasks} HTTP/1.1\r\nHost: x\r\nAuthorization: {user.headers['authorization']}\r\n\r\n"
    with locked_tasks(own):
        for _ in range(2):
            with connect(port) as gone:
                gone.send(head.encode())
                wait_for_waiting(own)
        wait_for_waiting(own, 2)
        assert_busy(user.get(user.tasks))
    poll(lambda: user.get(user.tasks).status_code == 200)


def test_a_body_that_is_under_way_holds_no_place(user: UserClient) -> None:
    port = user.base_url.port
    assert port is not None
    body = b'{"title": "Slowly typed"}'
    head = (
        f"POST {user.tasks} HTTP/1.1\r\nHost: x\r\nAuthorization: {user.headers['authorization']}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: key\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(port)) for _ in range(5)]
        for connection in slow:
            connection.send(head.encode() + body[:10])
        assert user.get(user.tasks).json()["items"] == []
        slow[0].send(body[10:])
        response = slow[0].response()
        assert response is not None
        assert (response.status, response.json()["title"]) == (201, "Slowly typed")
    assert user.get(user.tasks).json()["items"] == [response.json()]


def test_a_body_that_the_endpoint_does_not_take_holds_no_place(own: TestDatabase) -> None:
    """It is part of what an Idempotency-Key stands for, and read before."""
    tasks = "/api/v1/users/me/tasks"
    token = make_token(secrets.token_hex(16))

    async def run() -> None:
        begun, rest = asyncio.Event(), asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            begun.set()
            yield b"ignored"
            await rest.wait()

        async with extended_app(copies, database=own, max_concurrent_requests=1) as client:
            client.headers["Authorization"] = f"Bearer {token}"
            task = (await client.post(tasks, json={"title": "Task"})).json()
            path, headers = f"{tasks}/{task['id']}/copies", {"Idempotency-Key": "key"}
            slow = asyncio.create_task(client.post(path, content=slowly(), headers=headers))
            await begun.wait()
            assert (await client.get(tasks)).json()["items"] == [task]
            rest.set()
            assert (await slow).status_code == 201

    asyncio.run(run())
