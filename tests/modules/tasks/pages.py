"""Reads lists page by page, as a client does."""

from collections.abc import Iterator
from typing import Any

from tests.conftest import Caller

Task = dict[str, Any]
SORTS = ["created_at", "-created_at", "updated_at", "-updated_at", "due_at", "-due_at", "title", "-title"]


def get_page(caller: Caller, **query: Any) -> dict[str, Any]:
    """One page."""
    response = caller.get(caller.tasks, params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def pages(caller: Caller, **query: Any) -> Iterator[list[Task]]:
    """The items of every page, each fetched when it is asked for. Fails where the walk comes back to where it was."""
    page = get_page(caller, **query)
    yield page["items"]
    seen = set()
    while (cursor := page["next_cursor"]) is not None:
        assert cursor not in seen
        seen.add(cursor)
        page = get_page(caller, **query, cursor=cursor)
        yield page["items"]


def walk(caller: Caller, **query: Any) -> list[Task]:
    """All items."""
    return [task for items in pages(caller, **query) for task in items]


def titles(caller: Caller, **query: Any) -> list[str]:
    """The titles of a first page."""
    return [task["title"] for task in get_page(caller, **query)["items"]]
