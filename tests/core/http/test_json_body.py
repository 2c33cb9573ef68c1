"""How a body is read: only after the head has passed, only as JSON, only whole."""

import time
from typing import Any

import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.core.raw_http import RawConnection, RawResponse, connect

NOT_JSON = "Send `Content-Type: application/json`, uncompressed."
MISSING = [{"pointer": "", "message": "A body is required: JSON, with its Content-Type", "code": "missing"}]
JSON = {"Content-Type": "application/json"}
TITLE = b'{"title": "Water the plants"}'


def head(user: UserClient, *lines: str, target: str | None = None) -> bytes:
    """The head of a create; each of `lines` is a further header."""
    first = (
        f"POST {target or user.tasks} HTTP/1.1",
        "Host: localhost",
        f"Authorization: {user.headers['authorization']}",
    )
    return "\r\n".join([*first, *lines, "", ""]).encode("latin-1")


def problem(connection: RawConnection) -> tuple[int, str]:
    """The next response's status and code."""
    response = connection.response()
    assert response is not None
    return response.status, response.json()["code"]


def post(server: RunningServer, data: bytes) -> RawResponse:
    """The response to a whole request."""
    with connect(server.port) as connection:
        connection.send(data)
        response = connection.response()
    assert response is not None
    return response


@pytest.mark.parametrize(
    ("lines", "target", "rejected"),
    [
        ([], "/api/v1/users/somebody/tasks", (403, "forbidden")),
        ([], "/api/v1/users/me/nothing", (404, "not_found")),
        ([], "/api/v1/users/me", (405, "method_not_allowed")),
        ([], "/api/v1/users/me/tasks?nonsense=1", (400, "validation_failed")),
        (["Authorization: Bearer x"], None, (401, "missing_token")),
    ],
)
def test_a_rejection_by_the_head_does_not_wait_for_the_body(
    api_server: RunningServer, alice: UserClient, lines: list[str], target: str | None, rejected: tuple[int, str]
) -> None:
    started = time.monotonic()
    with connect(api_server.port) as connection:
        connection.send(head(alice, "Content-Type: application/json", "Content-Length: 1000", *lines, target=target))
        assert problem(connection) == rejected
    assert time.monotonic() - started < 5  # a body has 30


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/json", True),
        ("Application/JSON ; Charset=UTF-8", True),
        ('application/json;charset="utf8"', True),
        ("application/json;", True),
        ("application/json" + ";" * 240, True),
        ("application/json" + ";" * 241, False),
        ("text/json", False),
        ("application/json; charset=utf-7", False),
        ("application/json; charset*=utf-8'en'utf-8", False),
        ("application/json; charset*=x", False),
        ("application/json; charset*0*=%zz", False),
        ("application\\json", False),
        ("\xe9", False),
        ('"application/json"', False),
    ],
)
def test_a_body_is_json_by_its_type_or_rejected(
    api_server: RunningServer, alice: UserClient, content_type: str, taken: bool
) -> None:
    lines = (f"Content-Type: {content_type}", f"Content-Length: {len(TITLE)}")
    response = post(api_server, head(alice, *lines) + TITLE)
    if taken:
        assert (response.status, response.json()["title"]) == (201, "Water the plants")
    else:
        found = response.json()
        assert (response.header("accept"), response.header("accept-encoding")) == ("application/json", "identity")
        assert (response.status, found["code"], found["detail"]) == (415, "unsupported_media_type", NOT_JSON)
    assert len(alice.get(alice.tasks).json()["items"]) == taken


@pytest.mark.parametrize("lines", [["Content-Length: 0"], ["Transfer-Encoding: chunked"], []])
def test_no_bytes_are_a_missing_body_however_they_are_framed(
    api_server: RunningServer, alice: UserClient, lines: list[str]
) -> None:
    end = b"0\r\n\r\n" if "Transfer-Encoding: chunked" in lines else b""
    response = post(api_server, head(alice, "Content-Type: application/json", *lines) + end)
    assert (response.status, response.json()["code"], response.json()["errors"]) == (400, "validation_failed", MISSING)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b"{"}, 415, "unsupported_media_type"),
        ({"content": b"{", "headers": {**JSON, "Content-Encoding": "gzip"}}, 415, "unsupported_media_type"),
        ({"content": b"{", "headers": JSON}, 400, "malformed_json"),
        ({"content": b"{}", "headers": JSON}, 400, "validation_failed"),
        ({"content": b""}, 400, "validation_failed"),
    ],
)
def test_the_first_thing_that_is_wrong_is_told_and_the_database_not_asked(
    alice: UserClient, database: TestDatabase, sent: dict[str, Any], status: int, code: str
) -> None:
    database.proxy.clear()
    for key in ({}, {"Idempotency-Key": "key"}):
        response = alice.post(alice.tasks, **{**sent, "headers": {**sent.get("headers", {}), **key}})
        assert_problem(response, status, code)
        if code != "validation_failed":  # the schema is applied under the key, and gives it back
            assert database.proxy.queries == []


def test_a_body_in_pieces_is_read_whole(api_server: RunningServer, alice: UserClient) -> None:
    lines = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    pieces = b"".join(b"%x\r\n%b\r\n" % (1, TITLE[i : i + 1]) for i in range(len(TITLE)))
    response = post(api_server, head(alice, *lines) + pieces + b"0\r\n\r\n")
    assert (response.status, response.json()["title"]) == (201, "Water the plants")


@pytest.mark.parametrize("key", [[], ["Idempotency-Key: key"]], ids=["", "key"])
def test_a_client_that_hangs_up_within_its_body_stores_nothing(
    api_server: RunningServer, alice: UserClient, database: TestDatabase, key: list[str]
) -> None:
    """Also where what came is whole JSON by itself."""
    database.proxy.clear()
    with connect(api_server.port) as connection:
        lines = ("Content-Type: application/json", f"Content-Length: {len(TITLE) + 1}", *key)
        connection.send(head(alice, *lines) + TITLE)
    assert alice.get("/health/live").status_code == 200
    assert alice.get(alice.tasks).json()["items"] == []
    assert not [sql for sql in database.proxy.queries if "INSERT" in sql]
