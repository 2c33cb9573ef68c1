"""The time that PostgreSQL is given for a statement: rounded down to few values, as each is a text of its own there."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.database.executor import SERVER_MARGIN_SECONDS, milliseconds
from tests.conftest import RunningServer, TestDatabase, UserClient

REQUESTS, CLIENTS = 1000, 10


def visit(url: str) -> None:
    """A tenth of the requests: reads, writes and transactions, some of which wait for a connection."""
    with UserClient(url) as user:
        for number in range(REQUESTS // CLIENTS // 5):
            task = user.create_task(title=f"Task {number}")
            assert user.get(f"{user.tasks}?limit={number + 1}").status_code == 200
            path = f"{user.tasks}/{task['id']}"
            assert user.patch(path, json={"title": f"Again {number}"}).status_code == 200
            keyed = {"Idempotency-Key": f"key-{number}"}
            assert user.post(user.tasks, json={"title": "Keyed"}, headers=keyed).status_code == 201
            assert user.delete(path).status_code == 204


def test_a_thousand_requests_leave_few_texts_in_pg_stat_statements(
    start_server: Callable[..., RunningServer], make_database: Callable[[], TestDatabase]
) -> None:
    database = make_database()
    server = start_server(database=database, database_pool_size=2)
    with ThreadPoolExecutor(CLIENTS) as pool:
        for visited in [pool.submit(visit, server.url) for _ in range(CLIENTS)]:
            visited.result()
    assert len(database.proxy.queries) >= REQUESTS
    names = {text.split()[2] for text in database.proxy.limits}
    assert names == {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"}
    assert len(database.proxy.limits) <= 20, sorted(database.proxy.limits)


@pytest.mark.parametrize("seconds", [-1, 0, 0.2501, 0.2599, 0.3, 0.777, 1.25, 2, 3.1415, 4.949, 4.951, 5])
def test_the_server_gives_up_before_we_do(seconds: float) -> None:
    """And gets most of the time that there is."""

    async def given() -> int:
        return milliseconds(asyncio.get_running_loop().time() + seconds)

    left = (seconds - SERVER_MARGIN_SECONDS) * 1000
    found = asyncio.run(given())
    assert found == 1 or left * 0.4 - 5 < found <= left
