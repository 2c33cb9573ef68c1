"""Changing the password: the current one proves who asks, and every other session ends."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.core.database.locks import wait_for_waiting
from tests.modules.auth.accounts import AUTH, INVALID, ME, PASSWORD, Account, bearer, refresh, sessions, sign_in

pytestmark = pytest.mark.slow

NEW = "staple battery horse"
WRONG = "The current password is wrong."


@pytest.fixture
def api_of_own(own: TestDatabase, start_server: Callable[..., RunningServer]) -> Iterator[httpx.Client]:
    """A client of a server on it."""
    with httpx.Client(base_url=start_server(database=own).url, timeout=20) as client:
        yield client


def _change(api: httpx.Client, account: Account, **fields: Any) -> httpx.Response:
    body = {"current_password": account.password, "new_password": NEW, **fields}
    return api.post(f"{AUTH}/change-password", json=body, headers=bearer(account.tokens))


def test_the_new_password_signs_in_and_the_old_one_does_not(api: httpx.Client) -> None:
    account = Account.new(api)
    response = _change(api, account)
    assert (response.status_code, response.content) == (204, b"")
    assert sign_in(api, account.email, PASSWORD).status_code == 401
    assert sign_in(api, account.email, NEW).status_code == 200


def test_it_ends_the_other_sessions_and_keeps_its_own(api: httpx.Client, database: TestDatabase) -> None:
    """Whoever had the old password is out once their access token expires; who changed it goes on."""
    account, bystander = Account.new(api), Account.new(api)
    others = [sign_in(api, account.email).json() for _ in range(2)]
    assert _change(api, account).status_code == 204
    assert [refresh(api, tokens["refresh_token"]).status_code for tokens in others] == [401, 401]
    assert [api.get(ME, headers=bearer(tokens)).status_code for tokens in others] == [200, 200]
    assert sessions(database, account) == 1
    assert refresh(api, account.tokens["refresh_token"]).status_code == 200
    assert refresh(api, bystander.tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("sid", [None, "nonsense", 7, "00000000-0000-4000-8000-000000000000"])
def test_a_token_without_a_session_ends_them_all(
    api: httpx.Client, make_user: Callable[..., UserClient], sid: Any
) -> None:
    """It was made elsewhere with the shared secret: good for the user, and no session of theirs."""
    account = Account.new(api)
    user = make_user(account.user_id, sid=sid)
    changed = user.post(f"{AUTH}/change-password", json={"current_password": PASSWORD, "new_password": NEW})
    assert changed.status_code == 204
    assert refresh(api, account.tokens["refresh_token"]).status_code == 401


def test_a_session_of_somebody_else_is_not_kept(
    api: httpx.Client, make_user: Callable[..., UserClient], database: TestDatabase
) -> None:
    account, other = Account.new(api), Account.new(api)
    ((sid,),) = database.query("SELECT id::text FROM local_sessions WHERE user_id = %s", other.user_id)
    user = make_user(account.user_id, sid=sid)
    changed = user.post(f"{AUTH}/change-password", json={"current_password": PASSWORD, "new_password": NEW})
    assert changed.status_code == 204
    assert (sessions(database, account), sessions(database, other)) == (0, 1)


def test_a_wrong_current_password_changes_nothing(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    sign_in(api, account.email)
    for password in ("wrong password", "", f"{PASSWORD} "):
        response = _change(api, account, current_password=password)
        assert_problem(response, 401, "invalid_credentials", detail=WRONG)
        assert response.headers["www-authenticate"] == "Bearer"
    assert sign_in(api, account.email, NEW).status_code == 401
    assert sign_in(api, account.email, PASSWORD).status_code == 200
    assert sessions(database, account) == 3


def test_a_user_without_a_local_account_has_no_password_to_change(alice: UserClient) -> None:
    """Better Auth keeps theirs."""
    alice.create_task()
    response = alice.post(f"{AUTH}/change-password", json={"current_password": PASSWORD, "new_password": NEW})
    assert_problem(response, 401, "invalid_credentials", detail=WRONG)


def test_a_change_without_a_token_is_rejected(api: httpx.Client) -> None:
    response = api.post(f"{AUTH}/change-password", json={"current_password": PASSWORD, "new_password": NEW})
    assert_problem(response, 401, "missing_token", detail="Send one header `Authorization: Bearer <token>`.")


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        (
            {"new_password": "abc xyz"},
            [
                {
                    "pointer": "/new_password",
                    "message": "Must have at least 8 characters",
                    "code": "too_short",
                    "params": {"min": 8},
                }
            ],
        ),
        (
            {"new_password": "\U0001f33b" * 129},
            [
                {
                    "pointer": "/new_password",
                    "message": "Must have at most 128 characters",
                    "code": "too_long",
                    "params": {"max": 128},
                }
            ],
        ),
        (
            {"current_password": "x" * 129},
            [
                {
                    "pointer": "/current_password",
                    "message": "Must have at most 128 characters",
                    "code": "too_long",
                    "params": {"max": 128},
                }
            ],
        ),
        (
            {"new_password": None},
            [
                {
                    "pointer": "/new_password",
                    "message": "Must be a string",
                    "code": "wrong_type",
                    "params": {"expected": "string"},
                }
            ],
        ),
        ({"email": "x"}, [{"pointer": "/email", "message": "This field is not known", "code": "unknown_field"}]),
    ],
    ids=range(5),
)
def test_what_is_no_change_is_rejected(api: httpx.Client, fields: dict[str, Any], errors: list[dict[str, str]]) -> None:
    account = Account.new(api)
    assert_problem(_change(api, account, **fields), 400, "validation_failed", detail=INVALID, errors=errors)
    assert sign_in(api, account.email).status_code == 200


def test_a_guessable_new_password_is_rejected(api: httpx.Client) -> None:
    account = Account.new(api)
    for password in ("Password", "12345678", account.email, account.email.split("@")[0].upper()):
        error = {"pointer": "/new_password", "message": "Is too easy to guess", "code": "guessable_password"}
        response = _change(api, account, new_password=password)
        assert_problem(response, 400, "validation_failed", detail="Choose another password.", errors=[error])
    assert sign_in(api, account.email).status_code == 200


def test_guessing_the_current_password_is_throttled(api: httpx.Client) -> None:
    """A stolen access token is no way around the throttle; nor does it shut the owner out of signing in."""
    account = Account.new(api)
    responses = [_change(api, account, current_password="wrong password") for _ in range(11)]
    assert [response.status_code for response in responses] == [401] * 10 + [429]
    detail = "Too many attempts. Wait before the next."
    assert_problem(responses[-1], 429, "too_many_attempts", title="Too many attempts", detail=detail)
    assert 0 < int(responses[-1].headers["retry-after"]) <= 90
    assert _change(api, account).status_code == 429
    assert sign_in(api, account.email).status_code == 200


@contextmanager
def under_way(database: TestDatabase, sql: str, *values: Any, waiting: int = 2) -> Iterator[None]:
    """Somebody else's change, which is done when so many statements wait for it that the block begins."""
    session = database.connect()
    with closing(session), session.cursor() as cursor:
        cursor.execute(sql, values)
        yield
        wait_for_waiting(database, waiting)
        session.commit()


CHANGED = "UPDATE local_accounts SET password_hash = 'another' WHERE user_id = %s"
DELETED = "DELETE FROM users WHERE id = %s"
GONE = "INSERT INTO deleted_users (id) VALUES (%s); " + DELETED


def test_what_was_verified_before_another_change_changes_nothing(own: TestDatabase, api_of_own: httpx.Client) -> None:
    """And begins no session."""
    account = Account.new(api_of_own)
    with ThreadPoolExecutor() as threads, under_way(own, CHANGED, account.user_id):
        change = threads.submit(_change, api_of_own, account)
        late = threads.submit(sign_in, api_of_own, account.email)
    assert_problem(change.result(), 401, "invalid_credentials", detail=WRONG)
    assert_problem(late.result(), 401, "invalid_credentials", detail="The address or the password is wrong.")
    assert sessions(own, account) == 1


def test_of_an_account_that_goes_meanwhile_nothing_is_left_to_change(
    own: TestDatabase, api_of_own: httpx.Client
) -> None:
    account = Account.new(api_of_own)
    with ThreadPoolExecutor() as threads, under_way(own, GONE, account.user_id, account.user_id):
        change = threads.submit(_change, api_of_own, account)
        late = threads.submit(sign_in, api_of_own, account.email)
    assert_problem(change.result(), 401, "account_deleted")
    assert_problem(late.result(), 401, "invalid_credentials")


def test_a_change_waits_for_a_sign_in_and_ends_its_session(own: TestDatabase, api_of_own: httpx.Client) -> None:
    account = Account.new(api_of_own)
    added = "INSERT INTO local_sessions (id, user_id, token_hash, expires_at) SELECT gen_random_uuid(), user_id, '', "
    begun = f"{added} now() + interval '1 day' FROM local_accounts WHERE user_id = %s FOR SHARE"
    with ThreadPoolExecutor() as threads, under_way(own, begun, account.user_id, waiting=1):
        change = threads.submit(_change, api_of_own, account)
    assert change.result().status_code == 204
    assert sessions(own, account) == 1
