"""The user's own profile: read and changed, by id and by `me`."""

from typing import Any

import httpx
import pytest

from tests.conftest import TestDatabase, UserClient, assert_problem

ME = "/api/v1/users/me"
INVALID = "Some input is not valid; see `errors`."
UNKNOWN = {"message": "This field is not known", "code": "unknown_field"}


def _own(user: UserClient) -> str:
    return f"/api/v1/users/{user.user_id}"


def test_a_profile_is_read_by_id_and_by_me(alice: UserClient) -> None:
    profile = alice.get(ME).json()
    assert profile == {
        "id": alice.user_id,
        "email": "alice@example.com",
        "name": "Alice",
        "created_at": profile["created_at"],
        "updated_at": profile["created_at"],
    }
    assert profile["created_at"].endswith("Z")
    response = alice.get(_own(alice))
    assert (response.status_code, response.json()) == (200, profile)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"name": "Alicia"}, "Alicia"),
        ({"name": "  Alicia\u3000"}, "Alicia"),
        ({"name": "\U0001f33b" * 200}, "\U0001f33b" * 200),
        ({"name": None}, None),
    ],
    ids=range(4),
)
def test_a_name_is_changed_and_cleared(alice: UserClient, changes: dict[str, Any], name: str | None) -> None:
    profile = alice.get(ME).json()
    response = alice.patch(_own(alice), json=changes)
    changed = response.json()
    assert (response.status_code, changed) == (200, {**profile, "name": name, "updated_at": changed["updated_at"]})
    assert changed["updated_at"] > profile["updated_at"]
    assert alice.get(ME).json() == changed


def test_an_empty_patch_changes_nothing(alice: UserClient) -> None:
    profile = alice.get(ME).json()
    response = alice.patch(ME, json={})
    assert (response.status_code, response.json()) == (200, profile)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": ""}, {"message": "Must have at least 1 character", "code": "too_short", "params": {"min": 1}}),
        ({"name": " \n"}, {"message": "Must have at least 1 character", "code": "too_short", "params": {"min": 1}}),
        (
            {"name": "a" * 201},
            {"message": "Must have at most 200 characters", "code": "too_long", "params": {"max": 200}},
        ),
        ({"name": 7}, {"message": "Must be a string", "code": "wrong_type", "params": {"expected": "string"}}),
        ({"email": "other@example.com"}, UNKNOWN),
        ({"id": "other"}, UNKNOWN),
        ({"created_at": "2030-01-31T09:00:00Z"}, UNKNOWN),
        ({"updated_at": "2030-01-31T09:00:00Z"}, UNKNOWN),
        ({"role": "admin"}, UNKNOWN),
    ],
    ids=range(9),
)
def test_what_cannot_be_written_is_rejected(alice: UserClient, fields: dict[str, Any], error: dict[str, str]) -> None:
    """An address is not here: whoever changes it would have to prove that it is theirs."""
    profile = alice.get(ME).json()
    errors = [{"pointer": f"/{next(iter(fields))}", **error}]
    assert_problem(alice.patch(ME, json=fields), 400, "validation_failed", detail=INVALID, errors=errors)
    assert alice.get(ME).json() == profile


@pytest.mark.parametrize(("method", "options"), [("GET", {}), ("PATCH", {"json": {"name": "Mine"}}), ("DELETE", {})])
def test_a_profile_is_nobody_elses(
    api: httpx.Client, alice: UserClient, bob: UserClient, method: str, options: dict[str, Any]
) -> None:
    """Whether that user exists or not."""
    profile = alice.get(ME).json()
    for user_id in (alice.user_id, "nobody", "Me", alice.user_id.upper()):
        response = bob.request(method, f"/api/v1/users/{user_id}", **options)
        detail = "The user in the path is not the user of the token."
        assert_problem(response, 403, "forbidden", title="Forbidden", detail=detail)
    detail = "Send one header `Authorization: Bearer <token>`."
    assert_problem(api.request(method, _own(alice), **options), 401, "missing_token", detail=detail)
    assert alice.get(ME).json() == profile


@pytest.mark.parametrize(
    ("method", "options"), [("GET", {}), ("PATCH", {"json": {"name": "Alicia"}}), ("PATCH", {"json": {}})]
)
def test_a_known_user_costs_one_round_trip(
    alice: UserClient, database: TestDatabase, method: str, options: dict[str, Any]
) -> None:
    alice.get(ME)
    database.proxy.clear()
    assert alice.request(method, ME, **options).status_code == 200
    assert len(database.proxy.queries) == 1, database.proxy.queries
