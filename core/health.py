"""Liveness and readiness, for orchestrators and load balancers: public, at the root."""

import asyncio
from typing import Literal

import structlog
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from core.database.errors import DatabaseError
from core.database.writable import require_writable
from core.http import context
from core.http.declarations import problems
from core.http.routers import root_router
from core.problems import Problem, ProblemError

router = root_router("health", "/health")

_log = structlog.get_logger("core.health")

# A probe gets its response within 5 s, so the database has a little less.
READY_SECONDS = 4
# How often READINESS_MAX_AGE goes by before the schema is looked at again.
SCHEMA_AGES = 12

_DETAILS = {
    Problem.SCHEMA_TOO_OLD: "The database is not migrated to what this release needs.",
    Problem.SCHEMA_TOO_NEW: "A migration has left no room for this release.",
}


class Health(BaseModel):
    """The good response; the other one is a problem."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"] = Field(description="All is well; what is not is a problem.")


@router.get("/live")
async def get_liveness() -> Health:
    """The process responds. Says nothing about the database."""
    return Health(status="ok")


@router.get("/ready", responses=problems(Problem.DATABASE_UNAVAILABLE, Problem.SHUTTING_DOWN, *_DETAILS))
async def get_readiness(request: Request) -> Health:
    """The database responds, takes writes, has a schema that this release may serve, and the process is not about to
    end; else 503. It need not take writes where DATABASE_URL asks for a server that takes none.

    A response of the database within the last READINESS_MAX_AGE seconds, to whatever request, is proof enough, unless a
    write was rejected since; the rest is looked at after some times as long, as it may change under a busy process.
    """
    if getattr(request.state, context.DRAINING, False):
        raise ProblemError(Problem.SHUTTING_DOWN, "This process is about to end.")
    found = context.of(request)
    services, max_age = found.services, found.services.settings.readiness_max_age
    now, passed = asyncio.get_running_loop().time(), services.schema.passed
    fresh = now - services.database.last_response < max_age and now - passed < max_age * SCHEMA_AGES
    if fresh and passed > services.database.pool.read_only_at:
        return Health(status="ok")
    found.deadline = now + min(services.settings.request_timeout, READY_SECONDS)
    try:
        problem = await services.schema.problem()
        if problem is None:
            await require_writable(services.database.pool, found.deadline, found)
    except DatabaseError as error:
        _log.warning("not ready", **{"error.reason": str(error), "db.response.status_code": error.sqlstate})
        raise ProblemError(Problem.DATABASE_UNAVAILABLE, "The database is not ready.") from None
    if problem:
        raise ProblemError(problem, _DETAILS[problem])
    return Health(status="ok")
