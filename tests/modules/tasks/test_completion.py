"""`completed_at` is the server's: set and cleared with the status, whichever way that is written."""

from typing import Any

import pytest

from tests.conftest import UserClient


def _write(user: UserClient, method: str, task: dict[str, Any], status: str) -> dict[str, Any]:
    fields = {"title": task["title"], "status": status} if method == "PUT" else {"status": status}
    response = user.request(method, f"{user.tasks}/{task['id']}", json=fields)
    assert response.status_code == 200
    written: dict[str, Any] = response.json()
    assert user.get(f"{user.tasks}/{task['id']}").json() == written
    return written


def test_a_task_may_be_born_completed(alice: UserClient) -> None:
    task = alice.create_task(status="completed")
    assert task["completed_at"] == task["created_at"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_completing_sets_the_time_and_reopening_clears_it(alice: UserClient, method: str) -> None:
    task = alice.create_task()
    done = _write(alice, method, task, "completed")
    assert done["completed_at"] == done["updated_at"] > task["created_at"]
    for status in ("pending", "in_progress"):
        assert _write(alice, method, done, "completed")["completed_at"] is not None
        assert _write(alice, method, done, status)["completed_at"] is None


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_completing_again_keeps_the_first_time(alice: UserClient, method: str) -> None:
    """Somebody who ticks a task off twice did it once."""
    done = _write(alice, "PATCH", alice.create_task(), "completed")
    again = _write(alice, method, done, "completed")
    assert again == {**done, "updated_at": again["updated_at"], "etag": again["etag"]}
    assert again["updated_at"] > done["updated_at"]


def test_completing_after_reopening_is_a_new_completion(alice: UserClient) -> None:
    first = _write(alice, "PATCH", alice.create_task(), "completed")
    _write(alice, "PATCH", first, "pending")
    assert _write(alice, "PATCH", first, "completed")["completed_at"] > first["completed_at"]


def test_a_put_without_a_status_reopens(alice: UserClient) -> None:
    """What is absent gets its default, and with it goes the time."""
    done = alice.create_task(status="completed")
    received = alice.put(f"{alice.tasks}/{done['id']}", json={"title": done["title"]}).json()
    assert (received["status"], received["completed_at"]) == ("pending", None)


def test_another_change_leaves_the_time_of_completion(alice: UserClient) -> None:
    done = alice.create_task(status="completed")
    received = alice.patch(f"{alice.tasks}/{done['id']}", json={"title": "Feed the cat"}).json()
    assert received["completed_at"] == done["completed_at"]
