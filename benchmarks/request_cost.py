"""What a request costs inside the process, in microseconds of CPU: application and driver, without the HTTP server.

.venv/bin/python -m benchmarks.request_cost postgresql://… (a migrated database; it writes tasks of four users, one
request of each at a time, as writes of one user wait for each other)
"""

import asyncio
import json
import time
from uuid import uuid4

from fastapi import FastAPI

from tests.core.http.count_calls import TASK, TASKS, report, response_of

REQUESTS, ROUNDS = 500, 5
USERS = ("ann", "bob", "cat", "dan")


async def measure(app: FastAPI) -> dict[str, float]:
    """For each operation the best of some rounds, four requests at a time."""
    async with app.router.lifespan_context(app):
        ones = {}
        for user in USERS:
            made = [json.loads(await response_of(app, "POST", TASKS, TASK, user=user)) for _ in range(21)]
            ones[user] = f"{TASKS}/{made[0]['id']}"
        operations = {
            "live": ("GET", dict.fromkeys(USERS, "/health/live"), None),
            "get": ("GET", ones, None),
            "list of 20": ("GET", dict.fromkeys(USERS, f"{TASKS}?limit=20"), None),
            "create": ("POST", dict.fromkeys(USERS, TASKS), TASK),
            "create with a key": ("POST", dict.fromkeys(USERS, TASKS), TASK),
            "update": ("PATCH", ones, {"status": "completed"}),
        }
        return {
            name: min([await _cost(app, *what, keyed="key" in name) for _ in range(ROUNDS)])
            for name, what in operations.items()
        }


async def _cost(app: FastAPI, method: str, paths: dict[str, str], body: object, *, keyed: bool) -> float:
    async def some(user: str) -> None:
        for _ in range(REQUESTS):
            await response_of(app, method, paths[user], body, uuid4().hex if keyed else None, user)

    started = time.process_time()
    await asyncio.gather(*map(some, USERS))
    return round((time.process_time() - started) / REQUESTS / len(USERS) * 1e6, 1)


if __name__ == "__main__":
    report(measure)
