"""How many tasks there are, by kind: in one statement, of one user, and beside the page that they belong to."""

from typing import Any

import pytest

from tests.conftest import TestDatabase, UserClient, assert_problem

PAST, FUTURE = "2020-01-31T09:00:00Z", "2099-01-31T09:00:00Z"
NONE = {"total": 0, "pending": 0, "in_progress": 0, "completed": 0, "overdue": 0}


@pytest.fixture(autouse=True)
def _tasks(alice: UserClient, bob: UserClient) -> None:
    bob.create_task(title="Bob's", due_at=PAST)
    for number, (status, due_at) in enumerate(
        [("pending", PAST), ("pending", FUTURE), ("in_progress", PAST), ("completed", PAST), ("completed", None)]
    ):
        alice.create_task(title=f"{number}", status=status, due_at=due_at)


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ({}, {"total": 5, "pending": 2, "in_progress": 1, "completed": 2, "overdue": 2}),
        ({"status": ["pending", "completed"]}, {"total": 4, "pending": 2, "completed": 2, "overdue": 1}),
        (
            {"due_before": "2030-01-01T00:00:00Z"},
            {"total": 3, "pending": 1, "in_progress": 1, "completed": 1, "overdue": 2},
        ),
        ({"q": "nothing of this"}, {}),
    ],
)
def test_those_that_pass_the_filters_are_counted(
    alice: UserClient, database: TestDatabase, query: dict[str, Any], counts: dict[str, int]
) -> None:
    database.proxy.clear()
    response = alice.get(f"{alice.tasks}/counts", params=query)
    assert (response.status_code, response.json()) == (200, {**NONE, **counts})
    assert len(database.proxy.queries) == (1 if counts else 2)
    page = alice.get(alice.tasks, params={**query, "include_counts": True, "limit": 1})
    assert page.json()["counts"] == response.json()
    assert len(page.json()["items"]) == min(1, response.json()["total"])


def test_a_page_with_counts_has_no_tag(alice: UserClient) -> None:
    """A task becomes overdue without a change of anything."""
    plain = alice.get(alice.tasks)
    assert "counts" not in plain.json()
    counted = alice.get(alice.tasks, params={"include_counts": True}, headers={"If-None-Match": plain.headers["etag"]})
    assert "etag" not in counted.headers


def test_a_deleted_account_has_nothing_to_count(alice: UserClient) -> None:
    assert alice.delete("/api/v1/users/me").status_code == 204
    assert_problem(alice.get(f"{alice.tasks}/counts"), 401, "account_deleted")
