"""A device that keeps up by `updated_since` beside writers and a session that holds the user's row now and then."""

import asyncio
import random
import secrets
from contextlib import suppress
from typing import Any

import httpx
import psycopg2

from tests.conftest import make_token

WRITERS = 6
# How long the device rests between two syncs, and how long the other session holds the lock.
REST_SECONDS, HELD_SECONDS = 0.01, 0.03

Task = dict[str, Any]


class Device:
    """Has what it was told of; asks for what is at least as new as the newest that it knows."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._newest = "1970-01-01T00:00:00Z"
        self.tasks: dict[str, Task] = {}
        self.syncs = 0

    async def sync(self) -> None:
        """Reads to the end of what is new."""
        query = {"updated_since": self._newest, "sort": "updated_at", "limit": "100"}
        for task in await read_all(self._client, query):
            self.tasks[task["id"]] = task
            self._newest = max(self._newest, task["updated_at"])
        self.syncs += 1

    async def keep_up(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.sync()
            await asyncio.sleep(REST_SECONDS)


async def read_all(client: httpx.AsyncClient, query: dict[str, str]) -> list[Task]:
    """All pages of a list."""
    found: list[Task] = []
    cursor: dict[str, str] = {}
    while True:
        response = await client.get("/api/v1/users/me/tasks", params={**query, **cursor})
        assert response.status_code == 200, response.text
        page = response.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def _write(client: httpx.AsyncClient, made: list[str], chance: random.Random) -> None:
    """A create, with an Idempotency-Key or without one, or a change of a task that anybody made."""
    kind = chance.choice(("create", "keyed", "patch"))
    if kind == "patch" and made:
        path = f"/api/v1/users/me/tasks/{chance.choice(made)}"
        response = await client.patch(path, json={"title": secrets.token_hex(8)})
        assert response.status_code == 200, response.text
        return
    headers = {"Idempotency-Key": secrets.token_hex(16)} if kind == "keyed" else {}
    response = await client.post("/api/v1/users/me/tasks", json={"title": secrets.token_hex(8)}, headers=headers)
    assert response.status_code == 201, response.text
    made.append(response.json()["id"])


def _hold(database_url: str, user_id: str) -> None:
    """The user's row, as another session does that changes something of the user."""
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pg_sleep({HELD_SECONDS}) FROM (SELECT FROM todo.users WHERE id = %s FOR UPDATE) held", [user_id]
        )
    connection.close()


async def _hold_now_and_then(database_url: str, user_id: str) -> None:
    while True:
        await asyncio.to_thread(_hold, database_url, user_id)
        await asyncio.sleep(5 * HELD_SECONDS)


async def missed(urls: list[str], writes: int, database_url: str) -> tuple[int, int]:
    """How many tasks the device has not, or not as they are, after `writes` by six writers; and how often it synced."""
    user_id = secrets.token_hex(16)
    headers = {"Authorization": f"Bearer {make_token(user_id)}"}
    chance = random.Random(1)
    clients = [httpx.AsyncClient(base_url=urls[n % len(urls)], headers=headers, timeout=20) for n in range(WRITERS + 1)]
    try:
        made: list[str] = []
        await _write(clients[0], made, chance)
        device = Device(clients[-1])

        async def write(client: httpx.AsyncClient) -> None:
            for _ in range(writes // WRITERS):
                await _write(client, made, chance)

        beside = [asyncio.create_task(device.keep_up())]
        beside.append(asyncio.create_task(_hold_now_and_then(database_url, user_id)))
        await asyncio.gather(*map(write, clients[:-1]))
        for one in beside:
            one.cancel()
            with suppress(asyncio.CancelledError):
                await one
        await device.sync()
        stored = {task["id"]: task for task in await read_all(clients[0], {"limit": "100"})}
    finally:
        for client in clients:
            await client.aclose()
    assert len(stored) == len(made)
    return sum(device.tasks.get(name) != task for name, task in stored.items()), device.syncs
