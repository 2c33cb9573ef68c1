"""Many tasks changed or deleted at once: those that were meant, all of them or none, and nobody else's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import pytest

from core.resources.tombstones import SWEPT_AT
from tests.conftest import TestDatabase, UserClient, assert_problem
from tests.core.database.locks import wait_for_waiting
from tests.modules.tasks.test_changes import changes

Task = dict[str, Any]
NOT_CLEAR = "It is not clear which rows are meant."


@pytest.fixture
def three(alice: UserClient, bob: UserClient) -> list[Task]:
    """Alice has three tasks, of which two are completed; Bob has a completed one."""
    bob.create_task(title="Bob's", status="completed")
    return [alice.create_task(title=name, status=status) for name, status in zip("abc", STATUSES, strict=True)]


ROW = "0190a7c8-0000-7000-8000-00000000000a"
STATUSES = ("completed", "pending", "completed")


def tasks_of(user: UserClient) -> dict[str, Task]:
    """All of them, by their titles."""
    found = user.get(user.tasks, params={"sort": "title"}).json()["items"]
    return {task["title"]: task for task in found}


def ids_of(*tasks: Task) -> set[str]:
    """Of these tasks."""
    return {task["id"] for task in tasks}


def test_completed_ones_are_cleared_in_one_request(alice: UserClient, bob: UserClient, three: list[Task]) -> None:
    a, b, c = three
    cursor = changes(alice)["next_cursor"]
    response = alice.delete(alice.tasks, params={"status": "completed"})
    assert response.status_code == 200
    assert (response.json()["count"], {*response.json()["ids"]}) == (2, ids_of(a, c))
    assert tasks_of(alice) == {"b": b}
    assert [*tasks_of(bob)] == ["Bob's"]
    told = changes(alice, cursor)
    assert (told["items"], {*told["deleted"]}) == ([], ids_of(a, c))


def test_those_that_are_named_are_changed(alice: UserClient, bob: UserClient, three: list[Task]) -> None:
    a, b, c = three
    theirs = tasks_of(bob)
    cursor = changes(alice)["next_cursor"]
    named = [a["id"], b["id"], str(uuid4()), theirs["Bob's"]["id"]]
    response = alice.patch(alice.tasks, params={"id": named}, json={"status": "completed", "description": "done"})
    assert response.status_code == 200
    assert (response.json()["count"], {*response.json()["ids"]}) == (2, ids_of(a, b))
    now = tasks_of(alice)
    assert now["c"] == c
    assert [now[name]["description"] for name in "ab"] == ["done", "done"]
    assert now["a"]["completed_at"] == a["completed_at"]
    assert now["b"]["completed_at"] == now["b"]["updated_at"]
    assert [now[name]["etag"] == task["etag"] for name, task in zip("ab", three, strict=False)] == [False, False]
    assert {task["title"] for task in changes(alice, cursor)["items"]} == {"a", "b"}
    assert tasks_of(bob) == theirs


@pytest.mark.parametrize("query", [{}, {"status": []}, {"id": str(uuid4()), "status": "pending"}])
def test_it_is_said_once_which_are_meant(alice: UserClient, three: list[Task], query: dict[str, Any]) -> None:
    before = tasks_of(alice)
    for response in (
        alice.delete(alice.tasks, params=query),
        alice.patch(alice.tasks, params=query, json={"title": "all"}),
    ):
        body = assert_problem(response, 400, "validation_failed", detail=NOT_CLEAR)
        assert body["errors"] == [
            {"pointer": "/query/id", "message": "Must be there, or a filter: one of both", "code": "nothing_chosen"}
        ]
    assert tasks_of(alice) == before
    assert len(three) == len(before)


def test_one_stale_tag_keeps_all_from_being_changed(alice: UserClient, three: list[Task]) -> None:
    a, b, _ = three
    etags = {task["id"]: task["etag"] for task in (a, b)}
    alice.patch(f"{alice.tasks}/{b['id']}", json={"description": "meanwhile"})
    before = tasks_of(alice)
    response = alice.patch(alice.tasks, json={"etags": etags, "set": {"description": "mine"}})
    body = assert_problem(response, 412, "precondition_failed")
    assert [error["pointer"] for error in body["errors"]] == [f"/etags/{b['id']}"]
    assert tasks_of(alice) == before
    etags = {task["id"]: task["etag"] for task in before.values()} | {str(uuid4()): a["etag"]}
    response = alice.patch(alice.tasks, json={"etags": etags, "set": {"description": "mine"}})
    assert response.json()["count"] == 3
    assert {task["description"] for task in tasks_of(alice).values()} == {"mine"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"set": {"title": "x"}}, "/etags"),
        ({"etags": {}, "set": {}}, "/etags"),
        ({"etags": {ROW: "x"}, "set": {"title": ""}}, "/set/title"),
        ({"etags": {ROW: "x"}, "set": {}, "title": "x"}, "/title"),
        ({"etags": {ROW: "7"}, "set": {}}, f"/etags/{ROW}"),
        ({"etags": {"x": "*"}, "set": {}}, "/etags/x"),
        ({"etags": {ROW: "*", ROW.upper(): "*"}, "set": {}}, "/etags"),
    ],
)
def test_what_is_wrong_with_a_body_is_told_where_it_is(alice: UserClient, body: Any, pointer: str) -> None:
    query = {} if "set" in body else {"status": "pending"}
    errors = assert_problem(alice.patch(alice.tasks, params=query, json=body), 400, "validation_failed")["errors"]
    assert [error["pointer"] for error in errors] == [pointer]


def test_conditions_stand_where_they_mean_something(alice: UserClient, three: list[Task]) -> None:
    query = {"status": "completed"}
    for response in (
        alice.delete(alice.tasks, params=query, headers={"If-Match": three[0]["etag"]}),
        alice.patch(alice.tasks, params=query, json={"title": "x"}, headers={"If-Match": three[0]["etag"]}),
        alice.patch(alice.tasks, params=query, json={"etags": {three[0]["id"]: "x"}, "set": {}}),
    ):
        assert_problem(response, 400, "validation_failed", detail=NOT_CLEAR)


def test_more_than_a_thousand_are_left_alone(alice: UserClient, database: TestDatabase) -> None:
    alice.create_task(title="one")
    add = "INSERT INTO tasks (user_id, id, title, status) SELECT %s, gen_random_uuid(), 'many', 'pending'"
    database.query(f"{add} FROM generate_series(1, 1000)", alice.user_id)
    for response in (
        alice.delete(alice.tasks, params={"status": "pending"}),
        alice.patch(alice.tasks, params={"status": "pending"}, json={"status": "completed"}),
    ):
        assert_problem(response, 409, "too_many_rows", detail="More than 1000 were chosen, and nothing was done.")
    assert database.query("SELECT count(*) FROM tasks WHERE user_id = %s AND status = 'pending'", alice.user_id) == [
        (1001,)
    ]
    assert alice.delete(alice.tasks, params={"q": "many"}).json()["count"] == 1000
    assert [*tasks_of(alice)] == ["one"]


def test_a_hundred_are_named_at_once(alice: UserClient, database: TestDatabase) -> None:
    add = "INSERT INTO tasks (user_id, id, title, status) SELECT %s, gen_random_uuid(), 'a', 'pending'"
    alice.create_task(title="a")
    ids = database.query(f"{add} FROM generate_series(1, 100) RETURNING id::text", alice.user_id)
    query = {"id": [one for (one,) in ids]}
    assert alice.patch(alice.tasks, params=query, json={"title": "b"}).json()["count"] == 100
    assert alice.delete(alice.tasks, params=query).json()["count"] == 100
    assert [*tasks_of(alice)] == ["a"]


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"title": "x"}), ("DELETE", None)])
def test_a_repeat_has_the_same_response_and_does_nothing(
    alice: UserClient, three: list[Task], method: str, body: Any
) -> None:
    def send() -> httpx.Response:
        headers = {"Idempotency-Key": "a-key"}
        return alice.request(method, alice.tasks, params={"status": "completed"}, json=body, headers=headers)

    first = send()
    assert (first.status_code, {*first.json()["ids"]}) == (200, ids_of(three[0], three[2]))
    later = alice.create_task(title="later", status="completed")
    again = send()
    assert (again.status_code, again.json(), again.headers["idempotent-replayed"]) == (200, first.json(), "true")
    assert tasks_of(alice)["later"] == later


def test_a_merge_of_nothing_changes_nothing(alice: UserClient, three: list[Task]) -> None:
    before = tasks_of(alice)
    response = alice.patch(alice.tasks, params={"id": three[0]["id"]}, json={})
    assert response.json() == {"count": 1, "ids": [three[0]["id"]]}
    assert tasks_of(alice) == before


def test_what_a_new_user_chooses_is_nothing(make_user: Callable[..., UserClient]) -> None:
    assert make_user().delete("/api/v1/users/me/tasks", params={"q": "x"}).json() == {"count": 0, "ids": []}


def test_what_no_longer_passes_the_filter_is_left_alone(alice: UserClient, database: TestDatabase) -> None:
    """Somebody takes a task up again while others wait to clear what is completed."""
    task = alice.create_task(title="a", status="completed")
    with closing(database.connect()) as other, ThreadPoolExecutor(1) as thread:
        cursor = other.cursor()
        cursor.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [alice.user_id])
        clearing = thread.submit(alice.delete, alice.tasks, params={"status": "completed"})
        wait_for_waiting(database)
        cursor.execute("UPDATE tasks SET status = 'pending', completed_at = NULL WHERE id = %s", [task["id"]])
        other.commit()
        assert clearing.result().json() == {"count": 0, "ids": []}
    assert [*tasks_of(alice)] == ["a"]


def test_old_deletions_are_forgotten_as_after_single_ones(alice: UserClient, database: TestDatabase) -> None:
    alice.create_task(title="old")
    alice.delete(alice.tasks, params={"q": "old"})
    database.query("UPDATE tombstones SET deleted_at = now() - interval '31 days' WHERE user_id = %s", alice.user_id)
    for _ in range(3 * SWEPT_AT):
        alice.create_task(title="new")
        assert alice.delete(alice.tasks, params={"q": "new"}).json()["count"] == 1
    old = "SELECT 1 FROM tombstones WHERE user_id = %s AND deleted_at < now() - interval '30 days'"
    assert database.query(old, alice.user_id) == []
