"""The log of the real process tells of every request in one line, and of every failure why."""

import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.config import NAME, VERSION
from tests.conftest import TestDatabase, UserClient, make_token
from tests.core.api_process import ApiProcess, Line
from tests.core.raw_http import connect

MARKER = "zq7marker"
RESOURCE = {"service.name": NAME, "service.version": VERSION, "deployment.environment.name": "production"}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TASKS = "/api/v1/users/{user_id}/tasks"


@pytest.fixture(scope="module")
def process(own: TestDatabase) -> Iterator[ApiProcess]:
    """The program, reading a password in its database's URL."""
    url = own.proxied_url.replace("postgres@", f"postgres:{MARKER}@")
    with ApiProcess(url, BODY_TIMEOUT="1", MAX_BODY_BYTES="4096") as running:
        yield running


@pytest.fixture
def carol(process: ApiProcess) -> Iterator[UserClient]:
    """A user of it."""
    with UserClient(process.url) as user:
        yield user


def line_of(process: ApiProcess, request_id: str, message: str = "request") -> Line:
    """The only line of a request with this message."""
    found = process.find(lambda line: line.get("request_id") == request_id and line["message"] == message)
    assert [one for one in process.lines if one.get("request_id") == request_id and one["message"] == message] == [
        found
    ]
    return found


def test_the_line_of_a_request_has_all_its_fields(process: ApiProcess, carol: UserClient) -> None:
    headers = {"X-Request-ID": "whole-1", "traceparent": f"00-{TRACE}-{SPAN}-01", "User-Agent": "Agent/1.0 (test)"}
    assert carol.get(f"{carol.tasks}?q={MARKER}&limit=5", headers=headers).status_code == 200
    line = line_of(process, "whole-1")
    duration, timestamp = line.pop("duration_ms"), line.pop("timestamp")
    assert re.fullmatch("[0-9a-f]{32}", line.pop("service.instance.id"))
    span = line.pop("span_id")
    assert re.fullmatch("[0-9a-f]{16}", span)
    assert span != SPAN
    took, waited = line.pop("db.duration_ms"), line.pop("db.wait_ms")
    # Of a new process: the schema is looked up, and a new user is made, before the tasks are read.
    assert line.pop("db.statements") >= 1
    assert 0 < took < duration
    assert 0 <= waited < duration
    assert line == {
        **RESOURCE,
        "level": "info",
        "logger": "core.http.middleware",
        "message": "request",
        "request_id": "whole-1",
        "trace_id": TRACE,
        "trace_flags": "01",
        "todo_api.parent_span_id": SPAN,
        "http.request.method": "GET",
        "http.route": TASKS,
        "http.response.status_code": 200,
        "url.path": carol.tasks,
        "url.scheme": "http",
        "client.address": "127.0.0.1",
        "user_agent.original": "Agent/1.0 (test)",
        "user.id": carol.user_id,
    }
    assert isinstance(duration, float)
    assert 0 < duration < 5000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", timestamp)
    assert abs(datetime.fromisoformat(timestamp) - datetime.now(UTC)) < timedelta(minutes=1)


def test_every_request_has_exactly_one_line_whatever_happens_to_it(
    process: ApiProcess, carol: UserClient, own: TestDatabase
) -> None:
    json = {"Content-Type": "application/json"}
    task = f"{carol.tasks}/{carol.create_task()['id']}"
    cases: list[tuple[str, str, dict[str, Any], int, str | None, str | None]] = [
        ("GET", "/health/live", {}, 200, "/health/live", None),
        ("POST", carol.tasks, {"json": {"title": "a"}}, 201, TASKS, None),
        ("GET", carol.tasks, {"headers": {"Authorization": ""}}, 401, TASKS, "missing_token"),
        ("GET", carol.tasks, {"headers": {"Authorization": "Bearer x"}}, 401, TASKS, "invalid_token"),
        ("GET", "/api/v1/users/somebody/tasks", {}, 403, TASKS, "forbidden"),
        ("GET", f"{carol.tasks}?limit=0", {}, 400, TASKS, "validation_failed"),
        ("POST", carol.tasks, {"content": b"{", "headers": json}, 400, TASKS, "malformed_json"),
        ("GET", "/nothing", {}, 404, None, "not_found"),
        ("GET", f"{task[:-1]}{'1' if task[-1] == '0' else '0'}", {}, 404, f"{TASKS}/{{task_id}}", "not_found"),
        ("PUT", carol.tasks, {}, 405, TASKS, "method_not_allowed"),
        ("POST", carol.tasks, {"content": b" " * 5000, "headers": json}, 413, None, "body_too_large"),
        ("POST", carol.tasks, {"content": iter([b" " * 5000]), "headers": json}, 413, TASKS, "body_too_large"),
        ("POST", carol.tasks, {"content": b"text"}, 415, TASKS, "unsupported_media_type"),
        ("DELETE", task, {}, 204, f"{TASKS}/{{task_id}}", None),
    ]
    for number, (method, url, sent, status, route, code) in enumerate(cases):
        headers = {**sent.pop("headers", {}), "X-Request-ID": f"case-{number}"}
        assert carol.request(method, url, headers=headers, **sent).status_code == status
        line = line_of(process, f"case-{number}")
        assert (line["http.request.method"], line["url.path"], line["level"]) == (method, url.split("?")[0], "info")
        assert (line["http.response.status_code"], line.get("http.route"), line.get("error.code")) == (
            status,
            route,
            code,
        )


def test_a_client_that_hangs_up_or_falls_silent_has_its_line_too(process: ApiProcess, carol: UserClient) -> None:
    head = (
        f"POST {carol.tasks} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {carol.headers['authorization']}\r\n"
        "Content-Type: application/json\r\nContent-Length: 99\r\nX-Request-ID: "
    ).encode()
    with connect(process.port) as silent:
        silent.send(head + b"silent\r\n\r\n{")
        with connect(process.port) as hung_up:
            hung_up.send(head + b"hung-up\r\n\r\n{")
        assert line_of(process, "hung-up")["http.response.status_code"] == 499
        assert silent.response() is not None
    assert line_of(process, "silent")["http.response.status_code"] == 408
    assert [line for line in process.lines if line["level"] == "error"] == []


@pytest.mark.parametrize(
    ("traceparent", "valid"),
    [
        (f"00-{TRACE}-{SPAN}-00", True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", True),
        (f"00-{TRACE}-{SPAN}-01-more", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{TRACE[1:]}-{SPAN}-01", False),
        (f"{TRACE}-{SPAN}", False),
        ("", False),
    ],
)
def test_only_a_valid_traceparent_is_taken_over(process: ApiProcess, traceparent: str, valid: bool) -> None:
    response = httpx.get(f"{process.url}/health/live", headers={"traceparent": traceparent})
    line = line_of(process, response.headers["x-request-id"])
    assert (line.get("trace_id"), line.get("todo_api.parent_span_id")) == ((TRACE, SPAN) if valid else (None, None))
    assert ("span_id" in line, line.get("trace_flags")) == (valid, traceparent[53:55] if valid else None)


@pytest.mark.parametrize(
    ("authorization", "code", "reason"),
    [
        (f"Bearer {make_token('somebody', exp=1)}", "invalid_token", "expired"),
        (f"Bearer {make_token('somebody', secret=MARKER * 4)}", "invalid_token", "wrong_signature"),
        (f"Bearer {make_token('somebody', sub=None, email=f'{MARKER}@example.com')}", "invalid_token", "no_subject"),
        (f"Bearer {MARKER * 4}", "invalid_token", "not_a_jwt"),
        (f"Bearer {'a' * 9000}", "invalid_token", "too_long"),
        (f"Basic {MARKER}", "missing_token", "not_one_bearer_token"),
    ],
)
def test_a_rejected_token_carries_its_reason(process: ApiProcess, authorization: str, code: str, reason: str) -> None:
    response = httpx.get(f"{process.url}/api/v1/users/me", headers={"Authorization": authorization})
    line = line_of(process, response.headers["x-request-id"], "request rejected")
    assert (line["level"], line["error.code"], line["error.reason"]) == ("info", code, reason)


def test_a_request_without_a_token_needs_no_reason(process: ApiProcess) -> None:
    request_id = httpx.get(f"{process.url}/api/v1/users/me").headers["x-request-id"]
    line_of(process, request_id)
    assert [one["message"] for one in process.lines if one.get("request_id") == request_id] == ["request"]


def test_a_failure_of_the_database_carries_its_sqlstate(
    process: ApiProcess, carol: UserClient, own: TestDatabase
) -> None:
    name = own.url.split("?")[0].rsplit("/", 1)[1]
    own.query(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    own.proxy.cut()  # for new sessions
    try:
        rejected = carol.post(carol.tasks, json={"title": MARKER})
        own.proxy.refuse()
        away = carol.get(carol.tasks)
    finally:
        own.proxy.accept()
        own.query(f"SET TRANSACTION READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only")
        own.proxy.cut()
    for response, state in ((rejected, "25006"), (away, None)):
        assert response.status_code == 503
        line = line_of(process, response.headers["x-request-id"], "database error")
        assert (line["level"], line["error.code"]) == ("warning", "database_unavailable")
        assert line["db.response.status_code"] == state
        assert line_of(process, response.headers["x-request-id"])["http.response.status_code"] == 503


@pytest.mark.parametrize(
    ("rule", "undone", "told"),
    [
        (
            "ADD CONSTRAINT ck_tasks_none CHECK (false) NOT VALID",
            "DROP CONSTRAINT ck_tasks_none",
            "CheckViolation of ck_tasks_none",
        ),
        (
            "ADD CONSTRAINT uq_tasks_user_id UNIQUE (user_id)",
            "DROP CONSTRAINT uq_tasks_user_id",
            "UniqueViolation of uq_tasks_user_id",
        ),
        ("ADD COLUMN place text NOT NULL", "DROP COLUMN place", "NotNullViolation of place"),
    ],
)
def test_what_the_schema_rejects_is_told_by_its_name(
    process: ApiProcess, carol: UserClient, own: TestDatabase, rule: str, undone: str, told: str
) -> None:
    """A release meets this whose next one has a narrower schema: the client hears that a value cannot be stored."""
    own.query("DELETE FROM tasks")
    own.query(f"ALTER TABLE tasks {rule}")
    try:
        responses = [carol.post(carol.tasks, json={"title": MARKER}) for _ in range(2)]
    finally:
        own.query(f"ALTER TABLE tasks {undone}")
    assert responses[1].status_code in (400, 409)
    line = line_of(process, responses[1].headers["x-request-id"], "database error")
    assert (line["error.reason"], MARKER in str(line)) == (told, False)


@pytest.mark.parametrize(
    ("revoked", "granted", "told"),
    [
        (
            "SELECT ON todo.tasks",
            "SELECT, INSERT, UPDATE, DELETE ON todo.tasks",
            "permission denied for table tasks: GRANT SELECT, INSERT, UPDATE, DELETE ON todo.tasks TO the role of "
            "DATABASE_URL",
        ),
        (
            "SELECT ON todo.sync_history",
            "SELECT ON todo.sync_history",
            "permission denied for table sync_history: GRANT SELECT ON todo.sync_history TO the role of DATABASE_URL",
        ),
        (
            "USAGE ON SCHEMA todo",
            "USAGE ON SCHEMA todo",
            "permission denied for schema todo: GRANT USAGE ON SCHEMA todo TO the role of DATABASE_URL",
        ),
    ],
)
def test_a_missing_grant_is_named(
    make_database: Callable[[], TestDatabase], revoked: str, granted: str, told: str
) -> None:
    """In the words that mend it."""
    database = make_database()
    role = f"limited_{secrets.token_hex(4)}"
    database.query(f"CREATE ROLE {role} LOGIN")
    database.query(f"GRANT USAGE ON SCHEMA todo TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA todo TO {role}")
    database.query(f"REVOKE {revoked} FROM {role}")
    with ApiProcess(database.url.replace("postgres:@", f"{role}:@")) as limited, UserClient(limited.url) as user:
        if "SCHEMA" not in revoked:
            (told_at_start,) = [line for line in limited.lines if line["message"] == "grants missing"]
            assert told_at_start["error.reason"] == f"GRANT {revoked} TO the role of DATABASE_URL"
        path = f"{user.tasks}/changes" if "sync" in revoked else user.tasks
        response = user.get(path)
        assert response.status_code == 500
        line = line_of(limited, response.headers["x-request-id"], "request failed")
        assert (line["db.response.status_code"], line["exception.message"]) == ("42501", told)
        ready = user.get("/health/ready")
        if "SCHEMA" in revoked:  # it is no older schema, nor none
            assert ready.json()["code"] == "database_unavailable"
            assert line_of(limited, ready.headers["x-request-id"], "not ready")["error.reason"] == told
        database.query(f"GRANT {granted} TO {role}")
        assert user.get(path).status_code == 200


def test_a_bug_is_an_error_with_all_that_is_known_of_it(
    process: ApiProcess, carol: UserClient, own: TestDatabase
) -> None:
    own.query("ALTER TABLE tasks RENAME COLUMN title TO headline")
    try:
        response = carol.post(carol.tasks, json={"title": MARKER})
    finally:
        own.query("ALTER TABLE tasks RENAME COLUMN headline TO title")
    assert response.status_code == 500
    line = line_of(process, response.headers["x-request-id"], "request failed")
    assert (line["level"], line["error.type"]) == ("error", "UndefinedObjectError")
    assert line["db.response.status_code"] == "42703"
    assert line["exception.type"] == "core.database.errors.UndefinedObjectError"
    assert line["exception.message"] == "UndefinedColumn"
    # Where it was raised and what led there, wherever the project lies.
    assert '\n  File "modules/tasks/router.py", line ' in line["exception.stacktrace"]
    assert str(Path(__file__).parents[3]) not in line["exception.stacktrace"]
    access = line_of(process, response.headers["x-request-id"])
    assert (access["http.response.status_code"], access["error.code"]) == (500, "internal_error")


def test_a_row_that_the_schema_does_not_know_is_told_by_place_and_rule_alone(
    process: ApiProcess, carol: UserClient, own: TestDatabase
) -> None:
    carol.create_task(description=MARKER)
    own.query("ALTER TABLE tasks ALTER COLUMN title DROP NOT NULL")
    own.query("UPDATE tasks SET title = NULL WHERE user_id = %s", carol.user_id)
    response = carol.get(carol.tasks)
    assert (response.status_code, MARKER in response.text) == (500, False)
    line = line_of(process, response.headers["x-request-id"], "request failed")
    assert line["exception.type"] == "fastapi.exceptions.ResponseValidationError"
    assert line["exception.message"].endswith("'title'): string_type")
    assert MARKER not in str(line)


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("origin", ["https://app.example.com", f"https://{'x' * 300}"], ids=["short", "long"])
def test_an_origin_that_is_not_allowed_is_named_with_the_setting(process: ApiProcess, method: str, origin: str) -> None:
    """Also where the setting is unset: what a page sees of it says nothing. Of a long one the beginning is enough."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    response = httpx.request(method, f"{process.url}/health/live", headers=headers)
    line = line_of(process, response.headers["x-request-id"], "origin not allowed")
    assert (line["todo_api.origin"], line["todo_api.setting"]) == (origin[:256], "CORS_ORIGINS")


def test_a_rejection_of_who_is_no_page_says_nothing_of_origins(process: ApiProcess) -> None:
    with UserClient(process.url) as user:
        response = user.post(user.tasks, content=b"x" * 2_000_000)
    assert response.status_code == 413
    request_id = response.headers["x-request-id"]
    assert line_of(process, request_id)["http.response.status_code"] == 413
    assert {line["message"] for line in process.lines if line.get("request_id") == request_id} == {"request"}


def test_a_page_of_the_apis_own_origin_is_not_named(process: ApiProcess) -> None:
    response = httpx.get(f"{process.url}/health/live", headers={"Origin": process.url})
    assert line_of(process, response.headers["x-request-id"])["http.response.status_code"] == 200
    names = {line["message"] for line in process.lines if line.get("request_id") == response.headers["x-request-id"]}
    assert names == {"request"}
