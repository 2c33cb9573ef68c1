"""The profile follows the token: a changed address or name arrives with the next token, and nothing older wins."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from modules.users.schemas import UserRead
from tests.conftest import TestDatabase, UserClient, assert_problem
from tests.modules.auth.accounts import Account, bearer

ME = "/api/v1/users/me"
A, B, C = ({"email": f"{name.lower()}@example.com", "name": name} for name in ("Ann", "Bea", "Cleo"))
Token = Callable[..., UserClient]


@pytest.fixture
def token(make_user: Callable[..., UserClient]) -> Token:
    """Clients of one user: `token(20, **B)` has a token that is 20 s younger than `token(0, **A)`; None is without."""
    user_id, now = make_user().user_id, int(time.time()) - 300

    def make(seconds: float | None, **claims: Any) -> UserClient:
        return make_user(user_id, iat=None if seconds is None else now + seconds, **claims)

    return make


def shown(user: UserClient) -> dict[str, Any]:
    """What of the user's profile the claims tell."""
    profile = user.get(ME).json()
    return {"email": profile["email"], "name": profile["name"]}


def forget_claims(database: TestDatabase, user: UserClient) -> None:
    """The row as it was before claims were kept."""
    database.query("UPDATE users SET name_claim = NULL, claims_issued_at = NULL WHERE id = %s", user.user_id)


@pytest.mark.parametrize("changed", [B, {**A, "name": "Bea"}, {**A, "email": "b@example.com"}])
def test_a_changed_claim_is_a_new_version_of_the_profile(
    token: Token, database: TestDatabase, changed: dict[str, str]
) -> None:
    old, new = token(0, **A), token(10, **changed)
    before = old.get(ME)
    after = new.get(ME, headers={"If-None-Match": before.headers["etag"]})
    profile = after.json()
    assert (after.status_code, after.headers["etag"]) == (200, new.etag(2, UserRead))
    assert profile == {**before.json(), **changed, "updated_at": profile["updated_at"]}
    assert profile["updated_at"] > before.json()["updated_at"]
    database.proxy.clear()
    for user in (new, token(20, **changed), token(20), token(None, **changed), old):
        assert user.get(ME).json() == profile
    assert len(database.proxy.queries) == 5, database.proxy.queries


@pytest.mark.parametrize("method", ["get", "patch"])
def test_each_claim_follows_by_itself(token: Token, method: str) -> None:
    sent: dict[str, Any] = {"json": {}} if method == "patch" else {}
    for seconds, claims, expected in (
        (0, A, A),
        (10, {"email": "b@example.com"}, {**A, "email": "b@example.com"}),
        (20, {"name": "Bea"}, {"email": "b@example.com", "name": "Bea"}),
        (20.5, {"email": 7, "name": None}, {"email": "b@example.com", "name": "Bea"}),
        (21, C, C),
    ):
        response = token(seconds, **claims).request(method, ME, **sent)
        assert response.status_code == 200
        assert {name: response.json()[name] for name in ("email", "name")} == expected


def test_the_older_token_never_wins(token: Token) -> None:
    """Nor one of the same second: which of the two is newer cannot be known, and they would take turns."""
    assert shown(token(0, **A)) == A
    assert shown(token(10, **B)) == B
    for seconds in (0, 9, 10):
        assert shown(token(seconds, **C)) == B
    assert shown(token(11, **C)) == C


@pytest.mark.parametrize("name", ["Mine", None])
def test_a_name_that_was_set_here_stays_until_the_claim_changes(token: Token, name: str | None) -> None:
    assert shown(token(0, **A)) == A
    assert token(0, **A).patch(ME, json={"name": name}).json()["name"] == name
    assert shown(token(10, **A)) == shown(token(None, **A)) == {**A, "name": name}
    assert shown(token(20, **{**A, "email": "b@example.com"})) == {"email": "b@example.com", "name": name}
    assert shown(token(30, **C)) == C


@pytest.mark.parametrize("known", [A, {}], ids=["after another claim", "as the first claim"])
def test_a_change_stands_above_the_token_that_it_came_with(
    token: Token, database: TestDatabase, known: dict[str, str]
) -> None:
    """One round trip; the address is taken over by the way, and the name's claim is seen herewith."""
    token(0, **known).get(ME)
    new = token(10, **B)
    database.proxy.clear()
    changed = new.patch(ME, json={"name": "Mine"})
    assert len(database.proxy.queries) == 1, database.proxy.queries
    assert (changed.json()["email"], changed.json()["name"]) == (B["email"], "Mine")
    assert shown(new) == shown(token(20, **B)) == {**B, "name": "Mine"}
    assert token(5, **C).patch(ME, json={"name": "Still mine"}).json()["email"] == B["email"]
    assert shown(token(30, **B)) == {**B, "name": "Still mine"}
    assert shown(token(40, **C)) == C


def test_a_change_by_a_token_without_claims_says_nothing_of_the_claims(token: Token) -> None:
    assert shown(token(0, **A)) == A
    token(50).patch(ME, json={"name": "Mine"})
    assert shown(token(10, **B)) == B


def test_without_its_time_a_token_fills_what_is_null_and_no_more(token: Token) -> None:
    assert shown(token(None)) == {"email": None, "name": None}
    assert shown(token(None, name="Ann")) == {"email": None, "name": "Ann"}
    assert shown(token(None, **B)) == {"email": B["email"], "name": "Ann"}
    assert shown(token(None, **C)) == {"email": B["email"], "name": "Ann"}
    assert shown(token(0, **C)) == C
    assert token(None, **A).patch(ME, json={"name": None}).json()["email"] == C["email"]


def test_a_token_without_its_time_does_not_let_older_ones_win(token: Token) -> None:
    token(10, email="b@example.com").get(ME)
    filled = {"email": "b@example.com", "name": "Bea"}
    assert [shown(one) for one in (token(None, name="Bea"), token(5, **A))] == [filled, filled]


def test_a_name_that_is_cleared_by_the_first_token_that_has_one_stays_cleared(token: Token) -> None:
    """Also where the token has no time: it fills what is null, and this claim was seen with the change."""
    token(None).get(ME)
    assert token(None, **A).patch(ME, json={"name": None}).json()["name"] is None
    assert shown(token(None, **A)) == shown(token(0, **A)) == {**A, "name": None}


def test_a_name_without_a_claim_is_not_overwritten_by_the_first_one(token: Token) -> None:
    """That claim may have been there all the time; the next is a change."""
    assert token(0).patch(ME, json={"name": "Mine"}).json()["name"] == "Mine"
    assert shown(token(10, **B)) == {**B, "name": "Mine"}
    assert shown(token(20, **C)) == C


def test_a_row_from_before_claims_were_kept_follows_as_long_as_its_name_is_the_tokens(
    token: Token, database: TestDatabase
) -> None:
    old = token(0, **A)
    before = old.get(ME)
    forget_claims(database, old)
    same = token(10, **A).get(ME)
    assert (same.json(), same.headers["etag"]) == (before.json(), before.headers["etag"])
    assert shown(token(20, **B)) == B
    assert shown(token(15, **C)) == B


def test_a_changed_row_from_before_claims_were_kept_keeps_its_name_until_the_next_change(
    token: Token, database: TestDatabase
) -> None:
    """Whether the claim or the user changed the name cannot be known: the first claim that is met is the known one.

    That is nothing that the profile shows, so neither its tag nor its time changes.
    """
    old = token(0, **A)
    old.get(ME)
    before = old.patch(ME, json={"name": "Mine"})
    forget_claims(database, old)
    for user in (old, token(10, **A)):
        found = user.get(ME)
        assert (found.json(), found.headers["etag"]) == (before.json(), before.headers["etag"])
    assert shown(token(20, **C)) == C


def test_a_precondition_is_about_the_profile_as_it_was_read(token: Token) -> None:
    tag = token(0, **A).get(ME).headers["etag"]
    nothing = token(10, **B).patch(ME, json={}, headers={"If-Match": tag})
    assert (nothing.status_code, nothing.json()["name"], nothing.headers["etag"]) == (
        200,
        "Bea",
        token(0).etag(2, UserRead),
    )
    for body in ({}, {"name": "Mine"}):
        rejected = token(20, **C).patch(ME, json=body, headers={"If-Match": tag})
        assert_problem(rejected, 412, "precondition_failed")
        assert rejected.headers["etag"] == nothing.headers["etag"]
    changed = token(20, **C).patch(ME, json={"name": "Mine"}, headers={"If-Match": nothing.headers["etag"]})
    assert (changed.json()["email"], changed.json()["name"]) == (C["email"], "Mine")
    assert token(30, **B).delete(ME, headers={"If-Match": changed.headers["etag"]}).status_code == 204


def test_requests_on_tasks_pay_nothing_for_claims(token: Token, database: TestDatabase) -> None:
    token(0, **A).get(ME)
    row = database.query("SELECT email, name, version FROM users WHERE id = %s", token(0).user_id)
    new = token(10, **B)
    database.proxy.clear()
    task = new.create_task()
    assert new.get(f"{new.tasks}/{task['id']}").status_code == 200
    assert new.patch(f"{new.tasks}/{task['id']}", json={"title": "x"}).status_code == 200
    assert new.get(new.tasks).json()["items"] != []
    assert len(database.proxy.queries) == 4, database.proxy.queries
    assert database.query("SELECT email, name, version FROM users WHERE id = %s", new.user_id) == row


def test_a_local_account_keeps_what_it_signed_up_with(api: Any) -> None:
    account = Account.new(api, name="Ann")
    assert api.get(ME, headers=bearer(account.tokens)).json() == account.tokens["user"]
    changed = api.patch(ME, headers=bearer(account.tokens), json={"name": "Mine"}).json()
    assert (changed["email"], changed["name"]) == (account.email, "Mine")
    assert api.get(ME, headers=bearer(account.tokens)).json() == changed
