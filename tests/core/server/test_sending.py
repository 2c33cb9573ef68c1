"""How a response gets onto the wire: plain ones in one piece, all others as uvicorn sends them, none half said."""

import socket
import struct
from collections.abc import Iterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.core.raw_http import RawConnection, connect
from tests.core.serving import live_and_die, port_of, serving

OK = b"HTTP/1.1 200 OK\r\n"


def _start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def _body(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


TWO, THREE = (b"content-length", b"2"), (b"content-length", b"3")
# What the application of these tests sends for each path.
SENT: dict[str, list[Message]] = {
    "/plain": [_start((b"x-a", b"1"), TWO), _body(b"ok")],
    "/empty": [_start(status=204), _body(b"")],
    "/closing": [_start((b"connection", b"close"), TWO), _body(b"ok")],
    "/parts": [_start(TWO), _body(b"o", more=True), _body(b"k")],
    "/chunks": [_start(), _body(b"o", more=True), _body(b"k")],
    "/no-length": [_start(), _body(b"ok")],
    "/head-only": [_start(TWO)],
    "/too-short": [_start(THREE), _body(b"ok")],
    "/too-long": [_start(TWO), _body(b"oks")],
    "/two-lengths": [_start(THREE, TWO), _body(b"ok")],
    "/two-lines": [_start((b"x-a", b"1\r\nx-b: 2"), TWO), _body(b"ok")],
    "/nul": [_start((b"x-a", b"\0"), TWO), _body(b"ok")],
    "/half-line": [_start((b"x-a", b"1\nx-b: 2"), TWO), _body(b"ok")],
    "/two-heads": [_start((b"content-length", b"0")), _start(TWO)],
    "/twice": [_start(TWO), _body(b"ok"), _body(b"ok")],
}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends what is listed."""
    if scope["type"] == "lifespan":
        await live_and_die(receive, send)
        return
    for message in SENT[scope["path"]]:
        await send(dict(message))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where it is served."""
    with serving(application) as running:
        yield port_of(running)


def _packets(connection: RawConnection) -> int:
    """How many have come with data in them (`tcpi_data_segs_in` of Linux's struct tcp_info)."""
    found: int = struct.unpack_from("I", connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160), 152)[
        0
    ]
    return found


def ask(connection: RawConnection, path: str, method: str = "GET", version: str = "1.1") -> None:
    """Sends a request."""
    connection.send(f"{method} {path} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())


def test_head_and_body_come_in_one_packet(port: int) -> None:
    with connect(port) as connection:
        for _ in range(50):
            ask(connection, "/plain")
            assert connection.response() is not None
        assert _packets(connection) == 50


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("/plain", b"\r\n\r\nok"),
        ("/parts", b"\r\n\r\nok"),
        ("/no-length", b"\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("/chunks", b"\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"),
    ],
)
def test_the_connection_goes_on_after_a_response(port: int, path: str, end: bytes) -> None:
    with connect(port) as connection:
        for count in (1, 2):
            ask(connection, path)
            while connection.received.count(end) < count:
                assert connection._receive()
        assert connection.received.count(OK) == 2
        assert b"connection: close" not in connection.received


def test_a_response_without_content_has_no_length(port: int) -> None:
    with connect(port) as connection:
        ask(connection, "/empty")
        ask(connection, "/plain")
        empty, plain = connection.response(), connection.response()
    assert empty is not None
    assert plain is not None
    assert (empty.status, empty.body, plain.body) == (204, b"", b"ok")
    assert "content-length" not in dict(empty.headers)
    assert {name for name, _ in plain.headers} >= {"date", "x-a", "content-length", "x-request-id"}


@pytest.mark.parametrize(("path", "version"), [("/closing", "1.1"), ("/plain", "1.0")])
def test_a_connection_that_is_to_end_ends(port: int, path: str, version: str) -> None:
    with connect(port) as connection:
        ask(connection, path, version=version)
        connection.seconds_until_closed()
        assert connection.received.count(b"connection: close\r\n") == 1
        assert connection.received.endswith(b"\r\n\r\nok")


def test_head_has_the_length_and_no_body(port: int) -> None:
    with connect(port) as connection:
        ask(connection, "/plain", method="HEAD")
        connection._until(b"\r\n\r\n")
        ask(connection, "/plain")
        response = connection.response()
    assert response is not None
    assert response.body == b"ok"


@pytest.mark.parametrize("path", ["/two-lines", "/half-line", "/nul"])
def test_what_would_break_the_framing_is_not_sent(port: int, path: str) -> None:
    with connect(port) as connection:
        ask(connection, path)
        connection.seconds_until_closed()
    assert b"x-b" not in connection.received
    assert b"\0" not in connection.received
    assert not connection.received.startswith(OK)


@pytest.mark.parametrize("path", ["/head-only", "/too-short", "/too-long", "/two-lengths", "/two-heads", "/twice"])
def test_a_response_that_is_not_what_it_says_ends_the_connection(port: int, path: str) -> None:
    with connect(port) as connection:
        ask(connection, path)
        assert connection.seconds_until_closed() < 4  # an idle one has 5
    assert connection.received.count(b"HTTP/1.1 ") == 1
