"""Bytes that are not well-formed HTTP/1.1 are refused and the connection ends; nothing is smuggled behind them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Caller, RunningServer
from tests.core.raw_http import Answer, connect, exchange

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
CLOSE = b"Connection: close\r\n\r\n"
POST = b"POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "no version": b"GET /health/live\r\n\r\n",
    "HTTP/0.9": b"GET /health/live HTTP/0.9\r\nHost: localhost\r\n\r\n",
    "HTTP/1.2": b"GET /health/live HTTP/1.2\r\nHost: localhost\r\n\r\n",
    "HTTP/2.0": b"GET /health/live HTTP/2.0\r\nHost: localhost\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "garbage": b"\x00\xff\xfe\x01 garbage\r\n\r\n",
    "text": b"hello there\r\n\r\n",
    "unknown method": b"BREW /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "method in small letters": b"get /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "CONNECT": b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no slash": b"GET health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "space in the path": b"GET /health/ live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "NUL in the path": b"GET /health/\x00live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bytes above ASCII in the path": b"GET /health/\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bytes above ASCII in the query": b"GET /health/live?\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bare LF": b"GET /health/live HTTP/1.1\nHost: localhost\n\n",
    "bare LF after a header": LIVE + b"X-A: 1\nX-B: 2\r\n\r\n",
    "bare CR": LIVE + b"X-A: 1\rX-B: 2\r\n\r\n",
    "folded header": LIVE + b"X-A: 1\r\n folded\r\n\r\n",
    "header folded by a tab": LIVE + b"X-A: 1\r\n\tfolded\r\n\r\n",
    "space before the first header": b"GET /health/live HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "space before the colon": LIVE + b"X-A : 1\r\n\r\n",
    "no colon": LIVE + b"X-A\r\n\r\n",
    "no name": LIVE + b": 1\r\n\r\n",
    "control character in a name": LIVE + b"X\x01A: 1\r\n\r\n",
    "NUL in a value": LIVE + b"X-A: a\x00b\r\n\r\n",
    "control character in a value": LIVE + b"X-A: a\x01b\r\n\r\n",
    "escape in a value": LIVE + b"X-A: a\x1b[2Jb\r\n\r\n",
    "delete in a value": LIVE + b"X-A: a\x7fb\r\n\r\n",
    "no Host": b"GET /health/live HTTP/1.1\r\n\r\n",
    "two Hosts": LIVE + b"Host: localhost\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "the same length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "length with a plus": POST + b"Content-Length: +2\r\n\r\n{}",
    "length in hexadecimal": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "length with a fraction": POST + b"Content-Length: 2.0\r\n\r\n{}",
    "empty length": POST + b"Content-Length: \r\n\r\n{}",
    "length beyond 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "unknown coding": POST + b"Transfer-Encoding: zip\r\n\r\n{}",
    "almost chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked is not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunk size is no number": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "chunk size with a prefix": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "chunk size beyond 64 bits": CHUNKED + b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "chunk ends with bare LF": CHUNKED + b"2\n{}\n0\n\n",
    "no chunk size": CHUNKED + b"\r\n{}\r\n0\r\n\r\n",
    "head of 70 kB in one header": LIVE + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n",
    "head of 70 kB in many headers": LIVE + b"".join(b"X-%d: a\r\n" % one for one in range(6500)) + b"\r\n",
    "path of 70 kB": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
}

ENDLESS = {
    "head of one header": LIVE + b"X-A: " + b"a" * 500_000,
    "head of many headers": LIVE + b"X-A: a\r\n" * 60_000,
    "trailers": CHUNKED + b"0\r\n" + b"X-A: a\r\n" * 60_000,
    "extension of a chunk": CHUNKED + b"2;" + b"a" * 500_000,
    "path": b"GET /" + b"a" * 500_000,
}


def assert_refused(answer: Answer) -> None:
    """The whole answer to bytes that are not HTTP; `instance` is there also where no path was understood."""
    problem: dict[str, Any] = answer.json()
    occurrence, instance, detail = (problem.pop(name) for name in ("request_id", "instance", "detail"))
    assert problem == {
        "type": "urn:todo-api:problem:bad_request",
        "title": "The request cannot be understood",
        "status": 400,
        "code": "bad_request",
    }
    assert answer.status == 400
    assert detail in {"This is not well-formed HTTP/1.1.", "Send HTTP/1.1.", "Send exactly one Host header."}
    assert instance
    assert answer.header("x-request-id") == occurrence
    expected = {
        "content-type": "application/problem+json",
        "connection": "close",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    assert {name: answer.header(name) for name in expected} == expected


@pytest.fixture(scope="module")
def mallory(api_server: RunningServer) -> Iterator[Caller]:
    """Whose requests are the ones to smuggle; in the end there is no task of his."""
    with Caller(api_server.url) as caller:
        yield caller


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_http_is_refused_and_the_connection_ends(api_server: RunningServer, name: str) -> None:
    (answer,) = exchange(api_server.port, MALFORMED[name])
    assert_refused(answer)


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_comes_to_an_end_is_cut_off(api_server: RunningServer, name: str) -> None:
    with connect(api_server.port) as connection:
        connection.send(ENDLESS[name])
        assert connection.seconds_until_closed() < 5
        assert b"200 OK" not in connection.received


@pytest.mark.parametrize("name", MALFORMED)
def test_a_request_behind_malformed_http_is_not_carried_out(
    api_server: RunningServer, mallory: Caller, name: str
) -> None:
    exchange(api_server.port, MALFORMED[name] + _create(mallory, "Smuggled"))
    assert mallory.get(mallory.tasks).json()["items"] == []


def test_a_length_wins_over_what_looks_like_a_request(api_server: RunningServer, mallory: Caller) -> None:
    smuggled = _create(mallory, "Smuggled")
    body_of_a_get = LIVE + b"Content-Length: %d\r\n\r\n" % len(smuggled) + smuggled
    body_of_a_post = POST + b"Content-Length: %d\r\n\r\n" % len(smuggled) + smuggled
    in_a_chunk = LIVE + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(smuggled) + smuggled + b"\r\n0\r\n\r\n"
    answers = exchange(api_server.port, body_of_a_get + body_of_a_post + in_a_chunk + LIVE + CLOSE)
    assert [answer.status for answer in answers] == [200, 400, 200, 200]
    assert mallory.get(mallory.tasks).json()["items"] == []


def test_what_follows_the_last_request_of_a_connection_is_not_carried_out(
    api_server: RunningServer, mallory: Caller
) -> None:
    answers = exchange(api_server.port, LIVE + CLOSE + _create(mallory, "Smuggled"))
    assert [answer.status for answer in answers] == [200]
    old = b"GET /health/live HTTP/1.0\r\n\r\n"
    assert [answer.status for answer in exchange(api_server.port, old + _create(mallory, "Smuggled"))] == [200]
    assert mallory.get(mallory.tasks).json()["items"] == []


def test_pipelined_requests_are_answered_in_their_order(api_server: RunningServer, alice: Caller) -> None:
    missing = LIVE.replace(b"/health/live", b"/nothing")
    sent = LIVE + b"\r\n" + _create(alice, "First") + missing + b"\r\n" + _create(alice, "Second") + LIVE + CLOSE
    answers = exchange(api_server.port, sent)
    assert [answer.status for answer in answers] == [200, 201, 404, 201, 200]
    assert [answers[index].json()["title"] for index in (1, 3)] == ["First", "Second"]


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n" + LIVE + CLOSE,
        b"GET /health/live HTTP/1.0\r\n\r\n",
        b"GET http://elsewhere.example/health/live HTTP/1.1\r\nHost: localhost\r\n" + CLOSE,
        b"GET /health/live HTTP/1.1\r\nHost:\r\n" + CLOSE,
        b"GET /health/live HTTP/1.1\r\nhOsT:localhost\t \r\n" + CLOSE,
        LIVE + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"2;ext=1\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n",
        LIVE + b"X-A: \xff\xfe\t\xe9\r\n" + CLOSE,
        LIVE + b"X-A: " + b"a" * 60_000 + b"\r\n" + CLOSE,
        LIVE + b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    ],
)
def test_what_the_grammar_allows_is_answered(api_server: RunningServer, sent: bytes) -> None:
    (answer,) = exchange(api_server.port, sent)
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


def _create(caller: Caller, title: str) -> bytes:
    """A whole request that would store a task."""
    body = b'{"title": "%s"}' % title.encode()
    return (
        f"POST {caller.tasks} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {caller.headers['authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
