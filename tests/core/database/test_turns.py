"""Statements that wait in line for one of few connections: each is sent as one is given back, by whoever does that."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from core.database.connection import Connection
from core.database.database import Database
from core.database.errors import PoolExhaustedError, ValueRejectedError
from core.database.pool import Pool
from core.database.sending import Values
from core.database.usage import Usage
from tests.conftest import TestDatabase
from tests.core.database.database_path import active, backend, echo, later, on, setting, sleep, until

who: ContextVar[str] = ContextVar("who", default="nobody")


def test_what_waits_is_sent_before_its_task_runs_again(own: TestDatabase) -> None:
    async def work(path: Database) -> int:
        async def first() -> int:
            await path.fetch_one(sleep(0.1))
            return len(active(own, "pg_sleep"))  # blocks the event loop: no task runs meanwhile

        running = asyncio.create_task(first())
        await asyncio.sleep(0)
        waiting = asyncio.create_task(path.fetch_one(sleep(2)))
        found = await running
        waiting.cancel()
        return found

    assert on(own.url, work, pool_size=1) == 1


def test_each_gets_its_own_result_whatever_becomes_of_the_others(own: TestDatabase) -> None:
    """By a thousand statements on two connections, of which some fail, some are cancelled and some are late."""
    chance = random.Random(15)

    async def one(path: Database, number: int) -> str:
        if number % 5 == 1:
            with pytest.raises(ValueRejectedError):
                await path.fetch_one(echo(f"{number}\0"))
            return "rejected"
        if number % 5 == 2:
            started = asyncio.create_task(path.fetch_one(sleep(0.002)))
            await asyncio.sleep(chance.random() / 5)
            started.cancel()
            await asyncio.gather(started, return_exceptions=True)
            return "cancelled" if started.cancelled() else "done"
        assert await path.fetch_one(echo(str(number))) == str(number)
        return "own"

    async def work(path: Database) -> Counter[str]:
        found = Counter(await asyncio.gather(*(one(path, number) for number in range(1000))))
        assert (path.pool.used, path.pool.pending) == (0, 0)
        return found

    found = on(own.url, work, pool_size=2, timeout=30)
    assert (found["own"], found["rejected"]) == (600, 200)
    assert found["cancelled"] > 10


def test_one_that_is_cancelled_once_another_has_sent_it_takes_its_connection_along(own: TestDatabase) -> None:
    async def work(path: Database) -> tuple[int | None, int | None]:
        before = await path.fetch_one(backend())
        first = asyncio.create_task(path.fetch_one(sleep(0.1)))
        waiting = asyncio.create_task(path.fetch_one(sleep(3)))
        await first
        await until(lambda: active(own, "pg_sleep") == [before])
        waiting.cancel()
        return before, await path.fetch_one(backend())

    before, after = on(own.url, work, pool_size=1)
    assert after not in (None, before)


def test_the_limit_of_a_statement_is_what_is_left_of_its_time_as_it_is_sent(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        first = asyncio.create_task(path.fetch_one(sleep(1)))
        await asyncio.sleep(0)
        waited = await path.fetch_one(setting("statement_timeout"))
        await first
        return waited

    assert on(own.url, work, pool_size=1, timeout=5) == "3500ms"


def test_a_message_is_made_as_the_task_that_waits_would_make_it_and_its_bug_is_told_there(own: TestDatabase) -> None:
    """What traces statements looks for their request in context variables."""

    def named(_: Connection) -> tuple[str, Values]:
        return f"SELECT '{who.get()}'", None

    def wrong(_: Connection) -> tuple[str, Values]:
        raise KeyError("a bug")

    async def ask(pool: Pool, name: str, message: Callable[[Connection], tuple[str, Values]]) -> str:
        who.set(name)
        turn = pool.turn(later(), None, message)
        pool.begin(turn)
        try:
            ((found,),) = (await turn.done or await pool.open_for(turn)).fetchall()
            return str(found)
        finally:
            if turn.connection is not None:
                turn.connection.end(None)
            pool.end(turn)

    async def work(path: Database) -> list[str | BaseException]:
        asked = [ask(path.pool, str(number), wrong if number % 3 == 1 else named) for number in range(6)]
        return await asyncio.gather(*asked, return_exceptions=True)

    zero, bug, two, three, second_bug, five = on(own.url, work, pool_size=1)
    assert (zero, two, three, five) == ("0", "2", "3", "5")
    assert [str(bug), str(second_bug)] == ["'a bug'", "'a bug'"]


def test_who_waited_in_vain_is_told_how_long(own: TestDatabase) -> None:
    """The line of its request says so, and operators look for it."""

    async def work(path: Database) -> float:
        usage = Usage()
        await path.schema()
        running = asyncio.create_task(path.fetch_one(sleep(0.5)))
        await asyncio.sleep(0)
        with pytest.raises(PoolExhaustedError):
            await path.pool.acquire(later(0.1), usage)
        await running
        return usage.waiting_seconds

    assert 0.09 < on(own.url, work, pool_size=1) < 0.5


def test_nothing_is_sent_that_is_late_already(own: TestDatabase) -> None:
    """After the process was busy for long: it would cost its connection, and all that have responded no later."""

    async def work(path: Database) -> tuple[BaseException | Connection, str | None, bool]:
        before = await path.fetch_one(backend())
        held = await path.pool.acquire(later())
        late = asyncio.create_task(path.pool.acquire(later(0.1)))
        waiting = asyncio.create_task(path.fetch_one(echo("waits")))
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251
        path.pool.release(held)
        (told,), found = await asyncio.gather(late, return_exceptions=True), await waiting
        return told, found, await path.fetch_one(backend()) == before

    told, found, same = on(own.url, work, pool_size=1)
    assert isinstance(told, PoolExhaustedError)
    assert (found, same) == ("waits", True)
