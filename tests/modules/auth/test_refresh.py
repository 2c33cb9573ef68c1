"""Refresh tokens: each is replaced when it is used, and one that comes back later ends its session."""

import base64
import secrets
from collections.abc import Callable

import httpx
import pytest

from tests.conftest import TestDatabase, assert_problem
from tests.modules.auth.accounts import AUTH, INVALID, ME, Account, bearer, pass_time, refresh, sessions, sign_in

REJECTED = "The refresh token is used, expired or unknown. Sign in."


def _assert_rejected(response: httpx.Response) -> None:
    assert_problem(response, 401, "invalid_refresh_token", title="The refresh token is not valid", detail=REJECTED)
    assert response.headers["www-authenticate"] == "Bearer"


def test_a_token_is_exchanged_for_the_next_pair(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    response = refresh(api, account.tokens["refresh_token"])
    tokens = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert tokens == {
        "access_token": tokens["access_token"],
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": tokens["refresh_token"],
    }
    assert tokens["refresh_token"] != account.tokens["refresh_token"]
    assert api.get(ME, headers=bearer(tokens)).json() == account.tokens["user"]
    assert sessions(database, account) == 1


def test_a_session_goes_on_for_as_long_as_it_is_refreshed(api: httpx.Client) -> None:
    token = Account.new(api).tokens["refresh_token"]
    seen = {token}
    for _ in range(5):
        token = refresh(api, token).json()["refresh_token"]
        assert token not in seen
        seen.add(token)


@pytest.mark.parametrize("age", [1, 3])
def test_a_replayed_token_ends_its_whole_family(api: httpx.Client, database: TestDatabase, age: int) -> None:
    """Somebody else has a copy: neither they nor the owner go on with it. Other sessions are not concerned."""
    account = Account.new(api)
    other = sign_in(api, account.email).json()["refresh_token"]
    family = [account.tokens["refresh_token"]]
    for _ in range(age):
        family.append(refresh(api, family[-1]).json()["refresh_token"])
    pass_time(database, account, seconds=31)
    _assert_rejected(refresh(api, family[0]))
    for token in reversed(family):
        _assert_rejected(refresh(api, token))
    assert sessions(database, account) == 1
    assert refresh(api, other).status_code == 200


def test_an_expired_session_is_over(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    database.query(
        "UPDATE local_sessions SET expires_at = now() - interval '1 second' WHERE user_id = %s", account.user_id
    )
    _assert_rejected(refresh(api, account.tokens["refresh_token"]))
    assert sessions(database, account) == 0


def test_a_refresh_puts_the_end_of_the_session_off(api: httpx.Client, database: TestDatabase) -> None:
    """Thirty days after the last use, by default."""
    account = Account.new(api)
    soon = "UPDATE local_sessions SET expires_at = now() + interval '1 hour' WHERE user_id = %s"
    database.query(soon, account.user_id)
    assert refresh(api, account.tokens["refresh_token"]).status_code == 200
    life = "SELECT round(extract(epoch FROM expires_at - now()) / 3600) FROM local_sessions WHERE user_id = %s"
    assert database.query(life, account.user_id) == [(30 * 24,)]


def _with_other_secret(token: str) -> str:
    session = base64.urlsafe_b64decode(token)[:16]
    return base64.urlsafe_b64encode(session + secrets.token_bytes(32)).decode()


_GARBAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "text": lambda _: "nonsense",
    "not-ascii": lambda _: "ünsinn",
    "padding": lambda _: "====",
    "random": lambda _: secrets.token_urlsafe(48),
    "as-long-as-allowed": lambda _: "A" * 200,
    "cut": lambda token: token[:-1],
    "longer": lambda token: token + "AAAA",
    "blank-around": lambda token: f" {token} ",
    "sql": lambda _: "' OR 1=1; --",
}


@pytest.mark.parametrize("make", _GARBAGE.values(), ids=_GARBAGE)
def test_what_is_no_token_is_rejected_and_harms_nobody(api: httpx.Client, make: Callable[[str], str]) -> None:
    token = Account.new(api).tokens["refresh_token"]
    _assert_rejected(refresh(api, make(token)))
    assert refresh(api, token).status_code == 200


def test_a_forged_secret_does_not_refresh(api: httpx.Client) -> None:
    """Whoever knows a session's id, which stands in its access tokens, has nothing yet."""
    token = Account.new(api).tokens["refresh_token"]
    _assert_rejected(refresh(api, _with_other_secret(token)))


def test_an_access_token_does_not_refresh(api: httpx.Client) -> None:
    response = refresh(api, Account.new(api).tokens["access_token"])
    errors = [
        {
            "pointer": "/refresh_token",
            "message": "Must have at most 200 characters",
            "code": "too_long",
            "params": {"max": 200},
        }
    ]
    assert_problem(response, 400, "validation_failed", detail=INVALID, errors=errors)


def test_a_refresh_token_does_not_open_the_api(api: httpx.Client) -> None:
    token = Account.new(api).tokens["refresh_token"]
    assert_problem(api.get(ME, headers={"Authorization": f"Bearer {token}"}), 401, "invalid_token")


@pytest.mark.parametrize("operation", ["refresh", "sign-out"])
def test_a_body_without_a_token_is_rejected(api: httpx.Client, operation: str) -> None:
    for body, code, message in (
        ({}, "missing", "This field is required"),
        ({"refresh_token": None}, "wrong_type", "Must be a string"),
        ({"refresh_token": 7}, "wrong_type", "Must be a string"),
    ):
        params = {"params": {"expected": "string"}} if code == "wrong_type" else {}
        errors = [{"pointer": "/refresh_token", "message": message, "code": code, **params}]
        response = api.post(f"{AUTH}/{operation}", json=body)
        assert_problem(response, 400, "validation_failed", detail=INVALID, errors=errors)
