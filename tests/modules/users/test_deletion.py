"""The end of an account: everything it owned goes at once, its tokens are dead at once, and nobody else notices."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.contract.operations import document, operations

pytestmark = pytest.mark.slow

ME = "/api/v1/users/me"
DELETED = "The account of this token was deleted."


def _assert_dead(response: httpx.Response) -> None:
    assert_problem(response, 401, "account_deleted", title="The account of the token was deleted", detail=DELETED)
    challenge = 'Bearer error="invalid_token", error_description="The token is not valid"'
    assert response.headers["www-authenticate"] == challenge


def _rows(database: TestDatabase, user_id: str) -> dict[str, int]:
    """How many rows each table has that refers to the user, by the database's own catalogue."""
    references = database.query(
        "SELECT conrelid::regclass::text, attname FROM pg_constraint JOIN pg_attribute"
        " ON attrelid = conrelid AND attnum = conkey[1] WHERE contype = 'f' AND confrelid = 'users'::regclass"
    )
    counts = {
        table: database.query(f"SELECT count(*) FROM {table} WHERE {column} = %s", user_id)[0][0]
        for table, column in [*references, ("users", "id")]
    }
    assert {"users", "tasks", "local_accounts", "local_sessions"} <= set(counts)
    return {table: count for table, count in counts.items() if count}


def _local(api: httpx.Client) -> dict[str, Any]:
    credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse battery"}
    response = api.post("/api/v1/auth/sign-up", json=credentials)
    assert response.status_code == 201
    return {**response.json(), **credentials}


@pytest.mark.parametrize("path", [ME, "/api/v1/users/{user_id}"])
def test_a_deleted_account_is_gone_with_its_tasks(
    alice: UserClient, bob: UserClient, database: TestDatabase, path: str
) -> None:
    for _ in range(3):
        alice.create_task()
    theirs = bob.create_task(), bob.get(ME).json()
    response = alice.delete(path.format(user_id=alice.user_id))
    assert (response.status_code, response.content) == (204, b"")
    assert _rows(database, alice.user_id) == {}
    assert database.query("SELECT count(*) FROM deleted_users WHERE id = %s", alice.user_id) == [(1,)]
    assert (bob.get(bob.tasks).json()["items"], bob.get(ME).json()) == ([theirs[0]], theirs[1])


def test_a_local_account_is_gone_with_its_password_and_its_sessions(
    api: httpx.Client, make_user: Callable[..., UserClient], database: TestDatabase
) -> None:
    """Its address is free again, for an account that knows nothing of the first."""
    account = _local(api)
    user = make_user(account["user"]["id"])
    user.create_task()
    bearer = {"Authorization": f"Bearer {account['access_token']}"}
    assert api.delete(ME, headers=bearer).status_code == 204
    assert _rows(database, user.user_id) == {}
    _assert_dead(api.get(ME, headers=bearer))
    refreshed = api.post("/api/v1/auth/refresh", json={"refresh_token": account["refresh_token"]})
    assert_problem(refreshed, 401, "invalid_refresh_token")
    credentials = {name: account[name] for name in ("email", "password")}
    assert_problem(api.post("/api/v1/auth/sign-in", json=credentials), 401, "invalid_credentials")
    again = api.post("/api/v1/auth/sign-up", json=credentials)
    assert again.status_code == 201
    assert again.json()["user"]["id"] != user.user_id
    bearer = {"Authorization": f"Bearer {again.json()['access_token']}"}
    assert api.get(f"{ME}/tasks", headers=bearer).json() == {"items": [], "next_cursor": None}


def test_the_token_is_dead_at_once_on_every_operation(
    make_user: Callable[..., UserClient], alice: UserClient, database: TestDatabase
) -> None:
    """Every one of the OpenAPI document that needs a token; and a fresh token of the same subject is as dead."""
    task = alice.create_task()
    alice.delete(ME)
    private = [operation for operation in operations(document()) if operation.private]
    assert len(private) >= 10
    for user in (alice, make_user(alice.user_id, email="alice@example.com")):
        for operation in private:
            for user_id in (alice.user_id, "me"):
                _assert_dead(user.request(**operation.request(user_id, task_id=task["id"])))
    assert _rows(database, alice.user_id) == {}


def test_an_account_that_was_never_used_can_be_deleted(alice: UserClient, database: TestDatabase) -> None:
    """Better Auth told them that they are gone; here they never come to be."""
    assert alice.delete(ME).status_code == 204
    _assert_dead(alice.post(alice.tasks, json={"title": "x"}))
    _assert_dead(alice.delete(ME))
    assert _rows(database, alice.user_id) == {}


def test_of_two_deletions_at_once_one_finds_the_token_dead(alice: UserClient) -> None:
    alice.create_task()
    with ThreadPoolExecutor(5) as threads:
        responses = list(threads.map(lambda _: alice.delete(ME), range(5)))
    assert sorted(response.status_code for response in responses) == [204] + [401] * 4


def test_a_deletion_that_fails_has_deleted_nothing(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """One transaction: here the last of its statements fails, and the token is as good as before."""
    database = make_database()
    database.query(
        "CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER reject BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION reject()"
    )
    with UserClient(start_server(database=database).url) as user:
        task = user.create_task()
        assert_problem(user.delete(ME), 500, "internal_error")
        assert user.get(user.tasks).json() == {"items": [task], "next_cursor": None}
        database.query("DROP TRIGGER reject ON users")
        assert user.delete(ME).status_code == 204
    assert _rows(database, user.user_id) == {}


def _race(user: UserClient, creates: int) -> list[int]:
    """Creates and one deletion at the same moment; gives the statuses of the creates."""
    create = partial(user.post, user.tasks, json={"title": "x"})
    with ThreadPoolExecutor(creates + 1) as threads:
        before = [threads.submit(create) for _ in range(creates // 2)]
        deletion = threads.submit(user.delete, ME)
        after = [threads.submit(create) for _ in range(creates // 2)]
    assert deletion.result().status_code == 204
    return [future.result().status_code for future in before + after]


@pytest.mark.parametrize("known", [True, False], ids=["of-a-known-user", "of-a-new-subject"])
def test_nothing_outlives_a_deletion_among_creates(
    make_user: Callable[..., UserClient], database: TestDatabase, known: bool
) -> None:
    """Each create came before the deletion and is gone with it, or came after it and met a dead token."""
    received: set[int] = set()
    for _ in range(20):
        user = make_user()
        if known:
            user.create_task()
        received.update(_race(user, creates=8))
        assert _rows(database, user.user_id) == {}
        _assert_dead(user.post(user.tasks, json={"title": "x"}))
    assert received <= {201, 401}
