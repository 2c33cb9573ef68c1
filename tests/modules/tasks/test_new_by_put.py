"""A task under an id that the client made: created once, put back after it was deleted, never by accident."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.conftest import TestDatabase, UserClient, assert_problem

NEW = {"If-None-Match": "*"}
EXISTS = "There is one under this id already. Read it, or choose another id."
EXISTED = "There was one under this id when the request came first."
DELETED = "Something was deleted under this id. Send an Idempotency-Key to put it back."
# Of each version that clients make, and the two that are none.
UUIDS = [
    *("8a4c1a52-0e5f-4a4e-9d39-9c62c1a3c1a1", "d8b6a4b2-95c3-11ef-8f33-0242ac120002"),
    *("0192f7a0-0000-7000-8000-00000000002a", "a6c1b9ce-50c8-5d6c-8a5a-3f3a2b1c0d4e"),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
]
DAY = timedelta(days=1)


def put(user: UserClient, task_id: object, key: str | None = None, **fields: Any) -> httpx.Response:
    """Asks for a new task with this id."""
    headers = {**NEW, "Idempotency-Key": key} if key else NEW
    return user.put(f"{user.tasks}/{task_id}", json={"title": "Mine", **fields}, headers=headers)


@pytest.mark.parametrize("task_id", [UUID(text) for text in UUIDS])
@pytest.mark.parametrize("key", [None, "key"])
def test_a_task_is_made_under_the_clients_id(alice: UserClient, task_id: UUID, key: str | None) -> None:
    sent = {"description": "d", "status": "completed", "due_at": "2030-01-31T09:00:00Z"}
    response = put(alice, task_id, key, **sent)
    task = response.json()
    assert (response.status_code, response.headers["location"]) == (201, f"{alice.tasks}/{task_id}")
    assert {**task, **sent, "id": str(task_id), "title": "Mine", "etag": response.headers["etag"]} == task
    assert task["created_at"] == task["updated_at"] == task["completed_at"]
    found = alice.get(response.headers["location"])
    assert (found.json(), found.headers["etag"]) == (task, task["etag"])
    assert alice.get(alice.tasks).json()["items"] == [task]


def test_me_in_the_path_is_me_in_the_location(alice: UserClient) -> None:
    task_id = uuid4()
    made = alice.put(f"/api/v1/users/me/tasks/{task_id}", json={"title": "x"}, headers=NEW)
    assert made.headers["location"] == f"/api/v1/users/me/tasks/{task_id}"


@pytest.mark.parametrize("key", [None, "another"])
def test_what_exists_is_not_overwritten(alice: UserClient, key: str | None) -> None:
    task = alice.create_task()
    response = put(alice, task["id"], key)
    assert_problem(response, 412, "precondition_failed", detail=EXISTS)
    assert response.headers["etag"] == task["etag"]
    assert alice.get(f"{alice.tasks}/{task['id']}").json() == task


def test_of_a_rejected_put_nothing_is_left_but_its_key(alice: UserClient, database: TestDatabase) -> None:
    """What it wrote before it was rejected is undone in the transaction that stores the key."""
    task = alice.create_task()
    left = "SELECT change, key, status FROM users JOIN idempotency_keys ON user_id = id WHERE id = %s"
    assert put(alice, task["id"], "key").status_code == 412
    assert database.query(left, alice.user_id) == [(1, "key", 412)]


def test_a_repeat_is_known_by_its_key_and_gets_the_stored_201(alice: UserClient) -> None:
    task_id = uuid4()
    first = put(alice, task_id, "key")
    changed = alice.patch(first.headers["location"], json={"title": "Changed"}).json()
    again = put(alice, task_id, "key")
    assert (again.status_code, again.json(), again.headers["idempotent-replayed"]) == (201, changed, "true")
    assert again.headers["location"] == first.headers["location"]
    assert_problem(put(alice, task_id), 412, "precondition_failed")


def test_without_the_header_a_put_makes_nothing(alice: UserClient) -> None:
    for headers in ({}, {"Idempotency-Key": "key"}):
        response = alice.put(f"{alice.tasks}/{uuid4()}", json={"title": "x"}, headers=headers)
        assert_problem(response, 404, "not_found", detail="No such task.")
    assert alice.get(alice.tasks).json()["items"] == []


def test_what_is_somebody_elses_is_unseen_and_in_nobodys_way(alice: UserClient, bob: UserClient) -> None:
    task, gone = bob.create_task(title="Of Bob"), bob.create_task()
    assert bob.delete(f"{bob.tasks}/{gone['id']}").status_code == 204
    for task_id in (task["id"], gone["id"]):
        assert put(alice, task_id).status_code == 201
    assert bob.get(bob.tasks).json()["items"] == [task]


@pytest.mark.parametrize("key", [None, "key"])
def test_what_was_deleted_in_another_collection_is_no_task(
    alice: UserClient, key: str | None, database: TestDatabase
) -> None:
    """It is in nobody's way, and stays deleted."""
    alice.create_task()
    gone = alice.user_id, uuid4()
    database.query("INSERT INTO tombstones VALUES (%s, 'notes', %s, 1, now())", gone[0], str(gone[1]))
    assert put(alice, gone[1], key).status_code == 201
    left = database.query("SELECT collection FROM tombstones WHERE user_id = %s AND id = %s", gone[0], str(gone[1]))
    assert left == [("notes",)]


@pytest.mark.parametrize("key", [None, "key"])
def test_a_new_user_has_their_first_task_by_it(
    make_user: Callable[..., UserClient], key: str | None, database: TestDatabase
) -> None:
    new = make_user(email="new@example.com")
    assert put(new, uuid4(), key).status_code == 201
    assert database.query("SELECT email, change FROM users WHERE id = %s", new.user_id) == [("new@example.com", 1)]


def test_a_deleted_account_makes_none(alice: UserClient) -> None:
    assert alice.delete("/api/v1/users/me").status_code == 204
    for key in (None, "key"):
        assert_problem(put(alice, uuid4(), key), 401, "account_deleted")


def test_a_key_of_one_put_is_not_that_of_the_other(alice: UserClient) -> None:
    """To make and to replace are two things, however alike the bodies: neither may get the other's response."""
    path = put(alice, uuid4()).headers["location"]
    task_id = path.rsplit("/", 1)[1]
    tag = put(alice, task_id, "make").headers["etag"]
    replace = {"If-Match": tag, "Idempotency-Key": "make"}
    assert_problem(alice.put(path, json={"title": "Mine"}, headers=replace), 422, "idempotency_key_reused")
    replace["Idempotency-Key"] = "replace"
    assert alice.put(path, json={"title": "Mine"}, headers=replace).status_code == 200
    assert alice.delete(path).status_code == 204
    assert_problem(put(alice, task_id, "replace"), 422, "idempotency_key_reused")
    assert put(alice, task_id, "put-back").status_code == 201


def test_a_late_repeat_does_not_bring_back_what_was_deleted(alice: UserClient) -> None:
    task_id = uuid4()
    path = put(alice, task_id).headers["location"]
    assert alice.delete(path).status_code == 204
    assert_problem(put(alice, task_id), 400, "key_required", detail=DELETED)
    assert alice.get(alice.tasks).json()["items"] == []
    # One with a key is not done again, so a new key is meant.
    put(alice, other := uuid4(), "key")
    assert alice.delete(f"{alice.tasks}/{other}").status_code == 204
    assert put(alice, other, "key").headers["idempotent-replayed"] == "true"
    assert alice.get(alice.tasks).json()["items"] == []


def test_once_its_key_is_forgotten_a_repeat_without_it_brings_nothing_back(
    alice: UserClient, database: TestDatabase
) -> None:
    """As docs/offline.md has a client send a creation again after more than a day."""
    task_id = uuid4()
    path = put(alice, task_id, "key").headers["location"]
    assert_problem(put(alice, task_id), 412, "precondition_failed", detail=EXISTS)
    cursor = alice.get(f"{alice.tasks}/changes").json()["next_cursor"]
    assert alice.delete(path).status_code == 204
    database.query("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    assert put(alice, uuid4(), "sweeps").status_code == 201
    assert_problem(put(alice, task_id), 400, "key_required", detail=DELETED)
    assert alice.get(f"{alice.tasks}/changes?cursor={cursor}").json()["deleted"] == [str(task_id)]
    # The key alone does not tell it from an undo any more.
    assert put(alice, task_id, "key").status_code == 201


def test_a_late_repeat_of_what_was_rejected_does_not_bring_it_back_either(alice: UserClient) -> None:
    """Two devices undo a deletion; the later one's request was on its way twice, and the task is deleted again."""
    task_id = uuid4()
    path = put(alice, task_id).headers["location"]
    assert alice.delete(path).status_code == 204
    back = put(alice, task_id, "one-device")
    assert_problem(put(alice, task_id, "the-other-device"), 412, "precondition_failed", detail=EXISTS)
    again = put(alice, task_id, "the-other-device")
    assert_problem(again, 412, "precondition_failed", detail=EXISTED)
    assert again.headers["etag"] == back.headers["etag"]
    assert alice.delete(path).status_code == 204
    late = put(alice, task_id, "the-other-device")
    assert_problem(late, 412, "precondition_failed", detail=EXISTED)
    assert "etag" not in late.headers
    assert alice.get(alice.tasks).json()["items"] == []
    assert put(alice, task_id, "a-new-undo").status_code == 201


def test_a_task_that_is_put_back_stands_where_it_stood(alice: UserClient, database: TestDatabase) -> None:
    tasks = [alice.create_task(title=str(number)) for number in range(3)]
    path = f"{alice.tasks}/{tasks[1]['id']}"
    assert alice.delete(path, headers={"If-Match": tasks[1]["etag"]}).status_code == 204
    back = alice.put(path, json=tasks[1], headers={**NEW, "Idempotency-Key": "undo"})
    kept = ("id", "title", "created_at", "description", "status", "due_at")
    assert (back.status_code, {k: back.json()[k] for k in kept}) == (201, {k: tasks[1][k] for k in kept})
    listed = alice.get(alice.tasks, params={"sort": "created_at"}).json()["items"]
    assert [task["title"] for task in listed] == ["0", "1", "2"]
    assert database.query("SELECT * FROM tombstones WHERE user_id = %s", alice.user_id) == []
    assert back.json()["updated_at"] > tasks[2]["updated_at"]


def test_no_tag_of_before_is_one_of_what_was_put_back(alice: UserClient) -> None:
    """Whoever saw the task before it was deleted has not seen this one."""
    task = alice.create_task()
    path, tags = f"{alice.tasks}/{task['id']}", [task["etag"]]
    for number in range(3):
        tags.append(alice.patch(path, json={"title": str(number)}).json()["etag"])
        assert alice.delete(path).status_code == 204
        tags.append(put(alice, task["id"], f"undo-{number}").json()["etag"])
    assert len(set(tags)) == len(tags)
    for tag in tags[:-1]:
        assert_problem(alice.patch(path, json={}, headers={"If-Match": tag}), 412, "precondition_failed")


@pytest.mark.parametrize("shift", [timedelta(minutes=5), timedelta(days=400)])
def test_it_never_stands_in_the_future(alice: UserClient, shift: timedelta) -> None:
    task = alice.create_task()
    assert alice.delete(f"{alice.tasks}/{task['id']}").status_code == 204
    later = (datetime.now(UTC) + shift).isoformat()
    made = put(alice, task["id"], "undo", created_at=later).json()
    assert task["created_at"] < made["created_at"] == made["updated_at"]


@pytest.mark.parametrize(("age", "counts"), [(DAY - timedelta(minutes=1), True), (DAY + timedelta(minutes=1), False)])
def test_after_a_day_it_is_a_new_one(alice: UserClient, database: TestDatabase, age: timedelta, counts: bool) -> None:
    task = alice.create_task()
    assert alice.delete(f"{alice.tasks}/{task['id']}").status_code == 204
    aged = "UPDATE tombstones SET deleted_at = deleted_at - %s WHERE user_id = %s"
    database.query(aged, age, alice.user_id)
    made = put(alice, task["id"], "undo", created_at="2001-01-31T09:00:00+01:00").json()
    assert made["created_at"] == ("2001-01-31T08:00:00Z" if counts else made["updated_at"])


def test_the_time_of_making_counts_nowhere_else(alice: UserClient) -> None:
    long_ago = "2001-01-31T09:00:00Z"
    made = put(alice, uuid4(), "key", created_at=long_ago)
    assert made.json()["created_at"] == made.json()["updated_at"]
    replaced = alice.put(made.headers["location"], json={"title": "x", "created_at": long_ago})
    assert replaced.json()["created_at"] == made.json()["created_at"]
    rejected = alice.put(made.headers["location"], json={"title": "x", "created_at": "yesterday"})
    assert_problem(rejected, 400, "validation_failed")


def test_of_many_at_once_one_makes_it(alice: UserClient) -> None:
    for number in range(10):
        task_id = uuid4()
        attempts = [partial(put, alice, task_id, f"{number}-{n}" if n % 2 else None) for n in range(6)]
        with ThreadPoolExecutor(6) as threads:
            responses = list(threads.map(lambda attempt: attempt(), attempts))
        assert sorted(response.status_code for response in responses) == [201] + [412] * 5
        (made,) = [response for response in responses if response.status_code == 201]
        assert {response.headers["etag"] for response in responses} == {made.headers["etag"]}


def test_it_is_one_round_trip_and_with_a_key_three(alice: UserClient, database: TestDatabase) -> None:
    alice.create_task()
    for key, trips in ((None, 1), ("key", 3)):
        database.proxy.clear()
        assert put(alice, uuid4(), key).status_code == 201
        assert len(database.proxy.queries) == trips


@pytest.mark.parametrize("key", [None, "key"])
def test_among_deletes_of_the_same_task_nothing_comes_back_unasked(
    alice: UserClient, database: TestDatabase, key: str | None
) -> None:
    """A put that waited while the task was deleted sees that it was: no task and tombstone stand beside each other."""
    for number in range(20):
        task = alice.create_task()
        path = f"{alice.tasks}/{task['id']}"
        with ThreadPoolExecutor(3) as threads:
            deleted = threads.submit(alice.delete, path)
            puts = [threads.submit(put, alice, task["id"], key and f"{key}-{number}-{n}") for n in range(2)]
            statuses = sorted(one.result().status_code for one in puts)
        assert deleted.result().status_code == 204
        assert statuses in ([[400, 400], [400, 412], [412, 412]] if key is None else [[201, 412], [412, 412]])
        there = alice.get(path).status_code == 200
        assert there == (201 in statuses)
        left = database.query("SELECT id::text FROM tombstones WHERE id = %s", task["id"])
        assert left == ([] if there else [(task["id"],)])
