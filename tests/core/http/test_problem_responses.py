"""Every failure is problem+json with a permanent code; no response repeats what was sent, or tells the cause."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from core.http.problem_responses import retry_after
from core.problems import Problem
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, make_token, project_root

MARKER = "zq7marker"
SOME_ID = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def own_server(start_server: Callable[..., RunningServer], own: TestDatabase) -> RunningServer:
    """A server on it that allows one try to sign in."""
    return start_server(database=own, sign_in_attempts_per_account=1)


@pytest.fixture
def carol(own_server: RunningServer) -> Iterator[UserClient]:
    """A user of that server."""
    with UserClient(own_server.url) as user:
        yield user


STATUSES = {"allowed": ["pending", "in_progress", "completed"]}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/title", "This field is required", "missing", {})]),
        ({"title": "a", "owner": "x"}, [("/owner", "This field is not known", "unknown_field", {})]),
        ({"title": "a", "a b": "x"}, [("/?", "This field is not known", "unknown_field", {})]),
        ({"title": "a", "x" * 65: 1}, [("/?", "This field is not known", "unknown_field", {})]),
        ({"title": "a", "/~": 1}, [("/?", "This field is not known", "unknown_field", {})]),
        ({"title": 1}, [("/title", "Must be a string", "wrong_type", {"expected": "string"})]),
        ({"title": None}, [("/title", "Must be a string", "wrong_type", {"expected": "string"})]),
        ({"title": " \t"}, [("/title", "Must have at least 1 character", "too_short", {"min": 1})]),
        ({"title": "a" * 201}, [("/title", "Must have at most 200 characters", "too_long", {"max": 200})]),
        (
            {"title": "a", "description": "a" * 10_001},
            [("/description", "Must have at most 10000 characters", "too_long", {"max": 10000})],
        ),
        (
            {"title": "a", "status": "done"},
            [("/status", "Must be 'pending', 'in_progress' or 'completed'", "not_allowed", STATUSES)],
        ),
        (
            {"title": "a", "due_at": "2030-01-31T09:00:00"},
            [
                (
                    "/due_at",
                    "Must be an RFC 3339 time with a zone, such as 2030-01-31T09:00:00Z",
                    "malformed",
                    {"expected": "date-time"},
                )
            ],
        ),
        (
            {"title": [], "status": 1, "description": {}},
            [
                ("/title", "Must be a string", "wrong_type", {"expected": "string"}),
                ("/description", "Must be a string", "wrong_type", {"expected": "string"}),
                ("/status", "Must be 'pending', 'in_progress' or 'completed'", "not_allowed", STATUSES),
            ],
        ),
    ],
)
def test_invalid_fields_are_told_by_pointer_rule_and_code(
    alice: UserClient, body: dict[str, Any], errors: list[tuple[str, str, str, dict[str, Any]]]
) -> None:
    expected = [
        {"pointer": pointer, "message": message, "code": code} | ({"params": params} if params else {})
        for pointer, message, code, params in errors
    ]
    response = alice.post(alice.tasks, json=body)
    title, detail = "The request is not valid", "Some input is not valid; see `errors`."
    assert_problem(response, 400, "validation_failed", title=title, detail=detail, errors=expected)


def test_a_missing_row_is_not_found(alice: UserClient, bob: UserClient) -> None:
    theirs = bob.create_task()["id"]
    for task_id in (SOME_ID, theirs):
        for method, body in (("GET", None), ("PUT", {"title": "a"}), ("PATCH", {"title": "a"}), ("DELETE", None)):
            response = alice.request(method, f"{alice.tasks}/{task_id}", json=body)
            assert_problem(response, 404, "not_found", title="Not found", detail="No such task.")
    assert bob.get(f"{bob.tasks}/{theirs}").status_code == 200


def test_failures_of_local_accounts_each_have_their_code(own_server: RunningServer) -> None:
    with httpx.Client(base_url=f"{own_server.url}/api/v1/auth", timeout=20) as auth:
        account = {"email": "carol@example.com", "password": "a long pass phrase"}
        assert auth.post("/sign-up", json=account).status_code == 201
        taken = auth.post("/sign-up", json=account)
        assert_problem(taken, 409, "email_taken", detail="There is an account with this address. Sign in.")
        wrong = auth.post("/sign-in", json={**account, "password": "wrong"})
        assert_problem(wrong, 401, "invalid_credentials", detail="The address or the password is wrong.")
        assert wrong.headers["www-authenticate"] == "Bearer"
        again = auth.post("/sign-in", json=account)
        assert_problem(again, 429, "too_many_attempts", detail="Too many attempts. Wait before the next.")
        assert 0 < int(again.headers["retry-after"]) <= 900
        stale = auth.post("/refresh", json={"refresh_token": "none"})
        detail = "The refresh token is used, expired or unknown. Sign in."
        assert_problem(stale, 401, "invalid_refresh_token", detail=detail)
        assert stale.headers["www-authenticate"] == "Bearer"


def test_a_conflict_with_what_is_stored_is_409(own: TestDatabase, carol: UserClient) -> None:
    own.query("CREATE UNIQUE INDEX one_of_each ON tasks (user_id, title)")
    try:
        carol.create_task(title=MARKER)
        response = carol.post(carol.tasks, json={"title": MARKER})
    finally:
        own.query("DROP INDEX one_of_each")
    detail = "The request conflicts with what is stored."
    assert_problem(response, 409, "conflict", title="The request conflicts with what is stored", detail=detail)
    assert not {MARKER, "one_of_each", "duplicate"} & set(re.findall(r"\w+", response.text))


def test_a_value_that_only_the_database_rejects_is_400(own: TestDatabase, carol: UserClient) -> None:
    own.query("ALTER TABLE tasks ADD CONSTRAINT no_marker CHECK (title <> %s) NOT VALID", MARKER)
    try:
        response = carol.post(carol.tasks, json={"title": MARKER})
    finally:
        own.query("ALTER TABLE tasks DROP CONSTRAINT no_marker")
    assert_problem(response, 400, "validation_failed", detail="A value cannot be stored.")
    assert MARKER not in response.text


def test_a_bug_is_500_without_a_word_of_its_cause(own: TestDatabase, carol: UserClient) -> None:
    carol.create_task()
    own.query("ALTER TABLE tasks RENAME COLUMN title TO headline")
    try:
        with capture_logs() as logs:
            response = carol.post(carol.tasks, json={"title": MARKER})
    finally:
        own.query("ALTER TABLE tasks RENAME COLUMN headline TO title")
    detail = "The server failed; its log has the cause under this request_id."
    assert_problem(response, 500, "internal_error", title="Internal server error", detail=detail)
    assert not re.search(rf"{MARKER}|column|headline|42703|Undefined|SELECT|INSERT|Traceback", response.text)
    failure, request = [line for line in logs if line["log_level"] == "error"]
    assert (request["event"], request["http.response.status_code"]) == ("request", 500)
    assert (failure["event"], failure["error.type"]) == ("request failed", "UndefinedObjectError")
    assert failure["exc_info"].sqlstate == "42703"


def test_a_database_that_is_away_is_503_with_a_time_to_come_back(own: TestDatabase, carol: UserClient) -> None:
    task = carol.create_task()
    own.proxy.refuse()
    try:
        for response in (
            carol.get(carol.tasks),
            carol.post(carol.tasks, json={"title": MARKER}),
            carol.delete(f"{carol.tasks}/{task['id']}"),
            carol.post("/api/v1/auth/sign-in", json={"email": "carol@example.com", "password": MARKER}),
        ):
            detail = "The database does not respond now. Try again shortly."
            title = "The database is not available"
            assert_problem(response, 503, "database_unavailable", title=title, detail=detail)
            assert 1 <= int(response.headers["retry-after"]) <= 3
    finally:
        own.proxy.accept()
    assert carol.get(f"{carol.tasks}/{task['id']}").json() == task


def test_no_response_repeats_what_was_sent(alice: UserClient, api: httpx.Client) -> None:
    token = make_token("somebody", secret=MARKER * 4, email=f"{MARKER}@example.com")
    headers = {"Content-Type": "application/json", "Cookie": f"a={MARKER}", "User-Agent": MARKER, "X-A": MARKER}
    wrong = {"title": {MARKER: MARKER}, "status": MARKER, "due_at": MARKER, "description": [MARKER], f"{MARKER} ?": 1}
    queries = [f"{name}={MARKER}" for name in ("limit", "cursor", "status", "sort", "due_before", "include_total")]
    account = {"email": f"{MARKER}@example.com", "password": MARKER}
    responses = [
        alice.post(alice.tasks, json=wrong, headers=headers),
        alice.post(alice.tasks, json={"title": MARKER * 50}, headers=headers),
        alice.post(alice.tasks, content=f'{{"{MARKER}": "{MARKER}", }}', headers=headers),
        alice.post(alice.tasks, content=MARKER, headers={**headers, "Content-Type": f"text/{MARKER}"}),
        alice.post(alice.tasks, content=MARKER, headers={**headers, "Content-Encoding": MARKER}),
        alice.patch("/api/v1/users/me", json={"name": [MARKER]}),
        *(alice.get(f"{alice.tasks}?{query}", headers=headers) for query in queries),
        alice.get(f"{alice.tasks}?{MARKER}%20={MARKER}"),
        alice.delete(f"{alice.tasks}/{SOME_ID}?x={MARKER}"),
        alice.get("/nothing", headers={**headers, "Host": MARKER}),
        api.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"}),
        api.get("/api/v1/users/me", headers={"Authorization": f"Bearer {MARKER}.{MARKER}.{MARKER}"}),
        api.get("/api/v1/users/me", headers={"Authorization": f"{MARKER} {MARKER}"}),
        api.post("/api/v1/auth/sign-up", json={**account, "email": MARKER}),
        api.post("/api/v1/auth/sign-up", json={**account, "password": MARKER[:7]}),
        api.post("/api/v1/auth/sign-in", json=account),
        api.post("/api/v1/auth/refresh", json={"refresh_token": MARKER}),
    ]
    for response in responses:
        assert response.status_code >= 400
        assert response.headers["content-type"] == "application/problem+json"
        assert MARKER not in response.text + str(response.headers)


def test_every_code_is_provoked_by_some_test() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (project_root() / "tests").rglob("test_*.py"))
    assert [one.code for one in Problem if f'{one.status}, "{one.code}"' not in sources] == []


def test_those_who_were_rejected_together_come_back_at_several_times() -> None:
    assert {retry_after() for _ in range(200)} == {"1", "2", "3"}
