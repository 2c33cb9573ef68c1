"""HEAD is GET without its content, OPTIONS says what a path takes, and a PATCH may name what its body is."""

import asyncio

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, make_token
from tests.core.http.extended_app import extended_app
from tests.core.raw_http import connect

PATCHES = "application/json, application/merge-patch+json"
SOME_ID = "00000000-0000-7000-8000-000000000000"


def test_head_is_get_without_its_content(alice: UserClient) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    for url in (path, alice.tasks, "/api/v1/users/me", "/health/live"):
        got, head = alice.get(url), alice.head(url)
        assert (head.status_code, head.content) == (200, b"")
        changing = {"date", "x-request-id"}
        assert {k: v for k, v in head.headers.items() if k not in changing} == {
            k: v for k, v in got.headers.items() if k not in changing
        }
    unchanged = alice.head(path, headers={"If-None-Match": alice.get(path).headers["etag"]})
    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, alice.get(path).headers["etag"])


def test_head_is_rejected_as_get_is(alice: UserClient, bob: UserClient, api: httpx.Client) -> None:
    assert api.head(alice.tasks).status_code == 401
    assert bob.head(f"/api/v1/users/{alice.user_id}/tasks").status_code == 403
    assert alice.head(f"{alice.tasks}/{SOME_ID}").status_code == 404
    assert alice.head("/api/v1/auth/sign-in").status_code == 405


def test_a_connection_goes_on_after_a_head(api_server: RunningServer) -> None:
    head = b"HEAD /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with connect(api_server.port) as connection:
        connection.send(head + last)
        connection.seconds_until_closed()
        received = bytes(connection.received)
    assert (received.count(b"HTTP/1.1 200 OK"), received.count(b'{"status":"ok"}')) == (2, 1)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/health/live", "GET, HEAD, OPTIONS"),
        ("/api/v1/auth/sign-in", "OPTIONS, POST"),
        ("/api/v1/users/me", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/api/v1/users/me/tasks", "DELETE, GET, HEAD, OPTIONS, PATCH, POST"),
        ("/api/v1/users/me/tasks/counts", "GET, HEAD, OPTIONS"),
        (f"/api/v1/users/me/tasks/{SOME_ID}", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ],
)
def test_options_says_what_a_path_takes(alice: UserClient, path: str, allowed: str) -> None:
    response = alice.options(path)
    assert (response.status_code, response.content, response.headers["allow"]) == (204, b"", allowed)
    assert response.headers.get("accept-patch") == (PATCHES if "PATCH" in allowed else None)


@pytest.mark.parametrize("fast", [True, False])
def test_what_is_a_path_of_its_own_is_no_id_to_any_method(database: TestDatabase, fast: bool) -> None:
    asyncio.run(_reject_other_methods(database, fast))


async def _reject_other_methods(database: TestDatabase, fast: bool) -> None:
    async with extended_app(database=database, fast_path=fast) as client:
        headers = {"Authorization": f"Bearer {make_token('alice')}"}
        for path in ("/api/v1/users/me/tasks/counts", "/api/v1/users/me/tasks/changes"):
            for method in ("DELETE", "PUT", "PATCH", "POST"):
                assert_problem(await client.request(method, path), 401, "missing_token")
                rejected = await client.request(method, path, headers=headers, json={"title": "x"})
                assert_problem(rejected, 405, "method_not_allowed")
                assert rejected.headers["allow"] == "GET, HEAD, OPTIONS"
            for method in ("GET", "HEAD"):
                assert (await client.request(method, path, headers=headers)).status_code == 200
        made = await client.post("/api/v1/users/me/tasks", headers=headers, json={"title": "x"})
        assert (await client.delete(made.headers["location"], headers=headers)).status_code == 204


def test_options_says_nothing_of_a_users_part_without_their_token(
    alice: UserClient, bob: UserClient, api: httpx.Client
) -> None:
    assert_problem(api.options(alice.tasks), 401, "missing_token")
    assert_problem(bob.options(f"/api/v1/users/{alice.user_id}/tasks"), 403, "forbidden")
    assert_problem(alice.options("/api/v1/users/me/nothing"), 404, "not_found")


def test_a_patch_may_say_that_it_merges(alice: UserClient) -> None:
    task = alice.create_task()
    rejected = alice.patch(f"{alice.tasks}/{task['id']}", content=b"[]", headers={"Content-Type": "text/plain"})
    assert (rejected.status_code, rejected.headers["accept-patch"]) == (415, PATCHES)
    path, merge = f"{alice.tasks}/{task['id']}", {"Content-Type": "application/merge-patch+json"}
    changed = alice.patch(path, content=b'{"title": "Merged"}', headers=merge)
    assert (changed.status_code, changed.json()["title"]) == (200, "Merged")
    for method in ("PUT", "POST"):
        url = path if method == "PUT" else alice.tasks
        response = alice.request(method, url, content=b'{"title": "No merge"}', headers=merge)
        assert_problem(response, 415, "unsupported_media_type")


def test_a_byte_order_mark_before_json_is_skipped(alice: UserClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = alice.post(alice.tasks, content=b'\xef\xbb\xbf{"title": "Marked"}', headers=headers)
    assert (response.status_code, response.json()["title"]) == (201, "Marked")
    twice = alice.post(alice.tasks, content=b'\xef\xbb\xbf\xef\xbb\xbf{"title": "Twice"}', headers=headers)
    assert_problem(twice, 400, "malformed_json")
