"""10,000 concurrent writes on two processes, with keys repeated at random: exactly one row for each key."""

import asyncio
import random
import secrets
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.conftest import make_token
from tests.faults.bench import Bench
from tests.faults.conftest import Say
from tests.faults.http_client import HttpClient, Response
from tests.faults.report import Report, statuses
from tests.faults.visitor import TASKS

WRITES = 10_000
KEYS = 2_500
USERS = 20
CLIENTS = 100
# What a client does that was told to come back: a server that is busy, or at work on the same key.
AGAIN = {409, 503}


@dataclass
class Crowd:
    """Clients that share keys: each write takes one at random, whoever else is at it at the same moment."""

    ports: list[int]
    left: int = WRITES
    statuses: Counter[int] = field(default_factory=Counter)
    # By user and key: every row that a response named, and how often its create was sent.
    rows: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    sent: Counter[tuple[str, int]] = field(default_factory=Counter)
    hung_up: int = 0
    replayed: int = 0
    wrong: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=lambda: [secrets.token_hex(16) for _ in range(USERS)])

    async def run(self) -> None:
        """All writes; then every key that was used once more, so that each is acknowledged."""
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))
        for user, key in [one for one in self.sent if not self.rows[one]]:
            await self._settle(user, key)

    async def _client(self, number: int) -> None:
        user = self.users[number % USERS]
        # Clients of one user speak to different processes.
        client = HttpClient(self.ports[number // USERS % len(self.ports)], make_token(user, exp=4_000_000_000))
        while self.left > 0:
            self.left -= 1
            await self._write(client, user, random.randrange(KEYS // USERS))
        client.close()

    async def _write(self, client: HttpClient, user: str, key: int) -> None:
        """Mostly the create of that key; sometimes one that hangs up, one with another body, a change or a delete."""
        chance = random.random()
        rows = self.rows[user, key]
        if chance < 0.05:
            await self._hang_up(client, user, key)
        elif chance < 0.1 and rows:
            self._note(await self._create(client, key, "another"), {422}, "another request with a key in use")
        elif chance < 0.25 and rows:
            path, body = f"{TASKS}/{next(iter(rows))}", {"status": "completed"}
            self._note(await client.send("PATCH", path, body), {200, 404}, "change")
        elif chance < 0.28 and rows:
            self._note(await client.send("DELETE", f"{TASKS}/{next(iter(rows))}"), {204, 404}, "delete")
        else:
            self.sent[user, key] += 1
            self._found(user, key, self._note(await self._create(client, key), {201}, "create"))

    async def _hang_up(self, client: HttpClient, user: str, key: int) -> None:
        """Sends the create and hangs up before its response."""
        self.sent[user, key] += 1
        self.hung_up += 1
        sending = asyncio.ensure_future(self._create(client, key))
        await asyncio.sleep(random.uniform(0, 0.02))
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        client.close()

    async def _settle(self, user: str, key: int) -> None:
        client = HttpClient(random.choice(self.ports), make_token(user))
        self._found(user, key, await self._create(client, key))
        client.close()

    async def _create(self, client: HttpClient, key: int, title: str = "the") -> Response:
        """Repeats until there is a response."""
        while True:
            response = await client.send("POST", TASKS, {"title": f"{title} {key}"}, Idempotency_Key=f"key-{key}")
            self.statuses[response.status] += 1
            if response.status not in AGAIN:
                return response
            await asyncio.sleep(random.uniform(0.01, 0.1))

    def _note(self, response: Response, expected: set[int], what: str) -> Response:
        if what in ("change", "delete"):
            self.statuses[response.status] += 1
        if response.status not in expected | {503}:
            self.wrong.append(f"{what}: {response.status} {response.body!r}")
        return response

    def _found(self, user: str, key: int, response: Response) -> None:
        if response.ok:
            # Of a row that was deleted since a repeat says no more than where it was.
            self.rows[user, key].add(response.headers["location"].rpartition("/")[2])
            self.replayed += response.headers.get("idempotent-replayed") == "true"


def test_each_key_makes_exactly_one_row(bench: Bench, report: Report, say: Say) -> None:
    crowd = Crowd(list(bench.direct.ports))
    started = time.monotonic()
    bench.clients.call(crowd.run(), 300)
    seconds = time.monotonic() - started
    made = bench.postgres.query(
        "SELECT user_id, title, count(*) FROM journal WHERE operation = 'INSERT' AND user_id = ANY(%s) GROUP BY 1, 2",
        crowd.users,
        database=bench.direct.database,
    )
    more_than_one = sum(count > 1 for _, _, count in made)
    row = [WRITES, len(crowd.sent), crowd.replayed, crowd.hung_up, statuses(crowd.statuses), len(made), more_than_one]
    head = ["writes", "keys", "replays", "clients that hung up", "responses", "keys with a row", "with more than one"]
    report.table("keys", [*head, "seconds"], [[*row, f"{seconds:.0f}"]])
    say(f"{row} in {seconds:.0f} s")
    assert crowd.wrong == []
    assert {(user, title): count for user, title, count in made} == {
        (user, f"the {key}"): 1 for user, key in crowd.sent
    }
    assert [key for key, rows in crowd.rows.items() if len(rows) > 1] == []
