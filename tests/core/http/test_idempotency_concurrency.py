"""One key is one row, also where repeats arrive at the same moment, on two servers, and where the database fails."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx
import pytest
from psycopg2.extensions import cursor

from core.http.idempotency import REPLAYED
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.core.database.locks import WAITING, wait_for_waiting
from tests.waiting import poll

AWAY = "The database does not respond now. Try again shortly."
# A task that is inserted waits at its COMMIT for whoever holds the lock.
WAIT_AT_COMMIT = """
CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_for_lock();
"""
# A key of what was rejected, where it is stored by itself, waits for whoever holds the lock.
WAIT_AS_REJECTED = """
CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
CREATE TRIGGER wait BEFORE INSERT ON idempotency_keys FOR EACH ROW WHEN (NEW.status = 412)
    EXECUTE FUNCTION wait_for_lock();
"""
# Whoever looks for a key finds that another create has swept what was old.
SWEEP_AT_INSERT = """
CREATE FUNCTION sweep() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN DELETE FROM todo.idempotency_keys WHERE created_at < now() - interval ''1 day''; RETURN NULL; END';
CREATE TRIGGER sweep AFTER INSERT ON idempotency_keys EXECUTE FUNCTION sweep();
"""


@pytest.fixture(scope="module")
def server(own: TestDatabase, start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server on it."""
    return start_server(database=own)


@contextmanager
def transaction(database: TestDatabase) -> Iterator[cursor]:
    """A transaction of somebody else, which comes to nothing."""
    connection = database.connect()
    try:
        yield connection.cursor()
    finally:
        connection.rollback()
        connection.close()


@contextmanager
def installed(database: TestDatabase, made: str, unmade: str) -> Iterator[None]:
    """The schema with something more in it."""
    database.query(made)
    try:
        yield
    finally:
        database.query(unmade)


def create(user: UserClient, key: str = "key") -> httpx.Response:
    """Creates a task under a key."""
    return user.post(user.tasks, json={"title": "Water the plants"}, headers={"Idempotency-Key": key})


def claim(cursor: cursor, user: UserClient) -> None:
    """Does what the first request with the key does first."""
    sql = "INSERT INTO idempotency_keys (user_id, key, fingerprint) VALUES (%s, 'key', '')"
    cursor.execute(sql, (user.user_id,))


def assert_first(response: httpx.Response) -> None:
    """It made the row."""
    assert response.status_code == 201, response.text
    assert REPLAYED not in response.headers


def assert_one_task(user: UserClient, *responses: httpx.Response) -> None:
    """There is one, and all that were told of it were told the same."""
    (task,) = user.get(user.tasks).json()["items"]
    assert [response.json() for response in responses] == [task] * len(responses)


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_twenty_at_once_on_two_servers_make_one_row(
    make_user: Callable[..., UserClient], start_server: Callable[..., RunningServer], known: bool
) -> None:
    """Also where all of them are the first that the database hears of the user."""
    second_server = start_server()
    for _ in range(3):
        one = make_user()
        if known:
            one.get("/api/v1/users/me")
        with UserClient(second_server.url, one.user_id) as two, ThreadPoolExecutor(20) as threads:
            responses = list(threads.map(create, [one, two] * 10))
        good = [response for response in responses if response.status_code == 201]
        for response in responses:
            if response not in good:
                assert_problem(response, 409, "request_in_progress")
                assert 1 <= int(response.headers["retry-after"]) <= 3
        assert len([response for response in good if REPLAYED not in response.headers]) == 1
        assert len({response.content for response in good}) == 1
        assert_one_task(one, *good)


def test_while_the_first_request_runs_a_repeat_is_a_conflict(user: UserClient, own: TestDatabase) -> None:
    with transaction(own) as first:
        claim(first, user)
        repeat = create(user)
        title = "The first request with this key is under way"
        detail = "The first request with this key runs, or another write that this one waits for."
        assert_problem(repeat, 409, "request_in_progress", title=title, detail=detail)
        assert 1 <= int(repeat.headers["retry-after"]) <= 3
        assert_first(create(user, "another"))
    assert_first(create(user))


@pytest.mark.parametrize("cut", [False, True], ids=["waits", "is cut off as it waits, and begins again unseen"])
def test_a_repeat_that_waits_for_a_first_that_fails_makes_the_row(
    user: UserClient, own: TestDatabase, cut: bool
) -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction(own) as first:
            claim(first, user)
            repeat = threads.submit(create, user)
            wait_for_waiting(own)
            if cut:
                own.proxy.cut()
        assert_first(repeat.result())
    assert_one_task(user, repeat.result(), create(user))


def test_a_claim_that_the_database_ends_is_an_outage_and_no_conflict(user: UserClient, own: TestDatabase) -> None:
    waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as threads, transaction(own) as first:
        claim(first, user)
        ended = threads.submit(create, user)
        wait_for_waiting(own)
        assert own.query(f"SELECT pg_cancel_backend(pid) {waiting}") == [(True,)]
        assert_problem(ended.result(), 503, "database_unavailable", detail=AWAY)
    assert_first(create(user))


def test_what_is_cut_off_in_the_middle_is_not_stored(user: UserClient, own: TestDatabase) -> None:
    with ThreadPoolExecutor(1) as threads, transaction(own) as other:
        other.execute("LOCK TABLE tasks IN EXCLUSIVE MODE")
        cut_off = threads.submit(create, user)
        wait_for_waiting(own)
        own.proxy.cut()
        assert_problem(cut_off.result(), 503, "database_unavailable", detail=AWAY)
        assert 1 <= int(cut_off.result().headers["retry-after"]) <= 3
    first = create(user)
    assert_first(first)
    assert_one_task(user, first, create(user))


def test_a_lost_response_to_the_commit_is_found_again(user: UserClient, own: TestDatabase) -> None:
    """Nobody could know whether it was stored; with the key nobody needs to."""
    with installed(own, WAIT_AT_COMMIT, "DROP FUNCTION wait_for_lock CASCADE"):
        with ThreadPoolExecutor(1) as threads, transaction(own) as other:
            other.execute("SELECT pg_advisory_xact_lock(1)")
            lost = threads.submit(create, user)
            wait_for_waiting(own)
            assert own.proxy.queries[-1].endswith("; COMMIT")
            own.proxy.cut()
            assert_problem(lost.result(), 503, "database_unavailable", detail=AWAY)
        retried = create(user)
        assert (retried.status_code, retried.headers.get(REPLAYED)) == (201, "true")
        assert_one_task(user, retried)


def test_what_the_database_rejects_is_not_stored(user: UserClient, own: TestDatabase) -> None:
    own.query("CREATE TABLE titles (title text PRIMARY KEY)")
    reject = "ALTER TABLE tasks ADD CONSTRAINT fk_title FOREIGN KEY (title) REFERENCES titles NOT VALID"
    with installed(own, reject, "DROP TABLE titles CASCADE"):
        own.proxy.clear()
        for _ in range(2):
            assert_problem(create(user), 409, "conflict", detail="The request conflicts with what is stored.")
        assert len([sql for sql in own.proxy.queries if sql.startswith("BEGIN")]) == 2  # and not tried again
        own.query("INSERT INTO titles VALUES ('Water the plants')")
        first = create(user)
        assert_first(first)
        assert_one_task(user, first, create(user))


def test_a_key_that_is_swept_as_it_is_looked_for_is_a_new_one(user: UserClient, own: TestDatabase) -> None:
    old = create(user)
    _age(own, user)
    with installed(own, SWEEP_AT_INSERT, "DROP FUNCTION sweep CASCADE"):
        first = create(user)
    assert_first(first)
    assert first.json()["id"] != old.json()["id"]
    retried = create(user)
    assert (retried.content, retried.headers[REPLAYED]) == (first.content, "true")


def test_a_create_does_not_wait_for_another_that_sweeps(user: UserClient, own: TestDatabase) -> None:
    """What that one does not finish, a later create sweeps."""
    stored = partial(own.query, "SELECT key FROM idempotency_keys WHERE user_id = %s ORDER BY key", user.user_id)
    create(user, "old")
    _age(own, user)
    with transaction(own) as other:
        other.execute("DELETE FROM idempotency_keys WHERE user_id = %s", (user.user_id,))
        assert_first(create(user, "new"))
        assert stored() == [("new",), ("old",)]
    assert_first(create(user, "newer"))
    assert stored() == [("new",), ("newer",)]


def _age(database: TestDatabase, user: UserClient) -> None:
    aged = "UPDATE idempotency_keys SET created_at = now() - interval '2 days' WHERE user_id = %s"
    database.query(aged, user.user_id)


def test_the_first_write_of_an_account_that_is_deleted_meanwhile_is_done_or_rejected(
    own: TestDatabase, server: RunningServer
) -> None:
    """The owner's row, which it has to make, may be gone again."""
    for _ in range(6):
        with transaction(own) as lock, UserClient(server.url) as user, ThreadPoolExecutor() as threads:
            lock.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (user.user_id,))
            write = threads.submit(create, user)
            wait_for_waiting(own)
            deletion = threads.submit(user.delete, "/api/v1/users/me")
            wait_for_waiting(own, 2)
            lock.connection.rollback()
            assert deletion.result().status_code == 204
            if write.result().status_code != 201:
                assert_problem(write.result(), 401, "account_deleted")
            assert_problem(create(user, "another"), 401, "account_deleted")


def test_a_copy_of_what_was_told_that_there_is_one_does_not_make_it(own: TestDatabase, user: UserClient) -> None:
    """Also where it comes before the first has its response, and the row is deleted between the two."""
    path = f"{user.tasks}/{user.create_task()['id']}"

    def put() -> int:
        headers = {"If-None-Match": "*", "Idempotency-Key": "one"}
        return user.put(path, json={"title": "again"}, headers=headers).status_code

    undo = "DROP FUNCTION wait_for_lock CASCADE"
    with installed(own, WAIT_AS_REJECTED, undo), transaction(own) as lock, ThreadPoolExecutor() as threads:
        lock.execute("SELECT pg_advisory_xact_lock(1)")
        first = threads.submit(put)
        poll(lambda: first.done() or own.query(WAITING))
        assert user.delete(path).status_code == 204
        assert put() == 412
        lock.connection.rollback()
        assert first.result() == 412
    assert user.get(path).status_code == 404
