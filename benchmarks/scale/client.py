"""A client of the API, and what it asks of the tasks of one user."""

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

from common import sign
from server import SECRET, Server

TASKS = "/api/v1/users/me/tasks"
# A path below TASKS, with its method and body where it is no GET.
Request = tuple[str] | tuple[str, str, object]


class Client:
    """One connection of one user."""

    def __init__(self, server: Server, user: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        self._headers = {"Authorization": f"Bearer {sign(user, SECRET)}", "Content-Type": "application/json"}

    def ask(self, path: str, method: str = "GET", body: object = None) -> tuple[float, dict[str, Any]]:
        """Milliseconds, and the response."""
        content = None if body is None else json.dumps(body)
        started = time.perf_counter()
        self._connection.request(method, TASKS + path, content, self._headers)
        response = self._connection.getresponse()
        text = response.read()
        took = (time.perf_counter() - started) * 1000
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text!r}")
        return took, json.loads(text)

    def page(self, number: int, of: str = "") -> str:
        """The query of that page of 100, the newest first, or of the changes; the way there is walked."""
        path = f"{of}?limit=100"
        for _ in range(number - 1):
            path = f"{of}?limit=100&cursor={self.ask(path)[1]['next_cursor']}"
        return path


def lists() -> Iterator[tuple[str, str]]:
    """What is asked of the list, and its query."""
    for sort in ("created_at", "updated_at", "due_at", "title"):
        yield f"list of 50, sort={sort}", f"?sort={sort}"
        yield f"list of 50, sort=-{sort}", f"?sort=-{sort}"
    yield "status=pending", "?status=pending"
    yield "status=pending&status=in_progress", "?status=pending&status=in_progress"
    yield "status=completed, by title", "?status=completed&sort=title"
    window = f"due_after={quote('2026-05-01T00:00:00Z')}&due_before={quote('2026-05-08T00:00:00Z')}"
    yield "due within a week, by due_at", f"?{window}&sort=due_at"
    yield "due within a week, the newest first", f"?{window}"
    yield "updated_since, the last three days", "?updated_since=2026-10-31T00:00:00Z"
    yield "updated_since, the last three days, by updated_at", "?updated_since=2026-10-31T00:00:00Z&sort=updated_at"
    yield "q, a common word", "?q=task"
    yield "q, a rare word", "?q=xylophone"
    yield "q, a word that is nowhere", "?q=nowhere"
    yield "include_total", "?include_total=true&limit=1"
    yield "include_total, status=completed", "?include_total=true&limit=1&status=completed"
    yield "include_total, q, a common word", "?include_total=true&limit=1&q=task"
