"""An offer to switch protocols changes nothing: bodies are read, responses are as many and as they are without it."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import TestDatabase, UserClient
from tests.core.api_process import ApiProcess
from tests.core.raw_http import RawConnection, RawResponse
from tests.core.served import Served, logged, statuses
from tests.core.server.offers import OFFERS, offering

LAST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
BODY = b'{"title": "Water the plants"}'
FRAMINGS = {
    "length": b"Content-Length: 29\r\n\r\n" + BODY,
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n1D\r\n" + BODY + b"\r\n0\r\n\r\n",
    "many chunks": (
        b"Transfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in BODY)
        + b"0\r\nX-Request-ID: trailer\r\n\r\n"
    ),
}
CUTS: dict[str, Callable[[bytes], list[bytes]]] = {
    "one piece": lambda sent: [sent],
    "bytes": lambda sent: [sent[index : index + 1] for index in range(len(sent))],
    "head and body": lambda sent: [part for part in sent.partition(b"\r\n\r\n") if part],
}


@pytest.fixture(scope="module")
def process(database: TestDatabase) -> Iterator[ApiProcess]:
    """The program, with narrow limits."""
    with ApiProcess(database.proxied_url, MAX_BODY_BYTES="4096", BODY_TIMEOUT="0.5") as running:
        yield running


def _head(user: UserClient, *lines: str, method: str = "POST") -> bytes:
    fields = ["Host: localhost", f"Authorization: {user.headers['authorization']}", *lines]
    return "".join(f"{line}\r\n" for line in (f"{method} {user.tasks} HTTP/1.1", *fields)).encode()


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("framing", FRAMINGS)
def test_every_body_is_read_and_the_connection_goes_on(
    served: Served, user: UserClient, framing: str, cut: str, offer: str
) -> None:
    create = offering(offer, _head(user, "Content-Type: application/json") + FRAMINGS[framing])
    responses, lines = served.exchange(CUTS[cut](create * 3 + offering(offer, LAST)))
    assert statuses(responses) == logged(lines) == [201, 201, 201, 200]
    assert [response.json()["title"] for response in responses[:3]] == ["Water the plants"] * 3
    assert len(user.get(user.tasks).json()["items"]) == 3
    assert "trailer" not in {response.header("x-request-id") for response in responses}


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(("line", "status"), [("Content-Type: text/plain", 415), ("Authorization: Bearer x", 401)])
def test_a_body_that_is_not_looked_at_is_no_request(
    served: Served, user: UserClient, framing: str, cut: str, offer: str, line: str, status: int
) -> None:
    rejected = _head(user, line) + FRAMINGS[framing]
    if status == 401:
        rejected = rejected.replace(user.headers["authorization"].encode(), b"Bearer x")
    responses, lines = served.exchange(CUTS[cut](offering(offer, rejected) * 2 + offering(offer, LAST)))
    assert statuses(responses) == logged(lines) == [status, status, 200]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize(
    ("framing", "status"),
    [
        (b"Content-Length: 4097\r\n\r\n" + b" " * 4097, 413),
        (b"Transfer-Encoding: chunked\r\n\r\n1001\r\n" + b" " * 4097 + b"\r\n0\r\n\r\n", 413),
        (b"Content-Length: 30\r\n\r\n" + BODY, 408),
        (b"Transfer-Encoding: chunked\r\n\r\n1D\r\n" + BODY, 408),
    ],
)
def test_behind_a_body_that_is_not_read_to_its_end_nothing_is_read(
    served: Served, user: UserClient, offer: str, framing: bytes, status: int
) -> None:
    sent = offering(offer, _head(user, "Content-Type: application/json") + framing)
    behind = offering(offer, LAST) if status == 413 else b""
    (response,), lines = served.exchange([sent, behind])
    assert (response.status, response.header("connection")) == (status, "close")
    assert logged(lines) == [status]
    assert user.get(user.tasks).json()["items"] == []


@pytest.mark.parametrize("offer", OFFERS)
def test_a_client_that_asks_before_it_sends_is_told_to_go_on(served: Served, user: UserClient, offer: str) -> None:
    head = _head(user, "Content-Type: application/json", "Content-Length: 29", "Expect: 100-continue")

    def ask(connection: RawConnection) -> list[RawResponse]:
        connection.send(offering(offer, head) + b"\r\n")
        interim = connection.response()
        connection.send(BODY + offering(offer, LAST))
        return [*filter(None, [interim]), *connection.responses()]

    responses, lines = served.talk(ask)
    assert statuses(responses) == [100, 201, 200]
    assert logged(lines) == [201, 200]


@pytest.mark.parametrize("offer", OFFERS)
def test_whether_a_body_comes_that_nobody_asked_for_is_not_guessed(
    served: Served, user: UserClient, offer: str
) -> None:
    """A client that is rejected instead of being told to go on may send its body or not (RFC 9110, section 10.1.1)."""
    head = _head(user, "Content-Length: 29", "Expect: 100-continue").replace(b"Bearer ", b"Bearer x") + b"\r\n"
    (response,), lines = served.exchange([offering(offer, head), offering(offer, LAST)])
    assert (response.status, response.header("connection")) == (401, "close")
    assert logged(lines) == [401]
    responses, lines = served.exchange([offering(offer, head) + BODY + offering(offer, LAST)])
    assert statuses(responses) == logged(lines) == [401, 200], "the body was there already"


@pytest.mark.parametrize("offer", OFFERS)
def test_requests_of_http_1_0_have_one_response_and_no_interim_one(
    served: Served, user: UserClient, offer: str
) -> None:
    head = _head(user, "Content-Type: application/json", "Expect: 100-continue", "Connection: keep-alive")
    old = offering(offer, (head + FRAMINGS["length"]).replace(b"HTTP/1.1", b"HTTP/1.0"))
    (response,), lines = served.exchange([old + offering(offer, LAST)])
    assert (response.status, response.header("connection")) == (201, "close")
    assert logged(lines) == [201]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("method", ["HEAD", "GET", "OPTIONS", "DELETE"])
def test_requests_without_a_body_are_what_they_are_without_an_offer(
    served: Served, user: UserClient, offer: str, method: str
) -> None:
    """A length of none and no length are the same; HEAD has no content."""

    def told(message: bytes) -> list[bytes]:
        found: list[list[bytes]] = []

        def ask(connection: RawConnection) -> list[RawResponse]:
            connection.send(message * 2 + LAST)
            connection.seconds_until_closed()
            found.append(re.findall(rb"HTTP/1.1 (\d+)", connection.received))
            return []

        _, lines = served.talk(ask)
        assert [int(status) for status in found[0]] == logged(lines)
        return found[0]

    for line in ([], ["Content-Length: 0"]):
        request = _head(user, *line, method=method) + b"\r\n"
        assert told(offering(offer, request)) == told(request)
        assert len(told(request)) == 3
