"""What the log and the trace are told of statements, and of those that are sent again. By name: never their text."""

import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from core.config import NAME
from core.database.connection import Connection
from core.database.errors import DatabaseError

_log = structlog.get_logger("core.database.observed")


class Watch(NamedTuple):
    """`tell` is called after each statement that took longer than `above` seconds, with its name."""

    above: float
    tell: Callable[[Connection, str], None]


def watch(slow: float) -> Watch:
    """The log names statements that take longer than `slow` seconds; and each has a span of its own, below that of its
    request, where OpenTelemetry was set up in this process before (`opentelemetry-instrument`). Else none is imported.
    """
    return _traced(slow) if "opentelemetry.sdk.trace" in sys.modules else Watch(slow, tell_slow)


def _traced(slow: float) -> Watch:
    from opentelemetry import trace  # noqa: PLC0415

    tracer = trace.get_tracer(NAME)

    def tell(connection: Connection, name: str) -> None:
        ended = time.time_ns()
        began = ended - int(connection.took * 1e9)
        known = {"db.system.name": "postgresql", "db.query.summary": name}
        tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=known, start_time=began).end(ended)
        if connection.took > slow:
            tell_slow(connection, name)

    return Watch(-1.0, tell)


def tell_slow(connection: Connection, name: str) -> None:
    """A statement has taken longer than SLOW_STATEMENT; its backend is found by its number in PostgreSQL's own log."""
    fields = {"db.duration_ms": round(connection.took * 1000, 3), "todo_api.backend_pid": connection.backend or None}
    _log.warning("slow statement", **{"db.query.summary": name, **fields})


def tell_repeated(error: DatabaseError, name: str) -> None:
    """It is sent again after `error`, which had undone it or left nothing done."""
    fields = {"error.type": type(error).__name__, "db.response.status_code": error.sqlstate}
    _log.info("statement repeated", **{"db.query.summary": name, **fields})


NOBODY = Watch(float("inf"), tell_slow)
