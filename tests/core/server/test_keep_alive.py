"""How long a connection is kept, how the client learns it, and that its end destroys nothing."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from starlette.types import Receive, Scope, Send

from core.server.protocol import KEEP_ALIVE_GRACE_SECONDS
from tests.conftest import RunningServer
from tests.core.api_process import ApiProcess
from tests.core.raw_http import RawConnection, connect, exchange
from tests.core.serving import live_and_die, port_of, respond_ok, serving

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
REJECTED = b"POST /api/v1/users/me/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"
IDLE = 2


@pytest.fixture(scope="module")
def port(start_server: Callable[..., RunningServer]) -> int:
    """Where a server keeps idle connections for a short time, and waits for a head for a still shorter one."""
    return start_server(keep_alive_timeout=IDLE, head_timeout=0.5, max_body_bytes=1024).port


@pytest.fixture(scope="module")
def patient(start_server: Callable[..., RunningServer]) -> int:
    """Where a server keeps them for as long as by default, and waits as short for a head."""
    return start_server(head_timeout=0.5).port


def _response_headers(connection: RawConnection, request: bytes) -> dict[str, str]:
    connection.send(request)
    response = connection.response()
    assert response is not None
    return {name: value for name, value in response.headers if name in ("connection", "keep-alive")}


@pytest.mark.parametrize(
    ("path", "method"), [("/health/live", "GET"), ("/nothing", "GET"), ("/openapi.json", "GET"), ("/nothing", "HEAD")]
)
def test_a_client_is_told_how_long_its_connection_is_kept(patient: int, path: str, method: str) -> None:
    """Keep-Alive is for the next hop alone, so that Connection names it (RFC 9110, section 7.6.1)."""
    with connect(patient) as connection:
        connection.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = connection._until(b"\r\n\r\n")
    assert head is not None
    assert head.count(b"\r\nconnection: keep-alive\r\n") == 1
    assert (head + b"\r\n").count(b"\r\nkeep-alive: timeout=75\r\n") == 1


@pytest.mark.parametrize(
    "request_line", [b"GET /health/live HTTP/1.0\r\n", b"GET /health/live HTTP/1.1\r\nConnection: close\r\n"]
)
def test_of_a_connection_that_is_closed_nobody_says_how_long_it_is_kept(port: int, request_line: bytes) -> None:
    (response,) = exchange(port, request_line + b"Host: localhost\r\n\r\n")
    assert response.header("connection") == "close"
    assert "keep-alive" not in dict(response.headers)


def test_an_idle_connection_is_kept_for_longer_than_it_was_told(port: int) -> None:
    """Not more than a little: one that is never used again costs memory."""
    with connect(port) as connection:
        for _ in range(2):
            assert _response_headers(connection, LIVE) == {"connection": "keep-alive", "keep-alive": f"timeout={IDLE}"}
        assert IDLE < connection.seconds_until_closed() < IDLE + KEEP_ALIVE_GRACE_SECONDS + 5


def test_the_rest_of_a_body_after_its_response_leaves_the_connection_idle(port: int) -> None:
    """It is no head that is due: that would have had half a second."""
    with connect(port) as connection:
        _response_headers(connection, REJECTED)
        connection.send(b"null")
        assert IDLE < connection.seconds_until_closed() < IDLE + KEEP_ALIVE_GRACE_SECONDS + 5


@pytest.mark.parametrize("sent", [LIVE + b"GET /heal", REJECTED, REJECTED + b"nu"], ids=["head", "no body", "body"])
def test_what_is_half_sent_at_the_response_before_has_no_more_time(patient: int, sent: bytes) -> None:
    with connect(patient) as connection:
        _response_headers(connection, sent)
        assert connection.seconds_until_closed() < 20  # an idle one has 75


def test_a_head_that_is_overdue_takes_no_response_from_the_request_before_it() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live_and_die(receive, send)
            return
        await asyncio.sleep(1)
        await respond_ok(scope, send)

    with serving(slow, head_timeout=0.2) as running:
        (response,) = exchange(port_of(running), LIVE + LIVE[:20])
    assert response.status == 200


def test_a_request_that_came_in_time_is_served_however_late_it_is_seen() -> None:
    """The process stands still from before the end of the time until after it; the request arrives meanwhile."""
    unreachable = "postgresql://nobody@127.0.0.1:1/none"
    with ApiProcess(unreachable, KEEP_ALIVE_TIMEOUT="1") as process, connect(process.port) as waiting:
        _response_headers(waiting, LIVE)
        process.send(signal.SIGSTOP)
        waiting.send(LIVE)
        time.sleep(1 + KEEP_ALIVE_GRACE_SECONDS + 1)
        process.send(signal.SIGCONT)
        response = waiting.response()
    assert response is not None
    assert (response.status, response.header("connection")) == (200, "keep-alive")


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    """A plain socket, which is told of a reset."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def test_a_request_that_crosses_the_end_of_its_connection_is_met_by_silence(client: socket.socket) -> None:
    """Not by a reset, which some clients report as an error where they would try again after an end."""
    client.sendall(LIVE)
    while client.recv(65536):
        pass
    for _ in range(2):  # the second would meet the reset that the first had brought about
        client.sendall(LIVE)
    assert client.recv(65536) == b""


def test_a_client_that_sends_on_when_it_is_rejected_reads_why(client: socket.socket) -> None:
    """A reset would destroy it unread."""
    client.sendall(REJECTED.replace(b"Length: 4", b"Length: 3000000"))
    for _ in range(30):
        client.sendall(b" " * 100_000)
    received = b""
    while data := client.recv(65536):
        received += data
    assert received.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in received


def test_one_that_never_hangs_up_is_not_waited_for_long(port: int) -> None:
    """From the end of the connection on, it has a second to read."""
    with connect(port) as connection:
        connection.send(LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert connection.response() is not None
        connection.seconds_until_closed()
        deadline = time.monotonic() + 15
        while connection.send(LIVE):  # what is sent meanwhile is thrown away
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert connection.received.count(b"HTTP/1.1 ") == 1
