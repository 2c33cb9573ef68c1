"""Counts the function calls of a request on the shipped application: `python -m tests.core.http.count_calls URL`.

Calls of Python and of C, from the application's edge to its response and its line in the log: the same on every run and
every machine, unlike time. Prints JSON: for each operation the median of some equal requests, as now and then one
differs (a timer is set again, the database's response comes in two pieces). `system` is how many of them ask the system
for what is known already; each time costs as much as a dozen calls do.
"""

import asyncio
import json
import os
import statistics
import sys
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

import uvloop
from fastapi import FastAPI
from starlette.types import Message, Scope

from core import logging
from main import create_app
from tests.conftest import make_settings, make_token

REQUESTS = 20
TASKS = "/api/v1/users/me/tasks"
TASK = {"title": "Water the plants", "description": "All of them", "due_at": "2030-01-31T09:00:00Z"}


# The process's id, to find the event loop that runs; random bytes.
SYSTEM = {"get_running_loop", "urandom"}


class Counter:
    """While its block runs, counts the calls of this thread, and which of them are among SYSTEM."""

    def __init__(self) -> None:
        self.calls = self.of_system = 0

    def __enter__(self) -> "Counter":
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _count(self, _: object, event: str, called: Any) -> None:
        if event in ("call", "c_call"):
            self.calls += 1
            self.of_system += event == "c_call" and called.__name__ in SYSTEM


async def ask(app: FastAPI, method: str, path: str, body: Any = None) -> tuple[Counter, bytes]:
    """The calls of one request, and the body of its response."""
    with Counter() as counter:
        received = await response_of(app, method, path, body)
    return counter, received


async def response_of(
    app: FastAPI, method: str, path: str, body: Any = None, key: str | None = None, user: str = "somebody"
) -> bytes:
    """The body of a response; AssertionError for one that is not good. `key` is an Idempotency-Key."""
    content = b"" if body is None else json.dumps(body).encode()
    response: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        response.append(message)

    scope = _scope(method, path, len(content), _token(user))
    if key is not None:
        scope["headers"].append((b"idempotency-key", key.encode()))
    await app(scope, receive, send)
    assert response[0]["status"] < 300, response
    body_sent: bytes = response[1]["body"]
    return body_sent


@cache
def _token(user: str) -> bytes:
    return make_token(user).encode()


def _scope(method: str, path: str, length: int, token: bytes) -> Scope:
    headers = [(b"host", b"localhost"), (b"user-agent", b"counter"), (b"authorization", b"Bearer " + token)]
    if length:
        headers += [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
    path, _, query = path.partition("?")
    parts = {"method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode()}
    fixed = {"type": "http", "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1), "root_path": ""}
    return {**fixed, **parts, "headers": headers, "state": {}}


async def count(app: FastAPI) -> dict[str, int]:
    """The calls of each operation."""
    async with app.router.lifespan_context(app):
        tasks = [
            json.loads((await ask(app, "POST", TASKS, TASK))[1]) for _ in range(REQUESTS + 1)
        ]  # a page has another behind it
        path = f"{TASKS}/{tasks[0]['id']}"
        operations: dict[str, Callable[[], Any]] = {
            "live": lambda: ask(app, "GET", "/health/live"),
            "get": lambda: ask(app, "GET", path),
            "list of 20": lambda: ask(app, "GET", f"{TASKS}?limit=20"),
            "create": lambda: ask(app, "POST", TASKS, TASK),
            "update": lambda: ask(app, "PATCH", path, {"status": "completed"}),
        }
        found = {name: [(await one())[0] for _ in range(REQUESTS)] for name, one in operations.items()}
        calls = {name: statistics.median_low(one.calls for one in counted) for name, counted in found.items()}
        return {
            **calls,
            "system": max(statistics.median_low(one.of_system for one in counted) for counted in found.values()),
        }


def report(measure: Callable[[FastAPI], Coroutine[Any, Any, dict[str, Any]]]) -> None:
    """Runs `measure` on the application with the database that is the first argument. The log goes nowhere."""
    output = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    settings = make_settings(database_url=sys.argv[1], app_env="production")
    logging.configure(settings.log_level, settings.app_env)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(measure(create_app(settings)))
    os.write(output, json.dumps(found).encode() + b"\n")


if __name__ == "__main__":
    report(count)
