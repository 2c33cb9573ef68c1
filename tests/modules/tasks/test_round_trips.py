"""What an operation costs the database: one round trip, counted on the wire."""

from typing import Any

import pytest

from tests.conftest import TestDatabase, UserClient


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/{id}", {}, 200),
        ("GET", "", {}, 200),
        ("GET", "", {"params": {"q": "plants", "status": ["pending", "completed"], "sort": "title"}}, 200),
        ("POST", "", {"json": {"title": "x", "due_at": "2030-01-31T09:00:00Z"}}, 201),
        ("PUT", "/{id}", {"json": {"title": "x"}}, 200),
        ("PATCH", "/{id}", {"json": {"status": "completed"}}, 200),
        ("PATCH", "/{id}", {"json": {}}, 200),
        ("DELETE", "/{id}", {}, 204),
    ],
    ids=["get", "list", "list-filtered", "create", "replace", "change", "change-nothing", "delete"],
)
def test_an_operation_of_a_known_user_is_one_round_trip(
    alice: UserClient, database: TestDatabase, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    """Without BEGIN and COMMIT around it, without a look at the user, without a ping."""
    task = alice.create_task()
    database.proxy.clear()
    response = alice.request(method, alice.tasks + path.format(id=task["id"]), **options)
    assert response.status_code == status
    assert len(database.proxy.queries) == 1, database.proxy.queries


def test_a_following_page_is_one_round_trip(alice: UserClient, database: TestDatabase) -> None:
    for _ in range(3):
        alice.create_task()
    cursor = alice.get(alice.tasks, params={"limit": 1}).json()["next_cursor"]
    database.proxy.clear()
    assert alice.get(alice.tasks, params={"limit": 1, "cursor": cursor}).status_code == 200
    assert len(database.proxy.queries) == 1, database.proxy.queries


def test_the_total_is_one_round_trip_more(alice: UserClient, database: TestDatabase) -> None:
    """Only who asks for it pays for it."""
    alice.create_task()
    database.proxy.clear()
    assert alice.get(alice.tasks, params={"include_total": True}).json()["total"] == 1
    assert len(database.proxy.queries) == 2, database.proxy.queries


@pytest.mark.parametrize("many", [1, 9])
def test_a_write_of_many_is_four_round_trips_for_any_number(
    alice: UserClient, database: TestDatabase, many: int
) -> None:
    """BEGIN travels with the lock; then the look, the write, and COMMIT."""
    chosen = {"id": [alice.create_task()["id"] for _ in range(many)]}
    writes: dict[str, dict[str, Any]] = {"PATCH": {"json": {"status": "completed"}}, "DELETE": {}}
    for method, options in writes.items():
        database.proxy.clear()
        assert alice.request(method, alice.tasks, params=chosen, **options).json()["count"] == many
        assert len(database.proxy.queries) == 4, database.proxy.queries


def test_a_rejection_that_needs_no_row_never_reaches_the_database(
    alice: UserClient, bob: UserClient, database: TestDatabase
) -> None:
    """What the token, the path and the schema decide costs the database nothing."""
    task = alice.create_task()
    database.proxy.clear()
    assert bob.get(f"{alice.tasks}/{task['id']}").status_code == 403
    assert alice.get(f"{alice.tasks}/x").status_code == 400
    assert alice.post(alice.tasks, json={"title": ""}).status_code == 400
    assert alice.get(alice.tasks, params={"cursor": "x"}).status_code == 400
    assert database.proxy.queries == []
