"""The pool: few connections, reused last in first out, and no place is ever lost."""

import asyncio
from contextlib import suppress

import pytest

import core.database.executor
import core.database.pool
from core.database.connection import LOOK_SECONDS
from core.database.database import Database
from core.database.errors import DatabaseUnavailableError, PoolExhaustedError
from core.database.queries import Query
from tests.conftest import TestDatabase
from tests.core.database.database_path import (
    active,
    backend,
    backends,
    begun,
    echo,
    later,
    note,
    notes,
    on,
    request_deadline,
    setting,
    sleep,
    tried_once,
    until,
)


async def soon(path: Database, query: Query[str] | None = None, *, seconds: float = 0.3) -> str | None:
    """A statement of a request that has little time left; it runs in a task of its own."""
    request_deadline.set(asyncio.get_running_loop().time() + seconds)
    return await path.fetch_one(query or echo("x"))


def test_the_connection_used_last_is_used_next(own: TestDatabase) -> None:
    async def work(path: Database) -> list[int | None]:
        await asyncio.gather(*(path.fetch_one(sleep(0.05)) for _ in range(5)))
        return [await path.fetch_one(backend()) for _ in range(5)]

    assert len(set(on(own.url, work))) == 1


def test_sixty_statements_at_once_succeed_on_a_pool_of_five(own: TestDatabase) -> None:
    async def work(path: Database) -> tuple[list[str | None], int]:
        responses = await asyncio.gather(*(path.fetch_one(echo(str(n))) for n in range(60)))
        return responses, len(await asyncio.to_thread(backends, own))

    responses, opened = on(own.url, work)
    assert responses == [str(n) for n in range(60)]
    assert 1 <= opened <= 5


def test_sixty_transactions_at_once_succeed_on_a_pool_of_five(own: TestDatabase) -> None:
    async def one(path: Database, number: int) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(note(f"{number:02}", number))

    async def work(path: Database) -> None:
        await asyncio.gather(*(one(path, number) for number in range(60)))

    on(own.url, work)
    assert notes(own) == [f"{n:02}" for n in range(60)]


def test_who_is_cancelled_while_waiting_for_a_place_takes_none(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        async with begun(path):
            waiting = [asyncio.create_task(path.fetch_one(echo("x"))) for _ in range(3)]
            await asyncio.sleep(0)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        assert all(task.cancelled() for task in waiting)
        return await path.fetch_one(echo("free"))

    assert on(own.url, work, pool_size=1) == "free"


def test_who_gets_no_place_before_the_deadline_is_told_and_later_served(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        async with begun(path):
            with pytest.raises(PoolExhaustedError, match="no connection became free"):
                await asyncio.create_task(soon(path))
        return await path.fetch_one(echo("free"))

    assert on(own.url, work, pool_size=1) == "free"


def test_a_connection_that_lay_idle_for_long_is_replaced(own: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(path: Database) -> tuple[int | None, int | None]:
        before = await path.fetch_one(backend())
        monkeypatch.setattr(core.database.pool, "IDLE_SECONDS", 0)  # five minutes in the product
        after = await path.fetch_one(backend())
        # The new one is given back as well, sooner or later.
        await until(lambda: before not in [number for number, _ in backends(own)])
        return before, after

    before, after = on(own.url, work)
    assert before != after


def test_connections_that_nobody_needs_any_more_are_given_back(
    own: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while one of them is used again and again: the others are those that the server has too many of."""
    monkeypatch.setattr(core.database.pool, "IDLE_SECONDS", 0.5)  # five minutes in the product

    async def work(path: Database) -> tuple[int, int]:
        await asyncio.gather(*(path.fetch_one(sleep(0.05)) for _ in range(5)))
        opened = len(await asyncio.to_thread(backends, own))

        enough = asyncio.Event()

        async def goes_on() -> None:
            while not enough.is_set():
                await path.fetch_one(echo("x"))
                await asyncio.sleep(0.05)

        busy = asyncio.create_task(goes_on())
        await until(lambda: len(backends(own)) == 1)
        # Cancelled amid a statement, the connection would be closed for that, and not for being idle.
        enough.set()
        await busy
        await until(lambda: backends(own) == [])
        return opened, len(path.pool._opened)

    assert on(own.url, work) == (5, 0)


@pytest.mark.parametrize(("seconds", "trusted"), [(LOOK_SECONDS + 0.2, False), (LOOK_SECONDS - 0.2, True)])
def test_beside_a_connection_that_fell_silent_none_is_trusted_that_has_not_responded_since(
    own: TestDatabase, seconds: float, trusted: bool
) -> None:
    """Where the request had little time left, that it was over says nothing of the server."""

    async def work(path: Database) -> bool:
        await asyncio.gather(*(path.fetch_one(sleep(0.05)) for _ in range(3)))
        before = [pid for pid, _ in await asyncio.to_thread(backends, own)]
        assert len(before) == 3
        own.proxy.pause()
        with pytest.raises(DatabaseUnavailableError, match="deadline"):
            await asyncio.create_task(soon(path, seconds=seconds))
        own.proxy.resume()
        return await path.fetch_one(backend()) in before

    assert on(own.proxied_url, work) is trusted


def test_a_connection_that_responded_meanwhile_is_kept(own: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.database.executor, "SERVER_MARGIN_SECONDS", -5)  # the server does not give up first

    async def work(path: Database) -> bool:
        silent = asyncio.create_task(soon(path, sleep(2)))
        await asyncio.sleep(0)
        before = await path.fetch_one(backend())
        with pytest.raises(DatabaseUnavailableError, match="deadline"):
            await silent
        return await path.fetch_one(backend()) == before

    assert on(own.url, work) is True


def test_a_closed_pool_leaves_no_connection_behind(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        await path.fetch_one(echo("idle"))
        async with begun(path) as transaction:
            await path.fetch_one(echo("another"))
            path.close()
            inside = await transaction.fetch_one(echo("in use"))
        await until(lambda: backends(own) == [])
        return inside

    assert on(own.url, work) == "in use"


def test_a_statement_under_way_as_the_pool_closes_gives_its_result(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        under_way = asyncio.ensure_future(path.fetch_one(sleep(0.5)))
        await until(lambda: len(active(own, "pg_sleep")) == 1)
        path.close()
        response = await under_way
        await until(lambda: backends(own) == [])
        return response

    assert on(own.url, work) == ""


def test_a_place_that_is_given_to_one_that_is_cancelled_just_then_is_not_lost(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        async with begun(path):
            waiting = asyncio.create_task(path.fetch_one(echo("x")))
            await asyncio.sleep(0)
        waiting.cancel()  # its place was given with the end of the block, and it has not run since
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        return await path.fetch_one(echo("free"))

    assert on(own.url, work, pool_size=1, timeout=1) == "free"


def test_each_that_waits_is_told_at_its_own_deadline(own: TestDatabase) -> None:
    async def within(path: Database, seconds: float) -> float:
        started = asyncio.get_running_loop().time()
        request_deadline.set(started + seconds)
        with suppress(PoolExhaustedError):
            await path.fetch_one(echo("x"))
        return asyncio.get_running_loop().time() - started

    async def work(path: Database) -> list[float]:
        async with begun(path):
            gone, *waiting = [asyncio.create_task(within(path, seconds)) for seconds in (0.1, 1.6, 0.2, 0.9)]
            await asyncio.sleep(0)
            gone.cancel()
            return await asyncio.gather(*waiting)

    late, first, second = on(own.url, work, pool_size=1)
    early = 0.002  # the loop's timers have milliseconds
    assert 0.2 - early < first < 0.9 - early < second < 1.6 - early < late


def test_what_has_no_limit_of_the_session_is_not_used_again_once_there_is_one(own: TestDatabase) -> None:
    """What is in use then is closed as it comes back."""

    async def work(path: Database) -> tuple[bool, bool, str | None]:
        await path.schema()
        used, idle = [await path.pool.acquire(later()) for _ in range(2)]
        path.pool.release(idle)
        path.pool.limit(1234)
        path.pool.release(used)
        return used.closed, idle.closed, await path.fetch_one(setting("statement_timeout"))

    assert on(own.url, work) == (True, True, "1234ms")
