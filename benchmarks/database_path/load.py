"""A bounded load of 16 clients that notes when each request began, how long it took and what its response was."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from common import sign
from server import SECRET

TOKEN = sign("user-1", SECRET)
TASK = "/users/me/tasks/00000000-0000-4000-8000-000100000001"
BROKEN = 0  # the status noted for a request that got no response at all


@dataclass(frozen=True)
class Response:
    began: float
    ended: float
    status: int
    body: bytes

    @property
    def took(self) -> float:
        return self.ended - self.began


def ask(port: int, path: str, method: str = "GET", body: object = None, timeout: float = 20) -> Response:
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return Response(began, time.monotonic(), response.status, response.read())
    except (OSError, http.client.HTTPException):
        return Response(began, time.monotonic(), BROKEN, b"")
    finally:
        connection.close()


def statuses(responses: Iterable[Response]) -> str:
    counts = Counter(response.status for response in responses)
    return ", ".join(f"{count} x {status or 'no response'}" for status, count in sorted(counts.items())) or "none"


class Load:
    """Runs while its block runs: clients that read and create in turn, and one that asks whether the process lives."""

    def __init__(self, port: int, clients: int = 16) -> None:
        self.port = port
        self.responses: list[Response] = []
        self.live: list[Response] = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._client) for _ in range(clients)]
        self.threads.append(threading.Thread(target=self._probe))

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _client(self) -> None:
        while not self.over.is_set():
            self.responses.append(ask(self.port, TASK))
            self.responses.append(ask(self.port, "/users/me/tasks", "POST", {"title": "Under fault"}))
            time.sleep(0.01)

    def _probe(self) -> None:
        while not self.over.wait(0.1):
            self.live.append(ask(self.port, "/health/live"))

    def within(self, begin: float, end: float) -> list[Response]:
        """The responses to requests that were under way at some time between the two."""
        return [response for response in self.responses if response.ended > begin and response.began < end]

    def first_success(self, after: float) -> float:
        """Seconds from a moment to the first successful response."""
        ends = [
            response.ended - after
            for response in self.responses
            if response.status in (200, 201) and response.ended > after
        ]
        return min(ends, default=float("inf"))

    def last_failure(self, after: float) -> float:
        """Seconds from a moment to the last failed response, 0 where none failed."""
        ends = [response.ended - after for response in self.responses if response.status not in (200, 201)]
        return max(0.0, *ends, 0.0)
