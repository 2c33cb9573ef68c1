"""Who asks very often waits for itself: the connections are given to the users in turn."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from core.database.errors import PoolExhaustedError
from core.database.pool import Pool
from core.database.usage import Usage
from tests.conftest import RunningServer, TestDatabase, UserClient
from tests.core.database.database_path import later
from tests.core.database.locks import wait_for_waiting


def test_one_user_whose_writes_wait_keeps_nobody_else_waiting(
    own: TestDatabase, start_server: Callable[..., RunningServer]
) -> None:
    """Their writes wait for each other's lock, each on a connection; there are thirty times as many as connections."""
    server = start_server(database=own, database_pool_size=2)
    with UserClient(server.url) as busy, UserClient(server.url) as other, ThreadPoolExecutor(61) as threads:
        theirs = other.create_task()
        busy.create_task()
        lock = own.connect()
        lock.cursor().execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [busy.user_id])
        writes = [threads.submit(busy.create_task) for _ in range(60)]
        wait_for_waiting(own, 2)
        time.sleep(0.5)
        asked = threads.submit(other.get, f"{other.tasks}/{theirs['id']}")
        time.sleep(0.5)
        lock.close()
        assert asked.result().json() == theirs
        assert sum(write.done() for write in writes) < len(writes) / 2
        assert all(write.result() for write in writes)


class _Of(Usage):
    """Of an owner."""

    def __init__(self, owner: str) -> None:
        super().__init__()
        self.name = owner

    @property
    def owner(self) -> str:
        return self.name


def test_owners_take_turns_and_each_waits_in_its_own_order(own: TestDatabase) -> None:
    """Whoever waits no more has had no turn."""

    async def work() -> list[str]:
        pool, served = Pool(own.url, 1), list[str]()
        held = await pool.acquire(later())

        async def wait(name: str, seconds: float) -> None:
            usage = _Of(name[0]) if name != "nobody" else None
            connection = await pool.acquire(later(seconds), usage)
            served.append(name)
            pool.release(connection)

        names = ["a1", "a2", "a3", "nobody", "b-late", "b1", "c-late", "b2", "a4"]
        waiting = [asyncio.create_task(wait(name, 0.05 if name.endswith("late") else 5)) for name in names]
        await asyncio.sleep(0.2)
        pool.release(held)
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [names[at] for at, one in enumerate(told) if isinstance(one, PoolExhaustedError)] == ["b-late", "c-late"]
        pool.close()
        return served

    assert asyncio.run(work()) == ["a1", "nobody", "b1", "a2", "b2", "a3", "a4"]
