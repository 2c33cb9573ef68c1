"""What every operation checks before its endpoint runs: query, body, content type; and what there is besides them."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from core.http import private_router
from core.problems import FieldCode
from core.tokens.claims import LEEWAY_SECONDS
from main import create_app
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, make_settings, make_token
from tests.core.raw_http import connect

NOT_JSON = "Send `Content-Type: application/json`, uncompressed."
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SOME_ID = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def paths(api_server: RunningServer) -> dict[str, dict[str, Any]]:
    """The published operations: by path, then by method in capitals."""
    with UserClient(api_server.url) as user:
        published = user.get("/openapi.json").json()["paths"]
    assert len(published) >= 10
    return {
        path: {method.upper(): operation for method, operation in item.items() if method.upper() in METHODS}
        for path, item in published.items()
    }


def _methods(path: str, paths: dict[str, dict[str, Any]]) -> set[str]:
    """Those that the path takes."""
    return {*paths[path], "OPTIONS"} | ({"HEAD"} if "GET" in paths[path] else set())


def _filled(path: str) -> str:
    """The current user's, with an id that nobody has for whatever else the path names."""
    return re.sub(r"\{\w+\}", SOME_ID, path.replace("{user_id}", "me"))


def test_an_unknown_query_parameter_is_rejected_by_every_operation(
    alice: UserClient, paths: dict[str, dict[str, Any]]
) -> None:
    for path, operations in paths.items():
        url = _filled(path)
        for method in operations:
            body: Any = {} if "requestBody" in operations[method] else None
            response = alice.request(method, url, params={"nonsense": "1"}, json=body)
            error = {"pointer": "/query/nonsense", "message": "This field is not known", "code": "unknown_field"}
            errors = assert_problem(response, 400, "validation_failed")["errors"]
            assert [one for one in errors if one["code"] != FieldCode.MISSING] == [error]


def test_every_other_method_is_rejected_with_a_complete_allow(
    alice: UserClient, paths: dict[str, dict[str, Any]]
) -> None:
    for path in paths:
        taken = _methods(path, paths)
        for method in sorted(METHODS - taken):
            response = alice.request(method, _filled(path))
            assert_problem(response, 405, "method_not_allowed", detail="This path does not take that method.")
            assert response.headers["allow"] == ", ".join(sorted(taken))


def test_every_body_is_rejected_without_its_content_type(alice: UserClient, paths: dict[str, dict[str, Any]]) -> None:
    found = [
        (method, path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    assert len(found) >= 9
    for method, path in found:
        response = alice.request(method, _filled(path), content=b"{}")
        assert_problem(response, 415, "unsupported_media_type", detail=NOT_JSON)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/json-patch+json",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=",
        "application/json; charset",
        "application/json; charset*=utf-8''utf-8",
        "; charset=utf-8",
        "json",
    ],
)
def test_a_body_of_another_type_is_rejected(alice: UserClient, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = alice.post(alice.tasks, content=b'{"title": "Never stored"}', headers=headers)
    assert_problem(response, 415, "unsupported_media_type", title="Unsupported media type", detail=NOT_JSON)
    assert alice.get(alice.tasks).json()["items"] == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity", ""])
def test_an_encoded_body_is_rejected(alice: UserClient, encoding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    response = alice.post(alice.tasks, content=b'{"title": "Never stored"}', headers=headers)
    assert_problem(response, 415, "unsupported_media_type", detail=NOT_JSON)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        'application/json; charset="UTF-8"',
        "application/json; charset=utf8",
        "application/json; version=1",
    ],
)
def test_every_spelling_of_json_is_taken(alice: UserClient, content_type: str) -> None:
    body = '{"title": "Fleurs à arroser"}'.encode()
    response = alice.post(alice.tasks, content=body, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["title"]) == (201, "Fleurs à arroser")


def test_an_empty_body_is_a_missing_one_whatever_its_type(alice: UserClient) -> None:
    missing = [{"pointer": "", "message": "A body is required: JSON, with its Content-Type", "code": "missing"}]
    for headers in ({}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}):
        response = alice.post(alice.tasks, headers=headers)
        assert_problem(response, 400, "validation_failed", errors=missing)


def test_a_body_where_none_is_taken_is_not_looked_at(alice: UserClient) -> None:
    task = alice.create_task()
    response = alice.request("GET", f"{alice.tasks}/{task['id']}", content=b"{", headers={"Content-Type": "text/plain"})
    assert (response.status_code, response.json()) == (200, task)


def test_a_trailing_slash_is_another_path_and_nothing_redirects(alice: UserClient) -> None:
    for path in (f"{alice.tasks}/", "/health/live/", f"{alice.tasks}/{SOME_ID}/"):
        response = alice.get(path, headers={"Host": "evil.example.com"})
        assert_problem(response, 404, "not_found", detail="There is no such path.")
        assert "location" not in response.headers
        assert "evil" not in response.text


def test_a_location_does_not_reflect_the_host(alice: UserClient) -> None:
    for host in ("evil.example.com", "evil.example.com:8000", "[::1]", ""):
        response = alice.post(alice.tasks, json={"title": "Water the plants"}, headers={"Host": host})
        assert response.headers["location"] == f"{alice.tasks}/{response.json()['id']}"
    for host in ("x/evil", "x?y", "x#y", "[::1", "user@evil.example.com"):
        response = alice.post(alice.tasks, json={"title": "Water the plants"}, headers={"Host": host})
        detail = "Host is not a host, with or without a port."
        assert_problem(response, 400, "bad_request", detail=detail)


def _slowly_typed(server: RunningServer, token: str, seconds: float) -> tuple[int, str]:
    """Creates a task whose body comes to its end so much later than its head."""
    body = b'{"title": "Slowly typed"}'
    head = (
        f"POST /api/v1/users/me/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    with connect(server.port) as connection:
        connection.send(head.encode() + body[:10])
        time.sleep(seconds)
        connection.send(body[10:])
        response = connection.response()
    assert response is not None
    return response.status, response.json()["title"]


def test_a_slow_body_does_not_use_up_the_time_of_the_database(start_server: Callable[..., RunningServer]) -> None:
    server = start_server(request_timeout=0.5)
    assert _slowly_typed(server, make_token("slow-typist"), 0.8) == (201, "Slowly typed")


@pytest.mark.slow
def test_a_token_that_expires_while_the_body_arrives_is_good_to_the_end(api_server: RunningServer) -> None:
    """It is checked once, before the body is read; the next request with it is rejected."""
    with UserClient(api_server.url, exp=int(time.time()) + 4 - LEEWAY_SECONDS) as user:
        token = user.headers["authorization"].removeprefix("Bearer ")
        assert _slowly_typed(api_server, token, 4.2) == (201, "Slowly typed")
        assert_problem(user.get(user.tasks), 401, "invalid_token")


def test_the_time_for_the_database_is_one_for_all_statements_of_a_request(
    start_server: Callable[..., RunningServer], make_database: Callable[[], TestDatabase]
) -> None:
    database = make_database()
    server = start_server(database=database, request_timeout=1)
    with UserClient(server.url) as user:
        user.create_task()
        database.query("ALTER TABLE tasks RENAME TO stored")
        database.query("CREATE VIEW tasks AS SELECT stored.* FROM pg_sleep(0.4), stored")
        assert user.get(user.tasks).status_code == 200
        both = user.get(f"{user.tasks}?include_total=true")
        assert_problem(both, 503, "database_unavailable")


def test_the_user_in_the_path_is_declared_also_where_no_repository_is_taken(database: TestDatabase) -> None:
    teas = private_router("teas", "/users/{user_id}/teas")

    @teas.get("")
    async def get_teas() -> list[str]:
        return ["green"]

    app = create_app(make_settings(), database.url)
    app.include_router(teas)
    (parameter,) = app.openapi()["paths"]["/api/v1/users/{user_id}/teas"]["get"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("user_id", "path", True)
