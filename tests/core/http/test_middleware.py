"""What holds for every response: its request id, its headers, and that no failure of the code leaves without one."""

import multiprocessing
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from core.http.middleware import request_id_of
from tests.conftest import RunningServer, UserClient, assert_problem
from tests.core.raw_http import connect, exchange
from tests.core.serving import live_and_die, port_of, serving
from tests.waiting import poll

CAUSE = "a word that is for the log alone"
HEX = re.compile(r"[0-9a-f]{32}")
WELL_FORMED = ["a", "0-._Z", "f" * 128, "7f3c-4e.req_1", "request_id"]
MALFORMED = ["", "a" * 129, "a b", "a/b", "é", "a\tb", '{"a":1}', "a,b", "<b>", "a=b"]


@pytest.mark.parametrize("given", WELL_FORMED)
def test_a_well_formed_request_id_is_kept(api: httpx.Client, given: str) -> None:
    for path in ("/health/live", "/nothing", "/api/v1/users/me"):
        assert api.get(path, headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", MALFORMED)
def test_another_request_id_is_replaced(api: httpx.Client, given: str) -> None:
    response = api.get("/nothing", headers=[(b"X-Request-ID", given.encode())])
    assert HEX.fullmatch(assert_problem(response, 404, "not_found")["request_id"])
    assert HEX.fullmatch(response.headers["x-request-id"])


def test_each_request_has_an_id_of_its_own(api: httpx.Client) -> None:
    ids = {api.get("/health/live").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert all(HEX.fullmatch(one) for one in ids)


def test_no_two_workers_give_the_same_id() -> None:
    """They are forked from one process, with whatever it knows of the next id."""
    forking = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, forking) as one, ProcessPoolExecutor(1, forking) as other:
        first, second = one.submit(request_id_of, {}), other.submit(request_id_of, {})
        assert len({first.result(), second.result(), request_id_of({})}) == 3


@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
def test_every_response_has_the_security_headers_and_no_word_of_the_server(
    alice: UserClient, api: httpx.Client
) -> None:
    task = alice.create_task()
    responses = [
        alice.get("/health/live"),
        alice.get(alice.tasks),
        alice.post(alice.tasks, json={"title": "Another"}),
        alice.post(alice.tasks, json={}),
        alice.post(alice.tasks, content=b"{", headers={"Content-Type": "application/json"}),
        alice.post(alice.tasks, content=b"a" * 2_000_000),
        alice.post(alice.tasks, content=b"text"),
        alice.put(alice.tasks),
        alice.get("/nothing"),
        alice.get("/api/v1/users/somebody"),
        alice.get("/docs"),
        alice.get("/openapi.json"),
        alice.get("/swagger/swagger-ui.css"),
        alice.request("HEAD", "/health/live"),
        alice.options("/health/live"),
        api.get(alice.tasks),
        alice.delete(f"{alice.tasks}/{task['id']}"),
    ]
    assert {response.status_code for response in responses} == {200, 201, 204, 400, 401, 403, 404, 405, 413, 415}
    for response in responses:
        assert response.headers.get_list("x-content-type-options") == ["nosniff"]
        assert response.headers.get_list("cache-control") == ["no-store"]
        assert len(response.headers.get_list("x-request-id")) == 1
        assert not {"server", "x-powered-by", "via"} & response.headers.keys()


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    """An application with three bugs: one before its response, one before the response's content, one within that."""
    if scope["type"] == "lifespan":
        await live_and_die(receive, send)
        return
    if scope["path"] != "/before":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
    if scope["path"] == "/within":
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError(CAUSE)


@pytest.fixture(scope="module")
def broken_port() -> Iterator[int]:
    """A server of that application."""
    with serving(broken) as running:
        yield port_of(running)


@pytest.mark.parametrize("path", ["/before", "/between"])
def test_the_response_to_a_bug_has_no_word_of_its_cause(broken_port: int, path: str) -> None:
    """Until there is content nothing was sent, and so another head can be."""
    with capture_logs() as logs:
        response = httpx.get(f"http://127.0.0.1:{broken_port}{path}", headers={"X-Request-ID": "bug-1"})
    detail = "The server failed; its log has the cause under this request_id."
    assert_problem(response, 500, "internal_error", title="Internal server error", detail=detail, request_id="bug-1")
    assert CAUSE not in response.text
    assert response.headers["cache-control"] == "no-store"
    failure, access = logs
    assert (failure["log_level"], failure["event"], failure["error.type"]) == (
        "error",
        "request failed",
        "RuntimeError",
    )
    assert str(failure["exc_info"]) == CAUSE
    assert (access["event"], access["http.response.status_code"]) == ("request", 500)
    assert access["error.code"] == "internal_error"


def test_a_bug_within_a_response_ends_the_connection(broken_port: int) -> None:
    with capture_logs() as logs, connect(broken_port) as connection:
        connection.send(b"GET /within HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.seconds_until_closed()
    assert connection.received.endswith(b"\r\n\r\nhalf")
    assert [(line["event"], line["log_level"]) for line in logs] == [("request failed", "error"), ("request", "info")]
    assert logs[1]["http.response.status_code"] == 200


def test_a_client_that_hangs_up_is_no_failure_of_the_server(api_server: RunningServer, alice: UserClient) -> None:
    head = (
        f"POST {alice.tasks} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {alice.headers['authorization']}\r\n"
        "X-Request-ID: hung-up\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    with capture_logs() as logs:
        with connect(api_server.port) as connection:
            connection.send(head.encode() + b'{"title"')
        poll(lambda: any(line.get("url.path") == alice.tasks for line in logs))
    (line,) = logs
    assert (line["event"], line["log_level"], line["http.response.status_code"]) == ("request", "info", 499)
    assert "error.code" not in line


def test_bad_framing_is_logged_under_the_id_of_the_response(api_server: RunningServer) -> None:
    with capture_logs() as logs:
        (response,) = exchange(api_server.port, b"nonsense\r\n\r\n")
    (line,) = logs
    assert (line["event"], line["request_id"]) == ("request rejected", response.header("x-request-id"))
    assert (line["error.code"], line["error.reason"]) == ("bad_request", "bad_framing")
