"""One of several servers that is silent keeps its own users waiting, and nobody else."""

import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from core.database.bounded_pool import BoundedPool
from core.database.errors import PoolExhaustedError
from core.database.places import Places, hashed
from core.database.usage import Usage
from tests.conftest import RunningServer, TestDatabase, UserClient
from tests.core.database.database_path import later, run
from tests.core.database.spread import divide, install, spread

TEXTS = ["", *(string.ascii_letters[:size] for size in range(1, 40)), "日本/ä ö", *map(secrets.token_hex, range(40))]
LOWEST = -(2**31)
# As the issue was met: half of the clients are users of the silent server.
CLIENTS, POOL, BOUND, REQUESTS = 60, 10, 5, 5
# A request for the database has 5 s; who waits behind the silent ones has waited for nearly all of it.
MUCH = 2.5


def test_a_hash_is_postgresqls(database: TestDatabase) -> None:
    found = database.query(
        "SELECT hashtext(text) FROM unnest(%s) WITH ORDINALITY AS t (text, place) ORDER BY place", TEXTS
    )
    assert [hashed(text) for text in TEXTS] == [number for (number,) in found]


def test_a_place_is_the_range_that_the_hash_is_in() -> None:
    middle = hashed("a")
    assert Places([]).of("a") is None
    assert Places([(LOWEST, "one")]).of("a") == "one"
    assert Places([(middle, "two"), (LOWEST, "one")]).of("a") == "two"
    assert Places([(middle + 1, "two"), (LOWEST, "one")]).of("a") == "one"


class Owned(Usage):
    """Of a request of a user."""

    owner = "a"


def test_who_comes_beyond_the_bound_has_until_the_deadline(database: TestDatabase) -> None:
    async def work() -> None:
        pool = BoundedPool(database.url, 3, 1)
        for one in [await pool.acquire(later(), Owned()) for _ in range(2)]:  # it bounds nothing yet
            pool.release(one)
        pool.places = Places([(LOWEST, "one")])
        first = await pool.acquire(later(), Owned())
        with pytest.raises(PoolExhaustedError):
            await pool.acquire(later(0.05), Owned())
        others = [await pool.acquire(later(), usage) for usage in (None, Usage())]
        with pytest.raises(PoolExhaustedError):
            await pool.acquire(later(0.05))
        pool.release(first)
        for one in (*others, await pool.acquire(later(), Owned())):
            pool.release(one)
        pool.close()
        pool = BoundedPool("postgresql://nobody@127.0.0.1:1/nothing", 1, 1)
        pool.places = Places([(LOWEST, "one")])
        for _ in range(2):  # the place is given back where no connection could be opened
            with pytest.raises(Exception, match="cannot connect"):
                await pool.acquire(later(0.5), Owned())
        pool.close()

    run(work())


@pytest.fixture
def two_servers(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database whose users are on two servers, as far as it says."""
    own = make_database()
    install(own)
    spread(own, "users", "id")
    divide(own, LOWEST, 0)
    return own


@pytest.mark.slow
def test_users_of_the_other_server_go_on(two_servers: TestDatabase, start_server: Callable[..., RunningServer]) -> None:
    """A lock on their rows keeps the users of one server waiting until their deadline, as a silent server does."""
    settings = {"database_pool_size": POOL, "database_connections_per_server": BOUND}
    url = start_server(database=two_servers, auth_local_accounts=False, **settings).url
    silent, others = (_users(url, on_first=on_first) for on_first in (True, False))
    for user in (*silent, *others):
        user.create_task()
    with _locked(two_servers, silent), ThreadPoolExecutor(CLIENTS) as threads:
        stop = threading.Event()
        waiting = [threads.submit(_write_until, stop, user) for user in silent]
        time.sleep(0.5)
        took = [one for work in [threads.submit(_read, user) for user in others] for one in work.result()]
        stop.set()
        statuses = {status for work in waiting for status in work.result()}
    assert statuses == {503}, "the lock has kept nobody waiting"
    assert len(took) == 2 * len(others) * REQUESTS
    assert max(took) < MUCH, f"the longest of the others took {max(took):.2f} s"
    for user in (*silent, *others):
        user.close()


def _users(url: str, *, on_first: bool) -> list[UserClient]:
    names = iter(lambda: secrets.token_hex(16), "")
    chosen = (name for name in names if (hashed(name) < 0) is on_first)
    return [UserClient(url, next(chosen)) for _ in range(CLIENTS // 2)]


@contextmanager
def _locked(database: TestDatabase, users: list[UserClient]) -> Iterator[None]:
    connection = database.connect()
    with connection, connection.cursor() as sql:
        sql.execute("SELECT id FROM users WHERE id = ANY(%s) FOR UPDATE", ([user.user_id for user in users],))
        yield
    connection.close()


def _write_until(stop: threading.Event, user: UserClient) -> list[int]:
    statuses = [user.post(user.tasks, json={"title": "Waits"}).status_code]
    while not stop.is_set():
        statuses.append(user.post(user.tasks, json={"title": "Waits"}).status_code)
    return statuses


def _read(user: UserClient) -> list[float]:
    """The seconds of each request."""
    took = []
    for send in (lambda: user.get(user.tasks).status_code, user.create_task) * REQUESTS:
        began = time.monotonic()
        assert send() is not None
        took.append(time.monotonic() - began)
    return took
