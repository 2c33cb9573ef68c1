"""A cursor is opaque: it serves the list that it was made for, and whatever else is sent in its place is rejected."""

import base64
import json
from typing import Any

import pytest

from tests.conftest import UserClient, assert_problem
from tests.modules.tasks.pages import SORTS, get_page

ID = "01a2074d-24e1-762d-94f1-e039dbb02601"
TIME = "2030-01-31 09:00:00+00"
REJECTED = {
    "pointer": "/query/cursor",
    "message": "Must be a next_cursor of a list with the same sort; leave it out for the first page",
    "code": "invalid_cursor",
}


def _cursor(*parts: Any) -> str:
    text = json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _assert_rejected(user: UserClient, cursor: str, sort: str) -> None:
    response = user.get(user.tasks, params={"cursor": cursor, "sort": sort})
    assert_problem(response, 400, "validation_failed", detail="The cursor is not valid.", errors=[REJECTED])


def _made(user: UserClient, sort: str, **query: Any) -> str:
    cursor: str = get_page(user, sort=sort, limit=1, **query)["next_cursor"]
    return cursor


@pytest.fixture
def listed(alice: UserClient) -> UserClient:
    """Alice with enough tasks for a cursor."""
    for number in range(3):
        alice.create_task(title=f"Täsk {number}", due_at="2030-01-31T09:00:00Z")
    return alice


@pytest.mark.parametrize("sort", SORTS)
def test_a_cursor_of_another_sort_is_rejected(listed: UserClient, sort: str) -> None:
    cursor = _made(listed, sort)
    for other in SORTS:
        if other != sort:
            _assert_rejected(listed, cursor, other)


@pytest.mark.parametrize("sort", SORTS)
def test_a_cursor_goes_on_by_its_own_sort_where_none_is_named(listed: UserClient, sort: str) -> None:
    """So a release may change the default while clients page."""
    cursor = _made(listed, sort)
    assert get_page(listed, cursor=cursor) == get_page(listed, cursor=cursor, sort=sort)
    followed = get_page(listed, cursor=cursor, limit=1)["next_cursor"]
    assert get_page(listed, cursor=followed) == get_page(listed, cursor=followed, sort=sort)


@pytest.mark.parametrize("made_for", [None, 7, ["title"], "-", "size", "--title"])
def test_a_cursor_of_no_sort_that_there_is_is_rejected(listed: UserClient, made_for: Any) -> None:
    response = listed.get(listed.tasks, params={"cursor": _cursor(made_for, TIME, ID)})
    assert_problem(response, 400, "validation_failed", detail="The cursor is not valid.", errors=[REJECTED])


@pytest.mark.parametrize("sort", ["-created_at", "title"])
def test_a_truncated_cursor_is_rejected(listed: UserClient, sort: str) -> None:
    cursor = _made(listed, sort)
    for length in range(len(cursor)):
        _assert_rejected(listed, cursor[:length], sort)


@pytest.mark.parametrize("sort", ["-created_at", "title"])
def test_a_tampered_cursor_is_never_a_failure_of_the_server(listed: UserClient, sort: str) -> None:
    """One that still names a place in the order may be served: a cursor holds no right to anything."""
    cursor = _made(listed, sort)
    for place in range(len(cursor)):
        for letter in "A_":
            tampered = cursor[:place] + letter + cursor[place + 1 :]
            response = listed.get(listed.tasks, params={"cursor": tampered, "sort": sort})
            assert response.status_code in (200, 400), tampered


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "ünsinn",
        "=",
        "A" * 2048,
        _cursor("-created_at"),
        _cursor("-created_at", TIME),
        _cursor("-created_at", TIME, ID, "more"),
        _cursor("-created_at", TIME, "x"),
        _cursor("-created_at", TIME, None),
        _cursor("-created_at", TIME, 7),
        _cursor("-created_at", 7, ID),
        _cursor("-created_at", None, ID),
        _cursor("-created_at", [TIME], ID),
        _cursor("-created_at", "yesterday", ID),
        _cursor("-created_at", "2030-01-31 09:00:00", ID),
        _cursor("-created_at", "2030-02-31 09:00:00+00", ID),
        _cursor("-created_at", "'; DROP TABLE tasks; --", ID),
        _cursor("-created_at", f"{TIME}\0", ID),
        _cursor(None, TIME, ID),
        base64.urlsafe_b64encode(b'{"sort": "-created_at"}').decode(),
        base64.urlsafe_b64encode(b"7").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
    ids=range(22),
)
def test_what_no_list_gave_out_is_rejected(listed: UserClient, cursor: str) -> None:
    _assert_rejected(listed, cursor, "-created_at")


def test_a_cursor_of_a_text_that_could_not_be_stored_is_rejected(listed: UserClient) -> None:
    for value in ("nul\0", "half \ud83c"):
        _assert_rejected(listed, _cursor("title", value, ID), "title")


def test_a_time_that_only_python_reads_is_rejected(listed: UserClient) -> None:
    """PostgreSQL has the last word on a value that the cursor's check let pass."""
    cursor = _cursor("-created_at", "2030-01-31T09:00:00+20:00", ID)
    response = listed.get(listed.tasks, params={"cursor": cursor})
    assert_problem(response, 400, "validation_failed", detail="A value cannot be stored.")


def test_a_cursor_over_its_length_is_rejected(listed: UserClient) -> None:
    response = listed.get(listed.tasks, params={"cursor": "A" * 2049})
    error = {
        "pointer": "/query/cursor",
        "message": "Must have at most 2048 characters",
        "code": "too_long",
        "params": {"max": 2048},
    }
    assert_problem(response, 400, "validation_failed", errors=[error])


@pytest.mark.parametrize("title", ["\U0001f33b" * 200, "\u0001" * 200, "\u0130" * 200, '"\\' * 100], ids=range(4))
def test_the_longest_title_fits_into_a_cursor(alice: UserClient, title: str) -> None:
    """Whatever its letters need in UTF-8, in JSON or in lower case."""
    made = [alice.create_task(title=title) for _ in range(2)]
    first = get_page(alice, sort="title", limit=1)
    second = get_page(alice, sort="title", limit=1, cursor=first["next_cursor"])
    assert first["items"] + second["items"] == made
    assert second["next_cursor"] is None


def test_a_cursor_serves_other_filters_from_the_same_place(listed: UserClient) -> None:
    """The place in the order is the same; what passes the filters from there on is listed."""
    newest, middle, oldest = get_page(listed)["items"]
    cursor = _made(listed, "-created_at")
    assert get_page(listed, cursor=cursor)["items"] == [middle, oldest]
    assert get_page(listed, cursor=cursor, q="sk 0")["items"] == [oldest]
    assert get_page(listed, cursor=cursor, status="completed") == {"items": [], "next_cursor": None}
    assert get_page(listed, cursor=cursor, due_after="2031-01-01T00:00:00Z")["items"] == []
    assert get_page(listed, cursor=cursor, updated_since=newest["updated_at"], include_total=True) == {
        "items": [],
        "next_cursor": None,
        "total": 1,
    }


def test_a_cursor_of_somebody_else_shows_ones_own_tasks_only(listed: UserClient, bob: UserClient) -> None:
    mine = bob.create_task()
    newer = get_page(listed)["items"][0]
    assert newer["created_at"] < mine["created_at"]
    assert get_page(bob, cursor=_made(listed, "created_at"), sort="created_at")["items"] == [mine]
