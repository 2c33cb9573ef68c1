"""Times on the wire: any zone in, `Z` out, microseconds kept, the whole calendar, and nothing without a zone."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem

FORM = {
    "pointer": "/due_at",
    "message": "Must be an RFC 3339 time with a zone, such as 2030-01-31T09:00:00Z",
    "code": "malformed",
    "params": {"expected": "date-time"},
}
CALENDAR = {
    "pointer": "/due_at",
    "message": "Must lie between the years 1 and 9999 in UTC",
    "code": "malformed",
    "params": {"expected": "date-time"},
}


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("2030-01-31T09:00:00Z", "2030-01-31T09:00:00Z"),
        ("2030-01-31t09:00:00z", "2030-01-31T09:00:00Z"),
        ("2030-01-31 09:00:00Z", "2030-01-31T09:00:00Z"),
        ("2030-01-31T09:00:00+00:00", "2030-01-31T09:00:00Z"),
        ("2030-01-31T09:00:00-00:00", "2030-01-31T09:00:00Z"),
        ("2030-01-31T09:00:00+05:30", "2030-01-31T03:30:00Z"),
        ("2030-01-31T22:00:00-03:00", "2030-02-01T01:00:00Z"),
        ("2030-01-31T09:00:00+23:59", "2030-01-30T09:01:00Z"),
        ("2030-01-31T09:00:00.5Z", "2030-01-31T09:00:00.500000Z"),
        ("2030-01-31T09:00:00.123456Z", "2030-01-31T09:00:00.123456Z"),
        ("2030-01-31T09:00:00.000001+01:00", "2030-01-31T08:00:00.000001Z"),
        ("2030-01-31T09:00:00.123456789Z", "2030-01-31T09:00:00.123456Z"),
        ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("1883-11-18T12:00:00Z", "1883-11-18T12:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00-12:00", "0001-01-01T12:00:00Z"),
        ("0001-01-01T12:00:00+12:00", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59+14:00", "9999-12-31T09:59:59Z"),
        ("9999-12-31T11:59:59-12:00", "9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_of_any_zone_is_given_back_in_utc(alice: UserClient, sent: str, received: str) -> None:
    """The same in the response to the writer and to a reader."""
    task = alice.create_task(due_at=sent)
    assert task["due_at"] == received
    assert alice.get(f"{alice.tasks}/{task['id']}").json() == task


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ("2030-01-31T09:00:00", [FORM]),
        ("2030-01-31", [FORM]),
        ("2030-01-31T09:00Z", [FORM]),
        ("2030-01-31T09:00:00+0100", [FORM]),
        ("2030-01-31T09:00:00+1:00", [FORM]),
        ("2030-01-31T09:00:00 UTC", [FORM]),
        ("2030-01-31T09:00:00,5Z", [FORM]),
        ("2030-W05-4T09:00:00Z", [FORM]),
        ("+12030-01-31T09:00:00Z", [FORM]),
        ("\uff12\uff10\uff13\uff10-01-31T09:00:00Z", [FORM]),
        ("1900000000", [FORM]),
        ("infinity", [FORM]),
        ("now", [FORM]),
        ("", [FORM]),
        (1900000000, [FORM]),
        (1.5, [FORM]),
        (True, [FORM]),
        ([], [FORM]),
        ("0001-01-01T00:00:00+00:01", [CALENDAR]),
        ("9999-12-31T23:59:59-00:01", [CALENDAR]),
    ],
)
def test_what_is_no_time_with_a_zone_is_rejected(alice: UserClient, sent: Any, errors: list[dict[str, str]]) -> None:
    """A number is none: nobody could say whether it counts seconds or milliseconds."""
    response = alice.post(alice.tasks, json={"title": "x", "due_at": sent})
    assert_problem(response, 400, "validation_failed", errors=errors)


@pytest.mark.parametrize(
    "sent",
    [
        "2030-02-30T09:00:00Z",
        "2030-13-01T09:00:00Z",
        "0000-01-01T00:00:00Z",
        "2030-01-31T24:00:00Z",
        "2030-01-31T23:59:60Z",
        "2030-01-31T09:00:00+24:00",
        "2030-01-31T09:00:00+05:60",
    ],
)
def test_a_time_that_does_not_exist_is_rejected(alice: UserClient, sent: str) -> None:
    response = alice.post(alice.tasks, json={"title": "x", "due_at": sent})
    (error,) = assert_problem(response, 400, "validation_failed")["errors"]
    assert (error["pointer"], error["message"]) == ("/due_at", "Must be a date and a time that exist")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_edges_of_the_calendar_survive_the_zone_of_the_database(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer], zone: str
) -> None:
    """There, the first or the last hours of UTC lie in a year that Python cannot represent."""
    database = make_database()
    name = database.query("SELECT current_database()")[0][0]
    database.query(f"ALTER DATABASE {name} SET timezone = '{zone}'")
    edges = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
    with UserClient(start_server(database=database).url) as user:
        assert [user.create_task(due_at=edge)["due_at"] for edge in edges] == edges
        first = user.get(user.tasks, params={"sort": "due_at", "limit": 1}).json()
        last = user.get(user.tasks, params={"sort": "due_at", "cursor": first["next_cursor"]}).json()
    assert [task["due_at"] for task in first["items"] + last["items"]] == edges


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("infinity", "9999-12-31T23:59:59.999999Z"), ("-infinity", "0001-01-01T00:00:00Z"), ("12026-01-01", None)],
)
def test_what_another_program_stored_is_shown_as_a_time_or_not_at_all(
    alice: UserClient, database: TestDatabase, stored: str, shown: str | None
) -> None:
    task = alice.create_task()
    database.query("UPDATE todo.tasks SET due_at = %s WHERE id = %s", stored, task["id"])
    one, page = alice.get(f"{alice.tasks}/{task['id']}"), alice.get(alice.tasks)
    assert (one.status_code, page.status_code) == ((500, 500) if shown is None else (200, 200))
    assert shown is None or one.json()["due_at"] == page.json()["items"][0]["due_at"] == shown
