"""Creating a task: what is stored, what comes back, and what is rejected."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.conftest import TestDatabase, UserClient, assert_problem

UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
INVALID = "Some input is not valid; see `errors`."
UNKNOWN = {"message": "This field is not known", "code": "unknown_field"}

# A letter of four UTF-8 bytes, and one that people see as one and that is five code points.
EMOJI = "\U0001f33b"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


def test_a_title_alone_makes_a_pending_task(alice: UserClient) -> None:
    """Whatever the client left out has its default."""
    response = alice.post(alice.tasks, json={"title": "Water the plants"})
    task = response.json()
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert task == {
        "id": task["id"],
        "title": "Water the plants",
        "description": None,
        "status": "pending",
        "due_at": None,
        "created_at": task["created_at"],
        "updated_at": task["created_at"],
        "completed_at": None,
        "etag": response.headers["etag"],
    }
    assert UTC_TIME.fullmatch(task["created_at"])


def test_every_field_is_stored_and_found_again(alice: UserClient) -> None:
    """All that a client may write, as it was written."""
    sent = {
        "title": "Water the plants",
        "description": "The big ones twice.",
        "status": "in_progress",
        "due_at": "2030-01-31T09:00:00Z",
    }
    task = alice.create_task(**sent)
    made = {name: task[name] for name in ("id", "created_at", "updated_at", "etag")}
    assert task == {**sent, **made, "completed_at": None}
    assert alice.get(f"{alice.tasks}/{task['id']}").json() == task


def test_a_task_belongs_to_the_user_of_the_token(alice: UserClient, database: TestDatabase) -> None:
    """In the table, not only in the responses."""
    task = alice.create_task()
    assert database.query("SELECT user_id, title FROM tasks WHERE id = %s", task["id"]) == [
        (alice.user_id, "Water the plants")
    ]


def test_location_leads_to_the_new_task(alice: UserClient) -> None:
    """By the user's own id and by `me`, as the client came."""
    for path in (alice.tasks, "/api/v1/users/me/tasks"):
        response = alice.post(path, json={"title": "Water the plants"})
        assert response.headers["location"] == f"{path}/{response.json()['id']}"
        found = alice.get(response.headers["location"])
        assert (found.status_code, found.json()) == (200, response.json())


@pytest.mark.parametrize("name", ["Günter Öl", "日本", "a?b#c", "50%2Foff", "x\r\nSet-Cookie: a=b"])
def test_location_leads_to_the_task_of_a_user_with_an_odd_id(make_user: Callable[..., UserClient], name: str) -> None:
    """A subject of a token is any text; the header stays ASCII, and nobody writes a header of their own into it."""
    user = make_user(f"{name}-{uuid4().hex}")
    path = f"/api/v1/users/{quote(user.user_id, safe='')}/tasks"
    response = user.post(path, json={"title": "Water the plants"})
    assert response.status_code == 201
    assert response.headers["location"] == f"{path}/{response.json()['id']}"
    assert "set-cookie" not in response.headers
    assert user.get(response.headers["location"]).json() == response.json()


def test_ids_are_uuids_of_version_7_that_sort_by_their_making(alice: UserClient) -> None:
    """So a client can sort by them, and the index grows at one end."""
    ids = [alice.create_task()["id"] for _ in range(20)]
    assert {UUID(made).version for made in ids} == {7}
    assert ids == sorted(ids)
    assert len(set(ids)) == 20


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("x", "x"),
        ("  Water \t the plants\n ", "Water \t the plants"),
        ("\u00a0\u2003Wasser\u3000", "Wasser"),
        ("a" * 200, "a" * 200),
        (EMOJI * 200, EMOJI * 200),
        (FAMILY * 40, FAMILY * 40),
        (" " * 500 + "a" * 200 + " " * 500, "a" * 200),
        ("'; DROP TABLE tasks; --", "'; DROP TABLE tasks; --"),
        ('<b>%s {0} \\ "</b>', '<b>%s {0} \\ "</b>'),
        ("\u202e\u05e9\u05dc\u05d5\u05dd", "\u202e\u05e9\u05dc\u05d5\u05dd"),
        ("e\u0301", "e\u0301"),
    ],
    ids=range(11),
)
def test_a_title_is_trimmed_and_otherwise_kept_to_the_letter(alice: UserClient, sent: str, stored: str) -> None:
    """Up to 200 code points, however many bytes they have."""
    task = alice.create_task(title=sent)
    assert task["title"] == stored
    assert alice.get(f"{alice.tasks}/{task['id']}").json()["title"] == stored


@pytest.mark.parametrize("description", [None, "", "  kept as it is \n", "d" * 10_000, EMOJI * 10_000], ids=range(5))
def test_a_description_is_kept_to_the_letter(alice: UserClient, description: str | None) -> None:
    """Up to 10,000 code points, or none."""
    task = alice.create_task(description=description)
    assert task["description"] == description
    assert alice.get(f"{alice.tasks}/{task['id']}").json()["description"] == description


_SHORT = {"message": "Must have at least 1 character", "code": "too_short", "params": {"min": 1}}
_LONG = {"message": "Must have at most 200 characters", "code": "too_long", "params": {"max": 200}}
_STATUS = {
    "message": "Must be 'pending', 'in_progress' or 'completed'",
    "code": "not_allowed",
    "params": {"allowed": ["pending", "in_progress", "completed"]},
}


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({}, [{"pointer": "/title", "message": "This field is required", "code": "missing"}]),
        (
            {"title": None},
            [
                {
                    "pointer": "/title",
                    "message": "Must be a string",
                    "code": "wrong_type",
                    "params": {"expected": "string"},
                }
            ],
        ),
        (
            {"title": 7},
            [
                {
                    "pointer": "/title",
                    "message": "Must be a string",
                    "code": "wrong_type",
                    "params": {"expected": "string"},
                }
            ],
        ),
        ({"title": ""}, [{"pointer": "/title", **_SHORT}]),
        ({"title": " \t\n\u3000"}, [{"pointer": "/title", **_SHORT}]),
        ({"title": "a" * 201}, [{"pointer": "/title", **_LONG}]),
        ({"title": EMOJI * 201}, [{"pointer": "/title", **_LONG}]),
        (
            {"title": "x", "description": EMOJI * 10_001},
            [
                {
                    "pointer": "/description",
                    "message": "Must have at most 10000 characters",
                    "code": "too_long",
                    "params": {"max": 10000},
                }
            ],
        ),
        ({"title": "x", "status": "done"}, [{"pointer": "/status", **_STATUS}]),
        ({"title": "x", "status": "Pending"}, [{"pointer": "/status", **_STATUS}]),
        ({"title": "x", "status": None}, [{"pointer": "/status", **_STATUS}]),
        ({"title": "x", "user_id": "somebody"}, [{"pointer": "/user_id", **UNKNOWN}]),
        ({"title": "x", "owner": "somebody"}, [{"pointer": "/owner", **UNKNOWN}]),
        ({"title": "x", "id": str(uuid4())}, [{"pointer": "/id", **UNKNOWN}]),
        ({"title": "x", "created_at": "2030-01-31T09:00:00Z"}, [{"pointer": "/created_at", **UNKNOWN}]),
        ({"title": "x", "updated_at": "2030-01-31T09:00:00Z"}, [{"pointer": "/updated_at", **UNKNOWN}]),
        ({"title": "x", "completed_at": "2030-01-31T09:00:00Z"}, [{"pointer": "/completed_at", **UNKNOWN}]),
        (
            {"status": "done", "color": "red"},
            [
                {"pointer": "/title", "message": "This field is required", "code": "missing"},
                {"pointer": "/status", **_STATUS},
                {"pointer": "/color", **UNKNOWN},
            ],
        ),
    ],
    ids=range(18),
)
def test_what_is_not_a_task_is_rejected_and_makes_none(
    alice: UserClient, fields: dict[str, Any], errors: list[dict[str, str]]
) -> None:
    """Each mistake is named by its place, and the input is not given back."""
    response = alice.post(alice.tasks, json=fields)
    assert_problem(response, 400, "validation_failed", title="The request is not valid", detail=INVALID, errors=errors)
    assert alice.get(alice.tasks).json() == {"items": [], "next_cursor": None}


def test_no_task_is_made_for_somebody_else(alice: UserClient, bob: UserClient) -> None:
    """The path names whose task it is; it must be the user."""
    detail = "The user in the path is not the user of the token."
    response = alice.post(bob.tasks, json={"title": "Water the plants"})
    assert_problem(response, 403, "forbidden", title="Forbidden", detail=detail)
    assert bob.get(bob.tasks).json() == {"items": [], "next_cursor": None}
