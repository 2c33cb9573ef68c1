"""Clients that create tasks with a key each, and repeat what was not acknowledged until it is."""

import secrets
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise

import httpx

from tests.conftest import UserClient

PAUSE = 0.05


@dataclass
class Written:
    """What the clients of one process of the API were told: the titles that were acknowledged, and when."""

    titles: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def longest_pause(self, since: float) -> float:
        """The seconds without an acknowledged write, the longest of them from `since` on."""
        times = [since, *(one for one in sorted(self.times) if one > since)]
        return max((later - earlier for earlier, later in pairwise(times)), default=0)


class Clients:
    """Threads that write until `stop`. Each waits for its acknowledgement before it writes the next one."""

    def __init__(self, url: str, number: int) -> None:
        self.written = Written()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(url,), daemon=True) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Waits for those that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "a write was not acknowledged in time"

    def _write(self, url: str) -> None:
        with UserClient(url) as user:
            while not self._stop.is_set():
                title = secrets.token_hex(8)
                while not _acknowledged(user, title):
                    time.sleep(4 * PAUSE)
                self.written.titles.append(title)
                self.written.times.append(time.monotonic())
                time.sleep(PAUSE)


def _acknowledged(user: UserClient, title: str) -> bool:
    try:
        response = user.post(user.tasks, json={"title": title}, headers={"Idempotency-Key": title})
    except httpx.TransportError:
        return False
    assert response.status_code in (200, 201, 409, 503), response.text
    return response.status_code in (200, 201)
