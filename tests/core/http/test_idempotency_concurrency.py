"""One key is one row, also where repeats arrive at the same moment, on two servers, and where the database fails."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx
import pytest
from psycopg2.extensions import cursor

from core.http.idempotency import REPLAYED
from tests.conftest import Caller, RunningServer, TestDatabase, assert_problem
from tests.core.database.locks import wait_for_waiting

AWAY = "The database does not respond now. Try again shortly."
# A task that is inserted waits at its COMMIT for whoever holds the lock.
WAIT_AT_COMMIT = """
CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_for_lock();
"""
# Whoever looks for a key finds that another create has swept what was old.
SWEEP_AT_INSERT = """
CREATE FUNCTION sweep() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN DELETE FROM todo.idempotency_keys WHERE created_at < now() - interval ''1 day''; RETURN NULL; END';
CREATE TRIGGER sweep AFTER INSERT ON idempotency_keys EXECUTE FUNCTION sweep();
"""


@pytest.fixture(scope="module")
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database that a test may break."""
    return make_database()


@pytest.fixture(scope="module")
def server(own: TestDatabase, start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server on it."""
    return start_server(database=own)


@pytest.fixture
def caller(server: RunningServer) -> Iterator[Caller]:
    """A known user of that server."""
    with Caller(server.url) as made:
        assert made.get("/api/v1/users/me").status_code == 200
        yield made


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


def create(caller: Caller, key: str = "key") -> httpx.Response:
    """Creates a task under a key."""
    return caller.post(caller.tasks, json={"title": "Water the plants"}, headers={"Idempotency-Key": key})


def claim(cursor: cursor, caller: Caller) -> None:
    """Does what the first request with the key does first."""
    sql = "INSERT INTO idempotency_keys (user_id, key, fingerprint) VALUES (%s, 'key', '')"
    cursor.execute(sql, (caller.user_id,))


def assert_first(response: httpx.Response) -> None:
    """It made the row."""
    assert response.status_code == 201, response.text
    assert REPLAYED not in response.headers


def assert_one_task(caller: Caller, *answers: httpx.Response) -> None:
    """There is one, and all that were told of it were told the same."""
    (task,) = caller.get(caller.tasks).json()["items"]
    assert [answer.json() for answer in answers] == [task] * len(answers)


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_twenty_at_once_on_two_servers_make_one_row(
    make_caller: Callable[..., Caller], start_server: Callable[..., RunningServer], known: bool
) -> None:
    """Also where all of them are the first that the database hears of the user."""
    second_server = start_server()
    for _ in range(3):
        one = make_caller()
        if known:
            one.get("/api/v1/users/me")
        with Caller(second_server.url, one.user_id) as two, ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(create, [one, two] * 10))
        good = [answer for answer in answers if answer.status_code == 201]
        for answer in answers:
            if answer not in good:
                assert_problem(answer, 409, "request_in_progress")
                assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert len([answer for answer in good if REPLAYED not in answer.headers]) == 1
        assert len({answer.content for answer in good}) == 1
        assert_one_task(one, *good)


def test_while_the_first_request_runs_a_repeat_is_a_conflict(caller: Caller, own: TestDatabase) -> None:
    with transaction(own) as first:
        claim(first, caller)
        repeat = create(caller)
        title, detail = "The first request with this key is under way", "The first request with this key is under way."
        assert_problem(repeat, 409, "request_in_progress", title=title, detail=detail)
        assert 1 <= int(repeat.headers["retry-after"]) <= 3
        assert_first(create(caller, "another"))
    assert_first(create(caller))


@pytest.mark.parametrize("cut", [False, True], ids=["waits", "is cut off as it waits, and begins again unseen"])
def test_a_repeat_that_waits_for_a_first_that_fails_makes_the_row(caller: Caller, own: TestDatabase, cut: bool) -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction(own) as first:
            claim(first, caller)
            repeat = threads.submit(create, caller)
            wait_for_waiting(own)
            if cut:
                own.proxy.cut()
        assert_first(repeat.result())
    assert_one_task(caller, repeat.result(), create(caller))


def test_a_claim_that_the_database_ends_is_an_outage_and_no_conflict(caller: Caller, own: TestDatabase) -> None:
    waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as threads, transaction(own) as first:
        claim(first, caller)
        ended = threads.submit(create, caller)
        wait_for_waiting(own)
        assert own.query(f"SELECT pg_cancel_backend(pid) {waiting}") == [(True,)]
        assert_problem(ended.result(), 503, "database_unavailable", detail=AWAY)
    assert_first(create(caller))


def test_what_is_cut_off_in_the_middle_is_not_stored(caller: Caller, own: TestDatabase) -> None:
    with ThreadPoolExecutor(1) as threads, transaction(own) as other:
        other.execute("LOCK TABLE tasks IN EXCLUSIVE MODE")
        cut_off = threads.submit(create, caller)
        wait_for_waiting(own)
        own.proxy.cut()
        assert_problem(cut_off.result(), 503, "database_unavailable", detail=AWAY)
        assert 1 <= int(cut_off.result().headers["retry-after"]) <= 3
    first = create(caller)
    assert_first(first)
    assert_one_task(caller, first, create(caller))


def test_a_lost_answer_to_the_commit_is_found_again(caller: Caller, own: TestDatabase) -> None:
    """Nobody could know whether it was stored; with the key nobody needs to."""
    with installed(own, WAIT_AT_COMMIT, "DROP FUNCTION wait_for_lock CASCADE"):
        with ThreadPoolExecutor(1) as threads, transaction(own) as other:
            other.execute("SELECT pg_advisory_xact_lock(1)")
            lost = threads.submit(create, caller)
            wait_for_waiting(own)
            assert own.proxy.queries[-1].endswith("; COMMIT")
            own.proxy.cut()
            assert_problem(lost.result(), 503, "database_unavailable", detail=AWAY)
        again = create(caller)
        assert (again.status_code, again.headers.get(REPLAYED)) == (201, "true")
        assert_one_task(caller, again)


def test_what_the_database_refuses_is_not_stored(caller: Caller, own: TestDatabase) -> None:
    own.query("CREATE TABLE titles (title text PRIMARY KEY)")
    refuse = "ALTER TABLE tasks ADD CONSTRAINT fk_title FOREIGN KEY (title) REFERENCES titles NOT VALID"
    with installed(own, refuse, "DROP TABLE titles CASCADE"):
        own.proxy.clear()
        for _ in range(2):
            assert_problem(create(caller), 409, "conflict", detail="The request conflicts with what is stored.")
        assert len([sql for sql in own.proxy.queries if sql.startswith("BEGIN")]) == 2  # and not tried again
        own.query("INSERT INTO titles VALUES ('Water the plants')")
        first = create(caller)
        assert_first(first)
        assert_one_task(caller, first, create(caller))


def test_a_key_that_is_swept_as_it_is_looked_for_is_a_new_one(caller: Caller, own: TestDatabase) -> None:
    old = create(caller)
    _age(own, caller)
    with installed(own, SWEEP_AT_INSERT, "DROP FUNCTION sweep CASCADE"):
        first = create(caller)
    assert_first(first)
    assert first.json()["id"] != old.json()["id"]
    again = create(caller)
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")


def test_a_create_does_not_wait_for_another_that_sweeps(caller: Caller, own: TestDatabase) -> None:
    """What that one does not finish, a later create sweeps."""
    stored = partial(own.query, "SELECT key FROM idempotency_keys WHERE user_id = %s ORDER BY key", caller.user_id)
    create(caller, "old")
    _age(own, caller)
    with transaction(own) as other:
        other.execute("DELETE FROM idempotency_keys WHERE user_id = %s", (caller.user_id,))
        assert_first(create(caller, "new"))
        assert stored() == [("new",), ("old",)]
    assert_first(create(caller, "newer"))
    assert stored() == [("new",), ("newer",)]


def _age(database: TestDatabase, caller: Caller) -> None:
    aged = "UPDATE idempotency_keys SET created_at = now() - interval '2 days' WHERE user_id = %s"
    database.query(aged, caller.user_id)
