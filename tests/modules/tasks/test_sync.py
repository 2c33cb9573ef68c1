"""Who asks for what is new, by the feed or by `updated_since`, misses nothing, however late a change commits."""

import asyncio
from datetime import datetime

import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient
from tests.syncing import missed

pytestmark = pytest.mark.slow

WRITES = 600


def test_a_device_misses_nothing_beside_six_writers(api_server: RunningServer, database: TestDatabase) -> None:
    """`make test-faults` does the same ten thousand times, and through PgBouncer."""
    found = asyncio.run(missed([api_server.url], WRITES, database.url))
    assert min(found.syncs, found.deletions) > 10
    assert (found.by_feed, found.by_time, found.out_of_order) == (0, 0, 0)


def test_each_change_of_a_user_has_a_time_and_a_number_of_its_own(alice: UserClient, database: TestDatabase) -> None:
    one, two = alice.create_task(), alice.create_task(status="completed")
    changed = alice.patch(f"{alice.tasks}/{one['id']}", json={"status": "completed"}).json()
    again = alice.put(f"{alice.tasks}/{two['id']}", json={"title": "Again"}).json()
    assert one["created_at"] == one["updated_at"] < two["updated_at"] < changed["updated_at"] < again["updated_at"]
    assert (two["completed_at"], changed["completed_at"]) == (two["created_at"], changed["updated_at"])
    numbers = database.query("SELECT id::text, change FROM tasks WHERE user_id = %s ORDER BY change", alice.user_id)
    assert numbers == [(one["id"], 3), (two["id"], 4)]
    (counted,) = database.query("SELECT change, changed_at FROM users WHERE id = %s", alice.user_id)
    assert counted == (4, datetime.fromisoformat(again["updated_at"]))


def test_the_time_goes_on_where_the_clock_of_the_database_was_set_back(
    alice: UserClient, database: TestDatabase
) -> None:
    one = alice.create_task()
    database.query("UPDATE users SET changed_at = now() + interval '1 day' WHERE id = %s", alice.user_id)
    two, three = alice.create_task(), alice.create_task()
    assert one["updated_at"] < two["updated_at"] < three["updated_at"]
    found = alice.get(f"{alice.tasks}?sort=updated_at&updated_since={two['updated_at']}").json()["items"]
    assert found == [two, three]


def test_reading_and_changing_nothing_counts_no_change(alice: UserClient, database: TestDatabase) -> None:
    task = alice.create_task()
    path = f"{alice.tasks}/{task['id']}"
    for response in (
        alice.get(path),
        alice.get(alice.tasks),
        alice.patch(path, json={}),
        alice.get("/api/v1/users/me"),
    ):
        assert response.status_code == 200
    assert database.query("SELECT change FROM users WHERE id = %s", alice.user_id) == [(1,)]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_change_of_what_is_not_there_leaves_other_users_alone(
    alice: UserClient, bob: UserClient, database: TestDatabase, method: str
) -> None:
    task = alice.create_task()
    bob.create_task()
    assert bob.request(method, f"{bob.tasks}/{task['id']}", json={"title": "Taken"}).status_code == 404
    assert database.query("SELECT change FROM users WHERE id = %s", alice.user_id) == [(1,)]
    assert alice.get(f"{alice.tasks}/{task['id']}").json() == task
