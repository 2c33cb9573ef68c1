"""Another user's path is 403 whatever follows, 401 comes before it, and the database is asked for neither."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, make_token
from tests.core.tokens.key_server import KeyServer, SigningKey

FORBIDDEN = "The user in the path is not the user of the token."
MISSING = "Send one header `Authorization: Bearer <token>`."
INVALID = "The token is expired, malformed, or not made for this API."
BAD_TOKEN = 'Bearer error="invalid_token", error_description="The token is not valid"'

# What may follow the id of another user. The task exists where `{task}` stands.
FOLLOWING: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "", {}),
    ("PATCH", "", {"json": {"name": "Mallory"}}),
    ("DELETE", "", {}),
    ("POST", "", {}),
    ("GET", "/", {}),
    ("GET", "/tasks", {}),
    ("GET", "/tasks?limit=0&nonsense=1", {}),
    ("POST", "/tasks", {"json": {"title": "Smuggled"}}),
    ("POST", "/tasks", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    ("POST", "/tasks", {"content": b"text"}),
    ("PUT", "/tasks", {}),
    ("OPTIONS", "/tasks", {}),
    ("HEAD", "/tasks", {}),
    ("GET", "/tasks/{task}", {}),
    ("PUT", "/tasks/{task}", {"json": {"title": "Smuggled"}}),
    ("PATCH", "/tasks/{task}", {"json": {"title": "Smuggled"}}),
    ("DELETE", "/tasks/{task}", {}),
    ("POST", "/tasks/{task}", {}),
    ("GET", "/tasks/0190a7c8-0000-7000-8000-00000000000a", {}),
    ("GET", "/tasks/not-a-uuid", {}),
    ("GET", "/tasks/%00", {}),
    ("GET", "/nothing/here", {}),
]


def test_the_wait_for_keys_is_part_of_the_time_for_the_response(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    own, key = make_database(), SigningKey()
    with closing(KeyServer(key)) as server:
        server.before = lambda: time.sleep(0.8)
        api = start_server(database=own, better_auth_url=server.url, request_timeout=1)
        with UserClient(api.url) as user:
            user.create_task()
            own.proxy.pause()
            began = time.monotonic()
            token = {"Authorization": f"Bearer {key.token(server.url)}"}
            assert_problem(user.get("/api/v1/users/me/tasks", headers=token), 503, "database_unavailable")
            assert 0.8 < time.monotonic() - began < 1.6
            own.proxy.resume()


@pytest.fixture(scope="module")
def alice(api_server: RunningServer) -> Iterator[UserClient]:
    """The same for all tests here: she changes nothing."""
    with UserClient(api_server.url) as user:
        yield user


@pytest.fixture(scope="module")
def bob(api_server: RunningServer) -> Iterator[UserClient]:
    """The other one, who has tasks."""
    with UserClient(api_server.url) as user:
        yield user


@pytest.fixture(scope="module")
def api(api_server: RunningServer) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=api_server.url, timeout=20) as client:
        yield client


@pytest.mark.parametrize(("method", "rest", "sent"), FOLLOWING)
def test_another_users_path_is_forbidden_whatever_follows(
    alice: UserClient, bob: UserClient, database: TestDatabase, method: str, rest: str, sent: dict[str, Any]
) -> None:
    task = bob.create_task()
    database.proxy.clear()
    for other in (bob.user_id, secrets.token_hex(16)):  # whether or not they exist
        response = alice.request(method, f"/api/v1/users/{other}{rest}".replace("{task}", task["id"]), **sent)
        if method == "HEAD":
            assert (response.status_code, response.content) == (403, b"")
        else:
            assert_problem(response, 403, "forbidden", title="Forbidden", detail=FORBIDDEN)
    assert database.proxy.queries == []
    assert bob.get(f"{bob.tasks}/{task['id']}").json() == task


@pytest.mark.parametrize(("method", "rest", "sent"), FOLLOWING)
def test_without_a_token_it_is_unauthorized_first(
    api: httpx.Client, bob: UserClient, database: TestDatabase, method: str, rest: str, sent: dict[str, Any]
) -> None:
    database.proxy.clear()
    response = api.request(method, f"/api/v1/users/{bob.user_id}{rest}".replace("{task}", str(uuid4())), **sent)
    assert database.proxy.queries == []
    assert response.headers["www-authenticate"] == "Bearer"
    if method == "HEAD":
        assert (response.status_code, response.content) == (401, b"")
    else:
        assert_problem(response, 401, "missing_token", title="A bearer token is needed", detail=MISSING)


@pytest.mark.parametrize("path", ["", "/tasks", "/nothing/here"])
@pytest.mark.parametrize("user", ["me", "somebody"])
def test_a_bad_token_is_unauthorized_wherever_it_is_sent(api: httpx.Client, user: str, path: str) -> None:
    token = make_token("somebody", secret="another secret of at least 32 bytes")
    response = api.get(f"/api/v1/users/{user}{path}", headers={"Authorization": f"Bearer {token}"})
    assert_problem(response, 401, "invalid_token", title="The bearer token is not valid", detail=INVALID)
    assert response.headers["www-authenticate"] == BAD_TOKEN


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["{token}"],
        ["Basic YWxpY2U6c2VjcmV0"],
        ["Token {token}"],
        ["Bearer{token}"],
        ["Bearer\t{token}"],
        ["Bearer {token}", "Bearer {token}"],
        ["Bearer {token}", "Basic YWxpY2U6c2VjcmV0"],
    ],
)
def test_only_one_bearer_token_counts_as_credentials(api: httpx.Client, values: list[str]) -> None:
    headers = [("Authorization", value.format(token=make_token("somebody"))) for value in values]
    response = api.get("/api/v1/users/me/tasks", headers=headers)
    assert_problem(response, 401, "missing_token", detail=MISSING)
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("value", ["Bearer", "Bearer x", "Bearer {token} {token}", "Bearer {token},"])
def test_a_bearer_token_that_is_none_is_invalid(api: httpx.Client, value: str) -> None:
    headers = {"Authorization": value.format(token=make_token("somebody"))}
    response = api.get("/api/v1/users/me/tasks", headers=headers)
    assert_problem(response, 401, "invalid_token", detail=INVALID)
    assert response.headers["www-authenticate"] == BAD_TOKEN


def test_a_token_is_taken_from_the_authorization_header_alone(api: httpx.Client) -> None:
    token = make_token("somebody")
    by_cookie = {"Cookie": f"token={token}; better-auth.session_token={token}", "X-Access-Token": token}
    assert_problem(api.get("/api/v1/users/me/tasks", headers=by_cookie), 401, "missing_token")
    assert_problem(api.get(f"/api/v1/users/me/tasks?access_token={token}"), 401, "missing_token")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_read_without_regard_to_case(api: httpx.Client, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {make_token(secrets.token_hex(16))}"}
    response = api.get("/api/v1/users/me/tasks", headers=headers)
    assert (response.status_code, response.json()) == (200, {"items": [], "next_cursor": None})


@pytest.mark.parametrize("change", [str.upper, lambda one: one[:-1], lambda one: one + "0", lambda one: f"{one}%20"])
def test_an_id_that_is_almost_ones_own_is_somebody_elses(
    make_user: Callable[..., UserClient], change: Callable[[str], str]
) -> None:
    user = make_user("a" + secrets.token_hex(15))
    assert_problem(user.get(f"/api/v1/users/{change(user.user_id)}/tasks"), 403, "forbidden", detail=FORBIDDEN)


@pytest.mark.parametrize("user", ["ME", "Me", "me%20", "%00", "", "%2e%2e", "null"])
def test_only_me_stands_for_the_current_user(alice: UserClient, user: str) -> None:
    response = alice.get(f"/api/v1/users/{user}/tasks")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("user_id", ["日本", "a b", "a%b", "x'y", "<b>", "a?b#c", "🦊", "a+b"])
def test_a_user_id_is_any_text_and_reached_percent_encoded(make_user: Callable[..., UserClient], user_id: str) -> None:
    unique = f"{user_id}{secrets.token_hex(8)}"
    user = make_user(unique)
    path = f"/api/v1/users/{quote(unique, safe='')}/tasks"
    created = user.post(path, json={"title": "Water the plants"})
    assert created.status_code == 201
    assert created.headers["location"] == f"{path}/{created.json()['id']}"
    assert user.get(created.headers["location"]).json() == created.json()
    assert user.get("/api/v1/users/me/tasks").json()["items"] == [created.json()]


def test_an_unknown_path_of_ones_own_is_not_found(alice: UserClient, database: TestDatabase) -> None:
    database.proxy.clear()
    for user in ("me", alice.user_id):
        response = alice.get(f"/api/v1/users/{user}/nothing/here")
        assert_problem(response, 404, "not_found", title="Not found", detail="There is no such path.")
    assert database.proxy.queries == []


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/api/v1/", "/api/v1/users", "/api/v1/users/", "/api/v2/users/me"]
)
def test_a_path_of_nobody_is_not_found_or_needs_a_token(api: httpx.Client, path: str) -> None:
    response = api.get(path)
    if path == "/api/v1/users/":  # an empty id is an id of nobody
        assert_problem(response, 401, "missing_token")
    else:
        assert_problem(response, 404, "not_found", detail="There is no such path.")
