"""The limit of a statement is the session's where the session is ours: nothing stands before most statements."""

import asyncio
from collections.abc import Callable

import pytest

from core.database.database import Database
from core.database.errors import DatabaseUnavailableError
from tests.conftest import TestDatabase
from tests.core.database.database_path import backend, echo, on, request_deadline, setting, sleep
from tests.core.database.spread import pooled


async def _with(seconds: float, path: Database) -> str | None:
    """The limit of a statement of a request that has so many seconds left."""

    async def request() -> str | None:
        request_deadline.set(asyncio.get_running_loop().time() + seconds)
        return await path.fetch_one(setting("statement_timeout"))

    return await asyncio.create_task(request())


def test_with_all_its_time_a_statement_is_sent_alone(database: TestDatabase) -> None:
    async def work(path: Database) -> list[str | None]:
        await path.schema()
        database.proxy.clear()
        return [await _with(seconds, path) for seconds in (5, 1.3, 5)]

    assert on(database.proxied_url, work) == ["4700ms", "1s", "4700ms"]
    assert [sent.startswith("SET LOCAL ") for sent in database.proxy.messages] == [False, True, False]


def test_the_server_ends_what_takes_longer(database: TestDatabase) -> None:
    """And the connection is used again."""

    async def work(path: Database) -> tuple[str | None, bool]:
        before = await path.fetch_one(backend())
        with pytest.raises(DatabaseUnavailableError) as met:
            await path.fetch_one(sleep(30))
        return met.value.sqlstate, before == await path.fetch_one(backend())

    assert on(database.proxied_url, work, pool_size=1, timeout=1.1) == ("57014", True)
    assert not any("SET LOCAL" in sent for sent in database.proxy.messages[-3:])


def test_behind_a_pooler_each_statement_says_it(make_database: Callable[[], TestDatabase]) -> None:
    own = make_database()
    pooled(own)
    assert on(own.proxied_url, lambda path: path.fetch_one(echo("x"))) == "x"
    assert own.proxy.messages[-1].startswith("SET LOCAL statement_timeout = 4700; ")
