"""Walking a list by its cursor: every sort, both ways, with ties, and while others insert and delete."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import TestDatabase, UserClient
from tests.modules.tasks.pages import SORTS, Task, get_page, pages, walk

each_sort = pytest.mark.parametrize("sort", SORTS)
LATER_THAN_ANY = "~"

# Equal but for case, equal at all, beyond ASCII, and with what could disturb a cursor.
TITLES = ["apple", "Apple", "APPLE", "Äpfel", "äpfel", "zebra", "zebra", "日本", "\U0001f33b", '"q"', "a\\b", "éé"]


def _key(sort: str) -> Callable[[Task], Any]:
    """What the sort goes by; a task without a due time is due after all others."""
    name = sort.removeprefix("-")
    value: Callable[[Task], Any] = {
        "created_at": lambda task: datetime.fromisoformat(task["created_at"]),
        "updated_at": lambda task: datetime.fromisoformat(task["updated_at"]),
        "due_at": lambda task: task["due_at"] or LATER_THAN_ANY,
        "title": lambda task: task["title"].lower(),
    }[name]
    return lambda task: (value(task), task["id"])


def _sorted(tasks: list[Task], sort: str) -> list[Task]:
    return sorted(tasks, key=_key(sort), reverse=sort.startswith("-"))


@pytest.fixture
def rich(alice: UserClient, database: TestDatabase) -> UserClient:
    """Alice with a dozen tasks, and with ties in each time."""
    for number, title in enumerate(TITLES):
        due = None if number % 3 == 0 else f"2030-01-0{1 + number % 2}T00:00:00Z"
        alice.create_task(title=title, due_at=due)
    database.query(
        "UPDATE tasks SET created_at = date_trunc('minute', created_at) + (ascii(title) %% 3) * interval '1 second',"
        " updated_at = date_trunc('minute', updated_at) + (ascii(title) %% 2) * interval '1 microsecond'"
        " WHERE user_id = %s",
        alice.user_id,
    )
    return alice


@each_sort
def test_pages_of_any_size_give_the_whole_list_in_order(rich: UserClient, sort: str) -> None:
    """Ties are broken by the id, in the direction of the sort."""
    whole = get_page(rich, sort=sort)["items"]
    assert len(whole) == len(TITLES)
    assert whole == _sorted(whole, sort)
    for limit in (1, 2, 5, 11):
        assert walk(rich, sort=sort, limit=limit) == whole


@each_sort
def test_a_filtered_walk_gives_the_filtered_list(rich: UserClient, sort: str) -> None:
    for query in ({"q": "e"}, {"due_after": "2030-01-01T00:00:00Z"}, {"status": ["pending", "completed"]}):
        assert walk(rich, sort=sort, limit=2, **query) == get_page(rich, sort=sort, **query)["items"]


def test_a_full_last_page_has_no_cursor(rich: UserClient) -> None:
    assert [len(items) for items in pages(rich, limit=6)] == [6, 6]


def _lively_walk(user: UserClient, sort: str) -> tuple[list[Task], list[Task]]:
    """Walks by twos; before each page somebody inserts two tasks and deletes one. Gives what was seen, and stayed."""
    before = get_page(user, sort=sort, limit=100)["items"]
    deleted: list[str] = []
    seen: list[Task] = []
    for turn, items in enumerate(pages(user, sort=sort, limit=2)):
        seen += items
        for due in (None, "2030-01-01T12:00:00Z", "1999-01-01T00:00:00Z"):
            user.create_task(title=TITLES[turn % len(TITLES)], due_at=due)
        # By turns one that was passed and one that is to come, the last of this page among them.
        victim = (items[-1:] or before)[0] if turn % 2 else before[-1 - turn]
        user.delete(f"{user.tasks}/{victim['id']}")
        deleted.append(victim["id"])
        if turn == 5:
            break
    return seen, [task for task in before if task["id"] not in deleted]


@each_sort
def test_a_walk_neither_repeats_nor_skips_while_rows_come_and_go(rich: UserClient, sort: str) -> None:
    """The cursor names a place in the order, not a row: it holds when its own row is deleted."""
    seen, stayed = _lively_walk(rich, sort)
    ids = [task["id"] for task in seen]
    assert len(set(ids)) == len(ids)
    assert seen == _sorted(seen, sort)
    last = _key(sort)(seen[-1])
    passed = [
        task for task in stayed if (_key(sort)(task) >= last if sort.startswith("-") else _key(sort)(task) <= last)
    ]
    assert len(passed) >= 3
    assert [task for task in seen if task in stayed] == passed
