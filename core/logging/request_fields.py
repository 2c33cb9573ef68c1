"""What every line of a request has: its ids, and what is bound to it on its way."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import structlog

from core.logging.lines import Event

_of_request: ContextVar[dict[str, Any]] = ContextVar("log_fields")
# structlog's own context variables, by name. While there is none, as in most programs, nobody needs to look for their
# values in each context. It is not for the public: without it they are looked for.
_BOUND: Mapping[str, Any] | None = getattr(structlog.contextvars, "_CONTEXT_VARS", None)


def begin(fields: dict[str, Any]) -> None:
    """A request begins, of which every line has these fields; what an earlier one bound to this task is forgotten."""
    if _BOUND is None or _BOUND:
        structlog.contextvars.clear_contextvars()
    _of_request.set(fields)


def bind(fields: dict[str, Any]) -> None:
    """Adds fields to the further lines of this request, its access line included."""
    _of_request.get({}).update(fields)


def common() -> Mapping[str, Any]:
    """What lines that are written here have in common, what was bound by structlog's own context variables included."""
    own = _of_request.get({})
    return own if _BOUND is not None and not _BOUND else {**structlog.contextvars.get_contextvars(), **own}


def merge(_: Any, __: str, event: Event) -> Event:
    """The same, as a processor of structlog; an event's own fields win."""
    return {**common(), **event}
