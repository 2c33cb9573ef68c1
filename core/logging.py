"""Structured logs: one JSON object a line on standard output (a readable form on a terminal), uvicorn's lines too."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from fastapi.exceptions import ValidationException
from pydantic import ValidationError

from core.config import VERSION
from core.database_errors import DatabaseError

Event = MutableMapping[str, Any]


def configure(level: str, environment: str) -> None:
    """Sets up structlog and the standard library's logging for the whole process. Field names: OpenTelemetry's."""
    shared = _fields(environment)
    if sys.stdout.isatty():
        final: list[Any] = [structlog.dev.ConsoleRenderer(repr_native_str=True), lambda _, __, line: line.encode()]
    else:
        final = [structlog.processors.EventRenamer("message"), _json_line]
    structlog.configure(
        processors=[*shared, *final],
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    _route_standard_logging(level, shared, final)


def _fields(environment: str) -> list[Any]:
    """What every line gets, whoever writes it."""
    resource = {
        "service.name": "todo-api",
        "service.version": VERSION,
        "deployment.environment.name": environment,
    }

    def add_resource(_: Any, __: str, event: Event) -> Event:
        event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        event.update(resource)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        add_resource,
        _exception_fields,
    ]


def _route_standard_logging(level: str, shared: list[Any], final: list[Any]) -> None:
    """uvicorn and libraries log through the standard library; their lines take the same form."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final, _text],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"


def _text(_: Any, __: str, line: Any) -> str:
    """The standard library's handlers write text."""
    return bytes(line).decode()


def _json_line(_: Any, __: str, event: Event) -> bytes:
    """orjson escapes control characters, so that no value can forge a second line."""
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)


def _exception_fields(_: Any, __: str, event: Event) -> Event:
    """OpenTelemetry's exception fields. The trace holds code only: messages of inner errors may hold a user's data."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception.type"] = f"{type(error).__module__}.{type(error).__qualname__}"
        event["exception.message"] = _safe_message(error)
        event["exception.stacktrace"] = "".join(traceback.format_tb(error.__traceback__))
    if isinstance(error, DatabaseError):
        event["db.response.status_code"] = error.sqlstate
    return event


def _safe_message(error: BaseException) -> str:
    """pydantic's messages quote the input; what is left of them here is where it was and which rule it broke."""
    if isinstance(error, ValidationException | ValidationError):
        return "; ".join(f"{item['loc']}: {item['type']}" for item in error.errors())
    return str(error)
