"""The access line: what structlog would make of its fields, without structlog's steps between them."""

import logging
import time
from collections.abc import Callable, Mapping, MutableSequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import structlog

from core.logging.request_fields import common


class Direct(NamedTuple):
    """The short way that configure opened: what structlog was given, the last of which makes the line."""

    processors: MutableSequence[Any]
    make: Callable[[Any, str, dict[str, Any]], bytes]
    write: Callable[[bytes], None]
    resource: Mapping[str, Any]
    # The field of what happened.
    message: str
    least: int


# None until configure has opened it.
direct: Direct | None = None
# Whoever rejects a request before the middleware writes its line in the middleware's name.
_LOGGER = "core.http.middleware"


def write(level: Literal["info", "error"], fields: dict[str, Any]) -> None:
    """The line of one request; `fields` is not to be used again.

    Where structlog was not set up by core.logging.configure, or was given other processors since, as by its own
    capture_logs, lines go their way.
    """
    if direct is None or direct.processors[-1] is not direct.make:
        getattr(structlog.get_logger(_LOGGER), level)("request", **fields)
    elif direct.least <= (logging.INFO if level == "info" else logging.ERROR):
        event = {"timestamp": now(), "level": level, "logger": _LOGGER, direct.message: "request"}
        direct.write(direct.make(None, level, {**event, **direct.resource, **common(), **fields}))


def now() -> str:
    """The time in UTC with microseconds, as RFC 3339 writes it."""
    nanoseconds = str(time.time_ns())
    return f"{_text(nanoseconds[:-9])}.{nanoseconds[-9:-3]}Z"


@lru_cache(1)
def _text(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")
