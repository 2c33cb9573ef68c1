"""A create that is repeated with its Idempotency-Key gets the first response, and makes one row."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import Request

from core.http import private_router
from core.http.idempotency import REPLAYED
from core.http.idempotency_keys import SWEPT
from modules.tasks.schemas import TaskUpdate
from tests.conftest import TestDatabase, UserClient, assert_problem, make_token
from tests.core.http.extended_app import Tasks, copies, extended_app

MALFORMED = {
    "pointer": "/header/idempotency-key",
    "message": "Must be 1 to 255 ASCII characters without spaces, quotes and backslashes, such as a UUID",
    "code": "malformed",
    "params": {"expected": "idempotency-key"},
}
REUSED = "This key was used for another request. Make a new one."
# What every response has of its own.
PASSING = {"x-request-id", "date", REPLAYED.lower()}


def create(user: UserClient, key: str | bytes, title: str = "Water the plants") -> httpx.Response:
    """Creates a task under a key."""
    raw = key if isinstance(key, bytes) else key.encode()
    return user.post(user.tasks, json={"title": title}, headers={b"Idempotency-Key": raw})


def titles(user: UserClient) -> list[str]:
    """The titles of the user's tasks, in the order they were made."""
    return [task["title"] for task in user.get(user.tasks, params={"sort": "created_at"}).json()["items"]]


def assert_replay(response: httpx.Response, first: httpx.Response) -> None:
    """The first response, byte for byte and header for header, and marked: nothing has changed since."""
    assert (response.status_code, response.content) == (first.status_code, first.content)
    assert response.headers[REPLAYED] == "true"
    assert _lasting(response) == _lasting(first)


def assert_gone(response: httpx.Response, first: httpx.Response) -> None:
    """The first response's status and address without what was deleted since."""
    assert (response.status_code, response.content) == (first.status_code, b"")
    assert response.headers[REPLAYED] == "true"
    assert response.headers.get("location") == first.headers.get("location")
    assert "content-type" not in response.headers


def _lasting(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in PASSING}


def test_a_retry_gets_the_first_response_and_makes_nothing(alice: UserClient) -> None:
    first = create(alice, "key")
    assert first.status_code == 201
    assert REPLAYED not in first.headers
    assert (first.headers["etag"], first.headers["location"]) == (alice.etag(1), f"{alice.tasks}/{first.json()['id']}")
    for _ in range(3):
        assert_replay(create(alice, "key"), first)
    assert alice.get(alice.tasks).json()["items"] == [first.json()]


@pytest.mark.parametrize("key", ["a-key", "5f7c6a2e-0b1d-4e59-9a53-0a3d2f0c8b11", "k" * 255])
def test_a_bare_and_a_quoted_key_are_the_same_key(alice: UserClient, key: str) -> None:
    first = create(alice, key)
    assert_replay(create(alice, f'"{key}"'), first)
    second = create(alice, f'"{key[1:]}"', "Another")
    assert_replay(create(alice, key[1:], "Another"), second)


def test_keys_that_are_not_the_same_text_are_different(alice: UserClient) -> None:
    keys = ["key", "KEY", "'key'", '" key"', '"key "', '"k ey"', "key,", "k" * 255, '"' + "K" * 255 + '"', "%s", "'--"]
    for number, key in enumerate(keys):
        assert create(alice, key, f"Task {number}").headers.get(REPLAYED) is None
    assert titles(alice) == [f"Task {number}" for number in range(len(keys))]


@pytest.mark.parametrize(
    "key",
    [
        *(b"", b'""', b'"', b'"a', b'a"', b'a"b', b'"a"b', b"a b", b"a\tb", b'"a\tb"', b'"a\\"b"', b"a\\b"),
        *(b'"a", "b"', b"a, a", b'"a";b', b"\xe9", b'"\xe9"', "🔑".encode(), b"k" * 256, b'"' + b"k" * 256 + b'"'),
    ],
)
def test_a_malformed_key_is_rejected(alice: UserClient, key: bytes) -> None:
    detail = "The Idempotency-Key is malformed."
    assert_problem(create(alice, key), 400, "validation_failed", detail=detail, errors=[MALFORMED])
    assert titles(alice) == []


@pytest.mark.parametrize("lines", [["a", "b"], ["a", "a"], ["a", ""]])
def test_two_keys_are_rejected(alice: UserClient, lines: list[str]) -> None:
    headers = [("Idempotency-Key", line) for line in lines]
    response = alice.post(alice.tasks, json={"title": "Never stored"}, headers=headers)
    assert_problem(response, 400, "validation_failed", errors=[MALFORMED])
    assert titles(alice) == []


@pytest.mark.parametrize("body", [b'{"title":"Other"}', b'{"title": "First"}', b'{"title":"First","status":"pending"}'])
def test_another_body_under_the_same_key_is_rejected(alice: UserClient, body: bytes) -> None:
    first = alice.post(alice.tasks, json={"title": "First"}, headers={"Idempotency-Key": "key"})
    headers = {"Content-Type": "application/json", "Idempotency-Key": "key"}
    other = alice.post(alice.tasks, content=body, headers=headers)
    title = "The key was used for another request"
    assert_problem(other, 422, "idempotency_key_reused", title=title, detail=REUSED)
    assert REPLAYED not in other.headers
    assert_replay(create(alice, "key", "First"), first)
    assert titles(alice) == ["First"]


def test_the_current_users_id_and_me_are_the_same_request(alice: UserClient) -> None:
    first = create(alice, "key")
    by_me = alice.post("/api/v1/users/me/tasks", content=first.request.content, headers=first.request.headers)
    assert_replay(by_me, first)


def test_the_same_key_of_another_user_is_another_key(alice: UserClient, bob: UserClient) -> None:
    first, other = create(alice, "key", "Of Alice"), create(bob, "key", "Of Bob")
    assert_replay(create(alice, "key", "Of Alice"), first)
    assert_replay(create(bob, "key", "Of Bob"), other)
    assert (titles(alice), titles(bob)) == (["Of Alice"], ["Of Bob"])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"title": ""}}, 400),
        ({"json": {"title": "x", "user_id": "somebody"}}, 400),
        ({"json": {"title": "x"}, "params": {"nonsense": "1"}}, 400),
        ({"content": b"{", "headers": {"Content-Type": "application/json", "Idempotency-Key": "key"}}, 400),
        ({"content": b"{}", "headers": {"Idempotency-Key": "key"}}, 415),
    ],
)
def test_a_rejected_request_does_not_burn_its_key(alice: UserClient, sent: dict[str, Any], status: int) -> None:
    rejected = alice.post(alice.tasks, **{"headers": {"Idempotency-Key": "key"}, **sent})
    assert rejected.status_code == status
    first = create(alice, "key")
    assert (first.status_code, first.headers.get(REPLAYED)) == (201, None)
    assert_replay(create(alice, "key"), first)


def test_a_repeat_after_a_delete_makes_nothing(alice: UserClient) -> None:
    first = create(alice, "key")
    assert alice.delete(first.headers["location"]).status_code == 204
    assert_gone(create(alice, "key"), first)
    assert_problem(alice.get(first.headers["location"]), 404, "not_found")
    assert titles(alice) == []


def test_a_repeat_after_a_change_gives_the_row_as_it_is(alice: UserClient) -> None:
    """With its tag of now, so that the client can go on from there."""
    first = create(alice, "key")
    changed = alice.patch(first.headers["location"], json={"title": "Changed"})
    repeated = create(alice, "key")
    assert (repeated.status_code, repeated.json(), repeated.headers[REPLAYED]) == (201, changed.json(), "true")
    assert repeated.headers["location"] == first.headers["location"]
    assert alice.delete(first.headers["location"], headers={"If-Match": repeated.headers["etag"]}).status_code == 204


WRITES: list[tuple[str, dict[str, Any], int]] = [
    ("PUT", {"json": {"title": "New"}}, 200),
    ("PATCH", {"json": {"title": "New"}}, 200),
    ("PATCH", {"json": {}}, 200),
    ("DELETE", {}, 204),
]


@pytest.mark.parametrize(("method", "sent", "status"), WRITES, ids=["put", "patch", "patch-nothing", "delete"])
def test_every_write_that_is_repeated_has_its_effect_once(
    alice: UserClient, method: str, sent: dict[str, Any], status: int
) -> None:
    """Also where its own effect would have made it stale: the client never learned of it."""
    task = alice.create_task()
    path, headers = f"{alice.tasks}/{task['id']}", {"Idempotency-Key": "key", "If-Match": task["etag"]}
    first = alice.request(method, path, headers=headers, **sent)
    assert (first.status_code, REPLAYED in first.headers) == (status, False)
    for _ in range(2):
        assert_replay(alice.request(method, path, headers=headers, **sent), first)
    if method == "DELETE":
        return
    assert first.json()["etag"] == alice.etag(1 if not sent["json"] else 2)
    other = alice.request(method, path, headers=headers, json={"title": "Another"})
    assert_problem(other, 422, "idempotency_key_reused", detail=REUSED)
    assert alice.delete(path).status_code == 204
    assert_gone(alice.request(method, path, headers=headers, **sent), first)


def test_what_failed_is_done_when_it_is_repeated(alice: UserClient) -> None:
    task = alice.create_task()
    path, keyed = f"{alice.tasks}/{task['id']}", {"Idempotency-Key": "key"}
    stale = alice.patch(path, json={"title": "New"}, headers={**keyed, "If-Match": '"5"'})
    assert_problem(stale, 412, "precondition_failed")
    done = alice.patch(path, json={"title": "New"}, headers={**keyed, "If-Match": stale.headers["etag"]})
    assert (done.status_code, done.json()["title"], REPLAYED in done.headers) == (200, "New", False)
    gone = f"{alice.tasks}/{uuid4()}"
    for _ in range(2):
        assert_problem(alice.patch(gone, json={}, headers={"Idempotency-Key": "gone"}), 404, "not_found")


def test_ones_own_profile_has_keys_as_well(alice: UserClient) -> None:
    path, keyed = "/api/v1/users/me", {"Idempotency-Key": "key"}
    first = alice.patch(path, json={"name": "New"}, headers=keyed)
    assert_replay(alice.patch(path, json={"name": "New"}, headers=keyed), first)
    newer = alice.patch(path, json={"name": "Newer"})
    assert alice.patch(path, json={"name": "New"}, headers=keyed).json() == newer.json()
    assert alice.delete(path, headers={"Idempotency-Key": "end"}).status_code == 204
    assert_problem(alice.delete(path, headers={"Idempotency-Key": "end"}), 401, "account_deleted")


def test_what_was_deleted_is_nowhere_in_the_database(alice: UserClient, database: TestDatabase) -> None:
    """The keys of its create, change and deletion are kept, and hold nothing of it."""
    secret = secrets.token_hex(8)
    keys = iter(range(9))
    made = create(alice, f"key{next(keys)}", secret)
    path = made.headers["location"]
    new_id = f"{alice.tasks}/{uuid4()}"
    for method, where, condition in (("PATCH", path, {}), ("PUT", path, {}), ("PUT", new_id, {"If-None-Match": "*"})):
        keyed = {"Idempotency-Key": f"key{next(keys)}", **condition}
        assert alice.request(method, where, json={"title": secret}, headers=keyed).is_success
    assert _holds(database, secret) == ["tasks"]
    for where in (path, new_id):
        assert alice.delete(where, headers={"Idempotency-Key": f"key{next(keys)}"}).status_code == 204
    assert _holds(database, secret) == []
    assert database.query("SELECT count(*) FROM idempotency_keys WHERE user_id = %s", alice.user_id) == [(6,)]


def _holds(database: TestDatabase, text: str) -> list[str]:
    """The tables with a row that has the text anywhere."""
    tables = [name for (name,) in database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'todo'")]
    assert {"tasks", "idempotency_keys", "tombstones"} <= set(tables)
    sql = "SELECT count(*) FROM {0} WHERE position(%s in {0}::text) > 0 OR position(%s in {0}::text) > 0"
    in_hex = text.encode().hex()
    return [name for name in tables if database.query(sql.format(name), text, in_hex) != [(0,)]]


def test_what_a_release_before_has_stored_is_given_as_it_is(alice: UserClient, database: TestDatabase) -> None:
    """Both serve while the one takes the other's place."""
    first = create(alice, "key")
    stored = "UPDATE idempotency_keys SET status = NULL, row_id = NULL, body = %s WHERE user_id = %s"
    database.query(stored, first.content, alice.user_id)
    assert alice.delete(first.headers["location"]).status_code == 204
    assert_replay(create(alice, "key"), first)


def test_a_create_with_a_key_makes_the_row_of_a_new_user(make_user: Callable[..., UserClient]) -> None:
    carol = make_user(email="new@example.com", name="New")
    first = create(carol, "key")
    assert (first.status_code, first.headers.get(REPLAYED)) == (201, None)
    assert_replay(create(carol, "key"), first)
    user = carol.get("/api/v1/users/me").json()
    assert (user["id"], user["email"], user["name"]) == (carol.user_id, "new@example.com", "New")


def test_an_account_takes_its_keys_with_it_and_has_none_again(alice: UserClient, database: TestDatabase) -> None:
    stored = "SELECT key FROM idempotency_keys WHERE user_id = %s"
    create(alice, "key")
    assert database.query(stored, alice.user_id) == [("key",)]
    assert alice.delete("/api/v1/users/me").status_code == 204
    for key in ("key", "another"):
        response = create(alice, key)
        assert_problem(response, 401, "account_deleted", detail="The account of this token was deleted.")
    assert database.query(stored, alice.user_id) == []
    assert database.query("SELECT id FROM tasks WHERE user_id = %s", alice.user_id) == []


def test_keys_are_kept_for_a_day_and_swept_by_a_later_create(
    alice: UserClient, bob: UserClient, database: TestDatabase
) -> None:
    ages = {"young": "23 hours 59 minutes", "old": "24 hours 1 minute", "older": "1 year"}
    of_bob = create(bob, "old")
    for key in ages:
        create(alice, key)
    for key, age in ages.items():
        aged = "UPDATE idempotency_keys SET created_at = now() - %s::interval WHERE key = %s AND user_id = ANY(%s)"
        database.query(aged, age, key, [alice.user_id, bob.user_id])
    create(alice, "new")
    left = database.query("SELECT key FROM idempotency_keys WHERE user_id = %s ORDER BY key", alice.user_id)
    assert left == [("new",), ("young",)]
    assert REPLAYED in create(alice, "young").headers
    assert REPLAYED not in create(alice, "old").headers
    assert_replay(create(bob, "old"), of_bob)  # only its owner's create sweeps a key


def test_each_write_sweeps_some_keys(alice: UserClient, database: TestDatabase) -> None:
    for number in range(SWEPT + 2):
        create(alice, f"old-{number}")
    database.query(
        "UPDATE idempotency_keys SET created_at = now() - interval '2 days' WHERE user_id = %s", alice.user_id
    )
    for left in (3, 2):
        create(alice, f"new-{left}")
        assert database.query("SELECT count(*) FROM idempotency_keys WHERE user_id = %s", alice.user_id) == [(left,)]


def test_a_create_without_a_key_is_one_round_trip_and_with_one_three(alice: UserClient, database: TestDatabase) -> None:
    alice.create_task()
    database.proxy.clear()
    alice.create_task()
    assert len(database.proxy.queries) == 1
    for key, expected in (
        ("key", ["BEGIN; SET", "WITH counted", "UPDATE todo.idempotency_keys"]),
        ("key", ["BEGIN; SET", "SELECT todo.idempotency_keys", "SELECT CAST(json_build_array(todo.tasks", "COMMIT"]),
    ):
        database.proxy.clear()
        assert create(alice, key).status_code == 201
        sent = list(database.proxy.queries)
        assert [sql[: len(start)] for sql, start in zip(sent, expected, strict=True)] == expected


def test_a_slice_that_is_added_has_it_for_every_create(database: TestDatabase) -> None:
    """The key stands for the operation and for what it is done to, also where there is no body."""
    token = make_token(secrets.token_hex(16))
    tasks, keyed = "/api/v1/users/me/tasks", {"Idempotency-Key": "key"}

    async def run() -> None:
        async with extended_app(copies, database=database) as client:
            client.headers["Authorization"] = f"Bearer {token}"
            one, two = [(await client.post(tasks, json={"title": f"Task {n}"})).json()["id"] for n in (1, 2)]
            first = await client.post(f"{tasks}/{one}/copies", headers=keyed)
            assert (first.status_code, first.json()["title"]) == (201, "Task 1")
            assert_replay(await client.post(f"{tasks}/{one}/copies", headers=keyed), first)
            for other in (
                await client.post(f"{tasks}/{two}/copies", headers=keyed),
                await client.post(f"{tasks}/{one}/copies/unseen", headers=keyed),
                await client.post(f"{tasks}/{one}/copies", headers=keyed, content=b"more"),
                await client.post(tasks, headers=keyed, json={"title": "Task 1"}),
            ):
                assert_problem(other, 422, "idempotency_key_reused", detail=REUSED)
            listed = (await client.get(tasks, params={"sort": "title"})).json()["items"]
            assert [task["title"] for task in listed] == ["Task 1", "Task 1", "Task 2"]
            unseen = await client.post(f"{tasks}/{two}/copies/unseen", headers={"Idempotency-Key": "other"})
            repeated = await client.post(unseen.request.url.path, headers={"Idempotency-Key": "other"})
            assert_gone(repeated, unseen)  # it gave no row, and what else it gave is not kept
            assert (await client.get(unseen.headers["location"])).json()["title"] == "Task 2"

    asyncio.run(run())


uploads = private_router("uploads", "/users/{user_id}/uploads")


@uploads.put("/{task_id}", status_code=204)
async def upload(tasks: Tasks, task_id: UUID, request: Request) -> None:
    """Takes a title that is no JSON."""
    title = (await request.body()).decode()
    assert await tasks.change(task_id, TaskUpdate(title=title)) is not None


def test_a_body_that_is_no_json_is_part_of_what_a_key_stands_for(alice: UserClient, database: TestDatabase) -> None:
    task = alice.create_task()["id"]

    async def run() -> list[int]:
        async with extended_app(uploads, database=database) as client:
            headers = {"Authorization": alice.headers["authorization"], "Idempotency-Key": "k"}
            path = f"/api/v1/users/me/uploads/{task}"
            return [(await client.put(path, content=body, headers=headers)).status_code for body in ("a", "a", "b")]

    assert asyncio.run(run()) == [204, 204, 422]
    assert alice.get(f"{alice.tasks}/{task}").json()["title"] == "a"
