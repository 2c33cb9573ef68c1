"""Devices that keep up beside writers and a session that holds the user's row now and then: by the feed of changes,
and by `updated_since`."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import psycopg2

from tests.conftest import make_token

WRITERS = 6
# How long a device rests between two syncs, and how long the other session holds the lock.
REST_SECONDS, HELD_SECONDS = 0.01, 0.03
TASKS = "/api/v1/users/me/tasks"

Task = dict[str, Any]


@dataclass
class Missed:
    """What a device has not, or not as it is, once all is written; and how often it synced."""

    by_feed: int = 0
    by_time: int = 0
    out_of_order: int = 0
    deletions: int = 0
    syncs: int = 0


class FollowsFeed:
    """Has what the feed told, which is to be all that there is."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._cursor: dict[str, str] = {}
        self.tasks: dict[str, Task] = {}
        self.syncs = self.deletions = self.out_of_order = 0

    async def sync(self) -> None:
        """Reads to the end of what is new."""
        more = True
        while more:
            response = await self._client.get(f"{TASKS}/changes", params={"limit": "100", **self._cursor})
            if response.status_code != 200:  # the database is away
                await asyncio.sleep(REST_SECONDS)
                continue
            page = response.json()
            for task in page["items"]:
                self.out_of_order += task["updated_at"] < self.tasks.get(task["id"], task)["updated_at"]
                self.tasks[task["id"]] = task
            for task_id in page["deleted"]:
                self.deletions += self.tasks.pop(task_id, None) is not None
            self._cursor, more = {"cursor": page["next_cursor"]}, page["has_more"]
        self.syncs += 1


class FollowsTime:
    """Asks for what is at least as new as the newest that it knows; it is told of no deletion."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._newest = "1970-01-01T00:00:00Z"
        self.tasks: dict[str, Task] = {}

    async def sync(self) -> None:
        """Reads to the end of what is new."""
        query = {"updated_since": self._newest, "sort": "updated_at", "limit": "100"}
        for task in await read_all(self._client, query):
            self.tasks[task["id"]] = task
            self._newest = max(self._newest, task["updated_at"])


async def keep_up(device: FollowsFeed | FollowsTime) -> None:
    """Until it is cancelled."""
    while True:
        await device.sync()
        await asyncio.sleep(REST_SECONDS)


async def read_all(client: httpx.AsyncClient, query: dict[str, str]) -> list[Task]:
    """All pages of a list."""
    found: list[Task] = []
    cursor: dict[str, str] = {}
    while True:
        response = await client.get(TASKS, params={**query, **cursor})
        if response.status_code == 503:  # the database is away
            await asyncio.sleep(REST_SECONDS)
            continue
        assert response.status_code == 200, response.text
        page = response.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def _write(client: httpx.AsyncClient, made: list[str], chance: random.Random) -> None:
    """A create, a change, a deletion, or a task that is put back, with an Idempotency-Key or without one."""
    headers = {"Idempotency-Key": secrets.token_hex(16)} if chance.random() < 0.4 else {}
    body = {"title": secrets.token_hex(8)}
    kind = chance.choice(("create", "new", "patch", "patch", "delete", "undo")) if made else "create"
    one = f"{TASKS}/{chance.choice(made)}" if made else ""
    if kind in ("create", "new"):
        task_id = str(UUID(int=chance.getrandbits(128)))
        if kind == "new":
            await _send(client, "PUT", f"{TASKS}/{task_id}", {**headers, "If-None-Match": "*"}, body)
        elif response := await _send(client, "POST", TASKS, headers, body):
            task_id = response.json()["id"]
        made.append(task_id)
    elif kind == "patch":
        await _send(client, "PATCH", one, headers, body)
    elif kind == "delete":
        await _send(client, "DELETE", one, headers)
    else:
        await _send(client, "PUT", one, {"Idempotency-Key": secrets.token_hex(16), "If-None-Match": "*"}, body)


async def _send(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], body: Any = None
) -> httpx.Response | None:
    """Repeats with the same key what got no response, or 503 or 409; None without a key, as nobody knows then."""
    while True:
        with suppress(httpx.TransportError):
            response = await client.request(method, path, headers=headers, json=body)
            if response.status_code not in (409, 503):
                assert response.is_success or response.status_code in (404, 412), response.text
                return response if response.is_success else None
        if "Idempotency-Key" not in headers:
            return None
        await asyncio.sleep(REST_SECONDS)


def _hold(database_url: str, user_id: str) -> None:
    """The user's row, as another session does that changes something of the user."""
    with suppress(psycopg2.Error), closing(psycopg2.connect(database_url)) as connection:  # it may be away
        connection.cursor().execute(
            f"SELECT pg_sleep({HELD_SECONDS}) FROM (SELECT FROM todo.users WHERE id = %s FOR UPDATE) held", [user_id]
        )


async def _hold_now_and_then(database_url: str, user_id: str) -> None:
    while True:
        await asyncio.to_thread(_hold, database_url, user_id)
        await asyncio.sleep(5 * HELD_SECONDS)


async def missed(
    urls: list[str], writes: int, database_url: str, beside: Callable[[], Awaitable[None]] | None = None
) -> Missed:
    """What two devices miss of `writes` by six writers, while `beside` disturbs."""
    user_id = secrets.token_hex(16)
    headers = {"Authorization": f"Bearer {make_token(user_id)}"}
    chance, made = random.Random(1), list[str]()
    clients = [httpx.AsyncClient(base_url=urls[n % len(urls)], headers=headers, timeout=20) for n in range(WRITERS + 2)]
    try:
        await _write(clients[0], made, chance)
        feed, time = FollowsFeed(clients[-1]), FollowsTime(clients[-2])

        async def write(client: httpx.AsyncClient) -> None:
            for _ in range(writes // WRITERS):
                await _write(client, made, chance)

        running = [keep_up(feed), keep_up(time), _hold_now_and_then(database_url, user_id)]
        tasks = [asyncio.ensure_future(one) for one in (*running, *([beside()] if beside else []))]
        await asyncio.gather(*map(write, clients[:-2]))
        for one in tasks:
            one.cancel()
            with suppress(asyncio.CancelledError, httpx.TransportError):
                await one
        await feed.sync()
        await time.sync()
        stored = {task["id"]: task for task in await read_all(clients[0], {"limit": "100"})}
    finally:
        for client in clients:
            await client.aclose()
    return Missed(
        by_feed=sum(feed.tasks.get(name) != stored.get(name) for name in feed.tasks.keys() | stored.keys()),
        by_time=sum(time.tasks.get(name) != task for name, task in stored.items()),
        out_of_order=feed.out_of_order,
        deletions=feed.deletions,
        syncs=feed.syncs,
    )
