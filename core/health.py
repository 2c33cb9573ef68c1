"""Liveness and readiness, for orchestrators and load balancers: public, at the root."""

import asyncio
from typing import Literal

import structlog
from fastapi import Request
from pydantic import BaseModel, Field

from core.database import table_schema
from core.database.errors import DatabaseError
from core.http import context
from core.http.routers import root_router
from core.problems import Problem, ProblemError

router = root_router("health", "/health")

_log = structlog.get_logger("core.health")

# A probe gets its response within 5 s, so the database has a little less.
READY_SECONDS = 4


class Health(BaseModel):
    """The good response; the other one is a problem."""

    status: Literal["ok"] = Field(description="All is well; what is not is a problem.")


@router.get("/live")
async def get_liveness() -> Health:
    """The process responds. Says nothing about the database."""
    return Health(status="ok")


@router.get("/ready")
async def get_readiness(request: Request) -> Health:
    """The database responds and has the revision that the code needs, and the process is not about to end; else 503.

    A response of the database within the last READINESS_MAX_AGE seconds, to whatever request, is proof enough.
    """
    if getattr(request.state, context.DRAINING, False):
        raise ProblemError(Problem.SHUTTING_DOWN, "This process is about to end.")
    found = context.of(request)
    services = found.services
    now = asyncio.get_running_loop().time()
    age = now - services.database.last_response
    if services.migrated.is_set() and age < services.settings.readiness_max_age:
        return Health(status="ok")
    found.deadline = now + min(services.settings.request_timeout, READY_SECONDS)
    try:
        revision = await services.database.fetch_one(table_schema.revision())
        if revision != services.revision and await services.database.moved():
            revision = await services.database.fetch_one(table_schema.revision())
    except DatabaseError as error:
        _log.warning("not ready", **{"error.reason": str(error), "db.response.status_code": error.sqlstate})
        raise ProblemError(Problem.DATABASE_UNAVAILABLE, "The database is not ready.") from None
    if revision != services.revision:
        services.migrated.clear()
        _log.warning(
            "not ready",
            **{"error.reason": "revision", "db.revision": revision, "code.revision": services.revision},
        )
        raise ProblemError(Problem.DATABASE_UNAVAILABLE, "The database has another revision than the code.")
    services.migrated.set()
    return Health(status="ok")
