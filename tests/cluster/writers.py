"""Users who write without a pause worth the name, and what they were told, held against what the tables have."""

import random
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx
from psycopg2.extensions import cursor

from tests.conftest import UserClient

PAUSE = 0.02
# How long a keyed write is repeated after the end, until it is acknowledged.
SETTLE_SECONDS = 90
_GONE = "deleted"


@dataclass
class Row:
    """A task as its user knows it: the marks of its changes, and of which nobody knows whether they were done."""

    title: str
    version: int
    told: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    deletion: int | None = None


@dataclass
class Told:
    """All that one user knows: their rows, the titles of which nobody knows, both ids of a create that was repeated,
    and how many writes of each kind were acknowledged."""

    rows: dict[str, Row] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    repeated: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Writer:
    """One user, and when something was acknowledged to them."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        self.user = UserClient(url)
        self.told = Told()
        self.times: list[float] = []
        self.failure: BaseException | None = None
        self._stopped = stop
        self._until = float("inf")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        """Until it is stopped; one thing after the other."""
        try:
            while not self._stopped.is_set():
                alive = [one for one, row in self.told.rows.items() if row.deletion is None]
                choices = (
                    self._create,
                    self._create_keyed,
                    self._put,
                    *([self._change, self._delete] if alive else []),
                )
                random.choices(choices, (3, 4, 2, 5, 2)[: len(choices)])[0](
                    *([random.choice(alive)] if alive else [""])
                )
                time.sleep(PAUSE)
        except BaseException as error:
            self.failure = error

    def settle_until(self, moment: float) -> None:
        """From then on nothing is repeated."""
        self._until = moment

    def _send(self, kind: str, method: str, path: str, **request: Any) -> httpx.Response | None:
        """The response to a write that was done; None where nobody knows."""
        try:
            response = self.user.request(method, path, **request)
        except httpx.TransportError:
            return None
        if response.is_success:
            self.told.counts[kind] += 1
            self.times.append(time.monotonic())
            return response
        assert response.status_code == 503 or "Idempotency-Key" in request.get("headers", {}), response.text
        assert response.status_code in (409, 503), response.text
        return None

    def _create(self, _: str) -> None:
        title = secrets.token_hex(8)
        made = self._send("create", "POST", self.user.tasks, json={"title": title})
        if made is None:
            self.told.unknown.append(title)
        else:
            self._keep(made, title)

    def _create_keyed(self, _: str) -> None:
        title = secrets.token_hex(8)
        self._until_told("keyed create", "POST", self.user.tasks, title, {})

    def _put(self, _: str) -> None:
        title = secrets.token_hex(8)
        self._until_told("keyed put", "PUT", f"{self.user.tasks}/{uuid4()}", title, {"If-None-Match": "*"})

    def _until_told(self, kind: str, method: str, path: str, title: str, headers: dict[str, str]) -> None:
        request = {"json": {"title": title}, "headers": {"Idempotency-Key": title, **headers}}
        while time.monotonic() < self._until:
            made = self._send(kind, method, path, **request)
            if made is not None:
                self._keep(made, title)
                again = self._send("repeat", method, path, **request)
                if again is not None:
                    self.told.repeated.append((made.json()["id"], again.json()["id"]))
                return
            time.sleep(0.2)
        self.told.unknown.append(title)
        self.told.counts["unsettled"] += 1

    def _keep(self, made: httpx.Response, title: str) -> None:
        version = int(made.headers["etag"].strip('"').split("-")[0])
        self.told.rows[made.json()["id"]] = Row(title, version)

    def _change(self, task: str) -> None:
        mark = secrets.token_hex(8)
        done = self._send("change", "PATCH", f"{self.user.tasks}/{task}", json={"description": mark})
        (self.told.rows[task].unknown if done is None else self.told.rows[task].told).append(mark)

    def _delete(self, task: str) -> None:
        done = self._send(_GONE, "DELETE", f"{self.user.tasks}/{task}")
        self.told.rows[task].deletion = 0 if done is None else 1


class Writers:
    """Several, from the moment that it is made until `stop`."""

    def __init__(self, url: str, number: int) -> None:
        self._stop = threading.Event()
        self.writers = [Writer(url, self._stop) for _ in range(number)]

    def stop(self) -> None:
        """Waits until what has a key is acknowledged. Raises what went wrong in one of them."""
        until = time.monotonic() + SETTLE_SECONDS
        for one in self.writers:
            one.settle_until(until)
        self._stop.set()
        for one in self.writers:
            one.thread.join(SETTLE_SECONDS + 30)
            assert not one.thread.is_alive(), "a write had no response"
            one.user.close()
        for one in self.writers:
            if one.failure is not None:
                raise one.failure

    def longest_pause(self) -> float:
        """The seconds in which nothing was acknowledged to anybody."""
        times = sorted(moment for one in self.writers for moment in one.times)
        return max((later - earlier for earlier, later in pairwise(times)), default=0)

    def judge(self, sql: cursor) -> Counter[str]:
        """What was acknowledged, and how much of it is not as it was said: `lost`, `doubled`, `appeared`."""
        found: Counter[str] = Counter()
        for one in self.writers:
            sql.execute("SELECT * FROM todo.users WHERE id = %s", (one.user.user_id,))
            assert sql.description is not None
            (owner,) = (dict(zip([column.name for column in sql.description], row, strict=True)) for row in sql)
            columns = "id::text, title, description, version, change"
            sql.execute(f"SELECT {columns} FROM todo.tasks WHERE user_id = %s", (one.user.user_id,))
            tasks = {row[0]: row[1:] for row in sql.fetchall()}
            sql.execute("SELECT id::text, change FROM todo.tombstones WHERE user_id = %s", (one.user.user_id,))
            found += judge(one.told, tasks, dict(sql.fetchall()), owner["change"])
        return found


def judge(told: Told, tasks: dict[str, Any], tombstones: dict[str, int], change: int) -> Counter[str]:
    """Of one user, with the rows that are there by their ids."""
    found = Counter({"acknowledged": told.counts.total() - told.counts["unsettled"], **told.counts})
    for task, row in told.rows.items():
        _judge_row(row, tasks.get(task), task in tombstones, found)
    others = Counter(values[0] for task, values in tasks.items() if task not in told.rows)
    titles = {row.title for row in told.rows.values()}
    found["appeared"] += sum(title not in titles and title not in told.unknown for title in others.elements())
    found["doubled"] += sum(number - (title not in titles) for title, number in others.items())
    found["doubled"] += sum(first != second for first, second in told.repeated)
    found["unknown"] += len(told.unknown)
    found["unknown, done"] += sum(title in told.unknown for title in others)
    # Each change has a number of its own, and the last one is the owner's.
    numbers = [*(values[3] for values in tasks.values()), *tombstones.values()]
    found["doubled"] += len(numbers) - len({*numbers})
    found["lost"] += max(numbers, default=0) > change
    return found


def _judge_row(row: Row, there: Any, tombstone: bool, found: Counter[str]) -> None:
    """A row that was acknowledged: there with what was acknowledged of it, or deleted where somebody wanted that."""
    found["unknown"] += len(row.unknown) + (row.deletion == 0)
    if there is None:
        found["lost"] += row.deletion is None or not tombstone
        found["unknown, done"] += row.deletion == 0
        return
    title, description, version, _ = there
    changes = version - row.version
    found["lost"] += row.deletion == 1 or title != row.title or changes < len(row.told)
    found["doubled"] += changes > len(row.told) + len(row.unknown)
    found["appeared"] += tombstone
    found["unknown, done"] += max(changes - len(row.told), 0)
    found["lost"] += description not in (row.told[-1] if row.told else None, *row.unknown)
