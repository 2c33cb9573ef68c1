"""Bytes that are not well-formed HTTP/1.1 are rejected and the connection ends: nothing behind them is read.

Each holds without an offer to switch protocols and with any, and is counted: responses and lines of the log are as many
as the requests that were sent.
"""

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.conftest import TestDatabase, UserClient
from tests.core.api_process import ApiProcess, Line
from tests.core.raw_http import RawConnection, RawResponse
from tests.core.served import Served, logged, statuses
from tests.core.server.offers import OFFERS, offering

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
CLOSE = b"Connection: close\r\n\r\n"
POST = b"POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

DETAILS = {
    "This is not well-formed HTTP/1.1.",
    "Send HTTP/1.1.",
    "Send exactly one Host header.",
    "Host is not a host, with or without a port.",
}
MALFORMED = {
    "a host that is none": b"GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a path": b"GET /health/live HTTP/1.1\r\nHost: localhost/health\r\n\r\n",
    "a port that is none": b"GET /health/live HTTP/1.1\r\nHost: localhost:eighty\r\n\r\n",
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
    "CONNECT with a path": b"CONNECT /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
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


ALLOWED = [
    b"\r\n\r\n" + LIVE + CLOSE,
    b"GET /health/live HTTP/1.0\r\n\r\n",
    b"GET http://elsewhere.example/health/live HTTP/1.1\r\nHost: localhost\r\n" + CLOSE,
    b"GET /health/live HTTP/1.1\r\nHost:\r\n" + CLOSE,
    b"GET /health/live HTTP/1.1\r\nhOsT:localhost\t \r\n" + CLOSE,
    LIVE + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"2;ext=1\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n",
    LIVE + b"X-A: \xff\xfe\t\xe9\r\n" + CLOSE,
    LIVE + b"X-A: " + b"a" * 60_000 + b"\r\n" + CLOSE,
]


TOO_LARGE = {
    "head of 70 kB in one header",
    "head of 70 kB in many headers",
    "path of 70 kB",
    "head of one header",
    "head of many headers",
    "path",
}


def assert_too_large(response: RawResponse) -> None:
    """The whole response to a head without an end, or beyond the limit."""
    problem: dict[str, Any] = response.json()
    assert problem.pop("request_id") == response.header("x-request-id")
    assert problem.pop("instance")
    assert problem == {
        "type": "/problems/request_header_fields_too_large",
        "title": "Request Header Fields Too Large",
        "status": 431,
        "detail": "The head of a request may have 64 KiB.",
        "code": "request_header_fields_too_large",
    }
    assert (response.status, response.header("connection")) == (431, "close")
    assert parsedate_to_datetime(response.header("date") or "").tzinfo is UTC
    assert response.header("content-type") == "application/problem+json"


def assert_rejected(response: RawResponse) -> None:
    """The whole response to bytes that are not HTTP; `instance` is there also where no path was understood."""
    problem: dict[str, Any] = response.json()
    occurrence, instance, detail = (problem.pop(name) for name in ("request_id", "instance", "detail"))
    assert problem == {
        "type": "/problems/bad_request",
        "title": "Bad request",
        "status": 400,
        "code": "bad_request",
    }
    assert response.status == 400
    assert detail in DETAILS
    assert instance
    assert response.header("x-request-id") == occurrence
    expected = {
        "content-type": "application/problem+json",
        "connection": "close",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    assert {name: response.header(name) for name in expected} == expected
    assert parsedate_to_datetime(response.header("date") or "").tzinfo is UTC


@pytest.fixture(scope="module")
def process(database: TestDatabase) -> Iterator[ApiProcess]:
    """The program."""
    with ApiProcess(database.proxied_url, SIGN_IN_ATTEMPTS_PER_ADDRESS="1000000") as running:
        yield running


@pytest.fixture(scope="module")
def mallory(process: ApiProcess) -> Iterator[UserClient]:
    """Whose requests stand where none may be read; in the end there is no task of his."""
    with UserClient(process.url) as user:
        yield user


def _rejections(lines: list[Line]) -> int:
    """How many requests the log calls rejected: by the protocol, or by the application."""
    codes = ("bad_request", "request_header_fields_too_large")
    return len([line for line in lines if line.get("error.code") in codes])


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_http_is_rejected_and_nothing_behind_it_is_read(
    served: Served, mallory: UserClient, name: str, offer: str
) -> None:
    behind = offering(offer, _create(mallory, "Behind"))
    (response,), lines = served.exchange([offering(offer, MALFORMED[name]) + behind])
    (assert_too_large if name in TOO_LARGE else assert_rejected)(response)
    assert _rejections(lines) == 1
    assert logged(lines) in ([], [400], [499])  # 499: its response was under way when its body turned out to be none
    assert mallory.get(mallory.tasks).json()["items"] == []


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("name", MALFORMED)
def test_what_was_asked_before_malformed_http_gets_its_response(
    served: Served, user: UserClient, name: str, offer: str
) -> None:
    """In its place: the rejection does not come in the name of another request."""
    before, behind = (offering(offer, _create(user, title)) for title in ("Before", "Behind"))
    responses, lines = served.exchange([before + offering(offer, MALFORMED[name]) + behind])
    assert statuses(responses) in ([201], [201, 400])
    assert responses[0].json()["title"] == "Before"
    assert logged(lines) in ([201], [201, 400])
    assert _rejections(lines) == 1
    assert [task["title"] for task in user.get(user.tasks).json()["items"]] == ["Before"]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_comes_to_an_end_is_cut_off(served: Served, name: str, offer: str) -> None:
    def send(connection: RawConnection) -> list[RawResponse]:
        connection.send(offering(offer, ENDLESS[name]))
        assert connection.seconds_until_closed() < 5
        assert b"200 OK" not in connection.received
        # Unless what was still being sent has destroyed it on its way.
        assert (b" 431 " in connection.received) == (name in TOO_LARGE) or connection.received == b""
        return []

    _, lines = served.talk(send)
    assert _rejections(lines) == 1


@pytest.mark.parametrize("offer", OFFERS)
def test_a_request_has_one_response_also_if_its_body_turns_out_to_be_none(
    served: Served, mallory: UserClient, offer: str
) -> None:
    """It was rejected before its body came: nothing more is said, as it would be taken for the next response."""

    def send(connection: RawConnection) -> list[RawResponse]:
        connection.send(offering(offer, CHUNKED.replace(b"auth/sign-in", b"users/me/tasks")))
        first = connection.response()
        connection.send(b"zz\r\n" + offering(offer, _create(mallory, "Behind")))
        return [*filter(None, [first]), *connection.responses()]

    responses, lines = served.talk(send)
    assert statuses(responses) == logged(lines) == [401]
    assert _rejections(lines) == 1
    assert mallory.get(mallory.tasks).json()["items"] == []


@pytest.mark.parametrize("offer", OFFERS)
def test_a_length_wins_over_what_looks_like_a_request(served: Served, mallory: UserClient, offer: str) -> None:
    inner = offering(offer, _create(mallory, "Inner"))
    sent = [
        LIVE + b"Content-Length: %d\r\n\r\n" % len(inner) + inner,
        POST + b"Content-Length: %d\r\n\r\n" % len(inner) + inner,
        LIVE + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n",
        LIVE + CLOSE,
    ]
    responses, lines = served.exchange([b"".join(offering(offer, one) for one in sent)])
    assert statuses(responses) == logged(lines) == [200, 400, 200, 200]
    assert mallory.get(mallory.tasks).json()["items"] == []


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("last", [LIVE + CLOSE, b"GET /health/live HTTP/1.0\r\n\r\n"])
@pytest.mark.parametrize("name", ["a request", "no version"])
def test_what_follows_the_last_request_of_a_connection_is_not_read(
    served: Served, mallory: UserClient, offer: str, last: bytes, name: str
) -> None:
    behind = MALFORMED.get(name) or _create(mallory, "Behind")
    responses, lines = served.exchange([offering(offer, last) + offering(offer, behind)])
    assert statuses(responses) == logged(lines) == [200]
    assert len(lines) == 1
    assert mallory.get(mallory.tasks).json()["items"] == []


@pytest.mark.parametrize("offer", OFFERS)
def test_pipelined_requests_get_their_responses_in_order(served: Served, user: UserClient, offer: str) -> None:
    missing = LIVE.replace(b"/health/live", b"/nothing") + b"\r\n"
    sent = [LIVE + b"\r\n", _create(user, "First"), missing, _create(user, "Second"), LIVE + CLOSE]
    responses, lines = served.exchange([b"".join(offering(offer, one) for one in sent)])
    assert statuses(responses) == logged(lines) == [200, 201, 404, 201, 200]
    assert [responses[index].json()["title"] for index in (1, 3)] == ["First", "Second"]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("sent", ALLOWED)
def test_what_the_grammar_allows_gets_a_response(served: Served, sent: bytes, offer: str) -> None:
    (response,), lines = served.exchange([offering(offer, sent)])
    assert (response.status, response.json()) == (200, {"status": "ok"})
    assert logged(lines) == [200]


def _create(user: UserClient, title: str) -> bytes:
    """A whole request that would store a task."""
    body = b'{"title": "%s"}' % title.encode()
    return (
        f"POST {user.tasks} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {user.headers['authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
