"""Many requests at once: none is lost, none overwrites what it did not mention."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

import httpx
import pytest

from core.config import NAME
from tests.conftest import RunningServer, TestDatabase, UserClient
from tests.core.database.locks import wait_for_waiting
from tests.modules.tasks.pages import get_page


def _at_once(calls: list[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


def test_two_patches_of_different_fields_at_once_both_survive(alice: UserClient) -> None:
    """Each writes its own column alone, so there is nothing to lose by reading first."""
    for number in range(10):
        task = alice.create_task()
        path = f"{alice.tasks}/{task['id']}"
        changes: list[dict[str, Any]] = [
            {"title": f"Title {number}"},
            {"description": f"Description {number}"},
            {"status": "in_progress"},
            {"due_at": "2030-01-31T09:00:00Z"},
        ]
        responses = _at_once([partial(alice.patch, path, json=change) for change in changes])
        assert [response.status_code for response in responses] == [200] * 4
        merged = {name: value for change in changes for name, value in change.items()}
        found = alice.get(path).json()
        assert found == {**task, **merged, "updated_at": found["updated_at"], "etag": alice.etag(5)}


def test_of_many_deletes_at_once_one_deletes(alice: UserClient) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    responses = _at_once([partial(alice.delete, path)] * 10)
    assert sorted(response.status_code for response in responses) == [204] + [404] * 9


def test_sixty_requests_at_once_succeed_on_a_pool_of_five(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """They wait for their turn: nobody is rejected, and no more connections are made."""
    database = make_database()
    server = start_server(database=database, database_pool_size=5)
    with UserClient(server.url) as user:
        task = user.create_task()
        create = partial(user.post, user.tasks, json={"title": "x"})
        read, listed = partial(user.get, f"{user.tasks}/{task['id']}"), partial(user.get, user.tasks)
        responses = _at_once([create, read, listed] * 20)
        assert [response.status_code for response in responses] == [201, 200, 200] * 20
        assert get_page(user, include_total=True, limit=1)["total"] == 21
    connections = (
        f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}' AND datname = current_database()"
    )
    assert database.query(connections) <= [(5,)]


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize(("method", "sent"), [("DELETE", None), ("PATCH", {"title": "x"}), ("PUT", {"title": "x"})])
def test_a_write_that_waits_for_its_owner_holds_nothing_yet(
    alice: UserClient, database: TestDatabase, method: str, sent: dict[str, str] | None, key: str | None
) -> None:
    """Each takes the owner's number first, so that no two of them wait for each other in a circle."""
    task = alice.create_task()
    headers = {} if key is None else {"Idempotency-Key": key}
    with closing(database.connect()) as other, ThreadPoolExecutor(1) as thread:
        cursor = other.cursor()
        cursor.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [alice.user_id])
        waiting = thread.submit(alice.request, method, f"{alice.tasks}/{task['id']}", json=sent, headers=headers)
        wait_for_waiting(database)
        cursor.execute("SELECT FROM tasks WHERE id = %s FOR UPDATE NOWAIT", [task["id"]])
        other.rollback()
        assert waiting.result().is_success
