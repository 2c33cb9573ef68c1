"""Tabs that refresh at once, and responses that are lost: whoever sends one token within 30 s gets one successor."""

import base64
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from modules.auth.repository import KEPT
from tests.conftest import TestDatabase, assert_problem
from tests.modules.auth.accounts import (
    AUTH,
    PASSWORD,
    Account,
    bearer,
    pass_time,
    refresh,
    refreshed,
    sessions,
    sign_in,
)

HOUR = 3600


def _at_once(apis: list[httpx.Client], tokens: list[str]) -> list[str]:
    with ThreadPoolExecutor(len(tokens)) as tabs:
        return list(tabs.map(refreshed, apis, tokens))


def _assert_over(api: httpx.Client, database: TestDatabase, account: Account, *tokens: str) -> None:
    for token in tokens:
        assert_problem(refresh(api, token), 401, "invalid_refresh_token")
    assert sessions(database, account) == 0


@pytest.mark.parametrize("tabs", [2, 4])
def test_tabs_that_refresh_at_once_stay_signed_in_for_hours(
    api: httpx.Client, database: TestDatabase, tabs: int
) -> None:
    """Each tab keeps what it got, and uses it again when its access token has expired."""
    account = Account.new(api)
    held = [account.tokens["refresh_token"]] * tabs
    seen = {held[0]}
    for _ in range(4):
        held = _at_once([api] * tabs, held)
        assert len(set(held)) == 1
        assert held[0] not in seen
        seen.add(held[0])
        pass_time(database, account, seconds=HOUR)
    assert sessions(database, account) == 1


def test_a_token_whose_response_was_lost_may_be_sent_again(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    token = account.tokens["refresh_token"]
    first = refreshed(api, token)
    pass_time(database, account, seconds=10)
    assert refreshed(api, token) == first
    pass_time(database, account, seconds=21)
    _assert_over(api, database, account, token, first)


def test_a_late_token_gets_the_newest_of_its_session(api: httpx.Client, database: TestDatabase) -> None:
    """A tab's request was slow, and meanwhile another has refreshed twice: what it gets must be good an hour later."""
    account = Account.new(api)
    token = account.tokens["refresh_token"]
    newest = token
    for _ in range(3):
        newest = refreshed(api, newest)
    assert refreshed(api, token) == newest
    pass_time(database, account, seconds=HOUR)
    assert len(set(_at_once([api] * 2, [newest] * 2))) == 1


def test_the_30_seconds_are_each_tokens_own(api: httpx.Client, database: TestDatabase) -> None:
    """One that was used an hour ago is a replay, however lately the one after it was used."""
    account = Account.new(api)
    first = refreshed(api, account.tokens["refresh_token"])
    pass_time(database, account, seconds=HOUR)
    second = refreshed(api, first)
    assert refreshed(api, first) == second
    _assert_over(api, database, account, account.tokens["refresh_token"], first, second)


def test_what_was_used_lately_is_bounded(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    family = [account.tokens["refresh_token"]]
    for _ in range(KEPT + 1):
        family.append(refresh(api, family[-1]).json()["refresh_token"])
    stored = "SELECT cardinality(rotated_at) FROM local_sessions WHERE user_id = %s"
    assert database.query(stored, account.user_id) == [(KEPT,)]
    assert refreshed(api, family[1]) == family[-1]
    _assert_over(api, database, account, family[0])


@pytest.mark.parametrize("end", ["sign-out", "expired"])
def test_a_session_that_is_over_is_over_within_the_30_seconds(
    api: httpx.Client, database: TestDatabase, end: str
) -> None:
    account = Account.new(api)
    token = account.tokens["refresh_token"]
    newest = refreshed(api, token)
    if end == "sign-out":
        assert api.post(f"{AUTH}/sign-out", json={"refresh_token": newest}).status_code == 204
    else:
        expire = "UPDATE local_sessions SET expires_at = now() - interval '1 second' WHERE user_id = %s"
        database.query(expire, account.user_id)
    _assert_over(api, database, account, token, newest)


def test_a_new_password_ends_other_sessions_within_the_30_seconds(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    other = sign_in(api, account.email).json()["refresh_token"]
    own = refreshed(api, account.tokens["refresh_token"])
    others = refreshed(api, other)
    change = {"current_password": PASSWORD, "new_password": "staple battery horse"}
    assert api.post(f"{AUTH}/change-password", json=change, headers=bearer(account.tokens)).status_code == 204
    for token in (other, others):
        assert_problem(refresh(api, token), 401, "invalid_refresh_token")
    assert refreshed(api, account.tokens["refresh_token"]) == own
    assert sessions(database, account) == 1


def test_a_guess_within_the_30_seconds_gets_nothing(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    token = account.tokens["refresh_token"]
    refreshed(api, token)
    session = base64.urlsafe_b64decode(token)[:16]
    _assert_over(api, database, account, base64.urlsafe_b64encode(session + secrets.token_bytes(32)).decode())


def test_a_release_that_knows_no_30_seconds_may_run_beside(api: httpx.Client, database: TestDatabase) -> None:
    """It writes the token's hash and nothing else: what it replaced is a replay at once, as it was."""
    account = Account.new(api)
    first = refreshed(api, account.tokens["refresh_token"])
    theirs = base64.urlsafe_b64decode(first)[:16] + secrets.token_bytes(32)
    rotate = "UPDATE local_sessions SET token_hash = %s, expires_at = now() + interval '30 days' WHERE user_id = %s"
    database.query(rotate, hashlib.sha256(theirs[16:]).digest(), account.user_id)
    newest = refreshed(api, base64.urlsafe_b64encode(theirs).decode())
    assert refreshed(api, base64.urlsafe_b64encode(theirs).decode()) == newest
    _assert_over(api, database, account, first, newest)
