"""What a request costs inside the process, in microseconds of CPU: application and driver, without the HTTP server.

.venv/bin/python -m benchmarks.request_cost postgresql://… (a migrated database; it writes the tasks of one user)
"""

import asyncio
import json
import time
from uuid import uuid4

from fastapi import FastAPI

from tests.core.count_calls import TASK, TASKS, answer_of, report

REQUESTS, ROUNDS, AT_ONCE = 500, 5, 4


async def measure(app: FastAPI) -> dict[str, float]:
    """For each operation the best of some rounds, four requests at a time."""
    async with app.router.lifespan_context(app):
        made = [json.loads(await answer_of(app, "POST", TASKS, TASK)) for _ in range(21)]
        one = f"{TASKS}/{made[0]['id']}"
        operations = {
            "live": ("GET", "/health/live", None),
            "get": ("GET", one, None),
            "list of 20": ("GET", f"{TASKS}?limit=20", None),
            "create": ("POST", TASKS, TASK),
            "create with a key": ("POST", TASKS, TASK),
            "update": ("PATCH", one, {"status": "completed"}),
        }
        return {
            name: min([await _cost(app, *what, keyed="key" in name) for _ in range(ROUNDS)])
            for name, what in operations.items()
        }


async def _cost(app: FastAPI, method: str, path: str, body: object, *, keyed: bool) -> float:
    async def some() -> None:
        for _ in range(REQUESTS):
            await answer_of(app, method, path, body, uuid4().hex if keyed else None)

    started = time.process_time()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return round((time.process_time() - started) / REQUESTS / AT_ONCE * 1e6, 1)


if __name__ == "__main__":
    report(measure)
