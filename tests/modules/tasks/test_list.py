"""The list of tasks: its response, its filters alone and together, and what it rejects."""

from typing import Any

import httpx
import pytest

from tests.conftest import UserClient, assert_problem
from tests.modules.tasks.pages import get_page, titles


def test_a_user_without_tasks_gets_an_empty_page(alice: UserClient) -> None:
    """Also one whom the database has never seen."""
    response = alice.get(alice.tasks)
    assert (response.status_code, response.json()) == (200, {"items": [], "next_cursor": None})
    assert get_page(alice, include_total=True) == {"items": [], "next_cursor": None, "total": 0}


def test_the_newest_comes_first(alice: UserClient) -> None:
    tasks = [alice.create_task(title=f"Task {number}") for number in range(3)]
    for path in (alice.tasks, "/api/v1/users/me/tasks"):
        assert alice.get(path).json() == {"items": tasks[::-1], "next_cursor": None}


def test_nobody_elses_tasks_are_listed(alice: UserClient, bob: UserClient) -> None:
    mine, theirs = alice.create_task(), bob.create_task()
    assert get_page(alice, include_total=True) == {"items": [mine], "next_cursor": None, "total": 1}
    assert get_page(bob, q="plants", include_total=True) == {"items": [theirs], "next_cursor": None, "total": 1}


def test_a_page_has_fifty_tasks_unless_asked_otherwise(alice: UserClient) -> None:
    """The cursor is there exactly while more follow."""
    for number in range(51):
        alice.create_task(title=f"Task {number}")
    found = [(len(page["items"]), page["next_cursor"] is None) for page in map(_limited(alice), (None, 50, 51, 100))]
    assert found == [(50, False), (50, False), (51, True), (51, True)]


def _limited(user: UserClient) -> Any:
    return lambda limit: get_page(user, **({} if limit is None else {"limit": limit}))


def test_the_total_counts_what_passes_the_filters_on_all_pages(alice: UserClient) -> None:
    for number in range(5):
        alice.create_task(status="completed" if number % 2 else "pending")
    page = get_page(alice, limit=2, include_total=True)
    assert (len(page["items"]), page["total"]) == (2, 5)
    following = get_page(alice, limit=2, include_total=True, cursor=page["next_cursor"])
    assert (len(following["items"]), following["total"]) == (2, 5)
    assert get_page(alice, status="completed", include_total=True)["total"] == 2
    assert "total" not in get_page(alice, include_total=False)


@pytest.fixture
def filtered(alice: UserClient) -> UserClient:
    """Alice with tasks that differ in all that can be filtered. Listed by title: Apple, Banana, Cherry, Damson."""
    alice.create_task(title="Apple", status="pending", due_at="2030-01-01T00:00:00Z", description="red")
    alice.create_task(title="Banana", status="in_progress", due_at="2030-01-02T00:00:00Z")
    alice.create_task(title="Cherry", status="completed", due_at="2030-01-03T00:00:00Z", description="Red, small")
    alice.create_task(title="Damson", status="pending", description="100% sour")
    return alice


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "pending"}, "AD"),
        ({"status": "completed"}, "C"),
        ({"status": ["pending", "pending"]}, "AD"),
        ({"status": ["pending", "completed"]}, "ACD"),
        ({"status": ["pending", "in_progress", "completed"]}, "ABCD"),
        ({"due_before": "2030-01-02T00:00:00Z"}, "A"),
        ({"due_before": "2030-01-02T00:00:00.000001Z"}, "AB"),
        ({"due_before": "2030-01-02T01:00:00+02:00"}, "A"),
        ({"due_before": "9999-12-31T23:59:59Z"}, "ABC"),
        ({"due_before": "0001-01-01T00:00:00Z"}, ""),
        ({"due_after": "2030-01-02T00:00:00Z"}, "C"),
        ({"due_after": "0001-01-01T00:00:00Z"}, "ABC"),
        ({"due_after": "2030-01-01T00:00:00Z", "due_before": "2030-01-03T00:00:00Z"}, "B"),
        ({"due_after": "2030-01-03T00:00:00Z", "due_before": "2030-01-01T00:00:00Z"}, ""),
        ({"updated_since": "0001-01-01T00:00:00Z"}, "ABCD"),
        ({"updated_since": "9999-12-31T23:59:59Z"}, ""),
        ({"q": "red"}, "AC"),
        ({"q": "AN"}, "B"),
        ({"q": "red", "status": "pending"}, "A"),
        ({"q": "a", "status": ["pending", "in_progress"], "due_before": "2030-01-02T00:00:00Z"}, "A"),
        (
            {
                "q": "r",
                "status": "completed",
                "due_after": "2030-01-01T00:00:00Z",
                "updated_since": "2020-01-01T00:00:00Z",
            },
            "C",
        ),
        ({"q": "red", "status": "in_progress"}, ""),
    ],
    ids=range(22),
)
def test_filters_narrow_the_list_and_the_total(filtered: UserClient, query: dict[str, Any], found: str) -> None:
    """A task without a due time is neither before nor after any."""
    page = get_page(filtered, **query, sort="title", include_total=True)
    assert "".join(task["title"][0] for task in page["items"]) == found
    assert page["total"] == len(found)


def test_updated_since_includes_its_own_moment(alice: UserClient) -> None:
    """So that a client who asks with the newest time it knows misses no twin of it."""
    first, second = alice.create_task(), alice.create_task()
    assert get_page(alice, updated_since=second["updated_at"])["items"] == [second]
    changed = alice.patch(f"{alice.tasks}/{first['id']}", json={"status": "completed"}).json()
    assert get_page(alice, updated_since=second["updated_at"], sort="updated_at")["items"] == [second, changed]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("%", ["100% sure"]),
        ("_", ["snake_case"]),
        ("\\", ["back\\slash"]),
        ("0%", ["100% sure"]),
        ("e_c", ["snake_case"]),
        ("k\\s", ["back\\slash"]),
        ("SURE", ["100% sure"]),
        ("É", ["café", "CAFÉ"]),
        ("'", ["it's"]),
        ("\U0001f33b", ["sun \U0001f33b flower"]),
        ("k\\%", []),
        ("_%", []),
        (".*", []),
        ("100 sure", []),
    ],
    ids=range(14),
)
def test_a_search_is_literal_and_blind_to_case(alice: UserClient, q: str, found: list[str]) -> None:
    """In the title as in the description."""
    for text in ("100% sure", "snake_case", "back\\slash", "it's", "café", "CAFÉ", "sun \U0001f33b flower", "plain"):
        alice.create_task(title=text)
        alice.create_task(title="Described", description=f"so {text} it is")
    both = [title for text in found for title in (text, "Described")]
    assert sorted(titles(alice, q=q)) == sorted(both)


STATUSES = {"allowed": ["pending", "in_progress", "completed"]}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("limit=0", ("limit", "Must be at least 1", "too_small", {"min": 1})),
        ("limit=101", ("limit", "Must be at most 100", "too_large", {"max": 100})),
        ("limit=-1", ("limit", "Must be at least 1", "too_small", {"min": 1})),
        ("limit=99999999999999999999", ("limit", "Must be at most 100", "too_large", {"max": 100})),
        ("limit=ten", ("limit", "Must be an integer", "malformed", {"expected": "integer"})),
        ("limit=", ("limit", "Must be an integer", "malformed", {"expected": "integer"})),
        ("limit=1.5", ("limit", "Must be an integer", "malformed", {"expected": "integer"})),
        ("status=done", ("status/0", "Must be 'pending', 'in_progress' or 'completed'", "not_allowed", STATUSES)),
        (
            "status=pending&status=",
            ("status/1", "Must be 'pending', 'in_progress' or 'completed'", "not_allowed", STATUSES),
        ),
        ("q=", ("q", "Must have at least 1 character", "too_short", {"min": 1})),
        (f"q={'a' * 201}", ("q", "Must have at most 200 characters", "too_long", {"max": 200})),
        ("q=a%00b", ("q", "Must not hold a NUL character", "nul_character", {})),
        ("include_total=maybe", ("include_total", "Must be true or false", "malformed", {"expected": "boolean"})),
        ("color=red", ("color", "This field is not known", "unknown_field", {})),
        ("offset=5", ("offset", "This field is not known", "unknown_field", {})),
    ],
    ids=range(15),
)
def test_a_query_that_cannot_be_meant_is_rejected(
    alice: UserClient, query: str, error: tuple[str, str, str, Any]
) -> None:
    pointer, message, code, params = error
    response = alice.get(f"{alice.tasks}?{query}")
    told = {"pointer": f"/query/{pointer}", "message": message, "code": code}
    errors = [told | ({"params": params} if params else {})]
    assert_problem(response, 400, "validation_failed", detail="Some input is not valid; see `errors`.", errors=errors)


@pytest.mark.parametrize("name", ["due_before", "due_after", "updated_since"])
def test_a_time_to_filter_by_needs_a_zone(alice: UserClient, name: str) -> None:
    message = "Must be an RFC 3339 time with a zone, such as 2030-01-31T09:00:00Z"
    for time in ("2030-01-31T09:00:00", "1900000000", "yesterday", ""):
        response = alice.get(f"{alice.tasks}?{name}={time}")
        errors = [
            {"pointer": f"/query/{name}", "message": message, "code": "malformed", "params": {"expected": "date-time"}}
        ]
        assert_problem(response, 400, "validation_failed", errors=errors)


@pytest.mark.parametrize("sort", ["id", "status", "created_at,title", "--title", "Title", "", "title;DROP TABLE tasks"])
def test_an_unknown_sort_is_rejected(alice: UserClient, sort: str) -> None:
    (error,) = assert_problem(alice.get(alice.tasks, params={"sort": sort}), 400, "validation_failed")["errors"]
    assert (error["pointer"], error["code"]) == ("/query/sort", "not_allowed")


def test_the_list_needs_a_token_and_is_ones_own(api: httpx.Client, alice: UserClient, bob: UserClient) -> None:
    alice.create_task()
    rejected = api.get(alice.tasks)
    assert_problem(rejected, 401, "missing_token", detail="Send one header `Authorization: Bearer <token>`.")
    assert rejected.headers["www-authenticate"] == "Bearer"
    forbidden = bob.get(alice.tasks)
    assert_problem(forbidden, 403, "forbidden", detail="The user in the path is not the user of the token.")
