"""Every sort and filter of the list is served by its index of modules/tasks/models.py, at 100,000 tasks of a user."""

from typing import Any

import pytest

from tests.modules.tasks.conftest import MANY, BigDatabase, Plan
from tests.modules.tasks.pages import SORTS

pytestmark = pytest.mark.slow

LIMIT = 50
SCANS = {"Limit", "Index Scan", "Index Only Scan"}


def _index(sort: str) -> str:
    return f"ix_tasks_{sort.removeprefix('-')}"


def _assert_walks(plan: Plan, index: str, visited: int = LIMIT + 1) -> None:
    """The index gives the rows in order, so that the page costs its own rows and no others."""
    assert plan.kinds <= SCANS, plan
    assert plan.indexes == {index}, plan
    assert plan.visited <= visited, plan


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_costs_its_own_rows_however_deep_it_lies(big: BigDatabase, sort: str) -> None:
    first = big.page(sort=sort, limit=100)
    assert len(first["items"]) == 100
    _assert_walks(big.plan(sort=sort), _index(sort))
    cursor = first["next_cursor"]
    for _ in range(20):
        cursor = big.page(sort=sort, limit=100, cursor=cursor)["next_cursor"]
    _assert_walks(big.plan(sort=sort, cursor=cursor), _index(sort))


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
@pytest.mark.parametrize("status", ["pending", "in_progress"])
def test_one_status_is_walked_in_the_order_of_its_index(big: BigDatabase, sort: str, status: str) -> None:
    """Also where it is rare, and where all others come before it."""
    first = big.page(sort=sort, status=status)
    assert len(first["items"]) == LIMIT
    _assert_walks(big.plan(sort=sort, status=status), "ix_tasks_counts")
    _assert_walks(big.plan(sort=sort, status=status, cursor=first["next_cursor"]), "ix_tasks_counts")


@pytest.mark.parametrize(
    ("sort", "query"),
    [
        ("due_at", {"due_after": "2026-06-20T00:00:00Z"}),
        ("-due_at", {"due_after": "2026-06-20T00:00:00Z"}),
        ("due_at", {"due_before": "2026-06-20T00:00:00Z"}),
        ("-due_at", {"due_before": "2026-06-20T00:00:00Z"}),
        ("due_at", {"due_after": "2026-06-20T00:00:00Z", "due_before": "2026-07-20T00:00:00Z"}),
        ("updated_at", {"updated_since": "2026-02-10T00:00:00Z"}),
        ("-updated_at", {"updated_since": "2026-02-10T00:00:00Z"}),
    ],
    ids=range(7),
)
def test_a_filter_on_what_the_list_is_sorted_by_starts_the_walk_there(
    big: BigDatabase, sort: str, query: dict[str, Any]
) -> None:
    """The window of a calendar, and what is new since the last time."""
    assert len(big.page(sort=sort, **query)["items"]) == LIMIT
    _assert_walks(big.plan(sort=sort, **query), _index(sort))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"due_before": "2026-06-01T01:00:00Z"}, "ix_tasks_due_at"),
        ({"due_after": "2026-08-09T09:00:00Z"}, "ix_tasks_due_at"),
        ({"due_after": "2026-06-20T00:00:00Z", "due_before": "2026-06-20T02:00:00Z"}, "ix_tasks_due_at"),
        ({"updated_since": "2026-03-11T09:30:00Z"}, "ix_tasks_updated_at"),
        ({"updated_since": "2036-01-01T00:00:00Z", "status": "pending"}, "ix_tasks_updated_at"),
    ],
    ids=range(5),
)
def test_a_narrow_filter_finds_its_rows_by_its_own_index_and_sorts_those_alone(
    big: BigDatabase, query: dict[str, Any], index: str
) -> None:
    plan = big.plan(**query)
    assert plan.kinds <= SCANS | {"Sort"}, plan
    assert plan.indexes == {index}, plan
    assert plan.visited <= 500, plan


@pytest.mark.parametrize(
    "query",
    [
        {"due_before": "2036-01-01T00:00:00Z"},
        {"due_after": "2026-06-02T00:00:00Z"},
        {"updated_since": "2026-01-02T00:00:00Z"},
        {"status": ["pending", "in_progress"]},
        {"status": "completed", "sort": "created_at"},
        {"status": "completed", "sort": "title"},
        {"q": "task"},
        {"q": "ABOUT", "sort": "due_at"},
        {"q": "about", "status": ["in_progress", "pending"], "due_after": "2026-06-02T00:00:00Z"},
    ],
    ids=range(9),
)
def test_a_wide_filter_thins_the_walk_of_the_sort(big: BigDatabase, query: dict[str, Any]) -> None:
    """So many rows pass that a page is full long before the list ends."""
    assert len(big.page(**query)["items"]) == LIMIT
    _assert_walks(big.plan(**query), _index(query.get("sort", "-created_at")), visited=MANY // 100)
