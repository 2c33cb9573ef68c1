"""One client under whom the database fails: reads and writes its own tasks, and keeps account of what it was told."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable

from tests.conftest import make_token
from tests.faults.http_client import HttpClient, Response
from tests.faults.ledger import Outcome, Write

# Of these a client knows that nothing was done; of every other failure of a server it knows nothing.
REJECTED_CODES = {"overloaded", "keys_unavailable"}
TASKS = "/api/v1/users/me/tasks"


class Visitor:
    """Sends one request at a time, by turns to each replica; `responses` and `writes` are its account."""

    def __init__(self, ports: list[int], think: float) -> None:
        self.user = secrets.token_hex(16)
        self.responses: list[tuple[str, Response]] = []
        self.writes: list[Write] = []
        # When it last sent a request.
        self.asked = 0.0
        # Rows that were acknowledged and then not found.
        self.missing = 0
        token = make_token(self.user, exp=4_000_000_000)
        self._clients = [HttpClient(port, token) for port in ports]
        self._turn = random.randrange(len(ports))
        self._think = think
        # The tags of the rows that it knows to be there.
        self._rows: dict[str, str] = {}

    async def visit(self, stopping: asyncio.Event, settled_by: Callable[[], bool]) -> None:
        """Goes on until it is told to stop; then a keyed create is still repeated until it is acknowledged."""
        steps: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self._read, 30),
            (self._list, 8),
            (self._create, 14),
            (lambda: self._create_keyed(settled_by), 18),
            (self._change, 12),
            (self._change_unseen, 8),
            (self._change_stale, 3),
            (self._replace, 4),
            (self._delete, 6),
        ]
        await self._create_keyed(settled_by)
        while not stopping.is_set():
            await random.choices([step for step, _ in steps], [weight for _, weight in steps])[0]()
            await asyncio.sleep(random.uniform(0.5, 1.5) * self._think)
        for client in self._clients:
            client.close()

    async def _send(self, kind: str, method: str, path: str = "", body: object = None, **headers: str) -> Response:
        self._turn += 1
        self.asked = time.monotonic()
        client = self._clients[self._turn % len(self._clients)]
        response = await client.send(method, TASKS + path, body, **headers)
        self.responses.append((kind, response))
        self.missing += response.status == 404 and kind != "delete"
        return response

    async def _write(self, write: Write, method: str, path: str = "", body: object = None, **headers: str) -> Response:
        """Sends a write and notes what is known of it."""
        response = await self._send(write.kind, method, path, body, **headers)
        if response.ok:
            write.outcome = Outcome.ACKNOWLEDGED
            if method != "DELETE":
                write.task = str(response.json()["id"])
                self._rows[write.task] = response.headers["etag"]
        elif 400 <= response.status < 500 or response.code() in REJECTED_CODES:
            write.outcome = Outcome.REJECTED
        return response

    async def _create(self) -> None:
        write = self._new("create")
        # Text that does not compress, so that tables grow.
        await self._write(write, "POST", body={"title": write.mark, "description": secrets.token_hex(1500)})

    async def _create_keyed(self, settled_by: Callable[[], bool]) -> None:
        """Repeats it with the same key, to another replica each time, until it is acknowledged; and some once more."""
        write = self._new("create with a key", key=secrets.token_urlsafe(16))
        headers, body = {"Idempotency_Key": str(write.key)}, {"title": write.mark}
        response = await self._write(write, "POST", body=body, **headers)
        while not response.ok and not settled_by():
            write.outcome = Outcome.UNKNOWN
            await asyncio.sleep(random.uniform(0.05, 0.3))
            response = await self._write(write, "POST", body=body, **headers)
        if not response.ok:
            write.outcome = Outcome.UNKNOWN
        elif random.random() < 0.2:
            retried = await self._send("repeat of a create", "POST", "", body, **headers)
            write.named |= {str(found.json()["id"]) for found in (response, retried) if found.ok}

    async def _read(self) -> None:
        if task := self._some():
            response = await self._send("read", "GET", f"/{task}")
            if response.ok:
                self._rows[task] = response.headers["etag"]

    async def _list(self) -> None:
        await self._send("list", "GET", "?limit=20")

    async def _change(self) -> None:
        """Only if nobody else has changed it: what was sent before and is done late changes nothing any more."""
        if task := self._some():
            write = self._new("change", task)
            response = await self._write(write, "PATCH", f"/{task}", {"title": write.mark}, If_Match=self._rows[task])
            if response.status == 412:  # an earlier change, whose response was lost, was done
                self._rows[task] = response.headers["etag"]

    async def _change_unseen(self) -> None:
        if task := self._some():
            write = self._new("change", task)
            await self._write(write, "PATCH", f"/{task}", {"title": write.mark})

    async def _change_stale(self) -> None:
        if task := self._some():
            write = self._new("change of a stale version", task)
            await self._write(write, "PATCH", f"/{task}", {"title": write.mark}, If_Match='"0"')

    async def _replace(self) -> None:
        if task := self._some():
            write = self._new("replace", task)
            await self._write(write, "PUT", f"/{task}", {"title": write.mark, "status": "completed"})

    async def _delete(self) -> None:
        if len(self._rows) > 5 and (task := self._some()):
            del self._rows[task]
            write = self._new("delete", task)
            response = await self._write(write, "DELETE", f"/{task}")
            if response.status == 404:  # a proxy may have sent it twice, and lost the first response
                write.outcome = Outcome.UNKNOWN

    def _new(self, kind: str, task: str | None = None, key: str | None = None) -> Write:
        self.writes.append(Write(kind, self.user, task=task, key=key))
        return self.writes[-1]

    def _some(self) -> str | None:
        return random.choice(list(self._rows)) if self._rows else None
