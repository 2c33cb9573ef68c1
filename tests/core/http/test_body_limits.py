"""A request has a largest size and a longest time, head and body each; what passes them is dropped or rejected."""

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from starlette.types import Message, Receive

from core.http.body_limits import limited
from core.problems import Problem, ProblemError
from tests.conftest import RunningServer, UserClient, assert_problem
from tests.core.raw_http import RawConnection, RawResponse, connect, exchange

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
SECONDS, BYTES = 1, 4096
TOO_LARGE = f"A body has at most {BYTES} bytes."
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def strict_server(start_server: Callable[..., RunningServer]) -> RunningServer:
    """One with narrow limits, so that the tests need not wait."""
    return start_server(head_timeout=SECONDS, body_timeout=SECONDS, max_body_bytes=BYTES)


@pytest.fixture
def carol(strict_server: RunningServer) -> Iterator[UserClient]:
    """A user of that server."""
    with UserClient(strict_server.url) as user:
        yield user


def _head(user: UserClient, framing: str) -> bytes:
    return (
        f"POST {user.tasks} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {user.headers['authorization']}\r\n"
        f"Content-Type: application/json\r\n{framing}\r\n\r\n"
    ).encode()


def _problem(response: RawResponse | None) -> tuple[int, str, str, str]:
    assert response is not None
    assert response.header("content-type") == "application/problem+json"
    problem = response.json()
    return response.status, problem["code"], problem["detail"], response.header("connection")


def _in_time(connections: list[RawConnection]) -> bool:
    """Whether the server ends them all, not at once and not much later than its limit."""
    started = time.monotonic()
    soonest = connections[0].seconds_until_closed()
    for connection in connections[1:]:
        connection.seconds_until_closed()
    return soonest > SECONDS / 2 and time.monotonic() - started < SECONDS + 4


def test_a_half_sent_head_is_dropped_and_others_are_served_meanwhile(strict_server: RunningServer) -> None:
    opened = [RawConnection(strict_server.port) for _ in range(3)]
    _, half, between = opened
    half.send(b"GET /health/live HTTP/1.1\r\nHo")
    between.send(LIVE + b"\r\n")
    assert between.response() is not None
    between.send(LIVE)
    assert httpx.get(f"{strict_server.url}/health/live").json() == {"status": "ok"}
    assert _in_time(opened)
    assert [one.received.count(b"HTTP/1.1 200 OK") for one in opened] == [0, 0, 1]
    for one in opened:
        one.close()


def test_a_head_that_comes_byte_by_byte_gets_no_more_time(strict_server: RunningServer) -> None:
    with connect(strict_server.port) as connection:
        started = time.monotonic()
        connection.send(LIVE + b"X-A: ")
        while time.monotonic() - started < SECONDS + 4 and connection.send(b"a"):
            time.sleep(0.02)
        assert SECONDS / 2 < time.monotonic() - started < SECONDS + 4
        assert connection.received == b""


def test_a_half_sent_body_gets_a_response_and_the_connection_ends(
    strict_server: RunningServer, carol: UserClient
) -> None:
    expected = (408, "body_timeout", f"The body did not arrive within {SECONDS} seconds.", "close")
    with connect(strict_server.port) as declared, connect(strict_server.port) as chunked:
        declared.send(_head(carol, "Content-Length: 30") + b'{"title"')
        chunked.send(_head(carol, "Transfer-Encoding: chunked") + b'8\r\n{"title"\r\n')
        assert httpx.get(f"{strict_server.url}/health/live").json() == {"status": "ok"}
        assert _problem(declared.response()) == expected
        assert _problem(chunked.response()) == expected
        assert declared.seconds_until_closed() < 1
        assert chunked.seconds_until_closed() < 1
    assert carol.get(carol.tasks).json()["items"] == []


def test_a_body_that_comes_byte_by_byte_gets_no_more_time(strict_server: RunningServer, carol: UserClient) -> None:
    with connect(strict_server.port) as connection:
        connection.send(_head(carol, "Content-Length: 4000") + b'{"title": "')
        started = time.monotonic()
        while time.monotonic() - started < SECONDS + 4 and connection.send(b"a"):
            time.sleep(0.02)
        assert time.monotonic() - started < SECONDS + 4
        response = connection.response()
    assert response is not None
    assert response.status == 408


def test_a_body_that_nobody_waits_for_any_more_gets_no_more_time(strict_server: RunningServer) -> None:
    with connect(strict_server.port) as connection:
        connection.send(b"POST /api/v1/users/me/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n")
        response = connection.response()
        assert response is not None
        assert response.status == 401
        connection.send(b"{")
        assert _in_time([connection])


def test_a_client_whose_large_body_is_rejected_reads_the_response(api: httpx.Client) -> None:
    response = api.post("/api/v1/users/me/tasks", content=b"a" * 1_000_000)
    assert_problem(response, 401, "missing_token")
    assert api.get("/health/live").json() == {"status": "ok"}


def test_a_body_of_the_largest_size_is_taken(strict_server: RunningServer, carol: UserClient) -> None:
    body = b'{"title": "Just fits"}'.ljust(BYTES)
    assert carol.post(carol.tasks, content=body, headers=JSON).status_code == 201
    assert carol.post(carol.tasks, content=iter([body[:1000], body[1000:]]), headers=JSON).status_code == 201


def test_a_body_that_declares_a_byte_more_is_rejected_unread(strict_server: RunningServer, carol: UserClient) -> None:
    expected = (413, "body_too_large", TOO_LARGE, "close")
    for length in (BYTES + 1, 10**17, 10**18 - 1):
        head = _head(carol, f"Content-Length: {length}\r\nExpect: 100-continue")
        (early,) = exchange(strict_server.port, head)
        assert _problem(early) == expected
    response = carol.post(carol.tasks, content=b" " * (BYTES + 1), headers=JSON)
    assert_problem(response, 413, "body_too_large", title="The body is too large", detail=TOO_LARGE)


def test_chunks_are_rejected_once_they_pass_the_largest_size(strict_server: RunningServer, carol: UserClient) -> None:
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    with connect(strict_server.port) as connection:
        connection.send(_head(carol, "Transfer-Encoding: chunked") + chunk * 5)  # and no end
        assert _problem(connection.response()) == (413, "body_too_large", TOO_LARGE, "close")
        assert connection.seconds_until_closed() < 1
    assert carol.get(carol.tasks).json()["items"] == []


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(strict_server: RunningServer, carol: UserClient) -> None:
    with connect(strict_server.port) as connection:
        connection.send(_head(carol, "Content-Length: 14\r\nExpect: 100-continue"))
        interim = connection.response()
        connection.send(b'{"title": "a"}')
        response = connection.response()
    assert interim is not None
    assert response is not None
    assert (interim.status, response.status) == (100, 201)


def test_a_body_in_another_coding_is_not_understood(strict_server: RunningServer, carol: UserClient) -> None:
    with connect(strict_server.port) as connection:
        connection.send(_head(carol, "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n")
        expected = (501, "not_implemented", "Send `Transfer-Encoding: chunked` alone, or none.", "close")
        assert _problem(connection.response()) == expected


def test_the_limit_holds_for_bodies_that_nobody_reads(strict_server: RunningServer) -> None:
    (response,) = exchange(strict_server.port, LIVE + f"Content-Length: {BYTES + 1}\r\n\r\n".encode())
    assert _problem(response) == (413, "body_too_large", TOO_LARGE, "close")


LARGE = b"GET /swagger/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
def test_a_client_that_does_not_read_its_responses_is_dropped(strict_server: RunningServer) -> None:
    with connect(strict_server.port, receive_buffer=65536) as lazy, connect(strict_server.port) as eager:
        lazy.send(LARGE * 10)
        eager.send(LARGE)
        response = eager.response()
        assert response is not None
        time.sleep(SECONDS + 0.5)  # without reading
        lazy.seconds_until_closed()
    assert len(lazy.received) < 10 * len(response.body)


@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
def test_a_client_that_reads_late_but_in_time_gets_all_of_them(strict_server: RunningServer) -> None:
    with connect(strict_server.port, receive_buffer=65536) as late:
        late.send(LARGE * 10)
        time.sleep(SECONDS / 4)
        responses = [response for response in (late.response() for _ in range(10)) if response is not None]
        assert [len(response.body) for response in responses] == [int(responses[0].header("content-length"))] * 10
        time.sleep(SECONDS + 0.2)  # its time to read is not running any more
        late.send(LIVE + b"\r\n")
        last = late.response()
    assert last is not None
    assert last.json() == {"status": "ok"}


def test_a_message_may_be_waited_for_in_several_steps() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"whole"}

    assert asyncio.run(_first(receive, seconds=5)) == {"type": "http.request", "body": b"whole"}


def test_what_is_waited_for_too_long_may_tidy_up_before_it_ends() -> None:
    tidied: list[str] = []

    async def receive() -> Message:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            tidied.append("yes")
        raise AssertionError

    with pytest.raises(ProblemError) as rejected:
        asyncio.run(_first(receive, seconds=0.01))
    assert (rejected.value.problem, tidied) == (Problem.BODY_TIMEOUT, ["yes"])


async def _first(receive: Receive, *, seconds: float) -> Message:
    return await limited(receive, 100, seconds)()
