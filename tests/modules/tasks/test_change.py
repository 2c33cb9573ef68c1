"""Changing a task: PUT replaces, PATCH merges, and the server keeps the times."""

from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import TestDatabase, UserClient, assert_problem

INVALID = "Some input is not valid; see `errors`."
STATUS = {
    "pointer": "/status",
    "message": "Must be 'pending', 'in_progress' or 'completed'",
    "code": "not_allowed",
    "params": {"allowed": ["pending", "in_progress", "completed"]},
}
NO_TITLE = {"pointer": "/title", "message": "Must be a string", "code": "wrong_type", "params": {"expected": "string"}}
FULL = {
    "title": "Water the plants",
    "description": "The big ones twice.",
    "status": "in_progress",
    "due_at": "2030-01-31T09:00:00Z",
}


def _path(user: UserClient, task: dict[str, Any]) -> str:
    return f"{user.tasks}/{task['id']}"


def _written(received: dict[str, Any]) -> dict[str, Any]:
    """What every write changes."""
    return {name: received[name] for name in ("updated_at", "etag")}


def test_put_replaces_everything_a_client_may_write(alice: UserClient) -> None:
    task = alice.create_task(**FULL)
    new = {"title": "Feed the cat", "description": None, "status": "pending", "due_at": "2031-01-31T09:00:00Z"}
    response = alice.put(_path(alice, task), json=new)
    received = response.json()
    assert (response.status_code, received) == (200, {**task, **new, **_written(received)})
    assert received["updated_at"] > task["updated_at"]
    assert alice.get(_path(alice, task)).json() == received


def test_put_gives_what_is_absent_its_default(alice: UserClient) -> None:
    task = alice.create_task(**FULL)
    received = alice.put(_path(alice, task), json={"title": "Feed the cat"}).json()
    defaults = {"title": "Feed the cat", "description": None, "status": "pending", "due_at": None}
    assert received == {**task, **defaults, **_written(received)}


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Feed the cat"},
        {"description": "Every day."},
        {"description": None},
        {"description": ""},
        {"status": "pending"},
        {"due_at": "2031-01-31T09:00:00Z"},
        {"due_at": None},
        {"title": "Feed the cat", "description": None, "status": "pending", "due_at": None},
    ],
    ids=range(8),
)
def test_patch_writes_what_is_there_and_leaves_the_rest(alice: UserClient, changes: dict[str, Any]) -> None:
    task = alice.create_task(**FULL)
    response = alice.patch(_path(alice, task), json=changes)
    received = response.json()
    assert (response.status_code, received) == (200, {**task, **changes, **_written(received)})
    assert received["updated_at"] > task["updated_at"]
    assert alice.get(_path(alice, task)).json() == received


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_change_is_in_the_database_and_in_that_task_alone(
    alice: UserClient, bob: UserClient, database: TestDatabase, method: str
) -> None:
    """One's own others and somebody else's stay as they are, to the column."""
    task, other, theirs = alice.create_task(), alice.create_task(), bob.create_task()
    others = "SELECT tasks::text FROM tasks WHERE id IN (%s, %s) ORDER BY id"
    before = database.query(others, other["id"], theirs["id"])
    changed = alice.request(method, _path(alice, task), json={"title": "Feed the cat", "status": "completed"})
    assert changed.status_code == 200
    stored = database.query("SELECT title, status FROM tasks WHERE id = %s", task["id"])
    assert stored == [("Feed the cat", "completed")]
    assert len(before) == 2
    assert database.query(others, other["id"], theirs["id"]) == before


def test_an_empty_patch_changes_nothing(alice: UserClient) -> None:
    """Not even the time of the last change."""
    task = alice.create_task(**FULL)
    response = alice.patch(_path(alice, task), json={})
    assert (response.status_code, response.json()) == (200, task)
    assert alice.get(_path(alice, task)).json() == task


def test_a_title_is_trimmed_by_put_and_patch(alice: UserClient) -> None:
    task = alice.create_task()
    assert alice.put(_path(alice, task), json={"title": "  Feed the cat "}).json()["title"] == "Feed the cat"
    assert alice.patch(_path(alice, task), json={"title": "\u3000Feed the dog\n"}).json()["title"] == "Feed the dog"


_UNWRITABLE = [
    {name: value, "title": "x"}
    for name, value in {
        "id": str(uuid4()),
        "user_id": "somebody",
        "owner_id": "somebody",
        "created_at": "2030-01-31T09:00:00Z",
        "updated_at": "2030-01-31T09:00:00Z",
        "completed_at": None,
    }.items()
]


@pytest.mark.parametrize("fields", _UNWRITABLE, ids=[next(iter(fields)) for fields in _UNWRITABLE])
def test_what_the_server_keeps_cannot_be_written(alice: UserClient, fields: dict[str, Any]) -> None:
    task = alice.create_task(**FULL)
    response = alice.patch(_path(alice, task), json=fields)
    error = {"pointer": f"/{next(iter(fields))}", "message": "This field is not known", "code": "unknown_field"}
    assert_problem(response, 400, "validation_failed", detail=INVALID, errors=[error])
    assert alice.get(_path(alice, task)).json() == task


@pytest.mark.parametrize("name", ["created_at", "updated_at", "completed_at"])
def test_a_put_ignores_what_the_server_keeps(alice: UserClient, name: str) -> None:
    """So that what GET gave can be changed and sent back as it is; tests/core has the whole round."""
    task = alice.create_task(**FULL)
    replaced = alice.put(_path(alice, task), json={"title": "x", name: "2001-01-31T09:00:00Z"}).json()
    assert (replaced["title"], replaced["created_at"]) == ("x", task["created_at"])
    assert replaced["updated_at"] > task["updated_at"]
    assert replaced["completed_at"] is None


@pytest.mark.parametrize("name", ["user_id", "owner_id"])
def test_a_put_names_no_owner(alice: UserClient, name: str) -> None:
    task = alice.create_task(**FULL)
    response = alice.put(_path(alice, task), json={"title": "x", name: "somebody"})
    error = {"pointer": f"/{name}", "message": "This field is not known", "code": "unknown_field"}
    assert_problem(response, 400, "validation_failed", detail=INVALID, errors=[error])
    assert alice.get(_path(alice, task)).json() == task


@pytest.mark.parametrize(
    ("method", "fields", "error"),
    [
        ("PUT", {}, {"pointer": "/title", "message": "This field is required", "code": "missing"}),
        ("PUT", {"title": None}, NO_TITLE),
        ("PUT", {"title": "x", "status": None}, STATUS),
        ("PUT", {"title": "x", "status": "done"}, STATUS),
        ("PATCH", {"title": None}, NO_TITLE),
        ("PATCH", {"status": None}, STATUS),
        ("PATCH", {"status": "done"}, STATUS),
        (
            "PATCH",
            {"title": " "},
            {
                "pointer": "/title",
                "message": "Must have at least 1 character",
                "code": "too_short",
                "params": {"min": 1},
            },
        ),
        (
            "PATCH",
            {"title": "a" * 201},
            {
                "pointer": "/title",
                "message": "Must have at most 200 characters",
                "code": "too_long",
                "params": {"max": 200},
            },
        ),
        (
            "PATCH",
            {"description": "a" * 10_001},
            {
                "pointer": "/description",
                "message": "Must have at most 10000 characters",
                "code": "too_long",
                "params": {"max": 10000},
            },
        ),
    ],
    ids=range(10),
)
def test_what_cannot_be_stored_is_rejected_and_changes_nothing(
    alice: UserClient, method: str, fields: dict[str, Any], error: dict[str, str]
) -> None:
    """A title and a status are never none: `null` has nothing to clear."""
    task = alice.create_task(**FULL)
    response = alice.request(method, _path(alice, task), json=fields)
    assert_problem(response, 400, "validation_failed", detail=INVALID, errors=[error])
    assert alice.get(_path(alice, task)).json() == task
