"""Reads lists page by page, as a client does."""

from collections.abc import Iterator
from typing import Any

from tests.conftest import UserClient

Task = dict[str, Any]
SORTS = ["created_at", "-created_at", "updated_at", "-updated_at", "due_at", "-due_at", "title", "-title"]


def get_page(user: UserClient, **query: Any) -> dict[str, Any]:
    """One page."""
    response = user.get(user.tasks, params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def pages(user: UserClient, **query: Any) -> Iterator[list[Task]]:
    """The items of every page, each fetched when it is asked for. Fails where the walk comes back to where it was."""
    page = get_page(user, **query)
    yield page["items"]
    seen = set()
    while (cursor := page["next_cursor"]) is not None:
        assert cursor not in seen
        seen.add(cursor)
        page = get_page(user, **query, cursor=cursor)
        yield page["items"]


def walk(user: UserClient, **query: Any) -> list[Task]:
    """All items."""
    return [task for items in pages(user, **query) for task in items]


def titles(user: UserClient, **query: Any) -> list[str]:
    """The titles of a first page."""
    return [task["title"] for task in get_page(user, **query)["items"]]
