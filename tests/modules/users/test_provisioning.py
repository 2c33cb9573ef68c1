"""A subject that was never seen simply works: its row is made from the token's claims, once, on first need."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from tests.conftest import TestDatabase, UserClient

ME = "/api/v1/users/me"


def _stored(database: TestDatabase, user: UserClient) -> list[tuple[Any, ...]]:
    return database.query("SELECT email, name FROM users WHERE id = %s", user.user_id)


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "{tasks}", {"json": {"title": "x"}}, 201),
        ("GET", ME, {}, 200),
        ("PATCH", ME, {"json": {}}, 200),
    ],
    ids=["create", "profile", "empty-patch"],
)
def test_the_row_is_made_on_first_need(
    alice: UserClient, database: TestDatabase, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    response = alice.request(method, path.format(tasks=alice.tasks), **options)
    assert response.status_code == status
    assert _stored(database, alice) == [("alice@example.com", "Alice")]


def test_a_first_change_of_the_profile_stands_above_the_claims(alice: UserClient, database: TestDatabase) -> None:
    assert alice.patch(ME, json={"name": "Alicia"}).json()["name"] == "Alicia"
    assert _stored(database, alice) == [("alice@example.com", "Alicia")]


def test_what_needs_no_row_makes_none(alice: UserClient, database: TestDatabase) -> None:
    """A look at an empty list is no reason to store somebody's address."""
    assert alice.get(alice.tasks).json() == {"items": [], "next_cursor": None}
    assert alice.post(alice.tasks, json={"title": ""}).status_code == 400
    assert _stored(database, alice) == []


@pytest.mark.parametrize(
    ("claims", "email", "name"),
    [
        ({}, None, None),
        ({"email": "a@example.com"}, "a@example.com", None),
        ({"name": "A"}, None, "A"),
        ({"email": 7, "name": True}, None, None),
        ({"email": ["a@example.com"], "name": {"first": "A"}}, None, None),
        ({"email": 1.5, "name": []}, None, None),
        ({"email": "", "name": ""}, "", ""),
        ({"email": "not an address", "name": "n" * 2000}, "not an address", "n" * 2000),
        ({"email": "ä@exämple.com", "name": "\U0001f33b\u202e"}, "ä@exämple.com", "\U0001f33b\u202e"),
        ({"email": "'; DROP TABLE users; --", "name": "%s {0} \\"}, "'; DROP TABLE users; --", "%s {0} \\"),
        ({"userId": "other", "user": {"id": "other"}, "role": "admin"}, None, None),
    ],
    ids=range(11),
)
def test_odd_claims_shut_nobody_out(
    make_user: Callable[..., UserClient], claims: dict[str, Any], email: str | None, name: str | None
) -> None:
    """Text is taken as it is, for the issuer vouched for it; what is no text is as if it were absent."""
    user = make_user(**claims)
    user.create_task()
    profile = user.get(ME).json()
    assert profile == {
        "id": user.user_id,
        "email": email,
        "name": name,
        "created_at": profile["created_at"],
        "updated_at": profile["created_at"],
    }


@pytest.mark.parametrize("user_id", ["7", "018f4e9e-0000-7000-8000-000000000000", "ä b/c?d#e%2Ff", "ü" * 255])
def test_a_subject_is_any_text(make_user: Callable[..., UserClient], user_id: str) -> None:
    """Better Auth's ids are text, numbers or UUIDs, by its configuration."""
    user = make_user(user_id)
    assert user.get(ME).json()["id"] == user_id
    assert user.post(f"{ME}/tasks", json={"title": "x"}).status_code == 201


def test_the_same_address_does_not_make_the_same_user(make_user: Callable[..., UserClient]) -> None:
    first, second = (make_user(email="shared@example.com") for _ in range(2))
    task = first.create_task()
    assert first.get(ME).json()["email"] == second.get(ME).json()["email"] == "shared@example.com"
    assert second.get(second.tasks).json() == {"items": [], "next_cursor": None}
    assert second.delete(ME).status_code == 204
    assert first.get(first.tasks).json() == {"items": [task], "next_cursor": None}


def test_a_better_auth_user_and_a_local_account_share_an_address(
    api: httpx.Client, make_user: Callable[..., UserClient]
) -> None:
    """In whichever order they come, each has their own tasks."""
    better = make_user(email="both@example.com")
    mine = better.create_task()
    account = {"email": "both@example.com", "password": "correct horse battery"}
    signed_up = api.post("/api/v1/auth/sign-up", json=account)
    assert signed_up.status_code == 201
    local = {"Authorization": f"Bearer {signed_up.json()['access_token']}"}
    assert signed_up.json()["user"]["id"] != better.user_id
    assert api.get(f"{ME}/tasks", headers=local).json() == {"items": [], "next_cursor": None}
    later = make_user(email="both@example.com")
    later.create_task()
    assert better.get(better.tasks).json() == {"items": [mine], "next_cursor": None}
    assert len({better.get(ME).json()["id"], later.get(ME).json()["id"], signed_up.json()["user"]["id"]}) == 3


def _at_once(calls: list[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


def test_twenty_first_requests_at_once_make_one_user(
    make_user: Callable[..., UserClient], database: TestDatabase
) -> None:
    """A page that opens with several requests is what a first visit looks like."""
    for _ in range(3):
        user = make_user(email="new@example.com")
        create = partial(user.post, user.tasks, json={"title": "x"})
        assert [response.status_code for response in _at_once([create] * 20)] == [201] * 20
        assert _stored(database, user) == [("new@example.com", None)]
        assert len(user.get(user.tasks).json()["items"]) == 20


def test_first_requests_of_all_kinds_at_once_succeed(make_user: Callable[..., UserClient]) -> None:
    user = make_user()
    create = partial(user.post, user.tasks, json={"title": "x"})
    read, change = partial(user.get, ME), partial(user.patch, ME, json={"name": "New"})
    responses = _at_once([create, read, change, partial(user.get, user.tasks)] * 4)
    assert [response.status_code for response in responses] == [201, 200, 200, 200] * 4
    assert user.get(ME).json()["name"] == "New"
