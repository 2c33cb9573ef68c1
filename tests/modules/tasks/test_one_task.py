"""Reading and deleting one task, and how every operation on one responds where there is none."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import TestDatabase, UserClient, assert_problem

OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("GET", {}),
    ("PUT", {"json": {"title": "Taken"}}),
    ("PATCH", {"json": {"title": "Taken"}}),
    ("PATCH", {"json": {}}),
    ("DELETE", {}),
]
ID = "01a2074d-24e1-762d-94f1-0242ac120002"
MALFORMED = ["x", "0", "-1", "me", "null", "%00", ID[:23], ID[:-1], ID[:-1] + "g", ID + "0", "a" * 9000]
each_operation = pytest.mark.parametrize(
    ("method", "options"), OPERATIONS, ids=["get", "put", "patch", "empty-patch", "delete"]
)


def test_a_task_is_read_by_id_and_by_me(alice: UserClient) -> None:
    task = alice.create_task(description="Twice.")
    for path in (alice.tasks, "/api/v1/users/me/tasks"):
        response = alice.get(f"{path}/{task['id']}")
        assert (response.status_code, response.json()) == (200, task)


def test_an_id_is_read_in_any_case(alice: UserClient) -> None:
    """RFC 9562: output is in lower case, input in either."""
    task = alice.create_task()
    assert alice.get(f"{alice.tasks}/{task['id'].upper()}").json() == task


def test_a_deleted_task_is_gone_and_the_others_stay(alice: UserClient, database: TestDatabase) -> None:
    task, other = alice.create_task(), alice.create_task()
    response = alice.delete(f"{alice.tasks}/{task['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert "content-type" not in response.headers
    assert alice.get(alice.tasks).json() == {"items": [other], "next_cursor": None}
    assert database.query("SELECT id::text FROM tasks WHERE user_id = %s", alice.user_id) == [(other["id"],)]


def _assert_missing(response: httpx.Response) -> None:
    assert_problem(response, 404, "not_found", title="Not found", detail="No such task.")


@each_operation
def test_a_task_that_never_was_is_not_found(alice: UserClient, method: str, options: dict[str, Any]) -> None:
    """PUT makes none: ids are the server's."""
    other = alice.create_task()
    _assert_missing(alice.request(method, f"{alice.tasks}/{uuid4()}", **options))
    assert alice.get(alice.tasks).json() == {"items": [other], "next_cursor": None}


@each_operation
def test_a_deleted_task_is_not_found(alice: UserClient, method: str, options: dict[str, Any]) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    alice.delete(path)
    _assert_missing(alice.request(method, path, **options))
    assert alice.get(alice.tasks).json() == {"items": [], "next_cursor": None}


@each_operation
def test_a_task_is_not_found_by_a_user_who_has_none(alice: UserClient, method: str, options: dict[str, Any]) -> None:
    """The database has never seen this user, and does not after it either."""
    _assert_missing(alice.request(method, f"{alice.tasks}/{uuid4()}", **options))


@each_operation
def test_somebody_elses_task_is_not_found_under_ones_own_path(
    alice: UserClient, bob: UserClient, method: str, options: dict[str, Any]
) -> None:
    task = alice.create_task()
    _assert_missing(bob.request(method, f"{bob.tasks}/{task['id']}", **options))
    assert alice.get(f"{alice.tasks}/{task['id']}").json() == task
    assert bob.get(bob.tasks).json() == {"items": [], "next_cursor": None}


@each_operation
def test_somebody_elses_path_is_forbidden_whatever_is_there(
    alice: UserClient, make_user: Callable[..., UserClient], bob: UserClient, method: str, options: dict[str, Any]
) -> None:
    """The same response for a task, for none, and for a user who does not exist."""
    task = alice.create_task()
    nobody = make_user()
    for path in (f"{alice.tasks}/{task['id']}", f"{alice.tasks}/{uuid4()}", f"{nobody.tasks}/{uuid4()}"):
        detail = "The user in the path is not the user of the token."
        assert_problem(bob.request(method, path, **options), 403, "forbidden", detail=detail)
    assert alice.get(f"{alice.tasks}/{task['id']}").json() == task


@each_operation
def test_a_malformed_id_is_rejected(alice: UserClient, method: str, options: dict[str, Any]) -> None:
    error = {
        "pointer": "/path/task_id",
        "message": "Must be a UUID",
        "code": "malformed",
        "params": {"expected": "uuid"},
    }
    for task_id in MALFORMED:
        response = alice.request(method, f"{alice.tasks}/{task_id}", **options)
        detail = "Some input is not valid; see `errors`."
        assert_problem(response, 400, "validation_failed", detail=detail, errors=[error])


@each_operation
def test_one_task_without_a_token_is_rejected(
    api: httpx.Client, alice: UserClient, method: str, options: dict[str, Any]
) -> None:
    response = api.request(method, f"{alice.tasks}/{alice.create_task()['id']}", **options)
    detail = "Send one header `Authorization: Bearer <token>`."
    assert_problem(response, 401, "missing_token", title="A bearer token is needed", detail=detail)
    assert response.headers["www-authenticate"] == "Bearer"
