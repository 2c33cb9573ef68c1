"""Clients on a few servers at once, and a probe of their health; what they saw, and whether it was as promised."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from tests.faults.background import Background
from tests.faults.bounds import LIVE_SECONDS, READY_SECONDS, RESPONSE_SECONDS
from tests.faults.http_client import HttpClient, Response
from tests.faults.visitor import Visitor

CLIENTS = 16
# Seconds that a client pauses between requests, so that the load is one that two cores can bear.
THINK = 0.08
# How long a create with a key may still be repeated after the end, until it is acknowledged: several deadlines.
SETTLE_SECONDS = 30
# All that a client may be told of a database that fails.
_DETAILS = {
    "The database does not respond now. Try again shortly.",
    "The time of this request was over before all was done. Try again shortly.",
    "The server has as much to do as it can. Try again shortly.",
    "The database is not ready.",
}
_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


@dataclass(frozen=True, slots=True)
class Seen:
    """All responses of a load, and those of the probe of health, by kind."""

    responses: Sequence[tuple[str, Response]]
    probes: Sequence[tuple[str, Response]]

    def since(self, moment: float) -> list[Response]:
        """The responses that came after `moment`."""
        return [response for _, response in self.responses if response.ended >= moment]

    def first_success(self, moment: float) -> float | None:
        """Seconds from `moment` to the first success after it."""
        return min((response.ended - moment for response in self.since(moment) if response.ok), default=None)

    def last_failure(self, moment: float) -> float | None:
        """Seconds from `moment` to the last failure after it; None where there was none."""
        failures = [response.ended - moment for response in self.since(moment) if response.failed]
        return max(failures, default=None)

    def statuses(self, moment: float) -> Counter[int]:
        """How often each status was seen from `moment` on; 0 is no response."""
        return Counter(response.status for response in self.since(moment))

    def longest_live(self) -> float:
        """Seconds that /health/live took at most."""
        return max((response.seconds for kind, response in self.probes if kind == "live"), default=0.0)

    def complaints(self, *, proxied: bool = False) -> list[str]:
        """What was not as promised. Behind a proxy that loses its replica, its own 502 and 504 are no complaint."""
        found = [text for kind, response in self.responses for text in _complaints(kind, response, proxied)]
        for kind, response in self.probes:
            limit = LIVE_SECONDS if kind == "live" else READY_SECONDS
            if response.seconds > limit or response.status not in ((200,) if kind == "live" else (200, 503)):
                found.append(f"/health/{kind}: {response.status} after {response.seconds:.2f} s")
        return found


class Load:
    """Starts at once, and stops with the `with` block at the latest. Each client takes the servers by turns."""

    def __init__(
        self, background: Background, ports: Sequence[int], *, clients: int = CLIENTS, think: float = THINK
    ) -> None:
        self._background = background
        self.visitors = [Visitor(list(ports), think) for _ in range(clients)]
        self.probes: list[tuple[str, Response]] = []
        self._settle_until = float("inf")
        self._stopping = asyncio.Event()
        self._tasks = background.call(self._start(ports))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._stopping.is_set():
            self.stop()

    @property
    def seen(self) -> Seen:
        """What was seen until now."""
        return Seen([response for visitor in self.visitors for response in list(visitor.responses)], list(self.probes))

    @property
    def users(self) -> list[str]:
        """The users of all clients; nobody else's."""
        return [visitor.user for visitor in self.visitors]

    def asked_since(self, moment: float) -> bool:
        """Whether some client has sent a request after `moment`."""
        return any(visitor.asked > moment for visitor in self.visitors)

    def stop(self, seconds: float = SETTLE_SECONDS) -> None:
        """Lets every client end what it is at."""
        self._settle_until = time.monotonic() + seconds
        self._background.call(self._join(), seconds + 30)

    async def _start(self, ports: Sequence[int]) -> "list[asyncio.Task[None]]":
        work = [visitor.visit(self._stopping, self._settled) for visitor in self.visitors]
        work += [self._probe(port, what) for port in ports for what in ("live", "ready")]
        return [asyncio.ensure_future(one) for one in work]

    async def _join(self) -> None:
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    def _settled(self) -> bool:
        """Whether a create that is not acknowledged by now is given up."""
        return time.monotonic() > self._settle_until

    async def _probe(self, port: int, what: str) -> None:
        client = HttpClient(port, "none")
        while not self._stopping.is_set():
            self.probes.append((what, await client.send("GET", f"/health/{what}")))
            await asyncio.sleep(0.2)
        client.close()


def _complaints(kind: str, response: Response, proxied: bool) -> list[str]:
    found = []
    if response.seconds > RESPONSE_SECONDS:
        found.append(f"{kind}: {response.status} only after {response.seconds:.2f} s")
    if response.status == 503 and not _is_honest(response):
        found.append(f"{kind}: a 503 that is not as promised: {dict(response.headers)} {response.body!r}")
    elif response.status not in _expected(kind) | (_behind_a_proxy(kind) if proxied else set()):
        found.append(f"{kind}: {response.status} {response.body[:300]!r}")
    return found


def _expected(kind: str) -> set[int]:
    """The statuses of a server that keeps its promises; a visitor asks for nothing that is not there."""
    by_kind = {
        "create with a key": {201, 409},
        "repeat of a create": {201, 409},
        "create": {201},
        "delete": {204},
        "change": {200, 412},
        "change of a stale version": {412},
    }
    return by_kind.get(kind, {200}) | {503}


def _behind_a_proxy(kind: str) -> set[int]:
    """What a proxy adds that loses its replica: it repeats a DELETE that may have been done, and never a POST."""
    return {0, 502, 504} | ({404} if kind == "delete" else set())


def _is_honest(response: Response) -> bool:
    """A problem with its known members and words, and when to come back."""
    if response.headers.get("content-type") != "application/problem+json":
        return False
    problem = response.json()
    waits = response.headers.get("retry-after", "")
    return set(problem) == _MEMBERS and problem["detail"] in _DETAILS and waits.isdecimal() and int(waits) >= 1
