"""What every line of a request has: its ids, and what is bound to it on its way."""

from contextvars import ContextVar
from typing import Any

import structlog

from core.logging.lines import Event

_of_request: ContextVar[dict[str, Any]] = ContextVar("log_fields")


def begin(fields: dict[str, Any]) -> None:
    """A request begins, of which every line has these fields; what an earlier one bound to this task is forgotten."""
    structlog.contextvars.clear_contextvars()
    _of_request.set(fields)


def bind(fields: dict[str, Any]) -> None:
    """Adds fields to the further lines of this request, its access line included."""
    _of_request.get({}).update(fields)


def common() -> dict[str, Any]:
    """What lines that are written here have in common, what was bound by structlog's own context variables included."""
    return {**structlog.contextvars.get_contextvars(), **_of_request.get({})}


def merge(_: Any, __: str, event: Event) -> Event:
    """The same, as a processor of structlog; an event's own fields win."""
    return {**common(), **event}
