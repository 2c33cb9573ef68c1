"""What a later release has written is read by this one: while one replaces the other, and after a rollback."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import TestDatabase, UserClient
from tests.core.api_process import ApiProcess


@pytest.fixture
def carol(make_database: Callable[[], TestDatabase], fast_path: str) -> Iterator[UserClient]:
    """At a database where a later release has given tasks another status."""
    database = make_database()
    with ApiProcess(database.url, FAST_PATH=fast_path) as process, UserClient(process.url) as user:
        user.create_task(title="later")
        database.query("ALTER TABLE tasks DROP CONSTRAINT ck_tasks_status_known")
        database.query("UPDATE tasks SET status = 'archived'")
        yield user


@pytest.mark.parametrize("fast_path", ["true", "false"])
def test_a_status_of_a_later_release_is_shown_as_it_is(carol: UserClient) -> None:
    (task,) = carol.get(carol.tasks).json()["items"]
    one = f"{carol.tasks}/{task['id']}"
    assert task["status"] == "archived"
    assert carol.get(one).json() == task
    assert carol.get(f"{carol.tasks}/changes").json()["items"] == [task]
    assert carol.patch(one, json={"title": "now"}).json()["status"] == "archived"
    assert carol.get(carol.tasks, params={"status": "archived"}).status_code == 400
