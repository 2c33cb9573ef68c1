"""Signing out: the session of the token ends, and whatever else is sent is no error."""

import secrets

import httpx

from tests.conftest import TestDatabase, assert_problem
from tests.modules.auth.accounts import AUTH, ME, Account, bearer, refresh, sessions, sign_in


def _sign_out(api: httpx.Client, token: str) -> None:
    response = api.post(f"{AUTH}/sign-out", json={"refresh_token": token})
    assert (response.status_code, response.content) == (204, b"")


def test_the_session_is_over_and_the_others_go_on(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    other = sign_in(api, account.email).json()["refresh_token"]
    _sign_out(api, account.tokens["refresh_token"])
    assert_problem(refresh(api, account.tokens["refresh_token"]), 401, "invalid_refresh_token")
    assert sessions(database, account) == 1
    assert refresh(api, other).status_code == 200


def test_the_access_token_lives_until_it_expires(api: httpx.Client) -> None:
    """It is verified without the database, which is why it is short-lived."""
    account = Account.new(api)
    _sign_out(api, account.tokens["refresh_token"])
    assert api.get(ME, headers=bearer(account.tokens)).status_code == 200


def test_signing_out_twice_is_no_error(api: httpx.Client) -> None:
    """Nor with what never was a token: the user wanted no session, and has none."""
    token = Account.new(api).tokens["refresh_token"]
    for given in (token, token, "", "nonsense", "ünsinn", "A" * 200, secrets.token_urlsafe(48)):
        _sign_out(api, given)
