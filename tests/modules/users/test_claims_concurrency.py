"""Tokens with different claims at the same moment: the newest wins; where nothing can be written, reads go on."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import psycopg2
import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.core.database.locks import wait_for_waiting

ME = "/api/v1/users/me"


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_of_tokens_that_meet_the_newest_wins_in_whatever_order_they_write(
    make_user: Callable[..., UserClient], database: TestDatabase, order: tuple[int, ...]
) -> None:
    """Each has read the same row, and waits to write it; whoever comes second sees that it is another by then."""
    user_id, now = make_user().user_id, int(time.time()) - 100
    make_user(user_id, iat=now - 1, name="Nobody").get(ME)
    users = [make_user(user_id, iat=now + place, name=f"Name {place}", email=f"{place}@x.com") for place in order]
    with psycopg2.connect(database.url) as lock, ThreadPoolExecutor(len(users)) as threads:
        lock.cursor().execute("SELECT FROM todo.users WHERE id = %s FOR UPDATE", (user_id,))
        responses = []
        for count, user in enumerate(users, 1):
            responses.append(threads.submit(user.get, ME))
            wait_for_waiting(database, count)
        lock.rollback()
        assert [response.result().status_code for response in responses] == [200] * len(users)
    lock.close()
    newest = responses[order.index(max(order))].result().json()
    assert (newest["name"], newest["email"]) == ("Name 2", "2@x.com")
    assert [user.get(ME).json() for user in users] == [newest] * len(users)


def test_a_name_of_ones_own_stays_where_an_older_token_writes_after_a_newer_one(
    make_user: Callable[..., UserClient], database: TestDatabase
) -> None:
    """Neither shows, so the version is the same: the older one must see that the newer one was there."""
    now = int(time.time()) - 100
    own = make_user(iat=now - 1)
    own.patch(ME, json={"name": "Ann"})
    newer, older = (make_user(own.user_id, iat=now + place, name=f"Name {place}") for place in (1, 0))
    with psycopg2.connect(database.url) as lock, ThreadPoolExecutor(2) as threads:
        lock.cursor().execute("SELECT FROM todo.users WHERE id = %s FOR UPDATE", (own.user_id,))
        responses = []
        for count, user in enumerate((newer, older), 1):
            responses.append(threads.submit(user.get, ME))
            wait_for_waiting(database, count)
        lock.rollback()
        assert [response.result().json()["name"] for response in responses] == ["Ann", "Ann"]
    lock.close()
    assert [user.get(ME).json()["name"] for user in (newer, older, newer)] == ["Ann", "Ann", "Ann"]


def test_an_account_that_is_deleted_while_its_profile_follows_is_gone(
    make_user: Callable[..., UserClient], database: TestDatabase
) -> None:
    user_id, now = make_user().user_id, int(time.time()) - 100
    make_user(user_id, iat=now, name="Ann").get(ME)
    new = make_user(user_id, iat=now + 1, name="Bea")
    with psycopg2.connect(database.url) as lock, ThreadPoolExecutor(1) as threads:
        lock.cursor().execute("DELETE FROM todo.users WHERE id = %s", (user_id,))
        lock.cursor().execute("INSERT INTO todo.deleted_users (id) VALUES (%s)", (user_id,))
        response = threads.submit(new.get, ME)
        wait_for_waiting(database)
        lock.commit()
        assert_problem(response.result(), 401, "account_deleted")
    lock.close()
    assert database.query("SELECT FROM users WHERE id = %s", user_id) == []


def test_a_profile_is_read_where_nothing_can_be_written(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """On a standby, or during a failover: what is there is shown, and follows once that is possible."""
    database, now = make_database(), int(time.time()) - 100
    name = database.url.split("?")[0].rsplit("/", 1)[1]
    with UserClient(start_server(database=database).url, iat=now, name="Ann") as old:
        before = old.get(ME).json()
    database.query(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with UserClient(start_server(database=database).url, old.user_id, iat=now + 1, name="Bea") as new:
        assert (new.get(ME).status_code, new.get(ME).json()) == (200, before)
        assert_problem(new.patch(ME, json={}), 503, "database_unavailable")
