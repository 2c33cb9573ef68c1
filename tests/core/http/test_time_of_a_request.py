"""The time of a request is one for all that it waits for: what an operation takes elsewhere is gone for SQL."""

import asyncio
from uuid import UUID

from core.config import NAME
from core.http.routers import private_router
from tests.conftest import TestDatabase, assert_problem, make_token
from tests.core.http.extended_app import Tasks, extended_app

SECONDS = 0.5
SESSIONS = f"SELECT pid FROM pg_stat_activity WHERE application_name = '{NAME}' AND datname = current_database()"
TASKS = "/api/v1/users/me/tasks"

slow = private_router("slow", "/users/{user_id}/slow")


@slow.get("/{task_id}")
async def wait_elsewhere(tasks: Tasks, task_id: UUID) -> bool:
    """As one that calls another server before it reads."""
    await asyncio.sleep(SECONDS)
    return await tasks.get(task_id) is not None


async def _late(database: TestDatabase) -> None:
    headers = {"Authorization": f"Bearer {make_token('late')}"}
    async with extended_app(slow, database=database, request_timeout=SECONDS) as client:
        made = await client.post(TASKS, headers=headers, json={"title": "x"})
        before = database.query(SESSIONS)
        late = await client.get(f"/api/v1/users/me/slow/{made.json()['id']}", headers=headers)
        detail = "The time of this request was over before all was done. Try again shortly."
        assert_problem(late, 503, "database_unavailable", detail=detail)
        assert "retry-after" in late.headers
        assert database.query(SESSIONS) == before
        assert (await client.get(made.headers["location"], headers=headers)).status_code == 200


def test_a_request_that_was_too_slow_elsewhere_does_not_accuse_the_database(database: TestDatabase) -> None:
    """Nor does it cost a connection."""
    asyncio.run(_late(database))
